//! What a document accepts, and what it says of the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Watch {
    #[serde(with = "crate::duration")]
    #[schemars(with = "crate::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
    every: Duration,
    #[serde(with = "crate::duration::option")]
    #[schemars(with = "Option<crate::DurationText>", extend("x-max" = "1h"))]
    pause: Option<Duration>,
    #[serde(with = "crate::size")]
    #[schemars(with = "crate::SizeText", extend("x-min" = "4KiB", "x-max" = "2MiB"))]
    bytes: u64,
    #[schemars(range(min = 0.5, max = 1.0))]
    share: f64,
    #[schemars(range(min = 1, max = 5))]
    tries: Option<u32>,
    enabled: bool,
    level: Level,
    switch: Switch,
    #[schemars(length(max = 2))]
    names: Vec<Name>,
    labels: BTreeMap<String, String>,
    until: Option<jiff::Timestamp>,
    #[schemars(extend("x-secret" = true))]
    token: String,
    #[schemars(regex(pattern = "^[a-z]+$"))]
    slug: Option<String>,
    clause: Option<Clause>,
    target: Option<Target>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Nothing.
    #[default]
    Low,
    /// Everything.
    High,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Switch {
    #[default]
    Auto,
    Set(bool),
    Word(String),
}

impl JsonSchema for Switch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"enum": ["auto", true, false]})
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Name {
    id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Clause {
    Bare(String),
    Full(Box<FullClause>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exactly-one-of" = ["exact", "any_of"]))]
struct FullClause {
    exact: Option<String>,
    #[schemars(length(min = 1))]
    any_of: Option<Vec<Clause>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Target {
    File { path: String },
    Address { port: u16 },
}

fn document(text: &str) -> Document {
    Document::parse("w.yaml", text, Limits::default()).unwrap()
}

fn watch(text: &str) -> Watch {
    document(text).decode().unwrap()
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).map(|line| line + "\n").collect()
}

/// All faults of `text`, one a line.
#[expect(clippy::needless_pass_by_value, reason = "so that a call reads as text and outcome")]
#[track_caller]
fn check(text: &str, expected: Expect) {
    let faults = Document::parse("w.yaml", text, Limits::default()).and_then(|document| document.decode::<Watch>());
    expected.assert_eq(&faults.map_or_else(|faults| lines(&faults), |_| "none".to_owned()));
}

#[test]
fn an_empty_text_is_an_empty_mapping() {
    for text in ["", "\n", "# nothing\n", "---\n", "\u{feff}", "{}"] {
        assert_eq!(watch(text), Watch::default(), "{text:?}");
    }
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#"
every: 5m
pause: 500ms
bytes: 64KiB
share: 1
tries: 3
enabled: true
level: high
switch: false
names: [{id: "5"}, {id: x}]
labels: {a.b/c: "1", 5: five}
until: 2026-11-21T04:31:02Z
token: s3cret
slug: abc
clause: {any_of: [a, {exact: b}]}
target: {kind: address, port: 80}
"#;
    let expected = Watch {
        every: Duration::from_mins(5),
        pause: Some(Duration::from_millis(500)),
        bytes: 65_536,
        share: 1.0,
        tries: Some(3),
        enabled: true,
        level: Level::High,
        switch: Switch::Set(false),
        names: vec![Name { id: "5".to_owned() }, Name { id: "x".to_owned() }],
        labels: [("a.b/c", "1"), ("5", "five")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        until: Some("2026-11-21T04:31:02Z".parse().unwrap()),
        token: "s3cret".to_owned(),
        slug: Some("abc".to_owned()),
        clause: Some(Clause::Full(Box::new(FullClause {
            exact: None,
            any_of: Some(vec![
                Clause::Bare("a".to_owned()),
                Clause::Full(Box::new(FullClause { exact: Some("b".to_owned()), any_of: None })),
            ]),
        }))),
        target: Some(Target::Address { port: 80 }),
    };
    assert_eq!(watch(text), expected);
}

#[test]
fn json_is_read_whatever_its_spaces_and_escapes() {
    let text = "\r\n{\r\n\t\"every\":\t\"2s\",\"tries\":null,\n\t\t\"labels\" : {\"a\\/b\":\"\\ud83d\\ude00\\\\ud83d\\n\\u00e9\"},\n\"names\":[\n\t{\"id\":\"\"}\n\t]\n}\n";
    let read = watch(text);
    assert_eq!(read.every, Duration::from_secs(2));
    assert_eq!(read.labels, [("a/b".to_owned(), "😀\\ud83d\né".to_owned())].into());
    assert_eq!(read.names, [Name::default()]);
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
fn limits_of_bytes_depth_and_values_hold() {
    let faults = |text: &str| lines(&Document::parse("w", text, Limits { bytes: 1 << 20, depth: 3 }).unwrap_err());
    assert_eq!(faults(&"#".repeat(1_048_577)), "w:1:1: the text has 1048577 bytes (accepted: up to 1048576)\n");
    assert_eq!(faults("a: [[[1]]]"), "w:1:6: a[0][0]: values lie too deep in each other (accepted: up to 3 levels)\n");
    let message = "w:1:1000002: [500000]: the text has too many values (accepted: up to 500000)\n";
    assert_eq!(faults(&format!("[{}0]", "0,".repeat(500_001))), message);
    assert!(Document::parse("w", &"[".repeat(1 << 20), Limits::default()).is_err());
}

#[test]
fn a_fault_is_placed_at_the_nearest_value_around() {
    let document = document("names:\n  - id: a\n    x: {y: 1}\n");
    let place = |path: &str| {
        let fault = document.fault(path, "m");
        (fault.line, fault.column)
    };
    assert_eq!(
        ["names[0].x.y", "names[0].x.z.q", "names[0].q", "names[7].id", "other"].map(place),
        [(3, 12), (3, 8), (2, 5), (2, 3), (1, 1)]
    );
}

#[test]
fn a_key_is_given_only_where_the_text_has_it() {
    let document = document("a: {b: [1]}\nc:\n");
    assert_eq!(
        ["a", "a.b[0]", "c", "a.b[1]", "b"].map(|path| document.contains(path)),
        [true, true, true, false, false]
    );
}

#[test]
fn a_value_that_is_replaced_stays_one_value() {
    let mut document = document("token: ${A}\ntries: ${N}\nenabled: ${B}\nslug: $s\n");
    let faults = document.map_strings(&mut |text| {
        Ok(match text {
            "${A}" => "x\nauth: {anonymous_reads: true}".to_owned(),
            "${N}" => "4".to_owned(),
            "${B}" => "true".to_owned(),
            other => other.trim_start_matches('$').to_owned(),
        })
    });
    assert_eq!(faults, []);
    let read: Watch = document.decode().unwrap();
    let expected = Watch {
        token: "x\nauth: {anonymous_reads: true}".to_owned(),
        tries: Some(4),
        enabled: true,
        slug: Some("s".to_owned()),
        ..Watch::default()
    };
    assert_eq!(read, expected);
    assert_eq!(document.origin("tries"), Some(Origin::Variable));
}

#[test]
fn a_replacement_that_fails_is_told_at_the_value() {
    let mut document = document("a:\n  - b: x\n");
    let faults = document.map_strings(&mut |_| Err("no such variable".to_owned()));
    assert_eq!(lines(&faults), "w.yaml:2:8: a[0].b: no such variable\n");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let mut document = document("token_file: /run/token\nslug_file: /run/slug\n");
    let faults = document.read_secrets::<Watch>(&mut |name| Ok(format!("content of {name}")));
    assert_eq!((faults, document.origin("token")), (Vec::new(), Some(Origin::File)));
    let unknown = lines(&document.decode::<Watch>().unwrap_err());
    assert!(unknown.starts_with("w.yaml:2:1: slug_file: unknown key slug_file (accepted: every, pause, "), "{unknown}");
}

#[test]
fn a_secret_and_its_file_exclude_each_other() {
    let mut document = document("token: a\ntoken_file: /run/token\n");
    let faults = document.read_secrets::<Watch>(&mut |_| Ok(String::new()));
    assert_eq!(lines(&faults), "w.yaml:2:13: token_file: is given together with token (accepted: one of them)\n");
}

#[test]
fn what_serde_refuses_is_told_without_secrets() {
    #[derive(Debug, JsonSchema)]
    struct Picky {
        #[schemars(extend("x-secret" = true))]
        #[expect(dead_code, reason = "only its schema counts")]
        token: String,
    }
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let given = BTreeMap::<String, String>::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("{given:?} does not do")))
        }
    }
    let faults = document("token: hunter2").decode::<Picky>().unwrap_err();
    assert_eq!(lines(&faults), "w.yaml:1:1: {\"token\": \"***\"} does not do\n");
}

const SAMPLE: &str = "every: 5m\nnames:\n  - {id: a}\n  - id: \"b\"\nlabels:\n  x: |\n    text\nclause: {any_of: [a, {exact: b}]}\n\
                      target: {kind: file, path: /x}\nshare: 0.5 # why\n";

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[\\[\\]{}:,&*!|>'\"#%@` \\t\\n\\\\a-c0-9.?~-]{0,60}") {
        let _ = Document::parse("w", &text, Limits::default()).and_then(|document| document.decode::<Watch>());
    }

    #[test]
    fn no_change_of_a_valid_text_makes_it_panic(changes in prop::collection::vec((0..SAMPLE.len(), 0..4_usize, "[\\[\\]{}:,&*!|>'\"# \\t\\na0.?~-]{0,3}"), 1..4)) {
        let mut text = SAMPLE.to_owned();
        for (at, length, replacement) in changes {
            let from = at.min(text.len());
            text.replace_range(from..(from + length).min(text.len()), &replacement);
        }
        let faults = Document::parse("w", &text, Limits::default()).and_then(|document| document.decode::<Watch>()).err();
        for fault in faults.into_iter().flatten() {
            let lines = text.split(['\n', '\r']).count();
            prop_assert!(fault.line >= 1 && fault.line <= lines && fault.column >= 1, "{fault}");
        }
    }

    #[test]
    fn what_is_written_as_json_reads_back(labels in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}|[\\x00-\\x7f]{0,8}", 0..4), tries in prop::option::of(1..=5_u32)) {
        let written = Watch { every: Duration::from_secs(1), bytes: 4096, share: 0.5, labels, tries, ..Watch::default() };
        let mut json = serde_json::to_value(&written).unwrap();
        json["switch"] = "auto".into();
        let read = document(&serde_json::to_string_pretty(&json).unwrap()).decode::<Watch>();
        prop_assert_eq!(read, Ok(Watch { switch: Switch::Word("auto".to_owned()), ..written }));
    }
}
