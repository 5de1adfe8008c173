//! The routes as a controller meets them, without the listener in front.

use std::sync::Arc;

use api::{Severity, Violation};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request};
use processes::matches::Outcome;
use processes::rules::{Pack, RuleSet, RuleText};
use runtime::clock::ManualClock;
use runtime::metrics::Registry;
use serde_json::{Value, json};
use web::Server;
use web::settings::{AuthSettings, ListenSettings};

use super::*;
use crate::fixture::{self, BOOT, NODE as NAME};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn ask(node: &Node, request: Request<Body>) -> Answer {
    let auth = AuthSettings { anonymous_reads: true, ..AuthSettings::default() };
    let clock = Arc::new(ManualClock::default());
    let server = Server::new(&ListenSettings::default(), &auth, clock, &mut Registry::default()).unwrap();
    let response = server.answering(routes(node)).answer(request).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: to_bytes(response.into_body(), usize::MAX).await.unwrap() }
}

async fn fetch(node: &Node, uri: &str) -> Answer {
    ask(node, Request::get(uri).body(Body::empty()).unwrap()).await
}

fn scanned() -> Node {
    let (node, _clock) = fixture::node();
    node.take(fixture::pass(Outcome::Ok, vec![Arc::new(fixture::in_pod())]));
    node
}

const EXPECTED: [(&str, &str); 7] = [
    ("etag", "W/\"4f53cda18c2baa0c0354bb5f9a3ecbe5\""),
    ("keelwatch-node", NAME),
    ("keelwatch-boot", BOOT),
    ("keelwatch-last-pass", "2026-11-21T04:30:02Z"),
    ("keelwatch-passes", "1"),
    ("keelwatch-interval", "2"),
    ("content-type", "application/json"),
];

#[tokio::test]
async fn an_empty_list_is_a_bare_array_with_every_header() {
    let (node, _clock) = fixture::node();
    node.take(fixture::pass(Outcome::Ok, Vec::new()));
    let answer = fetch(&node, "/api/violations").await;
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, b"[]".as_ref()));
    assert_eq!(EXPECTED.map(|(name, _)| (name, answer.header(name).unwrap())), EXPECTED);
    assert_eq!(answer.header("keelwatch-rules").map(str::len), Some(16));
    assert_eq!(answer.header("keelwatch-truncated"), None);
}

#[tokio::test]
async fn a_list_holds_the_records() {
    let answer = fetch(&scanned(), "/api/violations").await;
    let violations: Vec<Violation> = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(violations[0].fingerprint.as_str(), "51c1a2699889f2178cd1d27121a3f655");
    assert_eq!((violations.len(), violations[0].count), (1, 1));
}

#[tokio::test]
async fn who_has_the_list_gets_the_headers_only() {
    let node = scanned();
    let first = fetch(&node, "/api/violations?state=all").await;
    node.take(fixture::pass(Outcome::Ok, vec![Arc::new(fixture::in_pod())]));
    let again = Request::get("/api/violations?state=all").header("if-none-match", first.header("etag").unwrap());
    let second = ask(&node, again.body(Body::empty()).unwrap()).await;
    // The match is another allocation with the same texts: nothing that the tag covers has changed.
    assert_eq!((second.status, second.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(second.header("etag"), first.header("etag"));
    assert_eq!(second.header("keelwatch-passes"), Some("2"));
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let node = scanned();
    let whole = fetch(&node, "/api/violations").await;
    let request = Request::builder().method(Method::HEAD).uri("/api/violations").body(Body::empty()).unwrap();
    let head = ask(&node, request).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(head.header("etag"), whole.header("etag"));
}

#[tokio::test]
async fn before_the_first_completed_pass_nothing_is_claimed() {
    let (node, _clock) = fixture::node();
    node.take(fixture::pass(Outcome::Failed, Vec::new()));
    let answer = fetch(&node, "/api/violations").await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
    assert_eq!(answer.json()["type"], "not-scanned-yet");
}

#[tokio::test]
async fn an_unknown_key_or_state_is_refused() {
    for uri in ["/api/violations?stat=open", "/api/violations?state=shut", "/api/v1/coverage?x=1", "/api/v1/rules?x=1"]
    {
        assert_eq!(fetch(&scanned(), uri).await.status, StatusCode::BAD_REQUEST, "{uri}");
    }
}

#[tokio::test]
async fn records_that_had_no_room_are_counted_in_a_header() {
    let (node, _clock) = fixture::node();
    let matches = (1..=1503).map(|pid| fixture::process(pid, Severity::Low)).collect();
    node.take(fixture::pass(Outcome::Ok, matches));
    let answer = fetch(&node, "/api/violations").await;
    assert_eq!(answer.header("keelwatch-truncated"), Some("3"));
    assert_eq!(answer.json().as_array().map(Vec::len), Some(1500));
}

#[tokio::test]
async fn coverage_says_what_the_last_completed_pass_saw() {
    let node = scanned();
    node.take(fixture::pass(Outcome::Failed, Vec::new()));
    let coverage = fetch(&node, "/api/v1/coverage").await.json();
    let told = ["node", "since", "interval_s", "forks_since_last_pass"].map(|key| coverage[key].clone());
    assert_eq!(json!(told), json!([NAME, "2026-11-21T04:30:02Z", 2.0, 41]));
    assert_eq!((&coverage["last_pass"]["seen"], &coverage["exec_events"]["source"]), (&json!(612), &json!("off")));
}

#[tokio::test]
async fn rules_are_told_with_their_hits_and_chosen_by_pack() {
    let miners = fetch(&scanned(), "/api/v1/rules?pack=miners&enabled=true").await.json();
    let rules = miners["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["pack"] == "miners" && rule["enabled"] == true));
    let hits: Vec<&Value> = rules.iter().filter(|rule| rule["id"] == "miner-name").map(|rule| &rule["hits"]).collect();
    assert_eq!((hits, &miners["last_error"]), (vec![&json!(3)], &Value::Null));
}

#[tokio::test]
async fn a_refused_reload_is_told_until_one_succeeds() {
    let node = scanned();
    node.rules_refused(vec!["r.yaml:1:1: version: 2".to_owned()]);
    let refused = fetch(&node, "/api/v1/rules").await.json();
    assert_eq!(refused["last_error"], json!({"at": "2026-11-21T04:30:02Z", "errors": ["r.yaml:1:1: version: 2"]}));
    node.rules_accepted();
    assert_eq!(fetch(&node, "/api/v1/rules").await.json()["last_error"], Value::Null);
}

#[tokio::test]
async fn other_rules_are_told_together_with_the_first_records_by_them() {
    let node = scanned();
    let text = RuleText { file: "r.yaml".to_owned(), pack: Pack::Custom, yaml: "version: 1\nrules: []\n".to_owned() };
    let other = RuleSet::compile(vec![text]).unwrap();
    let told = async || {
        let list = fetch(&node, "/api/violations").await;
        let rules = fetch(&node, "/api/v1/rules").await.json();
        (list.header("keelwatch-rules").unwrap().to_owned(), rules["revision"].as_str().unwrap().to_owned())
    };
    let (before, after) = (RuleSet::builtin().revision().to_owned(), other.revision().to_owned());
    node.rules_accepted();
    node.take(fixture::pass_by(RuleSet::builtin(), Outcome::Ok, Vec::new()));
    assert_eq!(told().await, (before.clone(), before.clone()));
    node.take(fixture::pass_by(other, Outcome::Ok, Vec::new()));
    assert_eq!(told().await, (after.clone(), after));
}
