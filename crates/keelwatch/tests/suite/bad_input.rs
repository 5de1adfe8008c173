//! What is refused, and what is not stumbled over.

use serde_json::json;

use crate::proc_tree::{Proc, ProcTree, miner, ordinary};
use crate::program::{keelwatch, write};

#[test]
fn a_usage_error_exits_with_2() {
    for args in [&["scan", "--fail-on", "severe"][..], &["scan", "--format", "x"], &["scam"], &[]] {
        assert_eq!(keelwatch(args).code, 2, "{args:?}");
    }
}

#[test]
fn a_tree_that_is_not_there_is_one_line() {
    keelwatch(&["scan", "--proc", "/nowhere/proc"]).is_refused_with("/nowhere/proc");
}

#[test]
fn a_relative_tree_is_refused_with_what_is_accepted() {
    keelwatch(&["scan", "--proc", "host/proc"]).is_refused_with("auto or an absolute directory");
}

#[test]
fn settings_out_of_range_are_refused_with_path_and_range() {
    let directory = tempfile::tempdir().unwrap();
    let settings = write(directory.path(), "keelwatch.yaml", "processes: {every: 0s, cpu_share: 5}\n");
    let run = keelwatch(&["scan", "--settings", &settings]);
    run.is_refused_with("processes.every");
    run.is_refused_with("processes.cpu_share");
}

#[test]
fn a_bad_rule_set_is_refused_whole_with_every_error() {
    let directory = tempfile::tempdir().unwrap();
    let rules = write(
        directory.path(),
        "rules.yaml",
        "version: 1\nrules:\n  - {id: a, name: A, match: {process: {regexp: x}}, severity: low, action: report}\n  \
         - {id: b, name: B, match: {process: x}, severity: low, action: respond}\n",
    );
    let run = keelwatch(&["scan", "--rules", &rules]);
    run.is_refused_with("rules.yaml:3:");
    run.is_refused_with("rules.yaml:4:");
}

#[test]
fn a_rules_path_that_is_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    keelwatch(&["scan", "--rules", directory.path().to_str().unwrap()]).is_refused_with("directory");
}

#[test]
fn a_process_whose_stat_is_broken_does_not_hide_the_others() {
    let tree = ordinary().with(miner(412)).with(Proc::new(413, "x")).with(Proc::new(414, "y"));
    tree.write("413/stat", "413 (x S 1\n");
    tree.write("414/stat", &format!("414 (y) S 1 {}\n", "9".repeat(5000)));
    let run = keelwatch(&["scan", "-o", "json", "--proc", tree.arg()]);
    let scan = run.json();
    assert_eq!((run.code, &scan["items"][0]["pid"]), (1, &json!(412)), "{run:?}");
    assert_eq!(scan["coverage"]["unreadable"], 2, "{run:?}");
}

#[test]
fn names_that_are_no_pids_are_ignored() {
    let tree = ProcTree::new();
    for name in ["-1", "99999999999999999999", "0x10", "cpuinfo"] {
        std::fs::create_dir(tree.path().join(name)).unwrap();
    }
    let scan = keelwatch(&["scan", "-o", "json", "--proc", tree.arg()]).json();
    assert_eq!((&scan["coverage"]["seen"], &scan["coverage"]["unreadable"]), (&json!(1), &json!(0)));
}

#[test]
fn bytes_that_are_no_text_are_matched_as_bytes_and_shown_as_replacements() {
    let odd = Proc::new(412, "xmrig").cmdline(b"xmrig\0\xff\x1b[31m\0").exe("/app/xmrig");
    let nuls = Proc::new(413, "xmrig").cmdline(b"\0\0\0");
    let found = keelwatch(&["scan", "-o", "jsonl", "--proc", ordinary().with(odd).with(nuls).arg()]).lines();
    assert_eq!(found.iter().map(|line| line["pid"].clone()).collect::<Vec<_>>(), [json!(412), json!(413)]);
    assert_eq!(found[0]["cmdline"], "xmrig \u{fffd}\u{fffd}[31m");
}
