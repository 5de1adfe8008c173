//! Writes against a simulated cluster.

use std::time::Duration;

use runtime::settings::sections::LeaderSettings;
use runtime::shutdown::Stop;
use simcluster::SimCluster;

use super::*;
use crate::election::{Candidate, Election, Leading};
use crate::fixture::{TokioClock, cluster_with, map, over, until};
use crate::{Metrics, Resource};

const MAPS: Resource = Resource { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
const PLUGINS: Resource =
    Resource { group: "extensions.higress.io", version: "v1alpha1", plural: "wasmplugins", kind: "WasmPlugin" };

const PODS: Resource = Resource { group: "", version: "v1", plural: "pods", kind: "Pod" };
const EVENTS: Resource = Resource { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" };

const OURS: Claim<'_> = Claim::Labels { uid: None };

fn proof() -> Leading {
    Election::alone(TokioClock::new(), &Metrics::default()).leading().unwrap()
}

fn target(name: &str) -> Target {
    Target::new(&MAPS, Some("default"), name)
}

fn desired(name: &str, data: &Value) -> Desired {
    Desired::new(target(name), json!({"data": data})).unwrap()
}

async fn other_manager(sim: &SimCluster, name: &str, data: Value) {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    let path = format!("/api/v1/namespaces/default/configmaps/{name}?fieldManager=other&force=true");
    let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
    let answer = tower::ServiceExt::oneshot(sim.service(), request.body(object.to_string()).unwrap()).await.unwrap();
    assert!(answer.status().is_success());
}

#[tokio::test(start_paused = true)]
async fn what_is_applied_is_labelled_and_what_is_left_out_later_is_taken_away() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let first = cluster.apply(&leading, desired("a", &json!({"k": "1", "j": "1"})), OURS, Store::Stored).await.unwrap();
    assert_eq!(first.object()["data"], json!({"k": "1", "j": "1"}));
    let second = cluster.apply(&leading, desired("a", &json!({"k": "2"})), OURS, Store::Stored).await.unwrap();
    let stored = sim.get("configmaps", "default", "a").unwrap();
    assert_eq!((&stored["data"], second.target()), (&json!({"k": "2"}), &target("a")));
    assert_eq!(stored["metadata"]["labels"], ownership(&cluster));
    assert_eq!(stored["metadata"]["managedFields"][0]["manager"], "keelwatch");
}

#[tokio::test(start_paused = true)]
async fn without_the_proof_nothing_is_sent() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let cluster = over(&sim, &Metrics::default());
    let (stopper, stop) = Stop::channel();
    let candidate = Candidate { identity: "me".to_owned(), address: String::new() };
    let election = Election::start(&cluster, &LeaderSettings::default(), candidate, stop);
    until(|| election.leading().is_some()).await;
    let leading = election.leading().unwrap();
    stopper.stop();
    election.ended().await;
    sim.clear_requests();
    let refused = cluster.apply(&leading, desired("b", &json!({})), OURS, Store::Stored).await;
    assert!(matches!(refused, Err(WriteError::NotLeading(_))), "{refused:?}");
    assert_eq!(sim.requests(), []);
}

#[tokio::test(start_paused = true)]
async fn fields_of_an_object_of_ours_are_taken_back() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    cluster.apply(&leading, desired("a", &json!({"k": "1"})), OURS, Store::Stored).await.unwrap();
    other_manager(&sim, "a", json!({"k": "2"})).await;
    cluster.apply(&leading, desired("a", &json!({"k": "3"})), OURS, Store::Stored).await.unwrap();
    assert_eq!(sim.get("configmaps", "default", "a").unwrap()["data"]["k"], "3");
}

