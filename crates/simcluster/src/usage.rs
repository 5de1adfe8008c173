//! How much pods and nodes use, as metrics.k8s.io and the node agents tell it.
//!
//! Owns a seeded walk round the requests. Nothing is measured.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::query::Query;
use crate::selector::Selection;
use crate::state::State;
use crate::store::{Entry, text_at};

/// The annotation of a pod that multiplies its usage.
const USAGE: &str = "sim.keelwatch.io/usage";
/// How long a value stays the same.
const WINDOW_SECONDS: i64 = 15;

/// Answers below `/apis/metrics.k8s.io`; `None`: no such page.
pub(crate) fn answer(state: &State, seed: u64, path: &[String], query: &Query, now: Timestamp) -> Option<Value> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => Some(json!({
            "kind": "APIGroup", "apiVersion": "v1", "name": "metrics.k8s.io",
            "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}],
            "preferredVersion": {"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"},
        })),
        ["v1beta1"] => Some(resources()),
        ["v1beta1", "pods"] => Some(pod_list(state, seed, None, query, now)),
        ["v1beta1", "namespaces", namespace, "pods"] => Some(pod_list(state, seed, Some(namespace), query, now)),
        ["v1beta1", "namespaces", namespace, "pods", name] => {
            let pod = state.look_up("pods", namespace, name)?;
            Some(pod_metrics(seed, &pod, now))
        }
        ["v1beta1", "nodes"] => {
            let nodes = state.store.range("nodes", None, None).map(|node| node_metrics(state, seed, node, now));
            Some(list("NodeMetricsList", &nodes.collect::<Vec<_>>()))
        }
        ["v1beta1", "nodes", name] => {
            let node = state.store.get("nodes", &crate::store::Key::new("", name))?;
            Some(node_metrics(state, seed, node, now))
        }
        _ => None,
    }
}

/// `/stats/summary` of a node agent.
pub(crate) fn node_summary(state: &State, seed: u64, node: &str, now: Timestamp) -> Option<Value> {
    state.look_up("nodes", "", node)?;
    let pods = pods_of(state, node);
    let summaries: Vec<Value> = pods.iter().map(|pod| pod_summary(seed, pod, now)).collect();
    let (cpu, memory) =
        pods.iter().map(|pod| pod_usage(seed, pod, now)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Some(json!({
        "node": {
            "nodeName": node,
            "cpu": {"time": now.to_string(), "usageNanoCores": cpu},
            "memory": {"time": now.to_string(), "workingSetBytes": memory},
        },
        "pods": summaries,
    }))
}

fn resources() -> Value {
    let resource = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
        "resources": [resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)],
    })
}

fn list(kind: &str, items: &[Value]) -> Value {
    json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items})
}

fn pod_list(state: &State, seed: u64, namespace: Option<&str>, query: &Query, now: Timestamp) -> Value {
    let kind = state.catalog.by_table("pods").expect("every cluster has pods");
    let selection =
        Selection::parse(kind, namespace, query.get("labelSelector"), query.get("fieldSelector")).unwrap_or_default();
    let pods = state.store.range("pods", namespace, None).filter(|entry| selection.admits(entry));
    let running = pods.filter(|entry| entry.field(5) == "Running");
    list("PodMetricsList", &running.map(|entry| pod_metrics(seed, &entry.decode(), now)).collect::<Vec<_>>())
}

fn pod_metrics(seed: u64, pod: &Value, now: Timestamp) -> Value {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let usages = containers.map(|container| {
        let (cpu, memory) = container_usage(seed, pod, container, now);
        json!({"name": container["name"], "usage": {"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)}})
    });
    json!({
        "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"],
            "creationTimestamp": crate::clock::seconds(now), "labels": pod["metadata"]["labels"],
        },
        "timestamp": crate::clock::seconds(now), "window": format!("{WINDOW_SECONDS}s"),
        "containers": usages.collect::<Vec<_>>(),
    })
}

fn node_metrics(state: &State, seed: u64, node: &Entry, now: Timestamp) -> Value {
    let pods = pods_of(state, &node.key.name);
    let (cpu, memory) =
        pods.iter().map(|pod| pod_usage(seed, pod, now)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    json!({
        "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": &*node.key.name, "creationTimestamp": crate::clock::seconds(now)},
        "timestamp": crate::clock::seconds(now), "window": format!("{WINDOW_SECONDS}s"),
        "usage": {"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)},
    })
}

fn pod_summary(seed: u64, pod: &Value, now: Timestamp) -> Value {
    let (cpu, memory) = pod_usage(seed, pod, now);
    json!({
        "podRef": {
            "name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"], "uid": pod["metadata"]["uid"],
        },
        "cpu": {"time": now.to_string(), "usageNanoCores": cpu},
        "memory": {"time": now.to_string(), "workingSetBytes": memory},
    })
}

fn pods_of(state: &State, node: &str) -> Vec<Value> {
    let pods = state.store.range("pods", None, None);
    pods.filter(|entry| entry.field(0) == node && entry.field(5) == "Running").map(|entry| entry.decode()).collect()
}

fn pod_usage(seed: u64, pod: &Value, now: Timestamp) -> (u64, u64) {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers
        .map(|container| container_usage(seed, pod, container, now))
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Nanocores and bytes: 70 % to 110 % of the requests, times what the annotation says.
fn container_usage(seed: u64, pod: &Value, container: &Value, now: Timestamp) -> (u64, u64) {
    let requests = &container["resources"]["requests"];
    let cpu = nanocores(text_at(requests, "cpu")).unwrap_or(50_000_000);
    let memory = bytes(text_at(requests, "memory")).unwrap_or(64 << 20);
    let factor =
        pod["metadata"]["annotations"][USAGE].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    let window = now.as_second() / WINDOW_SECONDS;
    let text = format!("{seed}/{}/{}/{window}", pod["metadata"]["uid"], container["name"]);
    let drawn = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let walk = 700 + drawn % 400;
    // Thousandths are exact enough for usage.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a factor of usage is small and positive"
    )]
    let thousandths = (factor.clamp(0.0, 1_000.0) * 1_000.0) as u64;
    let scaled = |amount: u64| amount.saturating_mul(walk) / 1_000 * thousandths / 1_000;
    (scaled(cpu), scaled(memory))
}

fn nanocores(quantity: &str) -> Option<u64> {
    let (digits, unit) = if let Some(digits) = quantity.strip_suffix('m') { (digits, 1e6) } else { (quantity, 1e9) };
    let amount: f64 = digits.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "requests are positive and below 2^53")]
    let nanocores = (amount * unit) as u64;
    Some(nanocores)
}

fn bytes(quantity: &str) -> Option<u64> {
    let units =
        [("Ki", 1_u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];
    let found = units.iter().find_map(|(suffix, unit)| Some((quantity.strip_suffix(suffix)?, *unit)));
    let (digits, unit) = found.unwrap_or((quantity, 1));
    digits.parse::<u64>().ok().map(|amount| amount * unit)
}
