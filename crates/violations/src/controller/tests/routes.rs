//! The routes as clients meet them, without the listener in front.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use runtime::metrics::Registry;
use serde_json::{Value, json};
use web::settings::{AuthSettings, ListenSettings, TokenSettings};
use web::{Scope, Server};

use super::*;

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

/// SHA-256 of `t0ken`.
const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

async fn ask(world: &World, request: axum::http::request::Builder) -> Answer {
    let token = TokenSettings {
        name: "ci".to_owned(),
        sha256: SHA256.to_owned(),
        scopes: vec![Scope::Write],
        ..TokenSettings::default()
    };
    let auth = AuthSettings { anonymous_reads: true, tokens: vec![token], ..AuthSettings::default() };
    let clock = Arc::new(ManualClock::default());
    let server = Server::new(&ListenSettings::default(), &auth, clock, &mut Registry::default()).unwrap();
    let (_stopper, stop) = Stop::channel();
    let routes = super::super::routes(&world.collector, world.collector.findings(), &stop);
    let response = server.answering(routes).answer(request.body(Body::empty()).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

async fn get(world: &World, uri: &str) -> Answer {
    ask(world, Request::get(uri)).await
}

#[tokio::test]
async fn before_the_first_collection_the_list_is_empty_and_never_null() {
    let world = World::of(1).await;
    let Answer { status, body, .. } = get(&world, "/api/violations").await;
    let nodes = json!({"total": 0, "fresh": 0, "stale": 0, "failed": 0});
    assert_eq!((status, body), (200, json!({"violations": [], "update_time": null, "total_count": 0, "nodes": nodes})));
    assert_eq!(get(&world, "/api/v1/violations/nodes").await.body, json!({"items": [], "count": 0}));
    assert!(matches!(world.collector.check(), Check::Warn(why) if why.contains("no collection has ended yet")));
}

#[tokio::test]
async fn what_nodes_told_is_listed_as_they_told_it() {
    let mut world = World::of(2).await;
    world.set(1, Manner::Dead).await;
    world.round().await;
    let body = get(&world, "/api/violations").await.body;
    assert_eq!(
        (&body["total_count"], &body["nodes"]),
        (&json!(4), &json!({"total": 2, "fresh": 1, "stale": 0, "failed": 1}))
    );
    let updated: Time = serde_json::from_value(body["update_time"].clone()).unwrap();
    assert!(updated <= Time::of(world.clock.now()));
    let mut told = world.agents.records(0);
    told.sort_by_key(|record| record["pod"].as_str().unwrap().to_owned());
    for (record, listed) in told.iter_mut().zip(body["violations"].as_array().unwrap()) {
        record["stale"] = json!(false);
        // When it was seen last is said by the pass.
        for key in ["timestamp", "last_seen"] {
            record[key] = listed[key].clone();
        }
        assert_eq!(record, listed);
    }
    assert_eq!(world.collector.check(), Check::Ok);
}

#[tokio::test]
async fn filters_and_pages_select() {
    let mut world = World::of(3).await;
    world.round().await;
    let count = async |query: &str| get(&world, &format!("/api/violations?{query}")).await.body["total_count"].clone();
    for (query, expected) in [
        ("node=agent-1&node=agent-2", 8),
        ("namespace=ns-0", 4),
        ("namespace=ns-0&node=agent-2", 0),
        ("severity=critical&type=app&name=cart&rule=miner-stratum", 12),
        ("severity=low", 0),
        ("type=devbox", 0),
        ("state=resolved", 0),
        ("state=all", 12),
    ] {
        assert_eq!(count(query).await, json!(expected), "{query}");
    }
    let whole = get(&world, "/api/violations").await.body["violations"].as_array().unwrap().clone();
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let body = get(&world, &format!("/api/violations?limit=5{next}")).await.body;
        assert_eq!(body["total_count"], json!(12));
        pages.extend(body["violations"].as_array().unwrap().clone());
        let Some(more) = body["continue"].as_str() else { break };
        next = format!("&continue={more}");
    }
    assert_eq!(pages, whole);
    let foreign = get(&world, &format!("/api/violations?limit=5&state=all{next}")).await;
    assert_eq!((foreign.status, foreign.body["type"].as_str()), (400, Some("invalid-query-value")));
    for query in ["limit=0", "limit=50001", "colour=red", "state=closed", "severity=fatal", "continue=x"] {
        assert_eq!(get(&world, &format!("/api/violations?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_tag_stays_while_nothing_but_times_is_another() {
    let mut world = World::of(2).await;
    world.round().await;
    let tag = get(&world, "/api/violations").await.headers["etag"].clone();
    let again = async |world: &World| {
        ask(world, Request::get("/api/violations").header("if-none-match", tag.clone())).await.status
    };
    world.pass(0);
    world.round().await;
    assert_eq!(again(&world).await, 304);
    assert_ne!(get(&world, "/api/violations?node=agent-1").await.headers["etag"], tag);
    world.set(1, Manner::Dead).await;
    world.round().await;
    assert_eq!(again(&world).await, 200);
}

#[tokio::test]
async fn a_stale_node_shows_why_and_its_violations_are_stale() {
    let mut world = World::of(2).await;
    world.round().await;
    world.set(1, Manner::Status(503)).await;
    world.round().await;
    let body = get(&world, "/api/violations?node=agent-2").await.body;
    assert_eq!(
        body["violations"].as_array().unwrap().iter().map(|one| one["stale"].clone()).collect::<Vec<_>>(),
        [json!(true), json!(true), json!(true), json!(true)]
    );
    let body = get(&world, "/api/v1/violations/nodes?state=stale").await.body;
    let row = &body["items"][0];
    let expected = json!({
        "node": "agent-2", "address": world.agents.address(1).to_string(), "state": "stale", "reason": "status-503",
        "last_answer": row["last_answer"], "last_pass": row["last_pass"], "violations": 4, "truncated": 0,
        "rules": "9f2c41d07be3a855", "boot": world.agents.records(1)[0]["boot"].as_str().unwrap_or(row["boot"].as_str().unwrap()), "failures": 1,
    });
    assert_eq!((&body["count"], row), (&json!(1), &expected));
    assert!(row["last_answer"].is_string() && row["last_pass"].is_string());
}

#[tokio::test]
async fn a_collection_is_started_by_who_may_write() {
    let world = World::of(1).await;
    let uri = "/api/v1/violations/collect";
    assert_eq!(ask(&world, Request::post(uri)).await.status, 401);
    let authorized = || Request::post(uri).header("authorization", "Bearer t0ken");
    for (phase, expected) in [
        (Phase::Waiting, json!({"started": true})),
        (Phase::Collecting, json!({"started": false, "reason": "already running"})),
        (Phase::Off, json!({"started": false, "reason": "violations.controller.enabled is false"})),
        (Phase::Elsewhere, json!({"started": false, "reason": "not leading yet"})),
    ] {
        world.collector.set_phase(phase);
        let Answer { status, body, .. } = ask(&world, authorized()).await;
        assert_eq!((status, body), (StatusCode::ACCEPTED.as_u16(), expected));
    }
}
