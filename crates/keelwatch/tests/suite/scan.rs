//! `keelwatch scan` over fixture trees.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::proc_tree::{Proc, ProcTree, miner, ordinary};
use crate::program::{keelwatch, start};

#[test]
fn ordinary_processes_are_clean() {
    let tree = ordinary();
    let run = keelwatch(&["scan", "--proc", tree.arg()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.starts_with("clean: 7 processes judged, none matches\n"), "{run:?}");
}

#[test]
fn a_miner_is_named_with_its_rule_and_its_container() {
    let run = keelwatch(&["scan", "--proc", ordinary().with(miner(412)).arg()]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let header: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(header, ["SEVERITY", "RULE", "PID", "PROCESS", "CONTAINER", "AGE", "CMDLINE"]);
    let row: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(row[..5], ["critical", "miner-name", "412", "xmrig", "4f1c4f1c4f1c"]);
    assert_eq!((run.code, lines.len()), (1, 2), "{run:?}");
}

#[test]
fn no_color_and_no_cut_goes_into_a_pipe() {
    let long = "x".repeat(3000);
    let miner = Proc::new(412, "xmrig").args(&["xmrig", &long]);
    let run = keelwatch(&["scan", "--proc", ordinary().with(miner).arg()]);
    assert!(run.stdout.contains(&long) && !run.stdout.contains('\u{1b}'), "{run:?}");
}

#[test]
fn four_hidden_processes_are_found_by_their_own_rules() {
    let tree = ordinary()
        .with(Proc::new(500, "x").args(&["x"]).exe("/memfd:x (deleted)"))
        .with(Proc::new(501, "y").args(&["y"]).exe("/tmp/y (deleted)"))
        .with(Proc::new(502, "bash").args(&["[kworker/0:1]"]).exe("/usr/bin/bash"))
        .with(miner(503));
    let found = keelwatch(&["scan", "-o", "jsonl", "--proc", tree.arg()]).lines();
    let named: Vec<Value> = found.iter().map(|line| json!([line["pid"], line["rule"], line["severity"]])).collect();
    let expected = json!([
        [503, "miner-name", "critical"],
        [500, "exe-memfd", "high"],
        [501, "exe-deleted-tmp", "high"],
        [502, "fake-kernel-thread", "high"]
    ]);
    assert_eq!(json!(named), expected);
}

#[test]
fn a_line_has_the_record_and_the_redacted_arguments() {
    let run = keelwatch(&["scan", "-o", "jsonl", "--proc", ProcTree::new().with(miner(412)).arg()]);
    let line = &run.lines()[0];
    let keys =
        ["node", "attribution", "attribution_reason", "name", "verdict", "comm", "cmdline"].map(|key| &line[key]);
    let uid = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";
    let cmdline = "./xmrig -o stratum+tcp://pool.example:3333 --pass=***";
    assert_eq!(json!(keys), json!(["worker-3", "unresolved", "no-cluster", uid, "match", "xmrig", cmdline]));
    assert_eq!(line["argv"], json!(["./xmrig", "-o", "stratum+tcp://pool.example:3333", "--pass=***"]));
    assert!(!run.stdout.contains("hunter2"), "{run:?}");
}

#[test]
fn json_is_one_object_with_host_and_coverage() {
    let run = keelwatch(&["scan", "-o", "json", "--proc", ordinary().with(miner(412)).arg()]);
    let scan = run.json();
    assert_eq!((&scan["host"], &scan["coverage"]["seen"]), (&json!("worker-3"), &json!(8)));
    assert_eq!(scan["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn every_process_has_a_verdict_when_all_are_asked_for() {
    let run = keelwatch(&["scan", "--all", "-o", "jsonl", "--proc", ordinary().with(miner(412)).arg()]);
    let verdicts: Vec<Value> = run.lines().iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!((verdicts.len(), &verdicts[0], &verdicts[7]), (8, &json!("match"), &json!("clean")));
}

#[test]
fn sarif_names_rule_and_place() {
    let log = keelwatch(&["scan", "-o", "sarif", "--proc", ordinary().with(miner(412)).arg()]).json();
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["rules"][0]["id"]), (&json!("2.1.0"), &json!("miner-name")));
    let logical = &run["results"][0]["locations"][0]["logicalLocations"][0];
    assert_eq!(logical["fullyQualifiedName"], "worker-3/412");
}

#[test]
fn only_matches_at_or_above_the_level_asked_for_fail() {
    let tree = ordinary().with(Proc::new(412, "nmap").args(&["nmap", "10.0.0.0/8"]).exe("/usr/bin/nmap"));
    let code = |level| keelwatch(&["scan", "--fail-on", level, "--proc", tree.arg()]).code;
    assert_eq!(["low", "medium", "high", "critical"].map(code), [1, 1, 0, 0]);
}

#[test]
fn a_match_that_is_too_young_is_no_match_and_is_said() {
    let young = Proc::new(412, "x").args(&["x"]).exe("/memfd:x (deleted)").started_s_ago(5);
    let run = keelwatch(&["scan", "--proc", ordinary().with(young).arg()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("1 match is too young"), "{run:?}");
}

#[test]
fn rules_of_a_file_take_the_place_of_the_built_in_ones() {
    let tree = ordinary().with(miner(412));
    let rules = crate::program::write(
        tree.path(),
        "rules.yaml",
        "version: 1\nrules:\n  - {id: corp-shell, name: Shell, match: {process: bash}, severity: low, action: report}\n",
    );
    let found = keelwatch(&["scan", "-o", "jsonl", "--rules", &rules, "--proc", tree.arg()]).lines();
    assert_eq!(found.iter().map(|line| &line["rule"]).collect::<Vec<_>>(), [&json!("corp-shell")]);
}

#[test]
fn watching_tells_what_comes_and_what_goes_and_fails_for_what_it_saw() {
    let tree = ordinary();
    let settings = crate::program::write(tree.path(), "keelwatch.yaml", "processes: {every: 500ms, cpu_share: 1.0}\n");
    let mut watching = start(&["scan", "--watch", "-o", "jsonl", "--settings", &settings, "--proc", tree.arg()]);
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    tree.add(miner(412));
    let came = next();
    tree.remove(412);
    let gone = next();
    assert_eq!(json!([came["change"], came["pid"], gone["change"], gone["pid"]]), json!(["+", 412, "-", 412]));
    watching.interrupt();
    assert_eq!(watching.0.wait().unwrap().code(), Some(1));
}
