//! Names, versions, generations, dry runs, status, scale, ownership.

use serde_json::json;

use crate::fixture::{APPLY, MAPS, cluster, config_map, create_maps, get, send, send_as};

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[tokio::test]
async fn the_body_agrees_with_the_path() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let mut other = config_map("b");
    let name = send(&sim, "PUT", &format!("{MAPS}/a"), &other).await;
    assert_eq!(
        name.refusal(),
        (400, "BadRequest", "the name of the object (b) does not match the name on the URL (a)")
    );
    other["metadata"]["namespace"] = "kube-system".into();
    let namespace = send(&sim, "POST", MAPS, &other).await;
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!(namespace.refusal(), (400, "BadRequest", message));
}

#[tokio::test]
async fn a_generated_name_is_the_base_and_five_characters() {
    let sim = cluster().await;
    let made = send(&sim, "POST", MAPS, &json!({"metadata": {"generateName": "job-"}})).await;
    let name = made.body["metadata"]["name"].as_str().unwrap();
    assert_eq!((name.len(), &name[..4]), (9, "job-"));
    let nameless = send(&sim, "POST", MAPS, &json!({"metadata": {}})).await;
    let message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required";
    assert_eq!(nameless.refusal(), (422, "Invalid", message));
}

#[tokio::test]
async fn a_namespace_that_is_not_there_takes_nothing() {
    let sim = cluster().await;
    let answer = send(&sim, "POST", "/api/v1/namespaces/nowhere/configmaps", &config_map("a")).await;
    assert_eq!(answer.refusal(), (404, "NotFound", "namespaces \"nowhere\" not found"));
}

#[tokio::test]
async fn a_write_that_changes_nothing_bumps_nothing() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let before = get(&sim, MAPS).await.version();
    send(&sim, "PATCH", &format!("{MAPS}/a"), &json!({"data": {"k": "1"}})).await;
    send(&sim, "PUT", &format!("{MAPS}/a"), &config_map("a")).await;
    assert_eq!(get(&sim, MAPS).await.version(), before);
}

#[tokio::test]
async fn a_dry_run_checks_all_and_stores_nothing() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let before = get(&sim, MAPS).await;
    for (method, path, code) in
        [("POST", "?dryRun=All", 409), ("PUT", "/a?dryRun=All", 200), ("DELETE", "/a?dryRun=All", 200)]
    {
        let mut map = config_map("a");
        map["data"]["k"] = "2".into();
        let body = if method == "DELETE" { json!({}) } else { map };
        assert_eq!(send(&sim, method, &format!("{MAPS}{path}"), &body).await.code, code, "{method}");
    }
    let created = send(&sim, "POST", &format!("{MAPS}?dryRun=All"), &config_map("b")).await;
    assert_eq!((created.code, created.body["metadata"].get("resourceVersion")), (201, None));
    assert_eq!(get(&sim, MAPS).await, before);
}

#[tokio::test]
async fn the_status_has_its_own_path() {
    let sim = cluster().await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}});
    let made = send(&sim, "POST", PODS, &pod).await;
    assert_eq!(made.body["status"]["phase"], "Pending");
    let status = json!({"status": {"phase": "Running"}, "spec": {"nodeName": "n"}});
    let written = send(&sim, "PATCH", &format!("{PODS}/p/status"), &status).await;
    assert_eq!((&written.body["status"]["phase"], written.body["spec"].get("nodeName")), (&json!("Running"), None));
    let main = send(&sim, "PATCH", &format!("{PODS}/p"), &json!({"status": {"phase": "Failed"}})).await;
    assert_eq!(main.body["status"]["phase"], "Running");
}

