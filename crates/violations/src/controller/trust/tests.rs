//! What an index that knows better makes of records.

use std::sync::Arc;

use api::violation::SubjectKind;
use pods::facts;
use serde_json::json;

use super::*;
use crate::fixture::{self, Index, NODE, UID, at, cart};

fn judged(violation: Violation, index: &Arc<Index>) -> Judged {
    let mut whose = Whose::without_index(NODE.to_owned());
    whose.ask(index.clone());
    judge(violation, &whose, index.as_ref(), at(100).wall)
}

/// The record of a node that watches its own pods.
fn resolved() -> Violation {
    judged(fixture::record(&fixture::in_pod()), &Index::of([cart()])).violation
}

fn of_cart() -> Belongs {
    Belongs {
        owner: Some(Owner {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            namespace: "ns-shop".to_owned(),
            name: "cart".to_owned(),
        }),
        app: Some(App { kind: SubjectKind::App, name: "cart".to_owned() }),
        image: Some(format!("sha256:{}", "9b2f".repeat(16))),
    }
}

fn elsewhere() -> PodFacts {
    PodFacts { node: "worker-4".into(), ..cart() }
}

#[test]
fn a_record_without_a_pod_is_told_its_own() {
    let told = fixture::record(&fixture::in_pod());
    let Judged { violation, belongs, is_exempt, placed_on, is_settled } = judged(told, &Index::of([cart()]));
    let names = [&violation.namespace, &violation.pod, &violation.container, &violation.name, &violation.pod_uid];
    assert_eq!(names, ["ns-shop", "cart-0", "web", "cart", UID]);
    assert_eq!((violation.attribution, violation.attribution_reason), (Attribution::Resolved, AttributionReason::None));
    assert_eq!((belongs, is_exempt, placed_on.as_deref(), is_settled), (of_cart(), false, Some(NODE), true));
}

#[test]
fn a_pod_on_another_node_is_not_believed() {
    for told in [resolved(), fixture::record(&fixture::in_pod())] {
        let Judged { violation, belongs, placed_on, is_settled, .. } = judged(told, &Index::of([elsewhere()]));
        let expected = (Attribution::Unresolved, AttributionReason::WrongNode);
        assert_eq!((violation.attribution, violation.attribution_reason), expected);
        let names = [&violation.namespace, &violation.pod, &violation.container, &violation.name];
        assert_eq!(names, ["", "", "", UID]);
        assert_eq!((belongs, placed_on.as_deref(), is_settled), (Belongs::default(), Some("worker-4"), false));
    }
}

#[test]
fn a_pod_that_is_named_falsely_has_the_name_of_the_index() {
    let told = Violation { namespace: "kube-system".to_owned(), name: "dns".to_owned(), ..resolved() };
    assert_eq!(judged(told, &Index::of([cart()])).violation, resolved());
}

#[test]
fn a_pod_that_nobody_knows_any_more_is_as_the_node_says() {
    let Judged { violation, belongs, placed_on, is_settled, .. } = judged(resolved(), &Index::of([]));
    let belongs_to = Belongs { app: of_cart().app, ..Belongs::default() };
    assert_eq!((violation, belongs, placed_on, is_settled), (resolved(), belongs_to, None, true));
    assert!(!judged(resolved(), &Index::not_synced([])).is_settled);
}

#[test]
fn a_former_record_is_known_by_the_name_of_its_pod() {
    let former = Violation {
        pod_uid: String::new(),
        container_id: String::new(),
        container: String::new(),
        name: "cart-0".to_owned(),
        ..resolved()
    };
    let mut pod = cart();
    pod.app = facts::App { kind: SubjectKind::Devbox, name: "dev1".to_owned() };
    let Judged { violation, .. } = judged(former.clone(), &Index::of([pod]));
    let told = (violation.kind, violation.name.as_str(), violation.pod_uid.as_str());
    assert_eq!(told, (SubjectKind::Devbox, "dev1", UID));
    let Judged { violation, .. } = judged(former, &Index::of([elsewhere()]));
    assert_eq!(violation.attribution_reason, AttributionReason::WrongNode);
}

#[test]
fn a_process_of_the_host_stays_one() {
    let told = fixture::record(&fixture::on_host());
    let Judged { violation, placed_on, is_settled, .. } = judged(told.clone(), &Index::of([cart()]));
    assert_eq!((violation, placed_on, is_settled), (told, None, true));
}

#[test]
fn the_scopes_of_an_exemption_are_decided_here() {
    let with = |scope| Violation { exempt_if: vec![fixture::scope(scope)], ..fixture::record(&fixture::in_pod()) };
    let exempt = judged(with(json!({"namespaces": ["ns-*"]})), &Index::of([cart()]));
    assert_eq!((exempt.is_exempt, exempt.is_settled), (true, false));
    let other = judged(with(json!({"namespaces": ["kube-*"]})), &Index::of([cart()]));
    assert_eq!((other.is_exempt, other.is_settled, other.violation.exempt_if.len()), (false, false, 0));
    let unknown = judged(with(json!({"namespaces": ["ns-*"]})), &Index::of([]));
    assert_eq!((unknown.is_exempt, unknown.violation.exempt_if.len()), (false, 1));
    assert_eq!(unknown.violation.attribution_reason, AttributionReason::PodNotFound);
}
