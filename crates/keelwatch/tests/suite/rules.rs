//! `keelwatch rules`.

use serde_json::Value;

use crate::proc_tree::{miner, ordinary};
use crate::program::{keelwatch, unheard, write};

const SHELL: &str =
    "version: 1\nrules:\n  - {id: corp-shell, name: Shell, match: {process: bash}, severity: low, action: report}\n";

#[test]
fn the_built_in_rules_are_listed_by_id() {
    let run = keelwatch(&["rules", "list"]);
    let ids: Vec<&str> = run.stdout.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(run.code == 0 && ids.is_sorted() && ids.contains(&"miner-name"), "{run:?}");
}

#[test]
fn rules_are_listed_as_json_with_their_provenance() {
    let listed = keelwatch(&["rules", "list", "--json", "builtin:miners"]).json();
    let rules = listed.as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["pack"] == "miners" && rule["references"] != Value::Array(Vec::new())));
}

#[test]
fn a_good_set_is_valid_and_its_examples_pass() {
    for verb in ["validate", "test"] {
        let run = keelwatch(&["rules", verb, "builtin"]);
        assert!(run.code == 0 && run.stdout.starts_with("ok: "), "{run:?}");
    }
}

#[test]
fn every_error_of_a_bad_set_is_told_with_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    let text = "version: 1\nrules:\n  - {id: a, name: A, match: {process: {regexp: x}}, severity: low}\n  \
                - {id: b, name: B, match: {process: x}, severity: low, action: respond}\n";
    let rules = write(directory.path(), "rules.yaml", text);
    let run = keelwatch(&["rules", "validate", &rules]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    for (place, text) in [("3:40: ", "did you mean regex"), ("4:66: ", "high or critical")] {
        let start = format!("{rules}:{place}");
        assert!(lines.iter().any(|line| line.starts_with(&start) && line.contains(text)), "{run:?}");
    }
}

#[test]
fn a_set_that_cannot_be_read_is_another_exit() {
    for verb in ["list", "validate", "test"] {
        assert_eq!(keelwatch(&["rules", verb, "/nowhere/rules.yaml"]).code, 2, "{verb}");
        assert_eq!(keelwatch(&["rules", verb, "builtin:nonesuch"]).code, 2, "{verb}");
    }
}

#[test]
fn an_example_that_is_judged_wrongly_fails() {
    let directory = tempfile::tempdir().unwrap();
    let examples = ", examples: {match: [zsh], no_match: [bash]}}\n";
    let rules = write(directory.path(), "rules.yaml", &SHELL.replace("}\n", examples));
    let run = keelwatch(&["rules", "test", &rules]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(run.stderr, "corp-shell: does not match `zsh`\ncorp-shell: matches `bash`\n");
}

#[test]
fn what_is_replayed_by_the_rules_that_judged_it_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl", "--proc", ordinary().with(miner(412)).arg()]);
    let file = write(directory.path(), "scan.jsonl", &scan.stdout);
    let run = keelwatch(&["rules", "replay", "--rules", "builtin", &file]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("note: 2 were redacted and 0 cut"), "{run:?}");
}

#[test]
fn a_replay_shows_matches_gained_and_lost() {
    let directory = tempfile::tempdir().unwrap();
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl", "--proc", ordinary().with(miner(412)).arg()]);
    let file = write(directory.path(), "scan.jsonl", &scan.stdout);
    let rules = write(directory.path(), "rules.yaml", SHELL);
    let run = keelwatch(&["rules", "replay", "--rules", &rules, "--against", "builtin:miners", &file]);
    let mut lines: Vec<String> =
        run.stdout.lines().map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    assert_eq!(
        (run.code, lines),
        (1, ["+ corp-shell 301", "- miner-name 412", "- miner-stratum 412"].map(str::to_owned).to_vec())
    );
}

#[test]
fn a_line_that_is_no_process_is_named_and_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl", "--proc", ordinary().arg()]);
    let file = write(directory.path(), "scan.jsonl", &format!("{{\"pid\": 1}}\n{}", scan.stdout));
    let run = keelwatch(&["rules", "replay", "--rules", "builtin", &file]);
    assert!(run.code == 0 && run.stderr.contains("scan.jsonl:1: no record"), "{run:?}");
}

#[test]
fn a_file_without_any_process_is_no_replay() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "rules.yaml", SHELL);
    keelwatch(&["rules", "replay", "--rules", "builtin", &file]).is_refused_with("rules.yaml has no record");
}

#[test]
fn a_recorded_text_cannot_steer_the_terminal_of_who_replays_it() {
    let directory = tempfile::tempdir().unwrap();
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl", "--proc", ordinary().with(miner(412)).arg()]);
    let steering = scan.stdout.replace("\"./xmrig ", "\"./xmrig \\u001b]0;x\\u0007 ");
    let file = write(directory.path(), "scan.jsonl", &steering);
    let run = keelwatch(&["rules", "replay", "--rules", "builtin:reverse-shells", &file]);
    assert!(run.stdout.contains("./xmrig \u{fffd}]0;x\u{fffd} "), "{run:?}");
}

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

#[test]
fn the_documented_example_is_valid_and_its_examples_pass() {
    for verb in ["validate", "test"] {
        let run = keelwatch(&["rules", verb, "builtin", &format!("{DOCS}/examples/rules.yaml")]);
        assert!(run.code == 0 && run.stderr.is_empty(), "{run:?}");
    }
}

#[test]
fn every_rules_file_in_the_guide_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let guide = std::fs::read_to_string(format!("{DOCS}/rules.md")).unwrap();
    let blocks = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let files: Vec<&str> = blocks.map(|(file, _)| file).filter(|file| file.starts_with("version: 1\n")).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let rules = write(directory.path(), "rules.yaml", file);
        let run = keelwatch(&["rules", "test", "builtin", &rules]);
        assert_eq!(run.code, 0, "{run:?} of {file}");
    }
}

const FORMER: &str = r#"
detectionRules:
  blacklist: {processes: ["^xmrig$"], keywords: ["stratum+tcp"]}
  whitelist: {commands: ["g++"], podNames: ["job-.*"]}
"#;

#[test]
fn former_rules_are_imported_and_what_is_left_out_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let former = write(directory.path(), "procscan.yaml", FORMER);
    let out = directory.path().join("rules.yaml");
    let run = keelwatch(&["rules", "import", &former, "-o", out.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let told = "whitelist.commands[0] \"g++\": left out, dialect\n\
                whitelist.podNames[0] \"job-.*\": left out, pod-name (tenants choose pod names; use namespaces)\n";
    assert_eq!(run.stderr, told);
    let listed = keelwatch(&["rules", "list", "--json", out.to_str().unwrap()]).json();
    let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert_eq!(ids, ["legacy-keyword-3777e9ec9879a524", "legacy-process-8db25b1fe853d579"]);
}

#[test]
fn a_former_file_without_an_end_is_refused() {
    keelwatch(&["rules", "import", "/dev/zero"]).is_refused_with("larger than 4 MiB");
}

#[test]
fn whoever_reads_no_further_is_no_error() {
    for verb in ["list", "validate", "test"] {
        assert_eq!(unheard(&["rules", verb]), 0, "{verb}");
    }
}

#[test]
fn a_former_file_that_cannot_be_read_is_named() {
    keelwatch(&["rules", "import", "/nowhere/procscan.yaml"]).is_refused_with("/nowhere/procscan.yaml");
}