#[tokio::test(start_paused = true)]
async fn fields_in_an_object_of_others_are_never_taken_and_no_object_is_made_for_them() {
    let sim = cluster_with(SimCluster::builder(), &["theirs"]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    other_manager(&sim, "theirs", json!({"k": "2"})).await;
    let uid = sim.get("configmaps", "default", "theirs").unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    let apply = async |name: &str, data: Value, uid: &str| {
        cluster.apply(&leading, desired(name, &data), Claim::Fields { uid }, Store::Stored).await
    };
    let refused = apply("theirs", json!({"k": "3"}), &uid).await;
    assert!(matches!(&refused, Err(WriteError::Conflict(_, why)) if why.contains("other")), "{refused:?}");
    let beside = apply("theirs", json!({"j": "1"}), &uid).await.unwrap();
    assert_eq!((&beside.object()["data"]["j"], &beside.object()["metadata"]["labels"]), (&json!("1"), &Value::Null));
    let gone = apply("gone", json!({}), &uid).await;
    assert!(matches!(gone, Err(WriteError::Conflict(..))), "{gone:?}");
    let replaced = apply("theirs", json!({}), "another").await;
    assert!(matches!(replaced, Err(WriteError::Conflict(..))), "{replaced:?}");
    assert_eq!(sim.get("configmaps", "default", "gone"), None);
}

#[tokio::test(start_paused = true)]
async fn what_others_took_the_labels_off_is_ours_by_its_uid_or_by_what_was_applied() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let applied = cluster.apply(&leading, desired("a", &json!({"k": "1"})), OURS, Store::Stored).await.unwrap();
    let mut stored = applied.object().clone();
    stored["metadata"]["labels"] = json!({"isRead": "true"});
    let uid = stored["metadata"]["uid"].as_str().unwrap().to_owned();
    sim.put(stored).unwrap();
    let told = async |claim| cluster.delete(&leading, &target("a"), claim).await.map_err(|error| error.to_string());
    assert_eq!(told(OURS).await, Err("ConfigMap default/a was not made by this release".to_owned()));
    cluster.apply(&leading, desired("a", &json!({})), Claim::Labels { uid: Some(&uid) }, Store::Stored).await.unwrap();
    assert_eq!(told(Claim::Manager { uid: None }).await, Ok(Deleted::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_what_would_be_and_stores_nothing() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let would = cluster.apply(&leading, desired("a", &json!({"k": "1"})), OURS, Store::DryRun).await.unwrap();
    assert_eq!((&would.object()["data"]["k"], sim.get("configmaps", "default", "a")), (&json!("1"), None));
}

#[tokio::test(start_paused = true)]
async fn everything_of_ours_is_found_over_pages_and_an_unknown_kind_is_told() {
    let sim = cluster_with(SimCluster::builder(), &["theirs"]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    for number in 0..501 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let wanted = desired(&format!("m-{number}"), &json!({}));
        cluster.apply(&leading, wanted, OURS, Store::Stored).await.unwrap();
    }
    let mut found = 0;
    cluster.survey(&MAPS, Some("default"), &cluster.our_labels(), |_| found += 1).await.unwrap();
    assert_eq!(found, 501);
    let unknown = cluster.survey(&PLUGINS, None, "", |_| {}).await.unwrap_err();
    assert!(unknown.is_unknown_kind(), "{unknown}");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_somebody_else_is_neither_written_nor_deleted() {
    let sim = cluster_with(SimCluster::builder(), &["theirs"]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let written = cluster.apply(&leading, desired("theirs", &json!({"x": "1"})), OURS, Store::Stored).await;
    let deleted = cluster.delete(&leading, &target("theirs"), OURS).await;
    assert_eq!(
        [written.unwrap_err().to_string(), deleted.unwrap_err().to_string()],
        ["ConfigMap default/theirs was not made by this release"; 2].map(str::to_owned)
    );
    assert_eq!(sim.get("configmaps", "default", "theirs").unwrap()["data"], map("theirs", "1")["data"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_here_is_deleted_once() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    cluster.apply(&leading, desired("a", &json!({})), OURS, Store::Stored).await.unwrap();
    let first = cluster.delete(&leading, &target("a"), OURS).await.unwrap();
    let second = cluster.delete(&leading, &target("a"), OURS).await.unwrap();
    assert_eq!((first, second, sim.get("configmaps", "default", "a")), (Deleted::Gone, Deleted::Absent, None));
}

#[tokio::test(start_paused = true)]
async fn custom_resources_are_applied_like_any_other() {
    let sim = cluster_with(SimCluster::builder().crds(&["wasmplugins"]), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let plugin = Target::new(&PLUGINS, Some("default"), "keelwatch-block");
    let wanted = Desired::new(plugin.clone(), json!({"spec": {"url": "oci://x/y:1", "phase": "AUTHN"}})).unwrap();
    cluster.apply(&leading, wanted, OURS, Store::Stored).await.unwrap();
    let stored = cluster.observe(&plugin).await.unwrap().unwrap();
    assert_eq!(stored["spec"]["url"], "oci://x/y:1");
    assert_eq!(cluster.delete(&leading, &plugin, OURS).await.unwrap(), Deleted::Gone);
}

#[test]
fn a_desired_object_does_not_contradict_its_target() {
    let told = |object: Value| Desired::new(target("a"), object).unwrap_err().to_string();
    assert_eq!(told(json!([])), "the desired ConfigMap default/a is not an object");
    assert_eq!(
        told(json!({"metadata": {"name": "b"}})),
        "/metadata/name of the desired ConfigMap default/a is `\"b\"` (accepted: none, or what the target says)"
    );
    assert!(told(json!({"kind": "Secret"})).starts_with("/kind of the desired"));
    let nameless = Desired::new(target(""), json!({})).unwrap_err().to_string();
    assert_eq!(nameless, "the desired ConfigMap default/ has no name");
}

fn incident() -> Incident {
    Incident {
        name: "cart-0.0123456789abcdef".to_owned(),
        regarding: Target::new(&PODS, Some("default"), "cart-0"),
        uid: "u".to_owned(),
        kind: IncidentKind::Warning,
        reason: "MinerStratum".to_owned(),
        action: "Observe".to_owned(),
        note: "é".repeat(600),
    }
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_an_event_and_its_repetitions_a_series() {
    const HOUR: Duration = Duration::from_hours(1);
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let mut incidents = Incidents::new("keelwatch-0", HOUR);
    let mut told = Vec::new();
    for pause in [0, 60, 3600] {
        tokio::time::advance(Duration::from_secs(pause)).await;
        told.push(incidents.report(&cluster, &leading, &incident()).await.unwrap());
    }
    assert_eq!(told, [Reported::Created, Reported::Counted, Reported::Repeated(3)]);
    let event = Target::new(&EVENTS, Some("default"), "cart-0.0123456789abcdef");
    let event = cluster.observe(&event).await.unwrap().unwrap();
    assert_eq!((&event["series"]["count"], &event["regarding"]["name"]), (&json!(3), &json!("cart-0")));
    assert_eq!((event["note"].as_str().unwrap().len(), &event["type"]), (1024, &json!("Warning")));
    // Another process does not know how often it was seen before.
    let again = Incidents::new("keelwatch-1", HOUR).report(&cluster, &leading, &incident()).await.unwrap();
    assert_eq!(again, Reported::Repeated(2));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_has_expired_is_made_again() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let (cluster, leading) = (over(&sim, &Metrics::default()), proof());
    let mut incidents = Incidents::new("keelwatch-0", Duration::ZERO);
    incidents.report(&cluster, &leading, &incident()).await.unwrap();
    let path = "/apis/events.k8s.io/v1/namespaces/default/events/cart-0.0123456789abcdef";
    tower::ServiceExt::oneshot(sim.service(), http::Request::delete(path).body(String::new()).unwrap()).await.unwrap();
    assert_eq!(incidents.report(&cluster, &leading, &incident()).await.unwrap(), Reported::Created);
}
