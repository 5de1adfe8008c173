//! Resume, expiry, selection, bookmarks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{self, MAPS, brief, cluster, create_maps, delete, get, send, start, step_until, watch};
use crate::{Offer, Settings, SimCluster};

#[tokio::test]
async fn a_watch_goes_on_where_the_list_was() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let version = get(&sim, MAPS).await.version();
    create_maps(&sim, &["b"]).await;
    send(&sim, "PATCH", &format!("{MAPS}/a"), &json!({"data": {"k": "2"}})).await;
    delete(&sim, &format!("{MAPS}/b")).await;
    let events = watch(&sim, &format!("{MAPS}?watch=true&resourceVersion={version}&timeoutSeconds=5")).await;
    let events = step_until(&sim, Duration::from_secs(5), events.rest()).await;
    assert_eq!(events, ["ADDED b", "MODIFIED a", "DELETED b"]);
}

#[tokio::test]
async fn a_version_beyond_history_is_told_inside_the_stream() {
    let sim = start(SimCluster::builder().watch_history(3)).await;
    let version = get(&sim, MAPS).await.version();
    create_maps(&sim, &["a", "b", "c", "d"]).await;
    let mut events = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion={version}")).await;
    let event = events.next().await.unwrap();
    let message = format!("too old resource version: {version} ({})", version + 2);
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!((event["object"]["message"].as_str(), events.next().await), (Some(message.as_str()), None));
}

#[tokio::test]
async fn leaving_a_selection_is_a_deletion_and_entering_it_an_addition() {
    let sim = cluster().await;
    let label = |tier: Value| json!({"metadata": {"labels": {"tier": tier}}});
    create_maps(&sim, &["a"]).await;
    let mut events = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion=0&labelSelector=tier%3Dfront")).await;
    let path = format!("{MAPS}/a");
    for tier in [json!("front"), json!("back")] {
        send(&sim, "PATCH", &path, &label(tier)).await;
    }
    let (added, deleted) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert_eq!((brief(&added), brief(&deleted)), ("ADDED a".to_owned(), "DELETED a".to_owned()));
    assert_eq!(deleted["object"]["metadata"]["labels"], json!({"tier": "front"}));
    let version = get(&sim, &path).await.body["metadata"]["resourceVersion"].clone();
    assert_eq!(deleted["object"]["metadata"]["resourceVersion"], version);
}

#[tokio::test]
async fn a_deletion_carries_the_last_state_under_its_own_version() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let mut events = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion=0")).await;
    let added = events.next().await.unwrap();
    delete(&sim, &format!("{MAPS}/a")).await;
    let deleted = events.next().await.unwrap();
    let version = get(&sim, MAPS).await.version();
    let mut expected = added["object"].clone();
    expected["metadata"]["resourceVersion"] = version.to_string().into();
    assert_eq!(deleted["object"], expected);
}

#[tokio::test]
async fn bookmarks_come_when_they_are_due() {
    let sim = cluster().await;
    let version = get(&sim, MAPS).await.version();
    let path = format!("{MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=600");
    let mut events = watch(&sim, &path).await;
    let bookmark = step_until(&sim, Duration::from_mins(1), async move { events.next().await }).await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
}

#[tokio::test]
async fn initial_events_need_their_match_and_a_server_that_has_them() {
    let sim = cluster().await;
    let alone = get(&sim, &format!("{MAPS}?watch=1&sendInitialEvents=true")).await;
    let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
        resourceVersionMatch to NotOlderThan";
    assert_eq!(alone.refusal(), (422, "Invalid", message));
    let older = Settings { streaming_lists: Offer::Missing, ..Settings::default() };
    let sim = start(SimCluster::builder().settings(older)).await;
    let path = format!("{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    assert_eq!(get(&sim, &path).await.code, 422);
}

#[tokio::test]
async fn a_watch_as_a_table_states_its_columns_once() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b"]).await;
    let request = hyper::Request::builder()
        .uri(format!("{MAPS}?watch=1&resourceVersion=0&timeoutSeconds=1"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
        .body(http_body_util::Full::<bytes::Bytes>::default())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(sim.service(), request).await.unwrap();
    let text = step_until(&sim, Duration::from_secs(1), fixture::text(answer)).await;
    let tables: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let columns = |table: &Value| table["object"]["columnDefinitions"].as_array().map(Vec::len);
    let cell = |table: &Value| table["object"]["rows"][0]["cells"][0].clone();
    assert_eq!(tables.iter().map(columns).collect::<Vec<_>>(), [Some(3), None]);
    assert_eq!(tables.iter().map(cell).collect::<Vec<_>>(), ["a", "b"]);
}
