//! Arrays in pieces of every size, and what is none.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The elements of a body that arrives in pieces of this size.
fn elements(body: &[u8], piece: usize) -> Result<Vec<String>, NoArray> {
    let (mut elements, mut found) = (Elements::default(), Vec::new());
    for piece in body.chunks(piece) {
        elements.feed(piece, |element| {
            found.push(match element {
                Element::Text(text) => String::from_utf8_lossy(text).trim_end().to_owned(),
                Element::TooLarge => "too large".to_owned(),
            });
        })?;
    }
    elements.end().map(|()| found)
}

#[track_caller]
fn check(body: &str, expected: Result<&[&str], NoArray>) {
    let expected = expected.map(|found| found.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    for piece in [1, 2, 3, 7, 1000] {
        assert_eq!(elements(body.as_bytes(), piece), expected, "{body} by {piece}");
    }
}

#[test]
fn elements_are_cut_where_they_end() {
    check("[]", Ok(&[]));
    check(" [ \n] ", Ok(&[]));
    check(r#"[{"a":1},{"b":"}]\"{"}]"#, Ok(&[r#"{"a":1}"#, r#"{"b":"}]\"{"}"#]));
    check(r#"[ {"a":[{"b":[]}]} , 7, "x,]" ,null]"#, Ok(&[r#"{"a":[{"b":[]}]}"#, "7", r#""x,]""#, "null"]));
    check("[[1,2],[]]", Ok(&["[1,2]", "[]"]));
}

#[test]
fn what_is_no_array_is_refused() {
    for body in ["", "null", "{}", "<!doctype html>", "[", "[1", "[1,", "[,1]", "[1,]", "[1]]", "[1] x", "[}", "[{]"] {
        check(body, Err(NoArray));
    }
}

#[test]
fn an_element_that_is_larger_than_any_record_is_passed_over() {
    let body = format!(r#"[{{"a":"{}"}},{{"b":2}}]"#, "x".repeat(ELEMENT_BYTES));
    let (mut elements, mut found, mut held) = (Elements::default(), Vec::new(), 0);
    for piece in body.as_bytes().chunks(1000) {
        let each = |element: Element<'_>| found.push(matches!(element, Element::TooLarge));
        elements.feed(piece, each).unwrap();
        held = held.max(elements.text.len());
    }
    assert_eq!((elements.end(), found, held <= ELEMENT_BYTES), (Ok(()), vec![true, false], true));
}

#[test]
fn depth_has_a_bound() {
    check(&format!("[{}{}]", "[".repeat(DEPTH + 1), "]".repeat(DEPTH + 1)), Err(NoArray));
}

proptest! {
    #[test]
    fn whatever_an_array_holds_comes_out_again(values in proptest::collection::vec(value(), 0..6), piece in 1..20usize) {
        let body = Value::from(values.clone()).to_string();
        let found = elements(body.as_bytes(), piece).unwrap();
        let read: Vec<Value> = found.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        prop_assert_eq!(read, values);
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".*", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
