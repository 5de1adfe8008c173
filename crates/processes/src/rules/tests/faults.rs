//! What is refused, and how it is told.

use expect_test::{Expect, expect};

use super::super::*;
use super::*;

#[track_caller]
fn check_rule(rule: &str, expected: Expect) {
    check_faults(&format!("version: 1\nrules:\n- {{{rule}}}\n"), expected);
}

#[track_caller]
fn check_exemption(exemption: &str, expected: Expect) {
    let rule = "{id: miner, name: n, severity: low, match: {process: a}}";
    check_faults(&format!("version: 1\nrules: [{rule}]\nexemptions:\n- {{{exemption}}}\n"), expected);
}

#[test]
fn every_fault_of_every_file_is_told_at_once() {
    let first = "version: 1\nrules:\n\
        - {id: a, name: n, severity: low, match: {cmdline: {regexp: x}}}\n\
        - {id: b, name: n, severity: low, match: {cmdline: {regex: '('}}}\n\
        - {id: c, name: n, severity: low, action: respond, match: {process: a}}\n\
        - {id: d, name: n, severity: low, match: {}}\n\
        - {id: c, name: n, severity: low, match: {process: a}}\n\
        exemptions:\n- {reason: x, pod_names: [a]}\n";
    let second = "version: 1\nrules:\n- {id: b, name: n, severity: low, match: {process: a}}\n";
    let texts = [RuleText::of_file("a.yaml", first), RuleText::of_file("b.yaml", second)];
    expect![[r#"
        a.yaml:3:52: rules[0].match.cmdline: a key is missing (accepted: one of exact, contains, prefix, regex, any_of, list)
        a.yaml:3:53: rules[0].match.cmdline.regexp: unknown key regexp, did you mean regex
        a.yaml:4:60: rules[1].match.cmdline.regex: unclosed group
        a.yaml:5:43: rules[2].action: `c` responds at severity low (respond needs high or critical)
        a.yaml:6:42: rules[3].match: a key is missing (accepted: at least one of process, exe, cmdline, flags)
        a.yaml:7:8: rules[4].id: `c` is rules[2] of a.yaml already
        a.yaml:9:15: exemptions[0].pod_names: unknown key pod_names, did you mean pod_labels
        b.yaml:3:8: rules[0].id: `b` is rules[1] of a.yaml already
    "#]].assert_eq(&told(&RuleSet::compile(&texts).unwrap_err()));
}

#[test]
fn a_name_is_one_line() {
    check_rule(
        r#"id: r, name: "a\nb", severity: low, match: {process: a}"#,
        expect![[r#"
        a.yaml:3:17: rules[0].name: has a line break or another control character (accepted: one line of text)
    "#]],
    );
}

#[test]
fn a_part_that_is_not_understood_hides_nothing_and_is_blamed_for_nothing() {
    let exemption = "exemptions: [{reason: x, rules: [r], match: {exe: ''}}]";
    check_faults(
        &format!("version: 1\nrulez: [{{id: r, name: n, severity: low, match: {{exe: a}}}}]\n{exemption}\n"),
        expect![[r#"
        a.yaml:2:1: rulez: unknown key rulez, did you mean rules
        a.yaml:3:51: exemptions[0].match.exe: has 0 bytes (accepted: 1 to 4096)
    "#]],
    );
    check_faults(
        &format!(
            "version: 1\nlists: {{a: [1]}}\nrules: [{{id: r, name: n, severity: bad, match: {{exe: {{any_of: [{{list: a}}]}}}}}}]\n{exemption}\n"
        ),
        expect![[r#"
        a.yaml:2:13: lists.a[0]: expected text or a mapping, found 1
        a.yaml:3:36: rules[0].severity: bad is not accepted (accepted: low, medium, high, critical)
        a.yaml:4:51: exemptions[0].match.exe: has 0 bytes (accepted: 1 to 4096)
    "#]],
    );
    check_faults(
        "version: 1\nrules: 5\nexemptions: [{reason: x, namespaces: ['*']}]\n",
        expect![[r#"
            a.yaml:2:8: rules: expected a list, found 5
            a.yaml:3:39: exemptions[0].namespaces[0]: `*` is every namespace (accepted: a name, or one trailing * behind some of it)
        "#]],
    );
}

#[test]
fn words_have_their_form() {
    check_rule(
        "id: A_b, name: '', severity: low, match: {process: a}, tags: [B]",
        expect![[r#"
        a.yaml:3:8: rules[0].id: `A_b` is no id (accepted: [a-z0-9][a-z0-9-]*, up to 63 bytes)
        a.yaml:3:19: rules[0].name: has 0 bytes (accepted: 1 to 120)
        a.yaml:3:66: rules[0].tags[0]: `B` is no tag (accepted: [a-z0-9._-], 1 to 64 bytes)
    "#]],
    );
}

#[test]
fn a_rule_asks_for_something() {
    check_rule(
        "id: r, name: n, severity: low",
        expect![[r#"
        a.yaml:3:3: rules[0]: has neither match nor sha256, so it would match nothing
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {process: {any_of: []}}",
        expect![[r#"
        a.yaml:3:61: rules[0].match.process.any_of: has 0 items (accepted: 1 to 10000)
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {process: ''}",
        expect![[r#"
        a.yaml:3:52: rules[0].match.process: has 0 bytes (accepted: 1 to 4096)
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {flags: []}",
        expect![[r#"
        a.yaml:3:50: rules[0].match.flags: has 0 items (accepted: 1 to 3)
    "#]],
    );
}

#[test]
fn a_clause_says_one_thing() {
    check_rule(
        "id: r, name: n, severity: low, match: {exe: {exact: a, prefix: b}}",
        expect![[r#"
        a.yaml:3:48: rules[0].match.exe: exact and prefix are given together (accepted: one of exact, contains, prefix, regex, any_of, list)
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {exe: {ignore_case: true}}",
        expect![[r#"
        a.yaml:3:48: rules[0].match.exe: a key is missing (accepted: one of exact, contains, prefix, regex, any_of, list)
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {exe: {list: a}}",
        expect![[r#"
        a.yaml:3:48: rules[0].match.exe: list stands in any_of only: any_of: [{list: a}]
    "#]],
    );
}

#[test]
fn patterns_are_checked() {
    let rule = |pattern: &str| format!("id: r, name: n, severity: low, match: {{cmdline: {{regex: '{pattern}'}}}}");
    check_rule(
        &rule("a**)"),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: unopened group
    "#]],
    );
    check_rule(
        &rule("(a|)*"),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: matches the empty text, so it would match every process
    "#]],
    );
    check_rule(
        &rule("^"),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: matches the empty text, so it would match every process
    "#]],
    );
    check_rule(
        &rule(r"(?u)a\b"),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: asks for Unicode by (?u) (accepted: ASCII classes and word boundaries only)
    "#]],
    );
    check_rule(
        &rule(r"\pL"),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: Unicode not allowed here
    "#]],
    );
    check_rule(
        &rule(&"a".repeat(1025)),
        expect![[r#"
        a.yaml:3:60: rules[0].match.cmdline.regex: has 1025 bytes (accepted: 1 to 1024)
    "#]],
    );
}

#[test]
fn hashes_have_64_digits() {
    check_rule(
        "id: r, name: n, severity: low, sha256: [abc]",
        expect![[r#"
        a.yaml:3:44: rules[0].sha256[0]: is no SHA-256 (accepted: 64 hex digits)
    "#]],
    );
}

#[test]
fn lists_are_known_and_do_not_contain_themselves() {
    check_faults(
        "version: 1\nlists: {a: [{list: b}], b: [{list: c}, x], c: [{list: b}], d: [{list: e}], E: [''], f: []}\n",
        expect![[r#"
        a.yaml:2:28: lists.b: splices itself: b → c → b
        a.yaml:2:71: lists.d[0].list: no list is called `e`, did you mean E
        a.yaml:2:79: lists.E: `E` is no name of a list (accepted: [a-z0-9_], 1 to 64 bytes)
        a.yaml:2:80: lists.E[0]: is empty
        a.yaml:2:88: lists.f: has no items
    "#]],
    );
    check_rule(
        "id: r, name: n, severity: low, match: {exe: {any_of: [{list: a}]}}",
        expect![[r#"
        a.yaml:3:65: rules[0].match.exe.any_of[0].list: no list is called `a`
    "#]],
    );
}

#[test]
fn overrides_name_rules_that_exist_and_change_something() {
    let rule = "{id: miner-name, name: n, severity: low, match: {process: a}}";
    check_faults(
        &format!(
            "version: 1\nrules: [{rule}]\noverrides:\n- {{rules: [miner-nam], enabled: true}}\n- {{rules: ['m*r*'], \
             enabled: true}}\n- {{rules: [miner-name]}}\n- {{rules: [miner-name], action: respond}}\n\
             - {{rules: [miner-name], min_age: 2h}}\n"
        ),
        expect![[r#"
            a.yaml:4:12: overrides[0].rules[0]: no rule has the id `miner-nam`, did you mean miner-name
            a.yaml:5:12: overrides[1].rules[0]: `m*r*` has a * before its end (accepted: an id, or one trailing *)
            a.yaml:6:3: overrides[2]: a key is missing (accepted: at least one of enabled, severity, action, min_age)
            a.yaml:7:33: overrides[3].action: `miner-name` responds at severity low (respond needs high or critical)
            a.yaml:8:34: overrides[4].min_age: 2h is out of range (accepted: 0s to 1h)
        "#]],
    );
}

#[test]
fn exemptions_are_narrow() {
    check_exemption(
        "reason: x, rules: [miner]",
        expect![[r#"
        a.yaml:4:3: exemptions[0]: covers too much: give namespaces, namespace_labels or images, or else both rules and match
    "#]],
    );
    check_exemption(
        "reason: x, match: {process: a}",
        expect![[r#"
        a.yaml:4:3: exemptions[0]: covers too much: give namespaces, namespace_labels or images, or else both rules and match
    "#]],
    );
    check_exemption(
        "reason: x, pod_labels: {a: b}, images: [x]",
        expect![[r#"
        a.yaml:4:27: exemptions[0].pod_labels: tenants choose the labels of pods: give namespaces or namespace_labels too
    "#]],
    );
    check_exemption(
        "reason: '', namespaces: ['*', 'a*b', A]",
        expect![[r#"
        a.yaml:4:12: exemptions[0].reason: has 0 bytes (accepted: 1 to 500)
        a.yaml:4:29: exemptions[0].namespaces[0]: `*` is every namespace (accepted: a name, or one trailing * behind some of it)
        a.yaml:4:34: exemptions[0].namespaces[1]: `a*b` is no namespace (accepted: [a-z0-9-], up to 63 bytes, one trailing *)
        a.yaml:4:41: exemptions[0].namespaces[2]: `A` is no namespace (accepted: [a-z0-9-], up to 63 bytes, one trailing *)
    "#]],
    );
    check_exemption(
        "reason: x, namespace_labels: {}",
        expect![[r#"
        a.yaml:4:33: exemptions[0].namespace_labels: names no label, so it would hold for all
    "#]],
    );
    check_exemption(
        "reason: x, images: ['*', 'a:1', 'r.example:5000/a', 'a@sha256:00']",
        expect![[r#"
        a.yaml:4:24: exemptions[0].images[0]: `*` is every image (accepted: a name, or one trailing * behind some of it)
        a.yaml:4:29: exemptions[0].images[1]: `a:1` has a tag, which anybody may move (accepted: a name without tag, or name@sha256:…)
    "#]],
    );
    check_exemption(
        "reason: x, rules: [minor, '*'], match: {process: a}",
        expect![[r#"
        a.yaml:4:23: exemptions[0].rules[0]: no rule has the id `minor`, did you mean miner
        a.yaml:4:30: exemptions[0].rules[1]: a bare * names every rule (accepted: an id, or one trailing *)
    "#]],
    );
}

#[test]
fn a_built_in_rule_has_references_and_only_reports() {
    let text = RuleText {
        pack: Pack::Builtin(BuiltinPack::Miners),
        ..RuleText::of_file(
            "p",
            "version: 1\nrules:\n- {id: r, name: n, severity: high, action: respond, match: {exe: a}}\n",
        )
    };
    expect![[r#"
        p:3:3: rules[0]: has no references, which a built-in rule must have
        p:3:44: rules[0].action: a built-in rule only ever reports
    "#]]
    .assert_eq(&told(&RuleSet::compile(&[text]).unwrap_err()));
}

#[test]
fn a_path_as_a_name_and_a_name_as_a_path_are_warned_of() {
    let set = compile(
        "rules:\n- {id: r, name: n, severity: low, match: {process: /usr/bin/nc}}\n\
         - {id: s, name: n, severity: low, match: {exe: {any_of: [nc, /bin/nc, 'memfd:x', {contains: nc}]}}}\n\
         - {id: t, name: n, severity: low, match: {process: {any_of: [kworker/0, {contains: /}]}, exe: {prefix: memfd}}}\n",
    );
    expect![[r#"
        a.yaml:3:52: rules[0].match.process: `/usr/bin/nc` is a path, and names have none: paths are matched by exe
        a.yaml:4:58: rules[1].match.exe.any_of[0]: `nc` is no absolute path, so no executable has it: names are matched by process
    "#]].assert_eq(&told(set.warnings()));
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let set = compile(
        "rules:\n- {id: r, name: n, severity: high, action: respond, match: {cmdline: a}}\n\
         - {id: s, name: n, severity: low, match: {process: {any_of: [a, nc -l, {regex: '^nc.* -l'}]}}}\n\
         overrides: [{rules: ['x*'], enabled: true}]\n",
    );
    expect![[r#"
        a.yaml:3:44: rules[0].action: `r` responds to a command line alone, which anybody can imitate
        a.yaml:4:65: rules[1].match.process.any_of[1]: `nc -l` has a space, and names hardly ever do: arguments are matched by cmdline
        a.yaml:4:80: rules[1].match.process.any_of[2].regex: `^nc.* -l` has a space, and names hardly ever do: arguments are matched by cmdline
        a.yaml:5:22: overrides[0].rules[0]: `x*` names no rule of the set
    "#]].assert_eq(&told(set.warnings()));
}

#[test]
fn files_that_cannot_be_read_are_told_with_the_faults_of_the_others() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "version: 1\noverrides: [{rules: [unknown], enabled: 1}]\n").unwrap();
    let sources = [Source::File("/nonexistent/rules.yaml".into()), Source::File(file.path().to_owned())];
    let faults = RuleSet::load(&sources).unwrap_err();
    let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(told, ["cannot be opened: No such file or directory (os error 2)", "expected true or false, found 1"]);
}

#[test]
fn a_pack_that_is_named_twice_counts_once() {
    let sources = [Source::Builtin, Source::BuiltinPack(BuiltinPack::Miners)];
    assert_eq!(RuleSet::load(&sources).unwrap().rules(), RuleSet::builtin().rules());
}
