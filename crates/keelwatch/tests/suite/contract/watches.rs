//! Watches: how they begin, what they tell, how they end.

use serde_json::{Value, json};

use super::case::{Ending, Need, Verdict, cases};
use super::client::Lines;
use super::compare::{equal, holds, masked, refused, version};
use super::ground::{Ground, MERGE};

cases![
    a_watch_of_no_version_begins_with_what_there_is,
    a_watch_tells_of_changes_in_their_order,
    a_watch_resumes_after_a_version,
    a_watch_of_any_version_begins_with_what_there_is,
    initial_events_end_with_a_bookmark needs STREAMING,
    initial_events_of_nothing_are_a_bookmark needs STREAMING,
    initial_events_can_be_left_out needs STREAMING,
    a_bookmark_says_how_far_a_watch_has_come,
    no_bookmark_comes_to_those_who_do_not_ask,
    an_expired_version_is_told_inside_the_stream,
    a_version_of_the_future_is_open_and_silent,
    a_watch_of_nothing_ends_at_its_time,
    entering_a_selection_is_added_and_leaving_it_is_deleted,
    a_deletion_has_the_version_of_the_deletion,
    initial_events_need_a_match,
    a_match_needs_initial_events,
];

const STREAMING: Need = Need::Version(34, "the streaming list");

/// Type and name of each event, bookmarks aside, until the watch ends.
async fn told(mut lines: Lines) -> Result<Vec<String>, Ending> {
    let mut events = Vec::new();
    while let Some(event) = lines.next().await? {
        if event["type"] != "BOOKMARK" {
            events.push(brief(&event));
        }
    }
    Ok(events)
}

fn brief(event: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}", word(&event["type"]), word(&event["object"]["metadata"]["name"]))
}

async fn next(lines: &mut Lines) -> Result<Value, Ending> {
    Ok(lines.next().await?.unwrap_or(Value::Null))
}

/// Objects `<set>-1` to `<set>-<count>`; the path of their watch, without the end of the query.
async fn watched(ground: &Ground, set: &str, count: usize) -> Result<String, Ending> {
    for nth in 1..=count {
        ground.given_map(&format!("{set}-{nth}"), &json!({"set": set}), &json!({"i": nth.to_string()})).await?;
    }
    Ok(ground.path(&format!("configmaps?watch=true&labelSelector=set%3D{set}")))
}

fn object(set: &str, name: &str, i: &str) -> Value {
    let metadata = json!({
        "name": format!("{set}-{name}"), "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>",
        "creationTimestamp": "<time>", "labels": {"set": set},
    });
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"i": i}})
}

async fn a_watch_of_no_version_begins_with_what_there_is(ground: Ground) -> Verdict {
    let path = watched(&ground, "begin", 2).await?;
    let mut lines = ground.watch(&format!("{path}&allowWatchBookmarks=true&resourceVersion=&timeoutSeconds=5")).await?;
    equal("code", &lines.code.into(), &200.into())?;
    for nth in ["1", "2"] {
        equal(
            "event",
            &masked(next(&mut lines).await?),
            &json!({"type": "ADDED", "object": object("begin", nth, nth)}),
        )?;
    }
    Ok(())
}

/// The changes that the recording of a watch was made with.
async fn change(ground: &Ground, set: &str) -> Verdict {
    ground.given_map(&format!("{set}-w"), &json!({"set": set}), &json!({"i": "w"})).await?;
    ground.patch(&ground.path(&format!("configmaps/{set}-2")), MERGE, &json!({"data": {"i": "22"}})).await?;
    for name in ["3", "w"] {
        ground.delete(&ground.path(&format!("configmaps/{set}-{name}")), &json!(null)).await?;
    }
    Ok(())
}

async fn a_watch_tells_of_changes_in_their_order(ground: Ground) -> Verdict {
    let path = watched(&ground, "live", 3).await?;
    let mut lines = ground.watch(&format!("{path}&resourceVersion=&timeoutSeconds=30")).await?;
    for _ in 0..3 {
        next(&mut lines).await?;
    }
    change(&ground, "live").await?;
    let expected = [("ADDED", "w", "w"), ("MODIFIED", "2", "22"), ("DELETED", "3", "3"), ("DELETED", "w", "w")];
    for (kind, name, i) in expected {
        equal("event", &masked(next(&mut lines).await?), &json!({"type": kind, "object": object("live", name, i)}))?;
    }
    Ok(())
}

