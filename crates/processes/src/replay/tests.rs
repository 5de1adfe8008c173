//! Tests of replaying records.

use serde_json::{Value, json};

use super::*;
use crate::rules::RuleText;

const NOW: &str = "2026-11-21T04:30:00Z";

fn rules(name: &str) -> RuleSet {
    let yaml = format!(
        "version: 1\nrules:\n- {{id: by-name, name: n, severity: high, match: {{process: {name}}}}}\n\
         - {{id: old, name: n, severity: low, min_age: 30s, match: {{flags: [memfd]}}}}\n"
    );
    RuleSet::compile(&[RuleText::of_file("a.yaml", yaml)]).unwrap()
}

fn record(changes: Value) -> String {
    let mut record = json!({
        "pid": 7, "verdict": "clean", "comm": "app", "argv": ["./app", "-x"], "exe": "/app", "flags": [], "rules": [],
        "unknown_to_this_version": true,
    });
    let Value::Object(changes) = changes else { panic!("changes are keys and values") };
    record.as_object_mut().unwrap().extend(changes);
    format!("{record}\n")
}

fn run(lines: &str, against: Against<'_>) -> Replay {
    replay(lines.as_bytes(), &rules("app"), against, NOW.parse().unwrap()).unwrap()
}

#[track_caller]
fn check(lines: &str, against: Against<'_>, expected: &[&str]) {
    let changes: Vec<String> = run(lines, against).changes.iter().map(Change::to_string).collect();
    assert_eq!(changes, expected);
}

#[test]
fn a_match_that_was_not_recorded_is_gained() {
    check(&record(json!({})), Against::Recorded, &["+ by-name 7 app ./app -x"]);
}

#[test]
fn a_recorded_match_that_no_rule_makes_is_lost() {
    let line = record(json!({"verdict": "match", "rules": ["by-name", "gone"]}));
    check(&line, Against::Recorded, &["- gone 7 app ./app -x"]);
}

#[test]
fn an_exempted_record_was_no_match() {
    let line = record(json!({"verdict": "exempt", "rules": ["by-name"]}));
    check(&line, Against::Recorded, &["+ by-name 7 app ./app -x"]);
}

#[test]
fn two_sets_are_compared_with_each_other_and_not_with_the_record() {
    let line = record(json!({"verdict": "match", "rules": ["gone"]}));
    check(&line, Against::Rules(&rules("app")), &[]);
    check(&line, Against::Rules(&rules("other")), &["+ by-name 7 app ./app -x"]);
}

#[test]
fn an_executable_in_memory_is_judged_by_its_age_at_the_time() {
    let memfd = |started: &str| {
        record(json!({"comm": "x", "argv": ["x"], "exe": "memfd:x", "flags": ["memfd"],
            "last_seen": NOW, "evidence": {"started_at": started}}))
    };
    check(&memfd("2026-11-21T04:29:40Z"), Against::Recorded, &[]);
    check(&memfd("2026-11-21T04:29:30Z"), Against::Recorded, &["+ old 7 x x"]);
}

#[test]
fn redacted_and_cut_lines_are_counted() {
    let lines = record(json!({"argv": ["a", "--token", "***"]})) + &record(json!({"cut": true})) + &record(json!({}));
    let replay = run(&lines, Against::Recorded);
    assert_eq!((replay.judged, replay.redacted, replay.cut), (3, 1, 1));
}

#[test]
fn a_process_that_a_watch_saw_come_and_go_counts_once() {
    let lines = [json!({"change": "+"}), json!({"change": "-"})].map(record).join("\n");
    assert_eq!(run(&lines, Against::Recorded).judged, 1);
}

#[test]
fn a_malformed_line_is_told_by_its_number_and_the_others_count() {
    let lines = record(json!({})) + "\n{\"pid\": -1}\nnonsense\n" + &record(json!({}));
    let replay = run(&lines, Against::Recorded);
    let told = ["line 3: invalid value: integer `-1`, expected u32 (column 10)", "line 4: expected ident (column 2)"];
    assert_eq!(replay.malformed.iter().map(ToString::to_string).collect::<Vec<_>>(), told);
    assert_eq!((replay.judged, replay.malformed_count), (2, 2));
}

#[test]
fn a_line_that_never_ends_is_passed_over() {
    let lines = "x".repeat(LINE_MAX + 9) + "\n" + &record(json!({}));
    let replay = run(&lines, Against::Recorded);
    assert_eq!(replay.malformed, [Malformed { line: 1, reason: "is longer than 16 MiB".to_owned() }]);
    assert_eq!(replay.judged, 1);
}

#[test]
fn a_record_cannot_steer_the_terminal() {
    check(&record(json!({"process": "a\u{1b}[2Jb"})), Against::Recorded, &["+ by-name 7 a\u{fffd}[2Jb ./app -x"]);
}
