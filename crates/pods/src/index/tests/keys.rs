//! Which pod answers to which key.

use super::*;

const HASH: &str = "3e61c214bc3ed9ff81e21474dd6cba17";
const MIRROR: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

#[test]
fn an_address_is_its_newest_holders() {
    let mut told = Told::new();
    let (a, b) = (pod("a", "a").address("10.0.0.5").created(1), pod("b", "b").address("10.0.0.5").created(2));
    told.seen(&a);
    assert_eq!(told.ip("10.0.0.5"), "a");
    told.seen(&a.clone().phase("Succeeded"));
    assert_eq!(told.ip("10.0.0.5"), "none");
    told.seen(&b);
    assert_eq!(told.ip("10.0.0.5"), "b");
    told.gone(&a.phase("Succeeded"));
    assert_eq!(told.ip("10.0.0.5"), "b");
}

#[test]
fn the_late_end_of_an_older_holder_does_not_take_the_address_away() {
    let mut told = Told::new();
    let (a, b) = (pod("a", "a").address("fd00::5").created(1), pod("b", "b").address("fd00::5").created(2));
    told.seen(&b);
    told.seen(&a);
    assert_eq!(told.ip("fd00::5"), "b");
    told.gone(&a);
    assert_eq!(told.ip("fd00::5"), "b");
    told.gone(&b);
    assert_eq!(told.ip("fd00::5"), "b deleted");
}

#[test]
fn the_address_of_a_node_is_nobodys() {
    let mut told = Told::new();
    for name in ["a", "b"] {
        told.seen(&pod(name, name).address("192.168.0.1").host_network());
    }
    assert_eq!((told.ip("192.168.0.1"), told.index.sharing("192.168.0.1".parse().unwrap())), ("none".to_owned(), 2));
}

#[test]
fn both_families_lead_to_a_pod() {
    let mut told = Told::new();
    told.seen(&pod("a", "a").address("10.0.0.1").address("fd00::1"));
    assert_eq!(["10.0.0.1", "::ffff:10.0.0.1", "fd00:0::1"].map(|ip| told.ip(ip)), ["a", "a", "a"]);
    assert_eq!(told.full("a").more.unwrap().pod_ips, ["10.0.0.1", "fd00::1"]);
}

#[test]
fn a_static_pod_is_found_by_what_its_cgroup_shows() {
    let mut told = Told::new();
    told.seen(&pod("etcd", MIRROR).annotation("kubernetes.io/config.hash", HASH));
    let asked = [HASH, MIRROR, "8712f785_1a3e_41ec_a00b_e2dcc77431cb", &MIRROR.to_uppercase()];
    assert_eq!(asked.map(|uid| told.uid(uid)), [MIRROR; 4]);
    assert_eq!(told.full("etcd").more.unwrap().config_hash.as_deref(), Some(HASH));
}

#[test]
fn a_static_pod_is_found_without_its_annotations() {
    let settings = Settings { annotations: Vec::new(), ..Settings::default() };
    let mut told = Told::with(&settings);
    told.seen(&pod("etcd", MIRROR).annotation("kubernetes.io/config.hash", HASH));
    assert_eq!((told.uid(HASH).as_str(), told.full("etcd").annotations.len()), (MIRROR, 0));
}

#[test]
fn a_new_mirror_answers_for_the_same_static_pod() {
    let mut told = Told::new();
    for uid in ["a", "b"] {
        told.seen(&pod("etcd", uid).annotation("kubernetes.io/config.hash", HASH));
    }
    assert_eq!(told.uid(HASH), "b");
}

#[test]
fn a_container_is_found_by_its_present_and_its_former_id() {
    let mut told = Told::new();
    told.seen(&pod("a", "a").container("c", "4f1c").restarted_from("3e0b"));
    let (now, before) = ("4f1c".repeat(16), "3e0b".repeat(16));
    assert_eq!([now.as_str(), &before, "cri-o://4f1c4f1c4f1c", "4F1C4F1C4F1C4"].map(|id| told.container(id)), ["a"; 4]);
    told.seen(&pod("a", "a").container("c", "5a5a").restarted_from("4f1c"));
    assert_eq!([before.as_str(), &now, "5a5a5a5a5a5a"].map(|id| told.container(id)), ["none", "a", "a"]);
}

#[test]
fn a_prefix_of_several_containers_says_how_many_begin_so() {
    let mut told = Told::new();
    let ids = [format!("{}{}", "4f".repeat(6), "00".repeat(26)), format!("{}{}", "4f".repeat(6), "11".repeat(26))];
    for (name, id) in ["a", "b"].into_iter().zip(&ids) {
        told.seen(&pod(name, name).container("c", id));
    }
    assert_eq!(told.container(&ids[0][..12]), "2 begin so");
    assert_eq!([&ids[0][..13], &ids[1][..]].map(|id| told.container(id)), ["a", "b"]);
    told.gone(&pod("a", "a"));
    assert_eq!([&ids[0][..12], &ids[0][..]].map(|id| told.container(id)), ["b", "a deleted"]);
}

#[test]
fn a_deleted_pod_answers_by_every_key_that_no_live_one_has() {
    let mut told = Told::new();
    let old =
        pod("web-0", "a").address("10.0.0.1").container("c", "4f1c").annotation("kubernetes.io/config.hash", HASH);
    told.seen(&old);
    told.gone(&old);
    let answers =
        |told: &Told| [told.name("web-0"), told.ip("10.0.0.1"), told.container("4f1c4f1c4f1c"), told.uid(HASH)];
    assert_eq!(answers(&told), ["a deleted"; 4]);
    told.seen(&pod("web-0", "b").address("10.0.0.2"));
    assert_eq!(answers(&told), ["b", "a deleted", "a deleted", "a deleted"]);
}

#[test]
fn of_several_dead_pods_of_a_name_the_last_one_answers() {
    let mut told = Told::new();
    for uid in ["a", "b", "c"] {
        told.seen(&pod("web-0", uid).address("10.0.0.1"));
        told.pass(1);
    }
    told.gone(&pod("web-0", "c"));
    assert_eq!([told.name("web-0"), told.ip("10.0.0.1"), told.uid("a")], ["c deleted", "c deleted", "a deleted"]);
    told.pass(3600);
    assert_empty(&told.index);
}
