//! What holds for which process: the definitions of the language, row by row.

use expect_test::{Expect, expect};

use super::super::*;
use super::*;

/// Judges by one rule with these conditions.
#[track_caller]
fn check(conditions: &str, process: &Process, expected: bool) {
    let judgement = process.judged_by(&matching(conditions));
    assert_eq!(judgement.matched.is_some(), expected, "{conditions} on {process:?}");
}

fn named(name: &str) -> Process {
    Process::new(name, &[name], name)
}

fn running(argv: &[&str]) -> Process {
    Process::new("app", argv, "/app")
}

#[test]
fn a_bare_text_is_exact_for_names_and_executables_and_contained_in_command_lines() {
    check("process: frpc", &named("frpc"), true);
    check("process: frpc", &named("frpc2"), false);
    check("exe: /bin/a", &Process::new("x", &[], "/bin/a"), true);
    check("exe: /bin/a", &Process::new("x", &[], "/bin/ab"), false);
    check("cmdline: --bad", &running(&["app", "x--bad=1"]), true);
}

#[test]
fn each_comparison_looks_where_it_says() {
    let cases = [
        ("exact", ["abc", "abcd", "xabc", "xabcx"], [true, false, false, false]),
        ("prefix", ["abc", "abcd", "xabc", "xabcx"], [true, true, false, false]),
        ("contains", ["abc", "abcd", "xabc", "xabcx"], [true, true, true, true]),
        ("regex", ["abc", "abcd", "xabc", "xabcx"], [true, true, true, true]),
    ];
    for (how, texts, expected) in cases {
        for (text, expected) in texts.into_iter().zip(expected) {
            for field in ["process", "exe", "cmdline"] {
                check(&format!("{field}: {{{how}: abc}}"), &named(text), expected);
            }
        }
    }
}

#[test]
fn case_matters_unless_it_is_ignored() {
    for how in ["exact", "prefix", "contains", "regex"] {
        check(&format!("process: {{{how}: Abc}}"), &named("aBC"), false);
        check(&format!("process: {{{how}: Abc, ignore_case: true}}"), &named("aBC"), true);
    }
}

#[test]
fn texts_that_differ_in_case_alone_are_told_apart() {
    check("process: {any_of: [ABC, abc]}", &named("ABC"), true);
    check("process: {any_of: [ABC, abc]}", &named("Abc"), false);
}

#[test]
fn items_of_any_of_inherit_ignore_case_and_may_say_otherwise() {
    let conditions = "process: {any_of: [ab, {exact: cd, ignore_case: false}], ignore_case: true}";
    check(conditions, &named("AB"), true);
    check(conditions, &named("CD"), false);
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let conditions = "process: sh, exe: {prefix: /tmp/}, cmdline: -c, flags: [deleted]";
    check(conditions, &Process::new("sh", &["sh", "-c"], "/tmp/x (deleted)"), true);
    check(conditions, &Process::new("xx", &["xx", "-c"], "/tmp/x (deleted)"), false);
    check(conditions, &Process::new("sh", &["sh", "-c"], "/bin/x (deleted)"), false);
    check(conditions, &Process::new("sh", &["sh", "-d"], "/tmp/x (deleted)"), false);
    check(conditions, &Process::new("sh", &["sh", "-c"], "/tmp/x"), false);
}

#[test]
fn any_name_of_a_process_is_enough_for_a_rule() {
    for process in [
        Process::new("evil", &["java"], "/x"),
        Process::new("java", &["/opt/evil", "-jar"], "/x"),
        Process::new("java", &["-evil"], "/x"),
        Process::new("java", &["/a/evil: worker /b/c"], "/x"),
        Process::new("java", &["java"], "/tmp/evil (deleted)"),
    ] {
        check("process: {any_of: [evil, 'evil:']}", &process, true);
    }
    check("process: evil", &Process::new("java", &["java", "evil"], "/evil/java"), false);
}

#[test]
fn a_long_name_meets_comm_by_its_first_15_bytes() {
    let set = matching("process: {exact: a-name-of-19-bytes-}");
    let hit = Process::new("a-name-of-19-by", &["java"], "").judged_by(&set).matched.unwrap();
    assert_eq!((hit.process.as_slice(), hit.comm_truncated), (b"a-name-of-19-by".as_slice(), true));
    let hit = Process::new("a-name-of-19-by", &["/a-name-of-19-bytes-"], "").judged_by(&set).matched.unwrap();
    assert_eq!((hit.process.as_slice(), hit.comm_truncated), (b"a-name-of-19-bytes-".as_slice(), false));
}

