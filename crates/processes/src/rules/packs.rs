//! The built-in packs, judged: what they find, and what they must leave alone.

use std::time::Duration;

use expect_test::{Expect, expect};
use jiff::Timestamp;

use super::{BuiltinPack, Pack, RuleSet, Subject, run_examples};
use crate::process::Texts;

/// Ids of the rules that hold for a process that is old enough.
fn rules_of(set: &RuleSet, texts: Texts<'_>) -> Vec<String> {
    let subject = Subject { texts, age: Duration::from_hours(1), now: Timestamp::UNIX_EPOCH };
    let judged = set.judge(&mut set.scratch(), &subject, &mut || None);
    judged.matched.into_iter().flat_map(|hit| hit.rules).map(|rule| set.rule(rule).id.clone()).collect()
}

/// The same for a command line; its first word is the executable too.
fn rules_of_line(set: &RuleSet, line: &str) -> Vec<String> {
    let program = line.split(' ').next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default().as_bytes();
    let cmdline = line.replace(' ', "\0");
    let exe = Some(program.as_bytes());
    rules_of(set, Texts { comm: &name[..name.len().min(15)], cmdline: cmdline.as_bytes(), exe })
}

#[track_caller]
fn check(comm: &str, argv: &[&str], exe: Option<&str>, expected: &[&str]) {
    let cmdline = argv.join("\0") + "\0";
    let texts = Texts { comm: comm.as_bytes(), cmdline: cmdline.as_bytes(), exe: exe.map(str::as_bytes) };
    assert_eq!(rules_of(&RuleSet::builtin(), texts), expected);
}

/// The rules of a pack, one line each.
#[track_caller]
fn check_pack(pack: BuiltinPack, expected: &Expect) {
    let set = RuleSet::builtin();
    let rules = set.rules().iter().filter(|rule| rule.pack == Pack::Builtin(pack));
    let lines: Vec<_> = rules
        .map(|rule| {
            let enabled = if rule.enabled { "" } else { " disabled" };
            let age = if rule.min_age.is_zero() { String::new() } else { format!(" from {:?}", rule.min_age) };
            format!("{} {} {}{enabled}{age}", rule.id, rule.severity, rule.action)
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn every_example_is_judged_as_it_says() {
    assert_eq!(run_examples(&RuleSet::builtin()), []);
}

#[test]
fn the_packs_compile_without_a_warning() {
    assert_eq!(RuleSet::builtin().warnings(), []);
}

#[test]
fn ordinary_command_lines_are_clean() {
    let set = RuleSet::builtin();
    let judged = include_str!("ordinary.txt").lines().map(|line| (line, rules_of_line(&set, line)));
    assert_eq!(judged.filter(|(_, rules)| !rules.is_empty()).collect::<Vec<_>>(), []);
}

#[test]
fn a_suspicious_word_alone_is_nothing() {
    let set = RuleSet::builtin();
    for word in
        ["wallet", "scrypt", "password", "shadow", "pool.", "monero", "ethash", "miner", "stratum+tcp", "/etc/shadow"]
    {
        for line in
            [format!("app {word}"), format!("app --{word} x"), format!("app --name={word} --url https://a.example")]
        {
            assert_eq!(rules_of_line(&set, &line), [""; 0], "{line}");
        }
    }
}

#[test]
fn every_rule_says_what_it_finds_and_where_that_is_known_from() {
    for rule in RuleSet::builtin().rules() {
        let techniques =
            rule.references.iter().filter(|reference| reference.starts_with("https://attack.mitre.org/")).count();
        assert!(!rule.description.is_empty() && !rule.tags.is_empty() && techniques > 0, "{}", rule.id);
    }
}

#[test]
fn the_miners_are_these() {
    check_pack(
        BuiltinPack::Miners,
        &expect![[r#"
            miner-flags high report
            miner-name critical report
            miner-name-generic medium report
            miner-pool high report
            miner-pool-port medium report
            miner-stratum critical report"#]],
    );
}

#[test]
fn the_reverse_shells_are_these() {
    check_pack(
        BuiltinPack::ReverseShells,
        &expect![[r#"
            shell-dev-tcp high report
            shell-mkfifo-netcat high report
            shell-netcat-exec high report
            shell-perl-socket high report
            shell-php-socket high report
            shell-python-socket high report
            shell-ruby-socket high report
            shell-socat-exec high report
            shell-telnet-pipe high report"#]],
    );
}

#[test]
fn the_attack_tools_are_these() {
    check_pack(
        BuiltinPack::AttackTools,
        &expect![[r#"
            attack-tool-name high report
            scanner-name medium report"#]],
    );
}

#[test]
fn the_hidden_executables_are_these() {
    check_pack(
        BuiltinPack::HiddenExecutables,
        &expect![[r#"
            exe-deleted low report disabled
            exe-deleted-tmp high report
            exe-memfd high report from 30s
            fake-kernel-thread high report"#]],
    );
}

#[test]
fn a_miner_that_calls_itself_java_is_known_by_comm() {
    check("xmrig", &["java", "-jar", "app.jar"], Some("/tmp/x"), &["miner-name"]);
}

#[test]
fn a_renamed_miner_is_known_by_the_protocol() {
    check("sh", &["./sys", "-o", "stratum+ssl://pool.example:443", "-u", "w"], Some("/sys"), &["miner-stratum"]);
}

#[test]
fn searching_source_code_for_the_protocol_is_clean() {
    check("grep", &["grep", "-rn", "stratum+tcp", "src"], Some("/bin/grep"), &[]);
}

#[test]
fn a_program_with_a_kernel_threads_comm_and_no_arguments_is_no_kernel_thread() {
    check("kworker/0:1", &["", ""], Some("/tmp/fk"), &["fake-kernel-thread"]);
}

#[test]
fn a_deleted_program_that_calls_itself_a_kernel_thread_is_both() {
    let exe = Some("/dev/shm/k (deleted)");
    check("bash", &["[kworker/0:1]", "-c", "x"], exe, &["exe-deleted-tmp", "fake-kernel-thread"]);
}

#[test]
fn a_login_shell_is_clean() {
    check("bash", &["-bash"], Some("/bin/bash"), &[]);
}
