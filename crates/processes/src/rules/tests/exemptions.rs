//! What exemptions take away.

use super::super::*;
use super::*;

const RULES: &str = "rules:\n\
    - {id: miner, name: n, severity: critical, match: {process: xmrig}}\n\
    - {id: pool, name: n, severity: low, match: {cmdline: --pool}}\n\
    - {id: young, name: n, severity: low, min_age: 1h, match: {cmdline: --pool}}\n";

fn exempting(exemptions: &[&str]) -> RuleSet {
    let items: Vec<String> = exemptions.iter().map(|exemption| format!("- {{reason: ok, {exemption}}}\n")).collect();
    compile(&format!("{RULES}exemptions:\n{}", items.concat()))
}

fn miner() -> Process {
    Process::new("xmrig", &["./xmrig", "--pool"], "/opt/xmrig").aged(Duration::from_mins(30))
}

/// What is told of the miner: rules, exemption that covers them, reasons to wait for the pod.
#[track_caller]
fn check(exemptions: &[&str], process: &Process, rules: &[&str], exempt: Option<u32>, waiting: usize) {
    let set = exempting(exemptions);
    let judgement = process.judged_by(&set);
    assert_eq!(ids(&set, &judgement), rules);
    assert_eq!(judgement.exempt, exempt.map(ExemptionIndex));
    assert_eq!(judgement.matched.map_or(0, |hit| hit.exempt_if.len()), waiting);
}

#[test]
fn an_exemption_removes_the_rules_it_names() {
    let exemption = "rules: [miner], match: {exe: /opt/xmrig}";
    check(&[exemption], &miner(), &["pool"], None, 0);
}

#[test]
fn a_process_is_exempt_when_no_rule_is_left() {
    let of_pool = "rules: [pool], match: {process: xmrig}";
    check(&[of_pool, "rules: ['mi*'], match: {exe: /opt/xmrig}"], &miner(), &["miner", "pool"], Some(0), 0);
}

#[test]
fn one_other_name_is_enough_not_to_be_exempt() {
    let named = |argv0: &str, exe: &str| Process::new("xmrig", &[argv0, "-x"], exe);
    let exemption = "rules: [miner], match: {process: xmrig}";
    check(&[exemption], &named("xmrig", "/opt/xmrig"), &["miner"], Some(0), 0);
    check(&[exemption], &named("java", "/opt/xmrig"), &["miner"], None, 0);
    check(&[exemption], &named("xmrig", "/opt/java"), &["miner"], None, 0);
    check(&[exemption], &named("xmrig", ""), &["miner"], Some(0), 0);
    check(&[exemption], &named("/x/", ""), &["miner"], None, 0);
}

#[test]
fn names_may_be_exempted_by_different_texts() {
    let exemption = "rules: [miner], match: {process: {any_of: [xmrig, {prefix: ja}]}}";
    check(&[exemption], &Process::new("xmrig", &["java"], "/opt/java"), &["miner"], Some(0), 0);
}

#[test]
fn an_exemption_for_pods_waits_for_the_pod() {
    check(&["namespaces: [ns-a]"], &miner(), &["miner", "pool"], None, 1);
    check(&["namespaces: [ns-a], match: {exe: /opt/other}"], &miner(), &["miner", "pool"], None, 0);
    check(&["namespaces: [ns-a], rules: [miner]"], &miner(), &["miner", "pool"], None, 0);
}

#[test]
fn an_exemption_for_pods_needs_to_cover_only_what_others_left() {
    let exemptions = ["rules: [miner], match: {exe: /opt/xmrig}", "namespaces: [ns-a], rules: [pool]"];
    check(&exemptions, &miner(), &["pool"], None, 1);
}

#[test]
fn at_most_eight_scopes_wait() {
    check(&["namespaces: [ns-a]"; 9], &miner(), &["miner", "pool"], None, 8);
}

#[test]
fn a_scope_tells_all_that_is_asked_of_the_pod() {
    let set = exempting(&["namespaces: ['ci-*'], namespace_labels: {team: a}, pod_labels: {role: b}, \
         images: [r.example/x], until: 2027-01-31T00:00:00Z"]);
    let hit = miner().judged_by(&set).matched.unwrap();
    let labels = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let expected = api::violation::ExemptScope {
        namespaces: vec!["ci-*".to_owned()],
        namespace_labels: labels("team", "a"),
        pod_labels: labels("role", "b"),
        images: vec!["r.example/x".to_owned()],
        until: Some("2027-01-31T00:00:00Z".parse::<Timestamp>().unwrap().into()),
        reason: "ok".to_owned(),
    };
    assert_eq!(hit.exempt_if, [expected]);
}

#[test]
fn an_exemption_that_has_ended_exempts_nothing() {
    let exemption = "rules: [miner, pool], match: {process: xmrig}, until: 2026-12-01T00:00:00Z";
    check(&[exemption], &miner(), &["miner", "pool"], Some(0), 0);
    check(&[exemption], &miner().at("2026-12-01T00:00:00Z"), &["miner", "pool"], None, 0);
    let set = exempting(&[exemption]);
    assert!(!set.exemptions()[0].is_expired("2026-11-30T23:59:59Z".parse().unwrap()));
    assert!(set.exemptions()[0].is_expired("2026-12-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_process_is_judged_again_when_an_exemption_of_it_ends() {
    let set = exempting(&["namespaces: [a], until: 2026-11-21T04:40:00Z"]);
    assert_eq!(miner().judged_by(&set).recheck, Some("2026-11-21T04:40:00Z".parse().unwrap()));
    let set = exempting(&["rules: [miner, pool], match: {process: xmrig}, until: 2026-11-21T05:00:00Z"]);
    assert_eq!(miner().judged_by(&set).recheck, Some("2026-11-21T05:00:00Z".parse().unwrap()));
}

#[test]
fn an_exempted_rule_is_not_too_young() {
    let set = exempting(&["rules: [young], match: {process: xmrig}"]);
    let judgement = miner().judged_by(&set);
    assert_eq!((judgement.too_young, judgement.recheck, judgement.exempt), (vec![], None, None));
    assert_eq!(miner().judged_by(&compile(RULES)).too_young, [RuleIndex(2)]);
}
