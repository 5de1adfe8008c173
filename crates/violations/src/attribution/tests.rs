//! Attribution against what tenants, late indexes and strange runtimes bring.

use pods::facts::RuntimeId;

use super::*;
use crate::fixture::{self, Index, NODE, UID, cart};

const OTHER: &str = "11111111-1a3e-41ec-a00b-e2dcc77431cb";

/// A pod of somebody else, with a container `bbbb…`.
fn victim() -> PodFacts {
    let mut pod = PodFacts { uid: OTHER.to_owned(), name: "victim".to_owned(), ..cart() };
    pod.containers.truncate(1);
    pod.containers[0].id = RuntimeId::of(&"bbbb".repeat(16));
    pod
}

fn whose(index: &Arc<Index>) -> Whose {
    let mut whose = Whose::without_index(NODE.to_owned());
    whose.ask(Arc::clone(index) as Arc<dyn PodIndex>);
    whose
}

/// Asks an index that knows these pods, and no others to come, whose a place with these candidates is: pod, container
/// (`-` if unknown), or the reason.
#[track_caller]
fn check(index: &Arc<Index>, candidates: &[(&str, &str)], expected: &str) {
    let told = match whose(index).answer(&fixture::place(candidates)) {
        Answer::Host => "host".to_owned(),
        Answer::Unknown(reason) => reason.as_str().to_owned(),
        Answer::Known(known) => {
            let container = known.container().map_or("-", |container| &*container.name);
            format!("{} {container}", known.pod.name)
        }
    };
    assert_eq!(told, expected);
}

#[test]
fn uid_and_container_id_find_pod_and_container() {
    check(&Index::of([cart(), victim()]), &[(UID, "aaaa")], "cart-0 log");
}

#[test]
fn a_container_id_alone_finds_the_pod() {
    check(&Index::of([victim(), cart()]), &[("", "4f1c")], "cart-0 web");
}

#[test]
fn a_uid_alone_finds_the_pod_and_no_container() {
    check(&Index::of([cart()]), &[(UID, "")], "cart-0 -");
}

#[test]
fn a_static_pod_is_found_by_the_hash_of_its_configuration() {
    let hash = "3e61c214bc3ed9ff81e21474dd6cba17";
    let mirror = PodFacts { uid: hash.to_owned(), name: "etcd-worker-3".to_owned(), ..cart() };
    check(&Index::of([mirror]), &[(hash, "4f1c")], "etcd-worker-3 web");
}

#[test]
fn a_container_that_the_status_does_not_show_yet_stays_without_a_name() {
    check(&Index::of([cart()]), &[(UID, "cccc")], "cart-0 -");
}

#[test]
fn a_container_of_another_pod_below_the_uid_blames_the_uid() {
    check(&Index::of([cart(), victim()]), &[(UID, "bbbb")], "cart-0 -");
}

#[test]
fn a_container_of_another_pod_below_an_unknown_uid_blames_nobody() {
    check(&Index::of([victim()]), &[(UID, "bbbb")], "pod-not-found");
}

#[test]
fn an_index_that_has_not_heard_of_every_pod_cannot_say_that_one_is_none() {
    check(&Index::not_synced([]), &[(UID, "4f1c")], "no-cluster");
    check(&Index::not_synced([cart()]), &[(UID, "4f1c")], "cart-0 web");
}

#[test]
fn a_container_without_a_uid_that_nobody_knows_keeps_its_reason() {
    for index in [Index::of([victim()]), Index::not_synced([])] {
        check(&index, &[("", "4f1c")], "no-pod-uid");
    }
}

#[test]
fn a_pod_that_the_index_places_on_another_node_is_not_blamed() {
    let elsewhere = PodFacts { node: "worker-4".into(), ..cart() };
    check(&Index::of([elsewhere]), &[(UID, "4f1c")], "wrong-node");
}

#[test]
fn the_outermost_pod_is_blamed_whatever_is_named_inside() {
    check(&Index::of([cart(), victim()]), &[(UID, "4f1c"), (OTHER, "bbbb")], "cart-0 web");
}

#[test]
fn a_pod_of_a_cluster_inside_an_unknown_pod_is_found() {
    check(&Index::of([cart()]), &[(OTHER, "bbbb"), (UID, "4f1c")], "cart-0 web");
}

#[test]
fn a_pod_named_inside_is_not_believed_while_the_outermost_may_still_come() {
    check(&Index::not_synced([cart()]), &[(OTHER, "bbbb"), (UID, "4f1c")], "no-cluster");
}

#[test]
fn a_pod_named_inside_is_not_believed_without_a_container_of_it() {
    for inside in [(UID, ""), (UID, "cccc"), (UID, "bbbb")] {
        check(&Index::of([cart()]), &[(OTHER, "bbbb"), inside], "pod-not-found");
    }
}

#[test]
fn a_cgroup_that_names_nothing_keeps_its_reason_with_an_index_too() {
    for (outcome, reason) in [
        (Outcome::UnknownCgroup, AttributionReason::UnknownCgroup),
        (Outcome::Unreadable, AttributionReason::CgroupUnreadable),
    ] {
        let place = Place { outcome, ..fixture::place(&[]) };
        assert_eq!(whose(&Index::of([cart()])).answer(&place), Answer::Unknown(reason));
    }
}

#[test]
fn a_plain_container_of_the_host_is_of_the_host_unless_a_pod_has_it() {
    let plain = Place { outcome: Outcome::Host, ..fixture::place(&[("", "4f1c")]) };
    assert_eq!(whose(&Index::of([victim()])).answer(&plain), Answer::Host);
    assert!(matches!(whose(&Index::of([cart()])).answer(&plain), Answer::Known(known) if known.pod == cart()));
}

#[test]
fn an_answer_is_final_when_asking_again_can_tell_no_more() {
    let is_final = |pod: PodFacts, candidates: &[(&str, &str)]| {
        let Answer::Known(known) = whose(&Index::of([pod])).answer(&fixture::place(candidates)) else { panic!() };
        known.is_final()
    };
    let mut provisional = cart();
    provisional.owner.resolved = false;
    assert!(is_final(cart(), &[(UID, "4f1c")]) && is_final(cart(), &[(UID, "")]));
    assert!(!is_final(cart(), &[(UID, "cccc")]));
    assert!(!is_final(cart(), &[(OTHER, "bbbb"), (UID, "4f1c")]));
    assert!(!is_final(provisional, &[(UID, "4f1c")]));
}