async fn a_watch_resumes_after_a_version(ground: Ground) -> Verdict {
    let path = watched(&ground, "resume", 3).await?;
    let then = version(&ground.get(&ground.path("configmaps/resume-3")).await?.json());
    change(&ground, "resume").await?;
    let lines = ground.watch(&format!("{path}&resourceVersion={then}&timeoutSeconds=2")).await?;
    let expected = json!(["ADDED resume-w", "MODIFIED resume-2", "DELETED resume-3", "DELETED resume-w"]);
    equal("events", &json!(told(lines).await?), &expected)
}

async fn a_watch_of_any_version_begins_with_what_there_is(ground: Ground) -> Verdict {
    let path = watched(&ground, "zero", 2).await?;
    let mut lines = ground.watch(&format!("{path}&resourceVersion=0&timeoutSeconds=30")).await?;
    let events = json!([brief(&next(&mut lines).await?), brief(&next(&mut lines).await?)]);
    equal("events", &events, &json!(["ADDED zero-1", "ADDED zero-2"]))
}

const INITIAL: &str = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

/// The bookmark that ends the initial events.
fn initial_end() -> Value {
    let metadata =
        json!({"resourceVersion": "<resourceVersion>", "annotations": {"k8s.io/initial-events-end": "true"}});
    json!({"type": "BOOKMARK", "object": {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}})
}

async fn initial_events_end_with_a_bookmark(ground: Ground) -> Verdict {
    let path = watched(&ground, "initial", 2).await?;
    let newest = version(&ground.get(&ground.path("configmaps/initial-2")).await?.json());
    for asked in ["", newest.as_str()] {
        let mut lines = ground.watch(&format!("{path}&{INITIAL}&resourceVersion={asked}&timeoutSeconds=30")).await?;
        let events = json!([masked(next(&mut lines).await?), masked(next(&mut lines).await?)]);
        let added = |nth: &str| json!({"type": "ADDED", "object": object("initial", nth, nth)});
        equal("events", &events, &json!([added("1"), added("2")]))?;
        let bookmark = next(&mut lines).await?;
        equal("the end", &masked(bookmark.clone()), &initial_end())?;
        let (is, newest) = (number(&version(&bookmark["object"])), number(&newest));
        holds("the bookmark is not older than the objects", is >= newest, &bookmark)?;
        ground.given_map(&format!("initial-x{asked}"), &json!({"set": "initial"}), &json!({})).await?;
        equal("live", &brief(&next(&mut lines).await?).into(), &format!("ADDED initial-x{asked}").into())?;
        ground.delete(&ground.path(&format!("configmaps/initial-x{asked}")), &json!(null)).await?;
    }
    Ok(())
}

fn number(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}

async fn initial_events_of_nothing_are_a_bookmark(ground: Ground) -> Verdict {
    let path = watched(&ground, "nothing", 0).await?;
    let mut lines = ground.watch(&format!("{path}&{INITIAL}&timeoutSeconds=30")).await?;
    equal("the only event", &masked(next(&mut lines).await?), &initial_end())
}

async fn initial_events_can_be_left_out(ground: Ground) -> Verdict {
    let path = watched(&ground, "left-out", 1).await?;
    let query = "allowWatchBookmarks=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=30";
    let mut lines = ground.watch(&format!("{path}&{query}")).await?;
    ground.given_map("left-out-2", &json!({"set": "left-out"}), &json!({})).await?;
    equal("the first event", &brief(&next(&mut lines).await?).into(), &"ADDED left-out-2".into())
}

async fn a_bookmark_says_how_far_a_watch_has_come(ground: Ground) -> Verdict {
    let path = watched(&ground, "mark", 1).await?;
    let then = version(&ground.get(&ground.path("configmaps/mark-1")).await?.json());
    // A server sends one about two seconds before the end.
    let mut lines =
        ground.watch(&format!("{path}&allowWatchBookmarks=true&resourceVersion={then}&timeoutSeconds=6")).await?;
    let map = ground.given_map("mark-2", &json!({"set": "mark"}), &json!({})).await?;
    equal("the change", &brief(&next(&mut lines).await?).into(), &"ADDED mark-2".into())?;
    let bookmark = next(&mut lines).await?;
    let metadata = json!({"resourceVersion": "<resourceVersion>"});
    let expected =
        json!({"type": "BOOKMARK", "object": {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}});
    equal("the bookmark", &masked(bookmark.clone()), &expected)?;
    let reached = number(&version(&bookmark["object"]));
    holds("it is not older than the change", reached >= number(&version(&map)), &bookmark)?;
    let resumed = ground.watch(&format!("{path}&resourceVersion={reached}&timeoutSeconds=1")).await?;
    equal("nothing is told again", &json!(told(resumed).await?), &json!([]))
}

