//! Every exchange that was recorded of a real server, replayed.
//!
//! Owns the comparison. The recordings are of Kubernetes 1.36, in namespace `rec`, by curl.

mod exchange;

use std::time::Duration;

use hyper::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use self::exchange::{Exchange, parse, values};
use crate::fixture::{call, send, step_until, text};
use crate::{Body, Offer, Pace, Settings, SimCluster};

/// A cluster with what the recordings use and do not create.
async fn recorded_cluster() -> SimCluster {
    let settings =
        Settings { starts_at: "2026-11-21T04:29:51Z".parse().unwrap(), pace: Pace::Manual, ..Settings::default() };
    let sim = SimCluster::builder().settings(settings).without_listener().start().await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}});
    succeed(&sim, "POST", "/api/v1/namespaces?fieldManager=kubectl-create", &namespace).await;
    sim
}

/// `page-1` to `page-5`, made and labeled as kubectl does it.
async fn with_pages(sim: &SimCluster) {
    let maps = "/api/v1/namespaces/rec/configmaps";
    advance_to(sim, "\"2026-11-21T04:30:35Z\"");
    for nth in 1..=5 {
        let name = format!("page-{nth}");
        let map = json!({"metadata": {"name": name}, "data": {"i": nth.to_string()}});
        succeed(sim, "POST", &format!("{maps}?fieldManager=kubectl-create"), &map).await;
        let label = json!({"metadata": {"labels": {"set": "page"}}});
        succeed(sim, "PATCH", &format!("{maps}/{name}?fieldManager=kubectl-label"), &label).await;
    }
}

async fn succeed(sim: &SimCluster, method: &str, path: &str, body: &Value) {
    let answer = send(sim, method, path, body).await;
    assert!(answer.code < 300, "{method} {path}: {answer:?}");
}

/// What the answers so far gave, for the requests that follow.
#[derive(Default)]
struct Memory {
    token: String,
    /// Versions: recorded, and ours.
    versions: Vec<(String, String)>,
}

/// Replays a recording; pages follow the token of the page before, updates the version that was read.
async fn replay(sim: &SimCluster, recording: &str) {
    let mut memory = Memory::default();
    for exchange in parse(recording) {
        advance_to(sim, &exchange.received);
        let path = match exchange.path.split_once("&continue=eyJ") {
            Some((start, _)) => format!("{start}&continue={}", memory.token),
            None => exchange.path.clone(),
        };
        let sent = memory.versions.iter().fold(exchange.sent.clone(), |sent, (was, is)| sent.replace(was, is));
        let answer = call(sim, &exchange.method, &path, exchange.content_type.as_deref(), &sent).await;
        check_head(&exchange, &answer);
        let received = text(answer).await;
        memory.learn(&exchange.received, &received);
        check_body(&exchange, &received);
    }
}

impl Memory {
    fn learn(&mut self, recorded: &str, received: &str) {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let (was, is) = (parsed(recorded), parsed(received));
        if let Some(token) = is["metadata"]["continue"].as_str() {
            token.clone_into(&mut self.token);
        }
        let version = |value: &Value| Some(format!("\"{}\"", value["metadata"]["resourceVersion"].as_str()?));
        self.versions.extend(version(&was).zip(version(&is)));
    }
}

/// Owners of fields are ordered by time: the clock goes as it went.
fn advance_to(sim: &SimCluster, recorded: &str) {
    let times = recorded.split('"').filter_map(|word| word.parse::<Timestamp>().ok());
    if let Some(then) = times.filter(|time| time.to_string().starts_with("2026-11-21")).max() {
        sim.step(Duration::try_from(then.duration_since(sim.clock().now())).unwrap_or_default());
    }
}

fn check_head(exchange: &Exchange, answer: &Response<Body>) {
    let subject = format!("{} {}", exchange.method, exchange.path);
    assert_eq!(answer.status().as_u16(), exchange.status, "{subject}");
    for (name, value) in exchange.headers.iter().filter(|(name, _)| name != "content-length") {
        assert_eq!(answer.headers()[name], **value, "{subject}: {name}");
    }
}

fn check_body(exchange: &Exchange, received: &str) {
    let (is, wanted) = (values(received), values(&exchange.received));
    assert_eq!(is, wanted, "{} {}\n{}", exchange.method, exchange.path, json!({"is": is, "wanted": wanted}));
}

#[tokio::test]
async fn discovery_and_versions_are_those_of_a_real_server() {
    let settings = Settings { metrics_api: Offer::Missing, ..Settings::default() };
    let sim = SimCluster::builder().settings(settings).without_listener().start().await.unwrap();
    replay(&sim, include_str!("discovery.http")).await;
}

#[tokio::test]
async fn refusals_are_worded_as_by_a_real_server() {
    replay(&recorded_cluster().await, include_str!("errors.http")).await;
}

#[tokio::test]
async fn pages_are_those_of_a_real_server() {
    let sim = recorded_cluster().await;
    with_pages(&sim).await;
    replay(&sim, include_str!("pagination.http")).await;
}

#[tokio::test]
async fn server_side_apply_moves_ownership_as_a_real_server_does() {
    replay(&recorded_cluster().await, include_str!("server-side-apply.http")).await;
}

#[tokio::test]
async fn patches_change_and_refuse_as_on_a_real_server() {
    let sim = recorded_cluster().await;
    with_pages(&sim).await;
    replay(&sim, include_str!("patch.http")).await;
}

#[tokio::test]
async fn finalizers_hold_an_object_as_on_a_real_server() {
    replay(&recorded_cluster().await, include_str!("finalizers.http")).await;
}

#[tokio::test]
async fn leases_are_lost_to_stale_writers_as_on_a_real_server() {
    replay(&recorded_cluster().await, include_str!("leases.http")).await;
}

/// The changes that were made while the first watch of the recording ran.
async fn live_changes(sim: &SimCluster) {
    let maps = "/api/v1/namespaces/rec/configmaps";
    let map = json!({"metadata": {"name": "page-w", "labels": {"set": "page"}}, "data": {"i": "w"}});
    succeed(sim, "POST", maps, &map).await;
    succeed(sim, "PATCH", &format!("{maps}/page-2"), &json!({"data": {"i": "22"}})).await;
    succeed(sim, "DELETE", &format!("{maps}/page-3"), &json!({})).await;
    succeed(sim, "DELETE", &format!("{maps}/page-w"), &json!({})).await;
}

#[tokio::test]
async fn watches_begin_go_on_and_end_as_on_a_real_server() {
    let sim = recorded_cluster().await;
    with_pages(&sim).await;
    let maps = "/api/v1/namespaces/rec/configmaps";
    succeed(&sim, "PATCH", &format!("{maps}/page-1"), &json!({"data": {"i": null, "n": "2"}})).await;
    for (nth, exchange) in parse(include_str!("watch.http")).into_iter().enumerate() {
        let answer = call(&sim, &exchange.method, &exchange.path, None, "").await;
        check_head(&exchange, &answer);
        if nth == 0 {
            live_changes(&sim).await;
        }
        // The watch has its deadline from the moment it began: the clock stands until it did.
        let received = step_until(&sim, Duration::from_secs(3), text(answer)).await;
        check_body(&exchange, &received);
    }
}
