//! What bodies are taken, and what is said of those that are not.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lookup {
    keys: Vec<Key>,
    #[serde(default)]
    deleted: bool,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    uid: String,
}

fn refused(text: &str) -> (u16, Value) {
    let fault = parse::<Lookup>(text.as_bytes()).unwrap_err();
    (fault.status().as_u16(), serde_json::from_slice(&fault.body()).unwrap())
}

#[track_caller]
fn check(text: &str, status: u16, kind: &str, detail: &str) {
    let (got, body) = refused(text);
    assert_eq!((got, &body["type"], &body["detail"]), (status, &json!(kind), &json!(detail)), "{text}");
}

#[test]
fn a_body_of_the_type_is_taken() {
    let taken = parse::<Lookup>(br#"{"keys":[{"uid":"a\u0041"}],"deleted":true}"#).unwrap();
    assert_eq!(taken, Lookup { keys: vec![Key { uid: "aA".to_owned() }], deleted: true });
}

#[test]
fn what_is_no_json_is_400_with_its_place() {
    check("{\n \"keys\": [}", 400, "malformed-json", "line 2, column 11: expected value");
    check("", 400, "malformed-json", "line 1, column 0: EOF while parsing a value");
    check("{} {}", 400, "malformed-json", "line 1, column 4: trailing characters");
    check("keys: []", 400, "malformed-json", "line 1, column 1: expected value");
}

#[test]
fn a_key_that_is_there_twice_is_400_however_it_is_written() {
    let told = "line 1, column 40: the key `deleted` is there twice";
    check(r#"{"keys":[],"deleted":true,"d\u0065leted":false}"#, 400, "malformed-json", told);
}

#[test]
fn a_body_may_nest_64_levels_and_no_more() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(refused(&nested(64)).0, 422);
    check(&nested(65), 400, "malformed-json", "line 1, column 66: nested deeper than 64 levels");
}

#[test]
fn all_faults_of_a_body_are_told_at_once_with_their_paths() {
    let (status, body) = refused(r#"{"keys":[{"uid":"a"},{"uid":7},{"ui":"b"}],"deleted":"yes"}"#);
    assert_eq!((status, &body["type"]), (422, &json!("invalid-body")));
    let faults: Vec<&str> = body["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    assert_eq!(paths, ["keys[1].uid", "keys[2].uid", "keys[2].ui", "deleted"], "{faults:?}");
}

#[test]
fn the_first_fault_of_a_large_body_is_told_with_its_place() {
    let text = format!("{{\"keys\":[{}{{\"uid\":7}}]}}", r#"{"uid":"a"},"#.repeat(10_000));
    let (status, body) = refused(&text);
    let told = body["detail"].as_str().unwrap();
    assert_eq!(status, 422);
    assert!(told.starts_with("line 1, column 1200") && told.contains("expected a string"), "{told}");
}

#[test]
fn json_is_the_only_media_type() {
    let sent = |value: &'static str| {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        check_media_type(&headers).map_err(|fault| fault.status().as_u16())
    };
    assert_eq!(sent("application/json; charset=utf-8"), Ok(()));
    assert_eq!(sent("Application/merge-patch+JSON"), Ok(()));
    assert_eq!(sent("text/plain"), Err(415));
    assert_eq!(sent("application/x-www-form-urlencoded"), Err(415));
    assert_eq!(check_media_type(&HeaderMap::new()), Ok(()));
}
