//! Objects of odd shapes, which nothing that moves by itself stumbles over.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::SimCluster;
use crate::fixture::{APPLY, MERGE, cluster, get, send, send_as};

const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// A kind: version, name, plural, and a good specification.
type Form = (&'static str, &'static str, &'static str, fn() -> Value);

const FORMS: [Form; 5] = [
    ("apps/v1", "Deployment", "deployments", workload),
    ("batch/v1", "Job", "jobs", || json!({"template": template()})),
    ("v1", "Pod", "pods", || template()["spec"].clone()),
    ("v1", "Service", "services", || json!({"selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": "http"}]})),
    ("v1", "Node", "nodes", || json!({"unschedulable": false})),
];

/// Where an odd value is put; those that the cluster itself reads, and some that it does not.
const PLACES: &[&str] = &[
    "/metadata/annotations",
    "/metadata/finalizers",
    "/metadata/generation",
    "/metadata/labels",
    "/metadata/managedFields",
    "/metadata/managedFields/0/fieldsV1",
    "/metadata/ownerReferences",
    "/spec",
    "/spec/affinity",
    "/spec/backoffLimit",
    "/spec/completions",
    "/spec/containers",
    "/spec/containers/0",
    "/spec/containers/0/image",
    "/spec/containers/0/resources",
    "/spec/initContainers",
    "/spec/nodeName",
    "/spec/nodeSelector",
    "/spec/parallelism",
    "/spec/ports",
    "/spec/ports/0",
    "/spec/replicas",
    "/spec/selector",
    "/spec/selector/matchLabels",
    "/spec/suspend",
    "/spec/template",
    "/spec/template/metadata",
    "/spec/template/metadata/labels",
    "/spec/template/spec",
    "/spec/template/spec/affinity",
    "/spec/template/spec/containers",
    "/spec/template/spec/containers/0/ports",
    "/spec/ttlSecondsAfterFinished",
    "/spec/activeDeadlineSeconds",
    "/spec/unschedulable",
    "/status",
    "/status/addresses",
    "/status/conditions",
    "/status/containerStatuses",
    "/status/phase",
    "/status/podIP",
    "/status/readyReplicas",
    "/status/startTime",
];

fn template() -> Value {
    let container = json!({"name": "c", "image": "nginx:1", "ports": [{"name": "http", "containerPort": 80}]});
    json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}})
}

fn workload() -> Value {
    json!({"replicas": 1, "selector": {"matchLabels": {"app": "x"}}, "template": template()})
}

fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        // No large ones: they would ask for that many pods.
        select(vec![i64::MIN, -1, 0, 1, 3]).prop_map(Value::from),
        Just(json!(1.5)),
        select(vec!["", "x", "Running", "Succeeded", "2026-01-01T00:00:00Z"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let keys = select(vec!["name", "type", "status", "key", "values", "matchLabels", "nodeAffinity", "phase"]);
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(keys.prop_map(str::to_owned), inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// How something odd reaches the server.
#[derive(Debug, Clone, Copy)]
enum Way {
    Create,
    Update,
    Patch(&'static str),
}

/// An odd thing: where it is in an object of which kind, and how it comes there.
#[derive(Debug, Clone)]
struct Oddity {
    form: usize,
    place: &'static str,
    value: Value,
    way: Way,
}

fn oddity() -> impl Strategy<Value = Oddity> {
    let ways = vec![Way::Create, Way::Update, Way::Patch(MERGE), Way::Patch(STRATEGIC), Way::Patch(APPLY)];
    let parts = (0..FORMS.len(), select(PLACES), odd(), select(ways));
    parts.prop_map(|(form, place, value, way)| Oddity { form, place, value, way })
}

/// Sets what is at a path, and makes the way there where it can be made.
fn set(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    for key in path.trim_start_matches('/').split('/') {
        at = match at {
            Value::Array(items) if !items.is_empty() => &mut items[0],
            Value::Object(map) => map.entry(key).or_insert(json!({})),
            _ => return,
        };
    }
    *at = value;
}

fn collection((version, _, plural, _): Form) -> String {
    let root = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
    if plural == "nodes" { format!("{root}/{plural}") } else { format!("{root}/namespaces/default/{plural}") }
}

/// Writes what is odd, and its status too; the server may refuse either.
async fn write(sim: &SimCluster, nth: usize, oddity: Oddity) {
    let Oddity { form, place, value, way } = oddity;
    let (version, kind, _, spec) = FORMS[form];
    let name = format!("odd-{nth}");
    let good = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec()});
    let mut object = good.clone();
    set(&mut object, place, value);
    let collection = collection(FORMS[form]);
    let path = format!("{collection}/{name}");
    let content_type = match way {
        Way::Create | Way::Update => "application/json",
        Way::Patch(content_type) => content_type,
    };
    let (method, at) = match way {
        Way::Create => ("POST", collection.clone()),
        Way::Update => ("PUT", path.clone()),
        Way::Patch(_) => ("PATCH", format!("{path}?fieldManager=odd")),
    };
    if method != "POST" {
        assert_eq!(send(sim, "POST", &collection, &good).await.code, 201);
    }
    sim.step(Duration::ZERO);
    send_as(sim, method, &at, content_type, &object).await;
    sim.step(Duration::ZERO);
    send(sim, "PATCH", &format!("{path}/status"), &json!({"status": object["status"]})).await;
}

async fn a_good_deployment_runs_beside(oddities: Vec<Oddity>) {
    let sim = cluster().await;
    sim.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})).unwrap();
    for (nth, oddity) in oddities.into_iter().enumerate() {
        write(&sim, nth, oddity).await;
    }
    sim.step(Duration::from_hours(1));
    let good = json!({"metadata": {"name": "good"}, "spec": workload()});
    let path = collection(FORMS[0]);
    assert_eq!(send(&sim, "POST", &path, &good).await.code, 201);
    sim.step(Duration::from_secs(1));
    assert_eq!(get(&sim, &format!("{path}/good")).await.body["status"]["readyReplicas"], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_written_a_good_deployment_runs(oddities in vec(oddity(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(a_good_deployment_runs_beside(oddities));
    }
}

#[tokio::test]
async fn what_has_no_shape_is_not_put_into_the_cluster_either() {
    let sim = cluster().await;
    let metadata = json!({"name": "odd", "namespace": "default"});
    for (place, value) in [
        ("/spec", json!("x")),
        ("/status", json!([])),
        ("/metadata/labels", json!("x")),
        ("/metadata/annotations", json!({"a": 1})),
        ("/metadata/ownerReferences", json!(["x"])),
    ] {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}});
        set(&mut pod, place, value);
        assert_eq!(sim.put(pod).map_err(|refusal| refusal.code()), Err(400), "{place}");
    }
}

#[tokio::test]
async fn counts_at_the_ends_of_their_range_are_counts() {
    let sim = cluster().await;
    sim.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})).unwrap();
    let collection = collection(FORMS[0]);
    for name in ["few", "many"] {
        send(&sim, "POST", &collection, &json!({"metadata": {"name": name}, "spec": workload()})).await;
        sim.step(Duration::ZERO);
    }
    send(&sim, "PATCH", &format!("{collection}/few"), &json!({"spec": {"replicas": i64::MIN}})).await;
    let sets = get(&sim, "/apis/apps/v1/namespaces/default/replicasets").await;
    for set in sets.names() {
        let path = format!("/apis/apps/v1/namespaces/default/replicasets/{set}/status");
        send(&sim, "PATCH", &path, &json!({"status": {"replicas": i64::MAX, "readyReplicas": i64::MAX}})).await;
    }
    sim.step(Duration::from_secs(1));
    let list = get(&sim, &collection).await;
    let ready: Vec<Value> =
        list.body["items"].as_array().unwrap().iter().map(|one| one["status"]["readyReplicas"].clone()).collect();
    assert_eq!(ready, [Value::Null, json!(1)]);
}
