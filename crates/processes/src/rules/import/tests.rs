//! Former files and what becomes of them.

mod later;

use std::time::Duration;

use expect_test::{Expect, expect};
use jiff::Timestamp;

use super::import;
use super::yaml::quoted;
use crate::process::Texts;
use crate::rules::{BuiltinPack, RuleSet, RuleText, Subject};

/// The report of a former file, whose result must compile, without a warning but for disabled or empty things.
#[track_caller]
fn check_report(former: &str, expected: &Expect) {
    let imported = import("old.yaml", former).unwrap();
    compiled(&imported.yaml);
    let lines: Vec<_> = imported.report.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[track_caller]
fn check_yaml(former: &str, expected: &Expect) {
    let imported = import("old.yaml", former).unwrap();
    compiled(&imported.yaml);
    expected.assert_eq(&imported.yaml);
}

#[track_caller]
fn check_fault(former: &str, expected: &[&str]) {
    let faults: Vec<_> = import("old.yaml", former).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(faults, expected);
}

/// The imported file together with the built-in packs.
#[track_caller]
fn compiled(yaml: &str) -> RuleSet {
    let mut texts: Vec<_> = BuiltinPack::ALL.map(RuleText::of_pack).into();
    texts.push(RuleText::of_file("new.yaml", yaml));
    RuleSet::compile(texts).unwrap_or_else(|faults| panic!("{faults:#?}\n{yaml}"))
}

/// A configuration with one list on each side.
fn former(black: (&str, &[&str]), white: (&str, &[&str])) -> String {
    let list = |(key, items): (&str, &[&str])| {
        let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
        format!("{{{key}: [{}]}}", items.join(", "))
    };
    format!("detectionRules:\n  blacklist: {}\n  whitelist: {}\n", list(black), list(white))
}

fn blacklist(key: &str, items: &[&str]) -> String {
    former((key, items), ("commands", &[]))
}

/// A whitelist next to a keyword, to which its exemptions are limited.
fn whitelist(key: &str, items: &[&str]) -> String {
    former(("keywords", &["donate-level"]), (key, items))
}

/// Ids of the rules that hold for a command line and are not exempt.
fn reported(set: &RuleSet, comm: &str, argv: &[&str]) -> Vec<String> {
    let cmdline = argv.join("\0") + "\0";
    let texts = Texts { comm: comm.as_bytes(), cmdline: cmdline.as_bytes(), exe: Some(argv[0].as_bytes()) };
    let subject = Subject { texts, age: Duration::from_mins(1), now: Timestamp::UNIX_EPOCH };
    let judged = set.judge(&mut set.scratch(), &subject, &mut || None);
    let matched = judged.matched.into_iter().filter(|hit| judged.exempt.is_none() && hit.exempt_if.is_empty());
    matched.flat_map(|hit| hit.rules).map(|rule| set.rule(rule).id.clone()).collect()
}

#[test]
fn ids_are_those_of_the_former_scanner() {
    check_yaml(
        "detectionRules: {blacklist: {keywords: [stratum+tcp], processes: [^xmrig$]}}",
        &expect![[r#"
            # Former rules of ProcScan, taken over from "old.yaml".
            version: 1
            rules:
              # blacklist.processes[0] "^xmrig$"
              - id: legacy-process-8db25b1fe853d579
                name: "Former process rule ^xmrig$"
                match: {process: {exact: "xmrig"}}
                severity: medium
                action: report
                tags: [legacy]
              # blacklist.keywords[0] "stratum+tcp"
              - id: legacy-keyword-3777e9ec9879a524
                name: "Former keyword rule stratum+tcp"
                match: {cmdline: {contains: "stratum+tcp"}}
                severity: medium
                action: report
                tags: [legacy]
        "#]],
    );
}

#[test]
fn patterns_of_names_meet_whole_names() {
    let former = blacklist(
        "processes",
        &[
            "xmrig",
            "^miner",
            "^kdev.*",
            "^(a|b)$",
            "^c$|d",
            "(?i)^xmrig$",
            "t.rex$",
            r"^py\.x$",
            "^g++$",
            "^$",
            " ^xmrig$ ",
        ],
    );
    let yaml = import("old.yaml", &former).unwrap().yaml;
    let matches: Vec<_> = yaml.lines().filter_map(|line| line.trim().strip_prefix("match: ")).collect();
    assert_eq!(
        matches,
        [
            r#"{process: {exact: "xmrig"}}"#,
            r#"{process: {exact: "miner"}}"#,
            r#"{process: {regex: "^(?:kdev.*)$"}}"#,
            r#"{process: {regex: "^(?:(a|b))$"}}"#,
            r#"{process: {regex: "^(?:^c$|d)$"}}"#,
            r#"{process: {exact: "xmrig", ignore_case: true}}"#,
            r#"{process: {regex: "^(?:t.rex)$"}}"#,
            r#"{process: {exact: "py.x"}}"#,
            r#"{process: {exact: "xmrig"}}"#,
        ]
    );
    check_report(
        &former,
        &expect![[r#"
            blacklist.processes[0] "xmrig": changed, narrowed
            blacklist.processes[1] "^miner": changed, narrowed
            blacklist.processes[4] "^c$|d": changed, narrowed
            blacklist.processes[6] "t.rex$": changed, narrowed
            blacklist.processes[8] "^g++$": left out, dialect
            blacklist.processes[9] "^$": left out, empty"#]],
    );
}

#[test]
fn patterns_of_names_that_ask_for_arguments_become_disabled_rules_for_command_lines() {
    let former = blacklist(
        "processes",
        &[
            "^nc.*-l.*-p",
            "^bash.*reverse.*shell",
            "^socat.*TCP-LISTEN",
            "^python.*socket.*",
            "^bash -i$",
            "^/tmp/x$",
            "^kube.*-proxy$",
        ],
    );
    check_report(
        &former,
        &expect![[r#"
            blacklist.processes[0] "^nc.*-l.*-p": changed, dead (names have no arguments; check and enable the rule for command lines)
            blacklist.processes[1] "^bash.*reverse.*shell": changed, dead (names have no arguments; check and enable the rule for command lines)
            blacklist.processes[2] "^socat.*TCP-LISTEN": changed, dead (names have no arguments; check and enable the rule for command lines)
            blacklist.processes[3] "^python.*socket.*": changed, dead (names have no arguments; check and enable the rule for command lines)
            blacklist.processes[4] "^bash -i$": changed, dead (names have no arguments; check and enable the rule for command lines)
            blacklist.processes[5] "^/tmp/x$": changed, dead (names have no arguments; check and enable the rule for command lines)"#]],
    );
    let set = compiled(&import("old.yaml", &former).unwrap().yaml);
    let legacy = set.rules().iter().filter(|rule| rule.id.starts_with("legacy-"));
    assert_eq!(legacy.filter(|rule| rule.enabled).count(), 1);
}

#[test]
fn keywords_are_plain_text_and_broad_ones_are_low() {
    let former = blacklist(
        "keywords",
        &["stratum+tcp", "pool.", "password", "cryptonight", r"stratum\+tcp://", "xmr.*pool", "", "g++ -O3 -lpool"],
    );
    check_report(
        &former,
        &expect![[r#"
            blacklist.keywords[1] "pool.": changed, broad
            blacklist.keywords[2] "password": changed, broad
            blacklist.keywords[4] "stratum\\+tcp://": changed, unescaped
            blacklist.keywords[5] "xmr.*pool": changed, literal (keywords are plain text; write a rule with cmdline: {regex: …})
            blacklist.keywords[6] "": left out, empty"#]],
    );
    let set = compiled(&import("old.yaml", &former).unwrap().yaml);
    assert_eq!(reported(&set, "grep", &["grep", "-rn", "stratum+tcp", "src"]), ["legacy-keyword-3777e9ec9879a524"]);
}

#[test]
fn commands_exempt_only_if_they_say_how_the_line_begins() {
    let former = whitelist(
        "commands",
        &["git", "make", "^git ", "g++", "a{,3}", "${X}", r"\Qa.b\E", r"x\C", "^.*", "^ab|cd", "^a$", " "],
    );
    check_report(
        &former,
        &expect![[r#"
            whitelist.commands[0] "git": left out, too-short
            whitelist.commands[1] "make": left out, unanchored
            whitelist.commands[3] "g++": left out, dialect
            whitelist.commands[4] "a{,3}": left out, dialect
            whitelist.commands[5] "${X}": left out, dialect
            whitelist.commands[6] "\\Qa.b\\E": left out, dialect
            whitelist.commands[7] "x\\C": left out, dialect
            whitelist.commands[8] "^.*": left out, too-short
            whitelist.commands[9] "^ab|cd": left out, unanchored
            whitelist.commands[10] "^a$": left out, too-short
            whitelist.commands[11] " ": left out, empty"#]],
    );
}

#[test]
fn exemptions_are_limited_to_the_rules_that_came_with_them() {
    let former = r#"
detectionRules:
  blacklist:
    keywords: [donate-level, bash]
  whitelist:
    processes: ["^bash$", "sh", "^kube.*$", "^sh$", "donate-level"]
    commands: ["^git clone "]
    namespaces: ["^kube-system$", "^ns-.*", "dev", "ci-[0-9]+", ".*"]
"#;
    check_yaml(
        former,
        &expect![[r##"
            # Former rules of ProcScan, taken over from "old.yaml".
            version: 1
            rules:
              # blacklist.keywords[0] "donate-level"
              - id: legacy-keyword-b48b45007e71e623
                name: "Former keyword rule donate-level"
                match: {cmdline: {contains: "donate-level"}}
                severity: medium
                action: report
                tags: [legacy]
              # blacklist.keywords[1] "bash": broad
              - id: legacy-keyword-0576284f97dbbe24
                name: "Former keyword rule bash"
                match: {cmdline: {contains: "bash"}}
                severity: low
                action: report
                tags: [legacy]
            exemptions:
              - reason: Names that the former scanner let pass.
                rules: [legacy-keyword-*]
                match:
                  process:
                    any_of:
                      # whitelist.processes[1] "sh"
                      - {exact: "sh"}
              - reason: Command lines that the former scanner let pass.
                rules: [legacy-keyword-*]
                match:
                  cmdline:
                    any_of:
                      # whitelist.commands[0] "^git clone "
                      - {regex: "^git clone "}
              - reason: Namespaces that the former scanner let pass.
                rules: [legacy-*]
                namespaces:
                  # whitelist.namespaces[0] "^kube-system$"
                  - "kube-system"
                  # whitelist.namespaces[1] "^ns-.*"
                  - "ns-*"
                  # whitelist.namespaces[2] "dev"
                  - "dev"
        "##]],
    );
    check_report(
        former,
        &expect![[r#"
            blacklist.keywords[1] "bash": changed, broad
            whitelist.processes[0] "^bash$": left out, shadowed
            whitelist.processes[1] "sh": changed, narrowed
            whitelist.processes[2] "^kube.*$": left out, pattern
            whitelist.processes[3] "^sh$": left out, duplicate
            whitelist.processes[4] "donate-level": left out, shadowed
            whitelist.namespaces[2] "dev": changed, narrowed
            whitelist.namespaces[3] "ci-[0-9]+": left out, pattern
            whitelist.namespaces[4] ".*": left out, matches-everything"#]],
    );
}

#[test]
fn a_miner_is_reported_whatever_the_former_whitelist_said() {
    for former in [
        whitelist("commands", &["git", "make", "^./xmrig .*make"]),
        whitelist("processes", &["^xmrig$", "^git$", "^make$"]),
        whitelist("namespaces", &["^kube-.*"]),
    ] {
        let set = compiled(&import("old.yaml", &former).unwrap().yaml);
        assert_eq!(reported(&set, "xmrig", &["./xmrig", "--digits", "make"]), ["miner-name"]);
    }
}

#[test]
fn a_former_exemption_covers_former_keywords() {
    let former = whitelist("commands", &["^git grep "]);
    let set = compiled(&import("old.yaml", &former).unwrap().yaml);
    assert_eq!(reported(&set, "git", &["git", "grep", "donate-level"]), [""; 0]);
    assert_eq!(reported(&set, "cat", &["cat", "donate-level"]).len(), 1);
}

#[test]
fn what_the_former_scanner_did_not_look_at_is_told() {
    let former = "
scanner: {proc_path: /host/proc}
metrics: {enabled: true}
detectionRules:
  blacklist:
    commands: [x]
    namespaces: [y]
    podNames:
    process: [z]
  whitelist:
    keywords: [k]
    podNames: ['^coredns-.*']
    namespaces: ['^kube-system$']
";
    check_report(
        former,
        &expect![[r#"
            whitelist.namespaces[0] "^kube-system$": left out, nothing-to-exempt
            whitelist.podNames[0] "^coredns-.*": left out, pod-name (tenants choose pod names; use namespaces)
            blacklist.commands[0] "x": left out, unused
            blacklist.namespaces[0] "y": left out, unused
            whitelist.keywords[0] "k": left out, unused
            blacklist.process: left out, unknown-key
            metrics: left out, setting (see the settings under processes)
            scanner: left out, setting (see the settings under processes)"#]],
    );
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let message = "has neither detectionRules nor schema_version: 2 (of a ConfigMap, import the text under data)";
    check_fault("version: 1\n", &[&format!("old.yaml:1:1: {message}")]);
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let faults = import("old.yaml", "detectionRules: {blacklist: {processes: [[]], keywords: 3}}").unwrap_err();
    assert_eq!(
        faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(),
        ["detectionRules.blacklist.processes[0]", "detectionRules.blacklist.keywords",]
    );
}

#[test]
fn a_pattern_that_would_take_all_memory_is_left_out() {
    let former = blacklist("processes", &["^((a{1000}){1000}){1000}$", &format!("^{}.$", "a".repeat(1100))]);
    let imported = import("old.yaml", &former).unwrap();
    compiled(&imported.yaml);
    assert_eq!(imported.report.iter().map(|note| note.reason.as_str()).collect::<Vec<_>>(), ["too-large", "too-long"]);
}
