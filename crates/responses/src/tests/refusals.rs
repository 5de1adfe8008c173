//! What the cluster does not take.

use serde_json::json;
use simcluster::{Denied, Effect, Fault, SimCluster};

use super::world::{World, sweep, world};
use crate::fixture::{settings, sighting};

#[tokio::test]
async fn a_kind_that_the_cluster_does_not_know_is_shown_and_tried_again_after_five_minutes() {
    let world = World::new(SimCluster::builder().crds(&["wasmplugins"]), settings()).await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert!(world.plugin().is_some() && world.label("ns-shop").is_some());
    let view = world.responses.view();
    assert_eq!((world.reasons(), view.missing.len()), (vec!["notification crd-missing".to_owned()], 1));
    world.sim.clear_requests();
    sweep(&mut sweeper).await;
    let asked = world.sim.requests().iter().filter(|request| request.path.contains("notification")).count();
    assert_eq!(asked, 0, "not before five minutes have passed");
    world.jump(5);
    sweep(&mut sweeper).await;
    assert!(world.sim.requests().iter().any(|request| request.path.contains("notification")));
}

#[tokio::test]
async fn a_missing_permission_is_told_and_the_other_responses_go_on() {
    let world = world().await;
    let denied = |verb: &str, resource: &str| Denied {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: "*".to_owned(),
    };
    world.sim.deny(vec![denied("patch", "notifications"), denied("patch", "namespaces")]);
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert!(world.plugin().is_some());
    assert_eq!(world.reasons(), ["namespace_label forbidden", "notification forbidden"]);
    world.writes();
    sweep(&mut sweeper).await;
    assert_eq!((world.writes(), world.reasons().len()), (Vec::new(), 2));
    world.sim.deny(Vec::new());
    world.jump(5);
    sweep(&mut sweeper).await;
    assert_eq!((world.writes().len(), world.reasons()), (2, Vec::new()));
}

#[tokio::test]
async fn an_object_of_our_name_that_is_somebody_elses_is_left_alone() {
    let world = world().await;
    let theirs = json!({
        "apiVersion": "extensions.higress.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": {"name": "keelwatch-block", "namespace": "higress-system"}, "spec": {"url": "oci://theirs"},
    });
    world.sim.put(theirs).unwrap();
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.plugin().unwrap()["spec"], json!({"url": "oci://theirs"}));
    assert_eq!(world.reasons(), ["wasm_plugin not-ours"]);
}

#[tokio::test]
async fn a_label_that_another_manager_set_differently_is_a_conflict() {
    let world = world().await;
    let label = json!({"clawcloud.run/status": "running"});
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns-shop", "labels": label}});
    world.other_applies("/api/v1/namespaces/ns-shop", object).await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!(
        (world.label("ns-shop").as_deref(), world.reasons()),
        (Some("running"), vec!["namespace_label conflict".to_owned()])
    );
    world.writes();
    sweep(&mut sweeper).await;
    assert_eq!((world.writes(), world.reasons().len()), (Vec::new(), 1));
}

#[tokio::test]
async fn a_field_that_the_schema_lacks_is_told_and_the_object_is_not_written_again() {
    let world = World::new(SimCluster::builder().crds(&["wasmplugins"]), settings()).await;
    let text = json!({"type": "string"});
    let properties = json!({"title": text, "message": text, "importance": text, "timestamp": {"type": "integer"}});
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "notifications.notification.sealos.io"},
        "spec": {
            "group": "notification.sealos.io", "scope": "Namespaced",
            "names": {"kind": "Notification", "listKind": "NotificationList", "plural": "notifications", "singular": "notification"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    world.sim.put(definition).unwrap();
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.reasons(), ["notification invalid"]);
    world.writes();
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(world.notifications(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_server_that_fails_for_one_object_does_not_stop_the_others() {
    let world = world().await;
    world
        .sim
        .set_faults(vec![Fault::new(Effect::Status { code: 503, retry_after: Some(60) }).on("apply", "namespaces")]);
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!((world.label("ns-shop"), world.plugin().is_some(), world.notifications().len()), (None, true, 1));
    world.sim.set_faults(Vec::new());
    world.writes();
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new(), "the server asked for a minute");
    world.jump(1);
    sweep(&mut sweeper).await;
    assert_eq!(world.label("ns-shop").as_deref(), Some("locked"));
}

#[tokio::test]
async fn a_namespace_that_is_being_deleted_is_not_labeled() {
    let world = world().await;
    let going = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "ns-shop", "deletionTimestamp": "2026-11-21T04:30:00Z", "finalizers": ["a/b"]},
        "status": {"phase": "Terminating"}});
    world.sim.put(going).unwrap();
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.label("ns-shop"), None);
    assert!(world.reasons().contains(&"namespace_label namespace-terminating".to_owned()), "{:?}", world.reasons());
}
