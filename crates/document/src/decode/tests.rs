//! What a document accepts, and what it says of the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

mod faults;
mod properties;

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
fn a_value_that_is_put_takes_the_place_of_what_is_written_and_of_its_file() {
    let mut document = document("slug: a\ntoken_file: /nowhere\nclause: 7\n");
    for (path, text) in [("slug", "b"), ("token", "t0ken"), ("share", "0.75"), ("labels.team", "${x}")] {
        document.put(path, text);
    }
    document.put("clause.x.y", "z");
    assert_eq!(document.origin("clause.x.y"), Some(Origin::Variable));
    document.root.take(&["clause"]);
    let expected = Watch {
        slug: Some("b".to_owned()),
        token: "t0ken".to_owned(),
        share: 0.75,
        labels: BTreeMap::from([("team".to_owned(), "${x}".to_owned())]),
        ..Watch::default()
    };
    assert_eq!(document.decode(), Ok(expected));
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
