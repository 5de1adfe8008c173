//! Events: two groups, one object; a fact that does not change.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::compare::{coded, equal, names, refused};
use super::ground::{Ground, MERGE};

cases![
    an_event_is_one_object_in_both_groups,
    an_event_is_found_by_what_it_is_about,
    an_event_without_time_and_type_is_invalid,
    an_event_about_another_namespace_is_invalid,
    a_fact_does_not_change,
    a_series_grows,
];

fn event(ground: &Ground, name: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "keelwatch.io/contract", "reportingInstance": "contract-1", "action": "Trying", "reason": "Tried",
        "regarding": {"kind": "Pod", "namespace": ground.namespace, "name": name}, "note": "hello", "type": "Normal",
    })
}

async fn given(ground: &Ground, name: &str) -> Result<Value, Ending> {
    ground.given(&ground.group_path("events.k8s.io/v1", "events"), &event(ground, name)).await
}

async fn an_event_is_one_object_in_both_groups(ground: Ground) -> Verdict {
    let made = given(&ground, "both").await?;
    let core = ground.get(&ground.path("events/both")).await?.json();
    let got =
        json!([core["metadata"]["uid"], core["message"], core["reportingComponent"], core["involvedObject"]["name"]]);
    equal(
        "as the core group has it",
        &got,
        &json!([made["metadata"]["uid"], "hello", "keelwatch.io/contract", "both"]),
    )?;
    let got = json!([made["note"], made["reportingController"], made["regarding"]["name"], made["eventTime"]]);
    equal("as its own has it", &got, &json!(["hello", "keelwatch.io/contract", "both", "2026-01-01T00:00:00.000000Z"]))
}

async fn an_event_is_found_by_what_it_is_about(ground: Ground) -> Verdict {
    given(&ground, "found").await?;
    let core =
        ground.get(&ground.path("events?fieldSelector=involvedObject.name%3Dfound,reason%3DTried")).await?.json();
    equal("names", &json!(names(&core)), &json!(["found"]))?;
    let own = ground.group_path("events.k8s.io/v1", "events?fieldSelector=regarding.name%3Dfound");
    equal("names", &json!(names(&ground.get(&own).await?.json())), &json!(["found"]))
}

async fn an_event_without_time_and_type_is_invalid(ground: Ground) -> Verdict {
    let path = ground.group_path("events.k8s.io/v1", "events");
    let bare = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "bare"}});
    let answer = ground.create(&path, &bare).await?;
    coded(&answer, 422)?;
    let mut event = event(&ground, "typed");
    event["type"] = "Odd".into();
    let answer = ground.create(&path, &event).await?;
    let causes = answer.json()["details"]["causes"].clone();
    equal("the field that is wrong", &json!([answer.code, causes[0]["field"]]), &json!([422, "type"]))?;
    let mut event = super::events::event(&ground, "timeless");
    event.as_object_mut().unwrap().shift_remove("eventTime");
    let answer = ground.create(&path, &event).await?;
    refused(&answer, 422, "Invalid", "Event \"timeless\" is invalid: eventTime: Required value")
}

async fn an_event_about_another_namespace_is_invalid(ground: Ground) -> Verdict {
    let mut event = event(&ground, "elsewhere");
    event["regarding"] = json!({"kind": "Node", "name": "n"});
    let answer = ground.create(&ground.group_path("events.k8s.io/v1", "events"), &event).await?;
    let message =
        "Event \"elsewhere\" is invalid: involvedObject.namespace: Invalid value: \"\": does not match event.namespace";
    refused(&answer, 422, "Invalid", message)
}

async fn a_fact_does_not_change(ground: Ground) -> Verdict {
    given(&ground, "fact").await?;
    let path = ground.group_path("events.k8s.io/v1", "events/fact");
    let answer = ground.patch(&path, MERGE, &json!({"note": "other"})).await?;
    refused(&answer, 422, "Invalid", "Event \"fact\" is invalid: message: Invalid value: \"other\": field is immutable")
}

async fn a_series_grows(ground: Ground) -> Verdict {
    given(&ground, "series").await?;
    let path = ground.group_path("events.k8s.io/v1", "events/series");
    let series = json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z"});
    let answer = ground.patch(&path, MERGE, &json!({"series": series})).await?;
    equal("code and series", &json!([answer.code, answer.json()["series"]]), &json!([200, series]))
}
