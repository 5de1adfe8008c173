//! Finalizers, propagation, grace, namespaces.

use std::time::Duration;

use serde_json::{Value, json};

use crate::SimCluster;
use crate::fixture::{MAPS, brief, cluster, config_map, create_maps, delete, get, send, watch};

async fn owned(sim: &SimCluster, name: &str, owner: &Value) {
    let mut map = config_map(name);
    let (uid, of) = (&owner["metadata"]["uid"], &owner["metadata"]["name"]);
    map["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": of, "uid": uid}]);
    assert_eq!(send(sim, "POST", MAPS, &map).await.code, 201);
}

async fn owner_and_dependent() -> SimCluster {
    let sim = cluster().await;
    create_maps(&sim, &["owner"]).await;
    let owner = get(&sim, &format!("{MAPS}/owner")).await.body;
    owned(&sim, "dependent", &owner).await;
    sim.step(Duration::from_secs(1));
    sim
}

#[tokio::test]
async fn dependents_go_after_their_owner_at_the_next_step() {
    let sim = owner_and_dependent().await;
    let answer = delete(&sim, &format!("{MAPS}/owner?propagationPolicy=Background")).await;
    assert_eq!((answer.code, &answer.body["status"]), (200, &json!("Success")));
    assert_eq!(get(&sim, MAPS).await.names(), ["dependent"]);
    sim.step(Duration::from_secs(1));
    assert_eq!(get(&sim, MAPS).await.names(), Vec::<&str>::new());
}

#[tokio::test]
async fn orphans_lose_the_reference_and_stay() {
    let sim = owner_and_dependent().await;
    delete(&sim, &format!("{MAPS}/owner?propagationPolicy=Orphan")).await;
    sim.step(Duration::from_secs(1));
    let left = get(&sim, MAPS).await;
    assert_eq!((left.names(), left.body["items"][0]["metadata"].get("ownerReferences")), (vec!["dependent"], None));
}

#[tokio::test]
async fn an_owner_in_the_foreground_goes_last() {
    let sim = owner_and_dependent().await;
    let held = json!({"metadata": {"finalizers": ["example.org/hold"]}});
    send(&sim, "PATCH", &format!("{MAPS}/dependent"), &held).await;
    delete(&sim, &format!("{MAPS}/owner?propagationPolicy=Foreground")).await;
    sim.step(Duration::from_secs(1));
    assert_eq!(get(&sim, MAPS).await.names(), ["dependent", "owner"]);
    send(&sim, "PATCH", &format!("{MAPS}/dependent"), &json!({"metadata": {"finalizers": null}})).await;
    sim.step(Duration::from_secs(1));
    assert_eq!(get(&sim, MAPS).await.names(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_being_deleted_takes_no_new_finalizer() {
    let sim = cluster().await;
    let mut map = config_map("a");
    map["metadata"]["finalizers"] = json!(["example.org/hold"]);
    send(&sim, "POST", MAPS, &map).await;
    delete(&sim, &format!("{MAPS}/a")).await;
    let more = json!({"metadata": {"finalizers": ["example.org/hold", "example.org/more"]}});
    let refused = send(&sim, "PATCH", &format!("{MAPS}/a"), &more).await;
    assert_eq!((refused.code, &refused.body["details"]["causes"][0]["field"]), (422, &json!("metadata.finalizers")));
}

#[tokio::test]
async fn a_deletion_meets_its_preconditions() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let wrong = json!({"preconditions": {"uid": "other"}});
    let refused = send(&sim, "DELETE", &format!("{MAPS}/a"), &wrong).await;
    assert_eq!((refused.code, refused.refusal().1), (409, "Conflict"));
    assert_eq!(get(&sim, &format!("{MAPS}/a")).await.code, 200);
}

#[tokio::test]
async fn a_namespace_takes_its_content_along_and_nothing_new() {
    let sim = cluster().await;
    send(&sim, "POST", "/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    let maps = "/api/v1/namespaces/shop/configmaps";
    send(&sim, "POST", maps, &config_map("a")).await;
    let ending = delete(&sim, "/api/v1/namespaces/shop").await;
    assert_eq!(ending.body["status"]["phase"], "Terminating");
    let refused = send(&sim, "POST", maps, &config_map("b")).await;
    let message =
        "configmaps \"b\" is forbidden: unable to create new content in namespace shop because it is being terminated";
    assert_eq!(refused.refusal(), (403, "Forbidden", message));
    sim.step(Duration::from_secs(1));
    assert_eq!((get(&sim, "/api/v1/namespaces/shop").await.code, get(&sim, maps).await.names().len()), (404, 0));
}

#[tokio::test]
async fn a_running_pod_is_given_its_grace() {
    let sim = cluster().await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"},
    });
    sim.put(pod).unwrap();
    let path = "/api/v1/namespaces/default/pods/p";
    let ending = delete(&sim, path).await;
    assert_eq!((ending.code, &ending.body["metadata"]["deletionGracePeriodSeconds"]), (200, &json!(30)));
    assert_eq!(get(&sim, path).await.code, 200);
    sim.step(Duration::from_secs(1));
    assert_eq!(get(&sim, path).await.code, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b"]).await;
    let deleted = delete(&sim, &format!("{MAPS}?fieldSelector=metadata.name%3Da")).await;
    assert_eq!((deleted.names(), &deleted.body["kind"]), (vec!["a"], &json!("ConfigMapList")));
    assert_eq!(get(&sim, MAPS).await.names(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_collection_that_is_refused_half_way_has_lost_what_went_before_with_its_dependents() {
    let sim = SimCluster::builder().without_listener().start().await.unwrap();
    create_maps(&sim, &["a", "b"]).await;
    let a = get(&sim, &format!("{MAPS}/a")).await.body;
    owned(&sim, "z", &a).await;
    // What moves by itself has come to rest: only the deletion stirs it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let version = get(&sim, MAPS).await.version();
    let mut events = watch(&sim, &format!("{MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=60")).await;
    let refused = send(&sim, "DELETE", MAPS, &json!({"preconditions": {"uid": a["metadata"]["uid"]}})).await;
    assert_eq!((refused.code, &refused.body["details"]["name"]), (409, &json!("b")));
    let told = [events.next().await, events.next().await].map(|event| event.map(|event| brief(&event)));
    assert_eq!(told, ["DELETED a", "DELETED z"].map(|event| Some(event.to_owned())));
    assert_eq!(get(&sim, MAPS).await.names(), ["b"]);
}