#[test]
fn only_a_full_comm_is_a_cut_name() {
    check("process: a-name-of-19-bytes", &named("a-name-of-19-b"), false);
    check("process: a-name-of-19-bytes", &Process::new("java", &["a-name-of-19-by"], ""), false);
    check("process: a-name-of-15-by", &Process::new("a-name-of-15-by", &[], ""), true);
    check("process: {prefix: a-name-of-19-bytes}", &named("a-name-of-19-by"), false);
    check("process: {exact: A-name-of-19-bytes, ignore_case: true}", &Process::new("a-name-of-19-by", &[], ""), true);
    check("process: A-name-of-19-bytes", &Process::new("a-name-of-19-by", &[], ""), false);
}

#[test]
fn an_executable_is_its_path_and_its_flags() {
    check("exe: /tmp/x", &Process::new("x", &[], "(unreachable)/tmp/x (deleted)"), true);
    check("exe: 'memfd:x', flags: [memfd]", &Process::new("x", &[], "/memfd:x (deleted)"), true);
    check("flags: [deleted]", &Process::new("x", &[], "/memfd:x (deleted)"), false);
    check("exe: {contains: /}", &Process::new("x", &[], ""), false);
}

#[test]
fn a_command_line_is_its_arguments_joined_by_one_space() {
    check("cmdline: {exact: a b c}", &running(&["a", "b", "c"]), true);
    check("cmdline: {exact: a b  c}", &running(&["a", "b", "", "c", "", ""]), true);
    check(r#"cmdline: {regex: '^a\x20\xff$'}"#, &Process { cmdline: b"a\0\xff\0\0".to_vec(), ..running(&[]) }, true);
}

#[test]
fn patterns_are_ascii_and_search_whole_texts() {
    check(r"cmdline: {regex: '^a.b$'}", &running(&["a\nb"]), true);
    check(r"cmdline: {regex: '^b'}", &running(&["a\nb"]), false);
    check(r"cmdline: {regex: '\w\b-'}", &running(&["x-y"]), true);
    check(r"cmdline: {regex: '^\w+$'}", &running(&["zoé"]), false);
    check(r"cmdline: {regex: 'zoé'}", &running(&["a zoé"]), true);
    check(r"cmdline: {regex: '(?i)--Server[= ]\S+'}", &running(&["x", "--server", "y"]), true);
}

#[test]
fn a_kernel_threads_name_is_odd_with_a_command_line_or_an_executable() {
    for process in [
        Process::new("bash", &["[kworker/0:1]", "-c"], ""),
        Process { cmdline: vec![0, 0], ..Process::new("kworker/0:1", &[], "/tmp/fk") },
        Process::new("ksoftirqd/3", &["x"], ""),
    ] {
        check("flags: [kernel-thread-name]", &process, true);
    }
    check("flags: [kernel-thread-name]", &Process::new("kworker/0:1", &[], ""), false);
    check("flags: [kernel-thread-name, deleted]", &Process::new("migration/0", &["x"], "/x"), false);
}

#[test]
fn lists_are_spliced() {
    let set = compile(
        "lists:\n  a: [ngrok, {list: b}]\n  b: [chisel]\n\
         rules:\n- {id: r, name: n, severity: low, match: {process: {any_of: [{list: a}, x], ignore_case: true}}}\n",
    );
    for name in ["NGROK", "Chisel", "X"] {
        assert_eq!(ids(&set, &named(name).judged_by(&set)), ["r"], "{name}");
    }
}

#[test]
fn a_hash_is_asked_for_only_if_all_else_holds() {
    let hash = "ab".repeat(32);
    let set =
        compile(&format!("rules:\n- {{id: r, name: n, severity: low, match: {{process: a}}, sha256: ['{hash}']}}\n"));
    let subject = |process| Process { sha256: Some([0xab; 32]), ..process };
    assert_eq!(ids(&set, &subject(named("a")).judged_by(&set)), ["r"]);
    assert_eq!(ids(&set, &Process { sha256: Some([0; 32]), ..named("a") }.judged_by(&set)), [""; 0]);
    let other = named("b");
    let subject = Subject { texts: other.texts(), age: other.age, now: other.now };
    let judgement = set.judge(&mut set.scratch(), &subject, &mut || panic!("nothing else holds"));
    assert_eq!(judgement, Judgement::default());
}

#[test]
fn rules_without_a_hash_never_ask_for_one() {
    let set = matching("flags: [deleted]");
    let process = Process::new("x", &["x"], "/x (deleted)");
    let subject = Subject { texts: process.texts(), age: process.age, now: process.now };
    let judgement = set.judge(&mut set.scratch(), &subject, &mut || panic!("no rule has a hash"));
    assert_eq!(ids(&set, &judgement), ["r"]);
}

#[test]
fn a_rule_of_a_hash_alone_judges_every_executable_and_hashes_it_once() {
    let set = compile(&format!(
        "rules:\n- {{id: r, name: n, severity: low, sha256: ['{0}']}}\n- {{id: s, name: n, severity: low, sha256: ['{0}']}}\n",
        "AB".repeat(32)
    ));
    let process = named("a");
    let subject = Subject { texts: process.texts(), age: process.age, now: process.now };
    let mut asked = 0;
    let judgement = set.judge(&mut set.scratch(), &subject, &mut || {
        asked += 1;
        Some([0xab; 32])
    });
    assert_eq!((ids(&set, &judgement), asked), (vec!["r".to_owned(), "s".to_owned()], 1));
    assert_eq!(judgement.matched.unwrap().regex, format!("sha256:{}", "ab".repeat(32)));
}

#[test]
fn the_primary_rule_responds_then_is_worse_then_comes_first() {
    let rule = |id: &str, severity: &str, action: &str| {
        format!("- {{id: {id}, name: n, severity: {severity}, action: {action}, match: {{process: a}}}}\n")
    };
    let set = compile(&format!(
        "rules:\n{}{}{}{}",
        rule("d", "critical", "report"),
        rule("c", "high", "respond"),
        rule("b", "low", "report"),
        rule("a", "low", "report")
    ));
    assert_eq!(ids(&set, &named("a").judged_by(&set)), ["c", "d", "a", "b"]);
}

#[test]
fn a_young_process_is_judged_again_when_it_is_old_enough() {
    let set = compile("rules:\n- {id: r, name: n, severity: low, min_age: 30s, match: {flags: [memfd]}}\n");
    let process = Process::new("x", &["x"], "/memfd:x (deleted)");
    let judgement = process.clone().aged(Duration::from_secs(20)).judged_by(&set);
    let expected = Judgement {
        too_young: vec![RuleIndex(0)],
        recheck: Some("2026-11-21T04:30:10Z".parse().unwrap()),
        ..Judgement::default()
    };
    assert_eq!(judgement, expected);
    assert_eq!(ids(&set, &process.aged(Duration::from_secs(30)).judged_by(&set)), ["r"]);
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written where it is passed")]
fn check_hit(conditions: &str, process: &Process, expected: Expect) {
    let hit = process.judged_by(&matching(conditions)).matched.unwrap();
    expected.assert_eq(&format!("{} by {}", String::from_utf8_lossy(&hit.process), hit.regex));
}

#[test]
fn a_hit_tells_the_name_and_the_text_by_which_it_holds() {
    let process = Process::new("comm", &["/bin/argv", "-x"], "/bin/exe (deleted)");
    check_hit("process: {any_of: [exe, argv, {prefix: ar}]}", &process, expect!["argv by argv"]);
    check_hit("process: {any_of: [{regex: '^E.e$', ignore_case: true}]}", &process, expect!["exe by ^E.e$"]);
    check_hit("exe: {prefix: /bin}, cmdline: -x", &process, expect!["exe by /bin"]);
    check_hit("cmdline: {any_of: [nothing, -x]}", &process, expect!["exe by -x"]);
    check_hit("flags: [deleted]", &process, expect!["exe by deleted"]);
}

#[test]
fn a_hit_falls_back_from_executable_to_argument_to_comm() {
    check_hit("cmdline: -x", &Process::new("comm", &["/bin/argv", "-x"], ""), expect!["argv by -x"]);
    check_hit("flags: [kernel-thread-name]", &Process::new("[x]", &[""], ""), expect!["[x] by kernel-thread-name"]);
}

#[test]
fn the_text_of_a_clause_is_cut_at_a_character() {
    let text = "é".repeat(200);
    let hit = running(&[&text]).judged_by(&matching(&format!("cmdline: {text}"))).matched.unwrap();
    assert_eq!(hit.regex, "é".repeat(128));
}

#[test]
fn overrides_change_rules_of_other_files_in_order() {
    let text = |file: &str, yaml: &str| RuleText::of_file(file, format!("version: 1\n{yaml}"));
    let set = RuleSet::compile(&[
        text("a.yaml", "overrides: [{rules: ['r*'], enabled: true}, {rules: [r1], severity: high, action: respond}]\n"),
        text(
            "b.yaml",
            "rules:\n- {id: r1, name: n, severity: low, enabled: false, match: {process: a}}\n\
             - {id: r2, name: n, severity: low, min_age: 1h, match: {process: a}}\n",
        ),
        text("c.yaml", "overrides: [{rules: [r1], severity: critical}, {rules: [r2], min_age: 0s}]\n"),
    ])
    .unwrap();
    let rules =
        set.rules().iter().map(|rule| format!("{} {} {} {}", rule.id, rule.enabled, rule.severity, rule.action));
    assert_eq!(rules.collect::<Vec<_>>(), ["r1 true critical respond", "r2 true low report"]);
    assert_eq!(ids(&set, &named("a").aged(Duration::ZERO).judged_by(&set)), ["r1", "r2"]);
}

#[test]
fn a_disabled_rule_is_checked_and_never_matches() {
    let set = compile("rules:\n- {id: r, name: n, severity: low, enabled: false, match: {process: a}}\n");
    assert_eq!(named("a").judged_by(&set), Judgement::default());
    assert!(!set.needs_exe());
}

#[test]
fn the_executable_is_needed_for_names_paths_flags_and_hashes_only() {
    for (conditions, expected) in
        [("process: a", true), ("exe: a", true), ("flags: [memfd]", true), ("cmdline: a", false)]
    {
        assert_eq!(matching(conditions).needs_exe(), expected, "{conditions}");
    }
}

#[test]
fn a_scratch_of_another_set_is_made_anew() {
    let (one, other) = (matching("process: a"), matching("cmdline: {regex: 'a+'}, process: {any_of: [a, b]}"));
    let process = named("a");
    let subject = Subject { texts: process.texts(), age: process.age, now: process.now };
    let mut scratch = one.scratch();
    for set in [&other, &one, &other] {
        assert_eq!(ids(set, &set.judge(&mut scratch, &subject, &mut || None)), ["r"]);
    }
}

#[test]
fn a_rule_belongs_to_its_pack() {
    let file =
        |id: &str| format!("version: 1\nrules: [{{id: {id}, name: n, severity: low, match: {{process: {id}}}}}]\n");
    let texts = [file("mine"), file("legacy-x")].map(|yaml| RuleText::of_file("f", yaml));
    let set = RuleSet::compile(&texts).unwrap();
    assert_eq!(set.rules().iter().map(|rule| rule.pack).collect::<Vec<_>>(), [Pack::Legacy, Pack::Custom]);
}

#[test]
fn the_revision_follows_texts_and_not_names_of_files() {
    let revision = |file: &str, name: &str| {
        let yaml = format!("version: 1\nrules: [{{id: r, name: {name}, severity: low, match: {{process: a}}}}]\n");
        RuleSet::compile(&[RuleText::of_file(file, yaml)]).unwrap().revision().to_owned()
    };
    assert_eq!(revision("a", "n").len(), 16);
    assert_eq!(revision("a", "n"), revision("b", "n"));
    assert_ne!(revision("a", "n"), revision("a", "m"));
}

#[test]
fn the_built_in_rules_are_sound_and_report_only() {
    let set = RuleSet::builtin();
    assert_eq!(told(set.warnings()), "");
    assert_eq!(run_examples(&set), []);
    assert!(set.rules().iter().all(|rule| matches!(rule.pack, Pack::Builtin(_))));
}

#[track_caller]
fn check_builtin(process: &Process, expected: &[&str]) {
    let set = RuleSet::builtin();
    assert_eq!(ids(&set, &process.judged_by(&set)), expected);
}

#[test]
fn the_built_in_rules_judge_the_known_cases() {
    check_builtin(&Process::new("xmrig", &["java", "-jar", "app.jar"], "/tmp/x"), &["miner-name"]);
    let stratum = Process::new("sh", &["./sys", "-o", "stratum+ssl://pool.example:443", "-u", "w"], "/sys");
    check_builtin(&stratum, &["miner-stratum"]);
    check_builtin(&Process::new("grep", &["grep", "-rn", "stratum+tcp", "src"], "/bin/grep"), &[]);
    let nuls = Process { cmdline: vec![0, 0], ..Process::new("kworker/0:1", &[], "/tmp/fk") };
    check_builtin(&nuls, &["fake-kernel-thread"]);
    let hidden = Process::new("bash", &["[kworker/0:1]", "-c", "x"], "/dev/shm/k (deleted)");
    check_builtin(&hidden, &["exe-deleted-tmp", "fake-kernel-thread"]);
    check_builtin(&Process::new("bash", &["-bash"], "/bin/bash"), &[]);
    check_builtin(&Process::new("xmrig", &["./xmrig", "--digits", "make"], "/xmrig"), &["miner-name"]);
}

#[test]
fn an_example_that_is_judged_wrongly_is_told_with_its_rule() {
    let set = compile(
        "rules:\n- {id: r, name: n, severity: low, enabled: false, min_age: 1h, match: {process: frpc, exe: frpc}, \
         examples: {match: [frpc -c x, frps], no_match: [frps, {exe: frpc, argv: [a]}]}}\n",
    );
    let failures: Vec<String> = run_examples(&set).iter().map(ToString::to_string).collect();
    let missed = "r: should match and does not: frps";
    let mistaken = "r: should not match and does: comm frpc argv [\"a\"] exe frpc";
    assert_eq!(failures, [missed, mistaken]);
}
