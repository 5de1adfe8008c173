//! Records whose pod is known at once, late, or never, and exemptions that waited for it.

use std::time::Duration;

use api::Violation;
use api::violation::{Attribution, AttributionReason};
use pods::PodFacts;
use pods::facts::RuntimeId;
use serde_json::json;

use super::*;
use crate::fixture::{self, Index, NODE, at, cart};
use crate::record::fingerprint;
use crate::store::Limits;

fn store(index: &Arc<Index>) -> Store {
    let mut store = Store::new(NODE.to_owned(), Limits { retain: Duration::from_mins(1), max_records: 5 });
    store.ask_of(Arc::clone(index) as Arc<dyn PodIndex>);
    store
}

/// The miner of the contract in the container `web` of `cart-0`.
fn miner() -> Arc<Match> {
    Arc::new(fixture::in_pod())
}

/// The same, exempt if these keys hold for its pod.
fn miner_in_scope(keys: serde_json::Value) -> Arc<Match> {
    Arc::new(Match { exempt_if: vec![fixture::scope(keys)], ..fixture::in_pod() })
}

fn id() -> Fingerprint {
    fingerprint(&miner(), NODE)
}

fn only(store: &Store) -> &Violation {
    assert_eq!(store.violations().count(), 1);
    store.violations().next().unwrap()
}

/// Namespace, pod, container, app, and why not if they are not known; how it was resolved.
fn told(store: &Store) -> String {
    let Violation { namespace, pod, container, name, attribution_reason, resolved_reason, .. } = only(store);
    let resolved = resolved_reason.map_or("open", ResolvedReason::as_str);
    match attribution_reason {
        AttributionReason::None => format!("{namespace}/{pod} {container} {name}, {resolved}"),
        reason => format!("{}, {resolved}", reason.as_str()),
    }
}

const RESOLVED: &str = "ns-shop/cart-0 web cart, open";

#[test]
fn a_pod_that_is_known_is_told_when_the_record_opens() {
    let mut store = store(&Index::of([cart()]));
    assert_eq!(store.pass(&[miner()], &[], at(1)), [Turn::Opened(id())]);
    assert_eq!(told(&store), RESOLVED);
}

