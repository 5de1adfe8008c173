//! What goes wrong on purpose, and who may not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{MAPS, brief, call, cluster, create_maps, get, start, watch};
use crate::{Denied, Effect, Fault, SimCluster, User};

const STORM: Effect = Effect::Status { code: 429, retry_after: Some(7) };

#[tokio::test]
async fn a_fault_is_met_as_often_as_it_says() {
    let sim = cluster().await;
    sim.set_faults(vec![Fault::new(STORM).on("list", "configmaps").skip(1).times(2)]);
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(get(&sim, MAPS).await.code);
    }
    assert_eq!(codes, [200, 429, 429, 200, 200]);
    assert_eq!((sim.faults()[0].fitted, sim.faults()[0].met), (5, 2));
}

#[tokio::test]
async fn a_server_that_is_too_busy_says_when_to_come_again() {
    let sim = cluster().await;
    sim.set_faults(vec![Fault::new(STORM)]);
    let answer = call(&sim, "GET", MAPS, None, "").await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (429, b"7".as_slice()));
}

#[tokio::test]
async fn a_watch_ends_after_the_events_that_a_fault_leaves() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c"]).await;
    for left in 0..=3 {
        sim.set_faults(vec![Fault::new(Effect::DropWatch(left))]);
        let events = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion=0")).await;
        assert_eq!(events.rest().await, ["ADDED a", "ADDED b", "ADDED c"][..usize::try_from(left).unwrap()]);
    }
}

#[tokio::test]
async fn a_watch_falls_silent_after_the_events_that_a_fault_leaves_and_stays_open() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c"]).await;
    sim.set_faults(vec![Fault::new(Effect::StallWatch(2)).on("watch", "configmaps")]);
    let path = format!("{MAPS}?watch=1&resourceVersion=0&allowWatchBookmarks=1&timeoutSeconds=1");
    let mut events = watch(&sim, &path).await;
    let told = [events.next().await, events.next().await].map(|event| brief(&event.unwrap()));
    assert_eq!(told, ["ADDED a", "ADDED b"]);
    create_maps(&sim, &["d"]).await;
    sim.step(Duration::from_mins(10));
    tokio::time::pause();
    assert!(tokio::time::timeout(Duration::from_hours(1), events.line()).await.is_err());
    sim.drop_watches();
    assert_eq!(events.line().await, None);
}

#[tokio::test]
async fn a_watch_breaks_one_line_behind_its_beginning_and_goes_on() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    sim.set_faults(vec![Fault::new(Effect::MalformedJson).on("watch", "configmaps")]);
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = watch(&sim, &format!("{MAPS}?watch=1&{initial}")).await;
    create_maps(&sim, &["b"]).await;
    let mut lines = Vec::new();
    for _ in 0..4 {
        let line = events.line().await.unwrap();
        lines.push(serde_json::from_slice(&line).map_or("broken".to_owned(), |event| brief(&event)));
    }
    assert_eq!(lines, ["ADDED a", "BOOKMARK", "broken", "ADDED b"]);
}

#[tokio::test]
async fn a_watch_that_is_refused_is_broken_as_any_answer() {
    let sim = cluster().await;
    sim.set_faults(vec![Fault::new(Effect::MalformedJson)]);
    assert!(matches!(get(&sim, &format!("{MAPS}?watch=1&fieldSelector=spec.foo%3D1")).await.body, Value::String(_)));
}

#[tokio::test]
async fn a_watch_is_expired_and_an_event_is_repeated_on_request() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    sim.set_faults(vec![Fault::new(Effect::ExpireWatch).times(1), Fault::new(Effect::RepeatEvent)]);
    let version = get(&sim, MAPS).await.version();
    let expired = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion={version}")).await;
    assert_eq!(expired.rest().await, ["ERROR Expired"]);
    let mut repeated = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion=0")).await;
    assert_eq!(repeated.next().await, repeated.next().await);
}

#[tokio::test]
async fn bodies_break_off() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    sim.set_faults(vec![Fault::new(Effect::MalformedJson).times(1), Fault::new(Effect::ResetAfter(10))]);
    assert!(matches!(get(&sim, MAPS).await.body, Value::String(_)));
    let broken = call(&sim, "GET", "/version", None, "").await.into_body();
    assert!(http_body_util::BodyExt::collect(broken).await.is_err());
}

#[tokio::test]
async fn one_item_of_a_wrong_shape_leaves_the_others_whole() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b"]).await;
    let whole = get(&sim, MAPS).await;
    sim.set_faults(vec![Fault::new(Effect::UndecodableItem)]);
    let spoiled = get(&sim, MAPS).await;
    assert_eq!((spoiled.names(), &spoiled.body["items"][1]), (whole.names(), &whole.body["items"][1]));
    assert_ne!(spoiled.body["items"][0], whole.body["items"][0]);
}

#[tokio::test]
async fn one_event_of_a_watch_has_a_wrong_shape() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b"]).await;
    let path = format!("{MAPS}?watch=1&resourceVersion=0");
    sim.set_faults(vec![Fault::new(Effect::UndecodableItem).times(1)]);
    let (mut spoiled, mut whole) = (watch(&sim, &path).await, watch(&sim, &path).await);
    let (first, second) = (spoiled.next().await.unwrap(), spoiled.next().await);
    let expected = whole.next().await.unwrap();
    assert_eq!((brief(&first), second), (brief(&expected), whole.next().await));
    assert_ne!(first, expected);
}

#[tokio::test]
async fn only_what_continues_a_list_meets_a_token_that_expired_and_it_goes_on_with_a_fresh_one() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c"]).await;
    sim.set_faults(vec![Fault::new(Effect::ExpireContinue).times(1)]);
    let first = get(&sim, &format!("{MAPS}?limit=1")).await;
    let expired = get(&sim, &format!("{MAPS}?limit=1&continue={}", first.token())).await;
    assert_eq!((first.names(), expired.code, expired.refusal().1), (vec!["a"], 410, "Expired"));
    assert_eq!(get(&sim, &format!("{MAPS}?continue={}", expired.token())).await.names(), ["b", "c"]);
}

#[tokio::test]
async fn a_stalled_request_stays_without_an_answer() {
    let sim = cluster().await;
    sim.set_faults(vec![Fault::new(Effect::Stall)]);
    tokio::time::pause();
    let answer = tokio::time::timeout(Duration::from_hours(1), get(&sim, MAPS)).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn whoever_is_denied_is_told_what() {
    let x = User { name: "x".to_owned(), groups: Vec::new() };
    let sim = start(SimCluster::builder().token("secret", x)).await;
    assert_eq!(get(&sim, "/api/v1/pods").await.code, 401);
    sim.deny(vec![Denied { verb: "list".to_owned(), resource: "pods".to_owned(), namespace: "*".to_owned() }]);
    let request = hyper::Request::builder()
        .uri("/api/v1/pods")
        .header("authorization", "Bearer secret")
        .body(http_body_util::Full::<bytes::Bytes>::default())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(sim.service(), request).await.unwrap();
    let status: Value = serde_json::from_str(&crate::fixture::text(answer).await).unwrap();
    let message = "pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" at the cluster scope";
    assert_eq!((&status["message"], &status["reason"]), (&json!(message), &json!("Forbidden")));
}

#[tokio::test]
async fn tokens_are_not_shown() {
    let x = User { name: "x".to_owned(), groups: Vec::new() };
    let sim = start(SimCluster::builder().token("hush-hush", x.clone())).await;
    sim.answers([("hush-too".to_owned(), Some(x))].into(), Vec::new());
    assert!(!format!("{sim:?}").contains("hush"));
}
