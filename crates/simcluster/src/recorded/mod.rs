//! Every exchange that was recorded of a real server, replayed.
//!
//! Owns the comparison. The recordings are of Kubernetes 1.36, in namespace `rec`, by curl.

mod exchange;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use self::exchange::{Exchange, parse, values};
use crate::{Body, Offer, Pace, Settings, SimCluster};

/// A cluster with what the recordings use and do not create.
async fn recorded_cluster() -> SimCluster {
    let settings = Settings { starts_at: "2026-11-21T04:29:51Z".parse().unwrap(), pace: Pace::Manual, ..Settings::default() };
    let sim = SimCluster::builder().settings(settings).without_listener().start().await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}});
    send(&sim, "POST", "/api/v1/namespaces?fieldManager=kubectl-create", &namespace).await;
    sim
}

/// `page-1` to `page-5`, made and labeled as kubectl does it.
async fn with_pages(sim: &SimCluster) {
    let maps = "/api/v1/namespaces/rec/configmaps";
    advance_to(sim, "\"2026-11-21T04:30:35Z\"");
    for nth in 1..=5 {
        let name = format!("page-{nth}");
        let map = json!({"metadata": {"name": name}, "data": {"i": nth.to_string()}});
        send(sim, "POST", &format!("{maps}?fieldManager=kubectl-create"), &map).await;
        let label = json!({"metadata": {"labels": {"set": "page"}}});
        send(sim, "PATCH", &format!("{maps}/{name}?fieldManager=kubectl-label"), &label).await;
    }
}

async fn send(sim: &SimCluster, method: &str, path: &str, body: &Value) -> Response<Body> {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let answer = call(sim, method, path, Some(content_type), &body.to_string()).await;
    assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
    answer
}

async fn call(sim: &SimCluster, method: &str, path: &str, content_type: Option<&str>, body: &str) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("user-agent", "curl/8.5.0");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    sim.service().oneshot(request).await.unwrap()
}

async fn text(answer: Response<Body>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
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
    send(sim, "POST", maps, &map).await;
    send(sim, "PATCH", &format!("{maps}/page-2"), &json!({"data": {"i": "22"}})).await;
    send(sim, "DELETE", &format!("{maps}/page-3"), &json!({})).await;
    send(sim, "DELETE", &format!("{maps}/page-w"), &json!({})).await;
}

#[tokio::test]
async fn watches_begin_go_on_and_end_as_on_a_real_server() {
    let sim = recorded_cluster().await;
    with_pages(&sim).await;
    let maps = "/api/v1/namespaces/rec/configmaps";
    send(&sim, "PATCH", &format!("{maps}/page-1"), &json!({"data": {"i": null, "n": "2"}})).await;
    for (nth, exchange) in parse(include_str!("watch.http")).into_iter().enumerate() {
        let answer = call(&sim, &exchange.method, &exchange.path, None, "").await;
        check_head(&exchange, &answer);
        if nth == 0 {
            live_changes(&sim).await;
        }
        let received = tokio::spawn(text(answer));
        // The watch has its deadline from the moment it began: the clock stands until it did.
        while !received.is_finished() {
            tokio::task::yield_now().await;
            sim.step(Duration::from_secs(3));
        }
        check_body(&exchange, &received.await.unwrap());
    }
}