async fn no_bookmark_comes_to_those_who_do_not_ask(ground: Ground) -> Verdict {
    let path = watched(&ground, "unasked", 1).await?;
    let mut lines = ground.watch(&format!("{path}&resourceVersion=0&timeoutSeconds=4")).await?;
    let events = json!([brief(&next(&mut lines).await?), next(&mut lines).await?]);
    equal("one event and the end", &events, &json!(["ADDED unasked-1", null]))
}

async fn an_expired_version_is_told_inside_the_stream(ground: Ground) -> Verdict {
    let mut lines = ground.watch(&ground.path("configmaps?watch=true&resourceVersion=1&timeoutSeconds=5")).await?;
    let mut event = next(&mut lines).await?;
    let message = event["object"]["message"].as_str().unwrap_or_default().to_owned();
    event["object"]["message"] = message.split(" (").next().unwrap_or_default().into();
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "too old resource version: 1",
        "reason": "Expired", "code": 410,
    });
    let got = json!([lines.code, event, next(&mut lines).await?]);
    equal("code, event, end", &got, &json!([200, {"type": "ERROR", "object": status}, null]))
}

async fn a_version_of_the_future_is_open_and_silent(ground: Ground) -> Verdict {
    let mut lines =
        ground.watch(&ground.path("configmaps?watch=true&resourceVersion=999999999&timeoutSeconds=2")).await?;
    let got = json!([lines.code, next(&mut lines).await?]);
    equal("code and end", &got, &json!([200, null]))
}

async fn a_watch_of_nothing_ends_at_its_time(ground: Ground) -> Verdict {
    let path = ground.path("pods?watch=true&fieldSelector=spec.nodeName%3Dnodeless&timeoutSeconds=1");
    let mut lines = ground.watch(&path).await?;
    let got = json!([lines.code, next(&mut lines).await?]);
    equal("code and end", &got, &json!([200, null]))
}

async fn entering_a_selection_is_added_and_leaving_it_is_deleted(ground: Ground) -> Verdict {
    let path = watched(&ground, "select", 1).await?;
    let other = ground.given_map("select-other", &json!({"set": "other"}), &json!({"i": "o"})).await?;
    let mut lines = ground.watch(&format!("{path}&resourceVersion={}&timeoutSeconds=30", version(&other))).await?;
    let label = |set: &str| json!({"metadata": {"labels": {"set": set}}});
    ground.patch(&ground.path("configmaps/select-other"), MERGE, &label("select")).await?;
    let left = ground.patch(&ground.path("configmaps/select-1"), MERGE, &label("left")).await?.json();
    equal(
        "enters",
        &masked(next(&mut lines).await?),
        &json!({"type": "ADDED", "object": object("select", "other", "o")}),
    )?;
    let gone = next(&mut lines).await?;
    let expected = json!({"type": "DELETED", "object": object("select", "1", "1")});
    equal("leaves, as it last was within", &masked(gone.clone()), &expected)?;
    equal("the version is that of leaving", &version(&gone["object"]).into(), &version(&left).into())
}

async fn a_deletion_has_the_version_of_the_deletion(ground: Ground) -> Verdict {
    let path = watched(&ground, "deletion", 1).await?;
    let map = ground.get(&ground.path("configmaps/deletion-1")).await?.json();
    let mut lines = ground.watch(&format!("{path}&resourceVersion={}&timeoutSeconds=30", version(&map))).await?;
    ground.delete(&ground.path("configmaps/deletion-1"), &json!(null)).await?;
    let event = next(&mut lines).await?;
    let is_newer = number(&version(&event["object"])) > number(&version(&map));
    equal("type", &event["type"], &"DELETED".into())?;
    holds("the version is newer than the object's", is_newer, &event)
}

async fn initial_events_need_a_match(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?watch=true&sendInitialEvents=true&timeoutSeconds=1")).await?;
    let why =
        "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    refused(&answer, 422, "Invalid", &format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"))
}

async fn a_match_needs_initial_events(ground: Ground) -> Verdict {
    let query = "watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1&timeoutSeconds=1";
    let answer = ground.get(&ground.path(&format!("configmaps?{query}"))).await?;
    let why = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    refused(&answer, 422, "Invalid", &format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"))
}