#[test]
fn a_late_pod_resolves_the_record_at_the_next_pass_and_keeps_its_fingerprint() {
    let index = Index::of([]);
    let (mut store, miner) = (store(&index), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    assert_eq!(told(&store), "pod-not-found, open");
    let before = (only(&store).fingerprint.clone(), store.version().stable);
    index.set([cart()]);
    assert_eq!(store.pass(std::slice::from_ref(&miner), &[], at(2)), [Turn::Attributed(id())]);
    assert_eq!((told(&store).as_str(), &only(&store).fingerprint), (RESOLVED, &before.0));
    let after = store.version().stable;
    assert_ne!(after, before.1);
    assert_eq!(store.pass(&[miner], &[], at(3)), []);
    assert_eq!(store.version().stable, after);
}

#[test]
fn a_late_pod_resolves_the_record_between_two_passes_too() {
    let index = Index::not_synced([]);
    let mut store = store(&index);
    store.event(&miner(), at(1));
    assert_eq!((store.ask_again(at(2)), told(&store).as_str()), (vec![], "no-cluster, open"));
    index.set([cart()]);
    assert_eq!((store.ask_again(at(3)), told(&store).as_str()), (vec![Turn::Attributed(id())], RESOLVED));
}

#[test]
fn an_index_that_comes_after_the_record_is_asked() {
    let mut store = Store::new(NODE.to_owned(), Limits { retain: Duration::from_mins(1), max_records: 5 });
    store.event(&miner(), at(1));
    assert_eq!(told(&store), "no-cluster, open");
    store.ask_of(Index::of([cart()]));
    store.ask_again(at(2));
    assert_eq!(told(&store), RESOLVED);
}

#[test]
fn a_record_whose_process_is_gone_still_learns_its_pod() {
    let index = Index::of([]);
    let mut store = store(&index);
    store.event(&miner(), at(1));
    for second in [2, 3] {
        store.pass(&[], &[], at(second));
    }
    index.set([PodFacts { deleted: true, ..cart() }]);
    store.pass(&[], &[], at(4));
    assert_eq!(told(&store), "ns-shop/cart-0 web cart, process-gone");
}

#[test]
fn a_record_outlives_its_pod_in_the_index() {
    let index = Index::of([cart()]);
    let mut store = store(&index);
    store.pass(&[miner()], &[], at(1));
    index.set([]);
    let renamed = Match { cmdline: "x".to_owned(), ..fixture::in_pod() };
    store.pass(&[Arc::new(renamed)], &[], at(2));
    assert_eq!((told(&store).as_str(), only(&store).cmdline.as_str()), (RESOLVED, "x"));
}

#[test]
fn a_container_that_comes_after_its_pod_is_told_when_it_comes() {
    let (mut starting, started) = (cart(), cart());
    starting.containers[0].id = RuntimeId::default();
    let index = Index::of([starting]);
    let (mut store, miner) = (store(&index), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    assert_eq!(told(&store), "ns-shop/cart-0  cart, open");
    index.set([started]);
    assert_eq!(store.pass(&[miner], &[], at(2)), []);
    assert_eq!(told(&store), RESOLVED);
}

#[test]
fn an_app_that_goes_by_another_label_is_told_when_all_are_asked_for_anew() {
    let index = Index::of([cart()]);
    let mut store = store(&index);
    store.event(&miner(), at(1));
    let mut renamed = cart();
    renamed.app.name = "basket".to_owned();
    index.set([renamed]);
    store.ask_again(at(2));
    assert_eq!(told(&store), RESOLVED);
    assert_eq!(store.ask_anew(at(3)), []);
    assert_eq!(told(&store), "ns-shop/cart-0 web basket, open");
}

#[test]
fn the_outermost_pod_takes_the_record_over_when_it_comes() {
    let outer = "11111111-1a3e-41ec-a00b-e2dcc77431cb";
    let place = fixture::place(&[(outer, "bbbb"), (fixture::UID, "4f1c")]);
    let nested = Arc::new(Match { place, ..fixture::in_pod() });
    let index = Index::of([cart()]);
    let mut store = store(&index);
    store.pass(std::slice::from_ref(&nested), &[], at(1));
    assert_eq!((told(&store).as_str(), only(&store).pod_uid.as_str()), (RESOLVED, fixture::UID));
    let mut attacker = PodFacts { uid: outer.to_owned(), name: "attacker".to_owned(), ..cart() };
    attacker.containers[0].id = RuntimeId::of(&"bbbb".repeat(16));
    index.set([cart(), attacker]);
    store.pass(&[nested], &[], at(2));
    assert_eq!((only(&store).pod.as_str(), only(&store).pod_uid.as_str()), ("attacker", outer));
}

#[test]
fn a_match_in_a_scope_never_opens_and_is_told_once() {
    let mut store = store(&Index::of([cart()]));
    let miner = miner_in_scope(json!({"namespaces": ["ns-*"]}));
    let exempted = Turn::Exempted { pack: "miners".to_owned(), scope: miner.exempt_if[0].clone() };
    assert_eq!(store.event(&miner, at(1)), [exempted]);
    for second in 2..5 {
        assert_eq!(store.pass(std::slice::from_ref(&miner), &[], at(second)), []);
    }
    assert_eq!((store.violations().count(), store.left_out()), (0, 0));
}

#[test]
fn a_match_outside_the_scope_opens_without_scopes() {
    let mut store = store(&Index::of([cart()]));
    store.pass(&[miner_in_scope(json!({"namespaces": ["ci-*"]}))], &[], at(1));
    assert_eq!((told(&store).as_str(), &only(&store).exempt_if), (RESOLVED, &vec![]));
}

#[test]
fn a_late_pod_in_a_scope_resolves_the_record_as_exempt() {
    for between_passes in [false, true] {
        let index = Index::of([]);
        let (mut store, miner) = (store(&index), miner_in_scope(json!({"namespaces": ["ns-shop"]})));
        store.pass(std::slice::from_ref(&miner), &[], at(1));
        assert_eq!((told(&store).as_str(), &only(&store).exempt_if), ("pod-not-found, open", &miner.exempt_if));
        index.set([cart()]);
        let turns =
            if between_passes { store.ask_again(at(2)) } else { store.pass(std::slice::from_ref(&miner), &[], at(2)) };
        let exempted = Turn::Exempted { pack: "miners".to_owned(), scope: miner.exempt_if[0].clone() };
        assert_eq!(turns, [exempted, Turn::Resolved(id())]);
        assert_eq!(told(&store), "ns-shop/cart-0 web cart, exempt");
        assert_eq!(store.pass(&[miner], &[], at(3)), []);
        assert_eq!(store.tally().resolved, [(ResolvedReason::Exempt, 1)].into());
    }
}

#[test]
fn a_record_whose_process_is_gone_is_exempt_when_its_late_pod_is_in_a_scope() {
    let index = Index::of([]);
    let mut store = store(&index);
    store.event(&miner_in_scope(json!({"namespaces": ["ns-shop"]})), at(1));
    for second in [2, 3] {
        store.pass(&[], &[], at(second));
    }
    index.set([cart()]);
    assert_eq!((store.ask_again(at(4)), store.ask_again(at(5))), (vec![], vec![]));
    assert_eq!(told(&store), "ns-shop/cart-0 web cart, exempt");
    assert_eq!((only(&store).exempt_if.len(), only(&store).resolved_at), (0, Some(at(3).wall)));
}

#[test]
fn labels_of_a_namespace_that_come_late_exempt_then() {
    let index = Index::of([PodFacts { namespace_labels: None, ..cart() }]);
    let (mut store, miner) = (store(&index), miner_in_scope(json!({"namespace_labels": {"team": "shop"}})));
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    assert_eq!(told(&store), RESOLVED);
    index.set([cart()]);
    store.ask_again(at(2));
    assert_eq!(told(&store), "ns-shop/cart-0 web cart, exempt");
}

#[test]
fn an_exemption_that_no_longer_holds_lets_the_match_open() {
    let index = Index::of([cart()]);
    let (mut store, miner) = (store(&index), miner_in_scope(json!({"namespace_labels": {"team": "shop"}})));
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    index.set([PodFacts { namespace_labels: Some(Arc::default()), ..cart() }]);
    assert_eq!(store.pass(std::slice::from_ref(&miner), &[], at(2)), [Turn::Opened(id())]);
    index.set([cart()]);
    store.pass(&[miner], &[], at(3));
    assert_eq!(told(&store), "ns-shop/cart-0 web cart, exempt");
}

#[test]
fn an_exempt_process_that_outlives_its_pod_in_the_index_stays_exempt_until_the_exemption_ends() {
    let index = Index::of([cart()]);
    let mut store = store(&index);
    let miner = miner_in_scope(json!({"namespaces": ["ns-shop"], "until": at(3).wall}));
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    index.set([]);
    assert_eq!(store.pass(std::slice::from_ref(&miner), &[], at(2)), []);
    assert_eq!(store.pass(&[miner], &[], at(3)), [Turn::Opened(id())]);
}

#[test]
fn an_exemption_ends_at_its_moment() {
    let mut store = store(&Index::of([cart()]));
    let miner = miner_in_scope(json!({"namespaces": ["ns-shop"], "until": at(3).wall}));
    store.pass(std::slice::from_ref(&miner), &[], at(2));
    assert_eq!(store.violations().count(), 0);
    store.pass(&[miner], &[], at(3));
    assert_eq!(told(&store), RESOLVED);
}

#[test]
fn without_an_index_scopes_wait_for_whoever_knows_the_pod() {
    let mut store = Store::new(NODE.to_owned(), Limits { retain: Duration::from_mins(1), max_records: 5 });
    let miner = miner_in_scope(json!({"namespaces": ["ns-shop"]}));
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    assert_eq!((only(&store).attribution, &only(&store).exempt_if), (Attribution::Unresolved, &miner.exempt_if));
}
