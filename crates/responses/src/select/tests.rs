//! Every reason, in its order.

use super::*;
use crate::fixture::{DEAF, Like, at, book, fingerprint, record, settings};

use Reason::{
    BelowSeverity, Disabled, Host, ProtectedNamespace, RuleDoesNotAsk, Silenced, Stale, Unconfirmed, Unresolved,
};

/// What each response says of a finding: `None` if it acts.
fn reasons(settings: &Settings, in_force: &InForce, record: &Record) -> [Option<Reason>; 3] {
    let protected = Protected::new(&["billing".to_owned()], "keelwatch");
    let judge = Judge { settings, protected: &protected, now: at(60), in_force };
    let selection = Selection::of(&book(std::slice::from_ref(record)), judge, None);
    let skipped = |response| selection.skipped.iter().find(|skip| skip.response == response).map(|skip| skip.reason);
    Response::ALL.map(|response| {
        let picks = selection.of_response(response).count();
        let reason = skipped(response);
        assert_eq!(picks, usize::from(reason.is_none()), "{response} either acts or says why not");
        reason
    })
}

#[expect(clippy::needless_pass_by_value, reason = "so that a call reads as a finding and its reasons")]
#[track_caller]
fn check(record: Record, expected: [Option<Reason>; 3]) {
    assert_eq!(reasons(&settings(), &InForce::default(), &record), expected);
}

#[test]
fn a_confirmed_finding_whose_rule_asks_is_acted_on_by_all() {
    check(record(1), [None; 3]);
}

#[test]
fn the_first_reason_that_holds_is_told() {
    let all = |reason| [Some(reason); 3];
    let two = |reason| [Some(reason), None, Some(reason)];
    // Each line breaks one more condition than the one before, from the last to the first.
    let mut worse = record(1).scope(DEAF);
    check(worse.clone(), two(Stale));
    worse = worse.looks(&[(2, 60)]);
    check(worse.clone(), two(Unconfirmed));
    worse = worse.reports();
    check(worse.clone(), two(RuleDoesNotAsk));
    worse = worse.in_namespace("kube-system");
    check(worse.clone(), all(ProtectedNamespace));
    worse = worse.attribution("unresolved");
    check(worse.clone(), all(Unresolved));
    worse = worse.severity(Severity::Low);
    check(worse.clone(), all(BelowSeverity));
    worse = worse.silenced();
    check(worse.clone(), all(Silenced));
    let off = reasons(&Settings::default(), &InForce::default(), &worse);
    assert_eq!(off, all(Disabled));
}

#[test]
fn a_process_of_the_host_is_nobodys() {
    check(record(1).attribution("host"), [Some(Host); 3]);
    check(record(1).attribution(""), [Some(Unresolved); 3]);
}

#[test]
fn medium_is_told_and_nothing_more() {
    check(record(1).severity(Severity::Medium), [Some(BelowSeverity), None, Some(BelowSeverity)]);
}

#[test]
fn namespaces_of_the_settings_and_the_built_in_ones_are_protected() {
    for namespace in ["billing", "kube-system", "kube-public", "kube-node-lease", "keelwatch"] {
        let critical = record(1).severity(Severity::Critical).in_namespace(namespace);
        check(critical, [Some(ProtectedNamespace); 3]);
    }
}

/// Whether the first finding is confirmed beside others.
fn is_confirmed(others: &[Record], now: i64) -> bool {
    let protected = Protected::new(&[], "keelwatch");
    let (settings, in_force) = (settings(), InForce::default());
    let judge = Judge { settings: &settings, protected: &protected, now: at(now), in_force: &in_force };
    let first = record(1).looks(&[(9, now)]);
    let records = [&[first], others].concat();
    let selection = Selection::of(&book(&records), judge, None);
    selection.of_response(Response::WasmPlugin).any(|pick| pick.fingerprint == fingerprint(1))
}

#[test]
fn another_process_of_the_same_rule_and_app_confirms_open_or_resolved() {
    let before = || record(2).looks(&[(8, 60)]);
    assert!(!is_confirmed(&[], 120));
    assert!(is_confirmed(&[before()], 120));
    assert!(is_confirmed(&[before().resolved(70)], 120));
    for other in
        [before().rule("shell"), before().app("web"), before().in_namespace("ns-b"), before().looks(&[(9, 60)])]
    {
        assert!(!is_confirmed(&[other], 120));
    }
}

#[test]
fn a_look_of_more_than_an_hour_ago_does_not_confirm() {
    let before = || record(2).looks(&[(8, 60)]);
    assert!(is_confirmed(&[before()], 3660));
    assert!(!is_confirmed(&[before()], 3661));
}

#[test]
fn what_is_in_force_needs_no_second_confirmation_and_outlives_a_node_that_is_silent() {
    let in_force = InForce {
        apps: BTreeSet::from([("ns-shop".to_owned(), AppKey { kind: "app".to_owned(), name: "cart".to_owned() })]),
        namespaces: BTreeSet::from(["ns-shop".to_owned()]),
    };
    let unconfirmed = record(1).looks(&[]).scope(DEAF);
    assert_eq!(reasons(&settings(), &in_force, &unconfirmed), [None; 3]);
}

#[test]
fn a_finding_of_another_source_is_none_of_these_responses_business() {
    let mut other = record(1);
    other.source = Source::Workload;
    let protected = Protected::new(&[], "keelwatch");
    let (settings, in_force) = (settings(), InForce::default());
    let judge = Judge { settings: &settings, protected: &protected, now: at(60), in_force: &in_force };
    assert_eq!(Selection::of(&book(&[other]), judge, None), Selection::default());
}
