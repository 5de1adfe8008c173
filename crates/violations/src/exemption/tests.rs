//! What each key of a scope means, and what it does while something is missing.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::attribution::{Answer, PodIndex, Whose};
use crate::fixture::{self, Index, NODE, UID, at, cart};

/// The pod, and what the cgroup of the process names.
fn known(pod: PodFacts, candidates: &[(&str, &str)]) -> Known {
    let mut whose = Whose::without_index(NODE.to_owned());
    whose.ask(Index::of([pod]) as Arc<dyn PodIndex>);
    let Answer::Known(known) = whose.answer(&fixture::place(candidates)) else { panic!("the pod is not found") };
    *known
}

/// `exempt`, `not`, or `undecided`.
fn decided(keys: Value, known: &Known) -> &'static str {
    match decide(&[fixture::scope(keys)], known, at(10).wall) {
        Decision::Exempt(_) => "exempt",
        Decision::Undecided => "undecided",
        Decision::Not => "not",
    }
}

/// What becomes of a process in the container `web` of `cart-0` in `ns-shop` by these keys.
#[track_caller]
fn check(keys: Value, expected: &str) {
    assert_eq!(decided(keys, &known(cart(), &[(UID, "4f1c")])), expected);
}

#[test]
fn a_namespace_is_exact_or_begins_with_what_is_before_the_star() {
    check(json!({"namespaces": ["ns-shop"]}), "exempt");
    check(json!({"namespaces": ["other", "ns-*"]}), "exempt");
    check(json!({"namespaces": ["ns-sho", "ns", "shop*", "ns-shop2"]}), "not");
}

#[test]
fn all_labels_that_are_given_must_be_there() {
    check(json!({"namespace_labels": {"team": "shop"}}), "exempt");
    check(json!({"namespace_labels": {"team": "shop", "stage": "test"}}), "not");
    check(json!({"namespaces": ["ns-*"], "pod_labels": {"app": "cart"}}), "exempt");
    check(json!({"namespaces": ["ns-*"], "pod_labels": {"app": "other"}}), "not");
}

#[test]
fn all_keys_must_hold() {
    check(json!({"namespaces": ["ns-shop"], "namespace_labels": {"team": "bench"}}), "not");
    check(json!({"namespaces": ["other"], "namespace_labels": {"team": "shop"}}), "not");
    check(json!({"namespaces": ["ns-shop"], "images": ["ghcr.io/acme/log"]}), "not");
}

#[test]
fn an_exemption_ends_at_its_moment() {
    check(json!({"namespaces": ["ns-shop"], "until": at(11).wall}), "exempt");
    check(json!({"namespaces": ["ns-shop"], "until": at(10).wall}), "not");
}

#[test]
fn an_image_is_named_without_its_tag_or_by_its_digest_or_by_how_it_begins() {
    let digest = "9b2f".repeat(16);
    check(json!({"images": ["ghcr.io/acme/cart"]}), "exempt");
    check(json!({"images": ["ghcr.io/acme/*"]}), "exempt");
    check(json!({"images": [format!("ghcr.io/acme/cart@sha256:{digest}")]}), "exempt");
    check(json!({"images": ["ghcr.io/acme/car", "ghcr.io/acme/cart2", "cart", "acme/*"]}), "not");
    check(json!({"images": [format!("ghcr.io/acme/cart@sha256:{}", "0".repeat(64))]}), "not");
}

#[test]
fn the_image_that_counts_is_that_of_the_container_of_the_process() {
    let in_log = known(cart(), &[(UID, "aaaa")]);
    assert_eq!(decided(json!({"images": ["ghcr.io/acme/cart"]}), &in_log), "not");
}

#[test]
fn every_spelling_of_an_image_of_docker_hub_is_the_same_image() {
    let spelled = |image: &str, pattern: &str| {
        let mut pod = cart();
        pod.containers[0].image = image.into();
        pod.containers[0].image_id = "sha256:9b2f".into();
        decided(json!({"images": [pattern]}), &known(pod, &[(UID, "4f1c")])) == "exempt"
    };
    for image in ["nginx:1", "library/nginx", "docker.io/library/nginx:1@sha256:9b", "index.docker.io/library/nginx"] {
        for pattern in ["nginx", "library/nginx", "docker.io/library/nginx", "docker.io/library/*"] {
            assert!(spelled(image, pattern), "{image} {pattern}");
        }
    }
    assert!(spelled("acme/cart:1", "docker.io/acme/*") && spelled("docker.io/acme/cart", "acme/cart"));
    assert!(spelled("localhost:5000/nginx:1", "localhost:5000/nginx"));
    assert!(!spelled("localhost:5000/nginx:1", "nginx") && !spelled("evil.example/library/nginx", "nginx"));
    assert!(!spelled("nginx:1", "sha256"));
}

#[test]
fn an_image_as_the_runtime_resolved_it_counts_too() {
    let mut pod = cart();
    pod.containers[0].image = "mirror.example/acme/cart".into();
    pod.containers[0].image_id = format!("docker-pullable://ghcr.io/acme/cart@sha256:{}", "9b2f".repeat(16)).into();
    let known = known(pod, &[(UID, "4f1c")]);
    assert_eq!(decided(json!({"images": ["ghcr.io/acme/cart"]}), &known), "exempt");
}

#[test]
fn while_the_container_is_not_known_an_image_counts_only_if_all_have_it() {
    let late = known(cart(), &[(UID, "cccc")]);
    assert_eq!(decided(json!({"images": ["ghcr.io/acme/cart"]}), &late), "undecided");
    assert_eq!(decided(json!({"images": ["ghcr.io/other/*"]}), &late), "not");
    assert_eq!(decided(json!({"images": ["ghcr.io/acme/*"]}), &late), "exempt");
    let without_containers = known(PodFacts { containers: Vec::new(), ..cart() }, &[(UID, "cccc")]);
    assert_eq!(decided(json!({"images": ["ghcr.io/acme/*"]}), &without_containers), "not");
}

#[test]
fn labels_of_a_namespace_that_are_not_known_exempt_nothing() {
    let known = known(PodFacts { namespace_labels: None, ..cart() }, &[(UID, "4f1c")]);
    assert_eq!(decided(json!({"namespace_labels": {"team": "shop"}}), &known), "undecided");
    let elsewhere = json!({"namespace_labels": {"team": "shop"}, "namespaces": ["other"]});
    assert_eq!(decided(elsewhere, &known), "not");
}

#[test]
fn a_pod_that_a_container_may_have_named_itself_exempts_nothing() {
    let inside = known(cart(), &[("11111111-1a3e-41ec-a00b-e2dcc77431cb", "bbbb"), (UID, "4f1c")]);
    assert_eq!(decided(json!({"namespaces": ["ns-shop"]}), &inside), "not");
}

#[test]
fn the_first_scope_that_holds_is_the_one_that_is_told() {
    let scopes =
        [json!({"namespaces": ["other"]}), json!({"namespaces": ["ns-*"]}), json!({"namespaces": ["ns-shop"]})]
            .map(fixture::scope);
    assert_eq!(decide(&scopes, &known(cart(), &[(UID, "4f1c")]), at(1).wall), Decision::Exempt(&scopes[1]));
}
