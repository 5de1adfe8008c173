//! How large a set may be.

use expect_test::expect;

use super::*;

#[test]
fn patterns_that_take_too_much_memory_are_refused_with_the_worst_rule() {
    let rule = "{id: big, name: n, severity: low, match: {cmdline: {regex: '((a{999}){999}){99}'}}}";
    let small = "{id: small, name: n, severity: low, match: {cmdline: {regex: 'a+'}}}";
    check_faults(
        &format!("version: 1\nrules: [{small}, {rule}]\n"),
        expect![[r#"
        a.yaml:1:1: the regexes of the set compile to more than 64 MiB, those of the rule `big` to the most
    "#]],
    );
}

#[test]
fn lists_do_not_grow_beyond_bounds() {
    let doubled =
        (1..40).map(|n| format!("  l{n}: [{{list: l{0}}}, {{list: l{0}}}]\n", n - 1)).collect::<Vec<_>>().concat();
    check_faults(
        &format!("version: 1\nlists:\n  l0: [a]\n{doubled}"),
        expect![[r#"
        a.yaml:16:8: lists.l13: comes to more than 20000 items with the lists in it
    "#]],
    );
}

#[test]
fn the_texts_of_a_set_are_bounded() {
    let list = (0..9_999).map(|n| format!("text-{n}")).collect::<Vec<_>>().join(", ");
    let rules = (0..100)
        .map(|n| format!("- {{id: r{n}, name: n, severity: low, match: {{cmdline: {{any_of: [{{list: a}}]}}}}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let faults =
        RuleSet::compile(&[RuleText::of_file("a.yaml", format!("version: 1\nlists:\n  a: [{list}]\nrules:\n{rules}"))]);
    expect!["a.yaml:72:54: rules[67].match.cmdline: brings the texts of the set, lists spliced, to more than 16 MiB"]
        .assert_eq(&faults.unwrap_err()[0].to_string());
}

#[test]
fn versions_anchors_and_depth_are_bounded() {
    check_faults(
        "version: 2\n",
        expect![[r#"
        a.yaml:1:10: version: 2 is out of range (accepted: exactly 1)
    "#]],
    );
    check_faults(
        "rules: []\n",
        expect![[r#"
        a.yaml:1:1: version: key version is missing
    "#]],
    );
    check_faults(
        "version: 1\nlists: {a: &x [b], c: *x}\n",
        expect![[r#"
        a.yaml:2:12: lists.a: an anchor is not accepted; write the value out where it is used
        a.yaml:2:23: lists.c: an alias is not accepted; write the value out
    "#]],
    );
    check_faults(
        &format!("version: 1\nlists: {}{}\n", "[".repeat(40), "]".repeat(40)),
        expect![[r#"
        a.yaml:2:39: lists[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: values lie too deep in each other (accepted: up to 32 levels)
    "#]],
    );
}

#[test]
fn a_set_has_at_most_10_000_rules_and_1_000_exemptions() {
    let rules = (0..10_001)
        .map(|n| format!("- {{id: r{n}, name: n, severity: low, match: {{exe: a}}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let exemptions = "- {reason: x, namespaces: [a]}\n".repeat(1_001);
    check_faults(
        &format!("version: 1\nrules:\n{rules}exemptions:\n{exemptions}"),
        expect![[r#"
        a.yaml:10003:3: rules[10000]: is one more than a set may have (10000 rules)
        a.yaml:11005:3: exemptions[1000]: is one more than a set may have (1000 exemptions)
    "#]],
    );
}