#[tokio::test]
async fn the_generation_counts_changes_of_the_specification() {
    let sim = cluster().await;
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}}});
    send(&sim, "POST", DEPLOYMENTS, &deployment).await;
    let path = format!("{DEPLOYMENTS}/d");
    send(&sim, "PATCH", &path, &json!({"metadata": {"labels": {"x": "y"}}})).await;
    send(&sim, "PATCH", &format!("{path}/status"), &json!({"status": {"replicas": 1}})).await;
    assert_eq!(get(&sim, &path).await.body["metadata"]["generation"], 1);
    send(&sim, "PATCH", &format!("{path}/scale"), &json!({"spec": {"replicas": 3}})).await;
    let scaled = get(&sim, &path).await.body;
    assert_eq!((&scaled["metadata"]["generation"], &scaled["spec"]["replicas"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn fields_that_cannot_change_do_not() {
    let sim = cluster().await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    send(&sim, "POST", PODS, &pod).await;
    let image = json!({"spec": {"containers": [{"name": "c", "image": "j"}]}});
    let strategic = "application/strategic-merge-patch+json";
    assert_eq!(send_as(&sim, "PATCH", &format!("{PODS}/p"), strategic, &image).await.code, 200);
    let changed = send(&sim, "PATCH", &format!("{PODS}/p"), &json!({"spec": {"hostNetwork": true}})).await;
    assert_eq!((changed.code, changed.refusal().2.contains("field is immutable")), (422, true));
}

#[tokio::test]
async fn leases_are_updated_only_with_a_version() {
    let sim = cluster().await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}});
    send(&sim, "POST", leases, &lease).await;
    assert_eq!(send(&sim, "PUT", &format!("{leases}/l"), &lease).await.code, 422);
}

#[tokio::test]
async fn a_field_taken_by_force_stays_with_who_took_it() {
    let sim = cluster().await;
    let wants = |data: serde_json::Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data});
    let apply = async |who: &str, data| {
        send_as(&sim, "PATCH", &format!("{MAPS}/m?fieldManager={who}"), APPLY, &wants(data)).await
    };
    apply("alice", json!({"a": "1", "b": "1"})).await;
    assert_eq!(apply("bob", json!({"a": "2"})).await.code, 409);
    assert_eq!(apply("bob&force=true", json!({"a": "2"})).await.code, 200);
    let left = apply("alice", json!({"b": "1"})).await;
    assert_eq!(left.body["data"], json!({"a": "2", "b": "1"}));
    for _ in 0..1_000 {
        assert_eq!(apply("alice", json!({"b": "1"})).await.version(), left.version());
    }
}

#[tokio::test]
async fn an_event_is_one_object_in_both_of_its_groups() {
    let sim = cluster().await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "Started", "note": "hello",
        "eventTime": "2026-01-01T00:00:00.000000Z", "action": "Starting", "regarding": {"kind": "Pod", "name": "p"},
        "reportingController": "k", "reportingInstance": "k-1", "type": "Normal",
    });
    let made = send(&sim, "POST", "/apis/events.k8s.io/v1/namespaces/default/events", &event).await;
    assert_eq!(
        (made.code, &made.body["note"], &made.body["apiVersion"]),
        (201, &json!("hello"), &json!("events.k8s.io/v1"))
    );
    let core = get(&sim, "/api/v1/events?fieldSelector=involvedObject.name%3Dp").await;
    assert_eq!((core.names(), &core.body["items"][0]["message"]), (vec!["e"], &json!("hello")));
}

#[tokio::test]
async fn an_event_of_the_newer_group_says_all_and_does_not_change() {
    let sim = cluster().await;
    let events = "/apis/events.k8s.io/v1/namespaces/default/events";
    let bare = send(&sim, "POST", events, &json!({"metadata": {"name": "e"}})).await;
    let message = "Event \"e\" is invalid: [eventTime: Required value, type: Invalid value: \"\": has invalid value: ]";
    assert_eq!(bare.refusal(), (422, "Invalid", message));
    let event = json!({
        "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "k", "reportingInstance": "k-1",
        "action": "Starting", "reason": "Started", "note": "hello", "type": "Normal",
    });
    assert_eq!(send(&sim, "POST", events, &event).await.code, 201);
    let changed = send(&sim, "PATCH", &format!("{events}/e"), &json!({"note": "bye"})).await;
    let message = "Event \"e\" is invalid: message: Invalid value: \"bye\": field is immutable";
    assert_eq!(changed.refusal(), (422, "Invalid", message));
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z"}});
    assert_eq!(send(&sim, "PATCH", &format!("{events}/e"), &series).await.code, 200);
    let core = send(&sim, "PATCH", "/api/v1/namespaces/default/events/e", &json!({"message": "bye"})).await;
    assert_eq!(core.code, 200);
}
