//! What a document refuses, and what it says about it.

use expect_test::{Expect, expect};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Limits, Watch, document, lines};
use crate::Document;

/// All faults of `text`, one a line.
#[expect(clippy::needless_pass_by_value, reason = "so that a call reads as text and outcome")]
#[track_caller]
fn check(text: &str, expected: Expect) {
    let faults = Document::parse("w.yaml", text, Limits::default()).and_then(|document| document.decode::<Watch>());
    expected.assert_eq(&faults.map_or_else(|faults| lines(&faults), |_| "none".to_owned()));
}

#[test]
fn all_faults_are_told_at_once_with_the_nearest_key() {
    check(
        "every: 0\nevry: 2s\n",
        expect![[r"
        w.yaml:1:8: every: 0 is not a duration (accepted: 500ms to 1h)
        w.yaml:2:1: evry: unknown key evry, did you mean every
    "]],
    );
}

#[test]
fn quantities_out_of_range_name_the_range() {
    check(
        "every: 100ms\npause: 2h\nbytes: 1KiB\nshare: 1.5\ntries: 6\n",
        expect![[r"
        w.yaml:1:8: every: 100ms is out of range (accepted: 500ms to 1h)
        w.yaml:2:8: pause: 2h is out of range (accepted: up to 1h)
        w.yaml:3:8: bytes: 1KiB is out of range (accepted: 4KiB to 2MiB)
        w.yaml:4:8: share: 1.5 is out of range (accepted: 0.5 to 1)
        w.yaml:5:8: tries: 6 is out of range (accepted: 1 to 5)
    "]],
    );
}

#[test]
fn a_value_of_another_kind_is_named() {
    check(
        "names: x\nenabled: 1\nshare: .nan\ntries: 1.5\nlabels: []\nevery:\nbytes: ten\nlevel: {}\n",
        expect![[r#"
            w.yaml:1:8: names: expected a list, found text "x"
            w.yaml:2:10: enabled: expected true or false, found 1
            w.yaml:3:8: share: .nan is out of range (accepted: 0.5 to 1)
            w.yaml:4:8: tries: expected a whole number, found 1.5
            w.yaml:5:9: labels: expected a mapping, found a list
            w.yaml:6:1: every: nothing is not a duration (accepted: 500ms to 1h)
            w.yaml:7:8: bytes: ten is not a size (accepted: 4KiB to 2MiB)
            w.yaml:8:8: level: expected text, found a mapping
        "#]],
    );
}

#[test]
fn what_is_not_text_is_to_be_quoted() {
    check(
        "labels: {a: 5, b: true, c: 1.10, d: null, e: yes}\nslug: 0x1F\n",
        expect![[r#"
        w.yaml:1:13: labels.a: expected text, found 5 (quote it: "5")
        w.yaml:1:19: labels.b: expected text, found true (quote it: "true")
        w.yaml:1:28: labels.c: expected text, found 1.10 (quote it: "1.10")
        w.yaml:1:37: labels.d: expected text, found nothing
        w.yaml:2:7: slug: expected text, found 0x1F (quote it: "0x1F")
    "#]],
    );
}

#[test]
fn keys_and_words_that_are_not_known_list_what_is() {
    check(
        "level: hihg\nswitch: maybe\nnames: [{id: a, color: b}, {}, {id: c}]\nuntil: tomorrow\nslug: A1\n",
        expect![[r"
        w.yaml:1:8: level: hihg is not accepted, did you mean high (accepted: low, high)
        w.yaml:2:9: switch: maybe is not accepted (accepted: auto, true, false)
        w.yaml:3:8: names: has 3 items (accepted: up to 2)
        w.yaml:3:17: names[0].color: unknown key color (accepted: id)
        w.yaml:3:28: names[1].id: key id is missing
        w.yaml:4:8: until: tomorrow is not a time (accepted: such as 2026-11-21T04:31:02Z)
        w.yaml:5:7: slug: A1 does not match (accepted: ^[a-z]+$)
    "]],
    );
}

#[test]
fn a_choice_is_made_by_the_kind_of_the_value() {
    check(
        "clause: {any_of: [1, {exact: a, any_of: [b]}, {}, [c]]}\n",
        expect![[r"
        w.yaml:1:19: clause.any_of[0]: expected text or a mapping, found 1
        w.yaml:1:22: clause.any_of[1]: exact and any_of are given together (accepted: one of exact, any_of)
        w.yaml:1:47: clause.any_of[2]: a key is missing (accepted: one of exact, any_of)
        w.yaml:1:51: clause.any_of[3]: expected text or a mapping, found a list
    "]],
    );
    check(
        "target: {kind: file, port: 80}\n",
        expect![[r"
        w.yaml:1:9: target.path: key path is missing
        w.yaml:1:22: target.port: unknown key port (accepted: kind, path)
    "]],
    );
    check(
        "target: {kind: fiel}\n",
        expect![[r"
            w.yaml:1:16: target.kind: fiel is not accepted, did you mean file (accepted: file, address)
        "]],
    );
}

#[test]
fn a_secret_is_never_quoted() {
    check(
        "token: [hunter2]\nnames: [{id: 1}]\n",
        expect![[r#"
        w.yaml:1:8: token: expected text, found a list
        w.yaml:2:14: names[0].id: expected text, found 1 (quote it: "1")
    "#]],
    );
    check(
        "token: 12345\n",
        expect![[r"
        w.yaml:1:8: token: expected text, found another value
    "]],
    );
}

#[test]
fn what_no_type_may_allow_is_refused_in_any_text() {
    check(
        "a: &x 1\nb: !!str 2\na: 3\n",
        expect![[r"
        w.yaml:1:4: a: an anchor is not accepted; write the value out where it is used
        w.yaml:2:4: b: a tag is not accepted
        w.yaml:3:1: a: key a is given twice (accepted: once)
    "]],
    );
    check(
        "a: *x\n",
        expect![[r"
            w.yaml:1:4: a: an alias is not accepted; write the value out
        "]],
    );
    check(
        "a: 1\n---\nb: 2\n",
        expect![[r"
        w.yaml:2:1: a second document begins here (accepted: one)
    "]],
    );
    check(
        "{\"every\": \"1s\", \"every\": \"2s\"}",
        expect![[r"
        w.yaml:1:17: every: key every is given twice (accepted: once)
    "]],
    );
    check(
        "? [a]\n: b\n",
        expect![[r"
        w.yaml:1:3: a key must be text, not a mapping or a list
    "]],
    );
    check(
        "names: [\n",
        expect![[r"
        w.yaml:2:1: names[0]: this is no YAML: while parsing a node, did not find expected node content
    "]],
    );
    check(
        "a: b: c\n",
        expect![[r"
        w.yaml:1:5: this is no YAML: mapping values are not allowed in this context
    "]],
    );
    check(
        "- every: 1s\n",
        expect![[r"
        w.yaml:1:1: expected a mapping, found a list
    "]],
    );
}

#[test]
fn of_very_many_faults_the_first_thousand_are_told() {
    let text = (0..2_000).map(|key: u32| key.to_string() + ": 1\n").collect::<String>();
    let faults = document(&text).decode::<Watch>().unwrap_err();
    assert_eq!((faults.len(), faults[1_000].line), (1_001, 1_001));
    assert_eq!(faults[1_000].message, "there are more faults than these 1000");
}

#[test]
fn one_of_several_keys_may_have_to_be_given() {
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default)]
    #[schemars(extend("x-at-least-one-of" = ["a", "b"]))]
    struct Either {
        a: Option<String>,
        b: Option<String>,
    }
    let either = document("b: x").decode::<Either>().unwrap();
    assert_eq!((either.a, either.b.as_deref()), (None, Some("x")));
    let message = "w.yaml:1:1: a key is missing (accepted: at least one of a, b)\n";
    assert_eq!(lines(&document("a:").decode::<Either>().unwrap_err()), message);
}

#[test]
fn limits_of_bytes_depth_and_values_hold() {
    let faults = |text: &str| lines(&Document::parse("w", text, Limits { bytes: 1 << 20, depth: 3 }).unwrap_err());
    assert_eq!(faults(&"#".repeat(1_048_577)), "w:1:1: the text has 1048577 bytes (accepted: up to 1048576)\n");
    assert_eq!(faults("a: [[[1]]]"), "w:1:6: a[0][0]: values lie too deep in each other (accepted: up to 3 levels)\n");
    let message = "w:1:1000002: [500000]: the text has too many values (accepted: up to 500000)\n";
    assert_eq!(faults(&format!("[{}0]", "0,".repeat(500_001))), message);
    assert!(Document::parse("w", &"[".repeat(1 << 20), Limits::default()).is_err());
}
