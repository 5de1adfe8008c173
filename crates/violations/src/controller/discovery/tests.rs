//! Slices as clusters have them.

use kubeio::watch::{ListMode, Relist};
use serde_json::{Value, json};

use super::*;

fn slice(name: &str, family: &str, endpoints: &[Value]) -> EndpointSlice {
    let slice = json!({"metadata": {"name": name, "uid": name}, "addressType": family, "endpoints": endpoints});
    serde_json::from_value(slice).unwrap()
}

fn endpoint(address: &str, node: &str) -> Value {
    json!({"addresses": [address], "nodeName": node})
}

fn seen(slices: impl IntoIterator<Item = EndpointSlice>) -> Slices {
    let mut known = Slices::default();
    for slice in slices {
        known.take(Event::Seen(slice));
    }
    known
}

#[track_caller]
fn check(slices: impl IntoIterator<Item = EndpointSlice>, expected: &[(&str, &[&str])]) {
    let shown = |addresses: Addresses| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found: Vec<_> = seen(slices).targets().into_iter().map(|(node, addresses)| (node, shown(addresses))).collect();
    let expected: Vec<(String, Vec<String>)> = expected
        .iter()
        .map(|(node, addresses)| ((*node).to_owned(), addresses.iter().map(|text| (*text).to_owned()).collect()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_endpoint_that_is_not_terminating_is_a_node_ready_or_not() {
    let with = |address: &str, node: &str, conditions: Value| json!({"addresses": [address], "nodeName": node, "conditions": conditions});
    let endpoints = [
        with("10.0.0.1", "a", json!({"ready": true})),
        with("10.0.0.2", "b", json!({"ready": false})),
        with("10.0.0.3", "c", json!({"ready": false, "serving": true, "terminating": true})),
        with("10.0.0.4", "d", json!({"ready": null})),
    ];
    check([slice("s", "IPv4", &endpoints)], &[("a", &["10.0.0.1"]), ("b", &["10.0.0.2"]), ("d", &["10.0.0.4"])]);
}

#[test]
fn a_node_is_named_by_its_name_else_by_the_uid_of_its_pod_else_by_its_address() {
    let endpoints = [
        json!({"addresses": ["10.0.0.1"], "nodeName": "a", "targetRef": {"uid": "u1"}}),
        json!({"addresses": ["10.0.0.2"], "targetRef": {"uid": "u2"}}),
        json!({"addresses": ["10.0.0.3"]}),
    ];
    let expected: [(&str, &[&str]); 3] = [("10.0.0.3", &["10.0.0.3"]), ("a", &["10.0.0.1"]), ("u2", &["10.0.0.2"])];
    check([slice("s", "IPv4", &endpoints)], &expected);
}

#[test]
fn a_node_of_two_families_is_one_and_ipv4_comes_first() {
    let six = slice("six", "IPv6", &[endpoint("fd00::1", "a"), endpoint("fd00::2", "b")]);
    let four = slice("four", "IPv4", &[endpoint("10.0.0.1", "a")]);
    check([six, four], &[("a", &["10.0.0.1", "fd00::1"]), ("b", &["fd00::2"])]);
}

#[test]
fn of_two_agents_on_a_node_the_ready_one_is_asked() {
    let old = json!({"addresses": ["10.0.0.1"], "nodeName": "a", "conditions": {"ready": false}});
    check([slice("s", "IPv4", &[old, endpoint("10.0.0.2", "a")])], &[("a", &["10.0.0.2"])]);
}

#[test]
fn names_and_what_is_no_address_are_left_out() {
    let names = slice("names", "FQDN", &[endpoint("node.example", "a")]);
    let odd = slice("odd", "IPv4", &[endpoint("10.0.0", "b"), json!({"addresses": [], "nodeName": "c"}), json!({})]);
    check([names, odd], &[]);
}

#[test]
fn what_a_complete_list_does_not_name_is_gone_and_what_it_cannot_read_stays() {
    let named = |name: &str| slice(name, "IPv4", &[endpoint("10.0.0.1", name)]);
    let mut known = seen([named("a"), named("b"), named("c")]);
    assert!(!known.is_synced());
    known.take(Event::Listing { reason: Relist::Expired });
    known.take(Event::Seen(named("a")));
    known.take(Event::ListFailed);
    assert_eq!(known.by_name.len(), 3);
    known.take(Event::Listing { reason: Relist::Broken });
    known.take(Event::Seen(named("a")));
    known.take(Event::Unreadable { namespace: String::new(), name: "b".to_owned() });
    known.take(Event::Listed { mode: ListMode::Paged, took: std::time::Duration::ZERO });
    assert!(known.is_synced());
    assert_eq!(known.targets().into_keys().collect::<Vec<_>>(), ["a", "b"]);
    known.take(Event::Deleted(named("a")));
    assert_eq!(known.targets().into_keys().collect::<Vec<_>>(), ["b"]);
}
