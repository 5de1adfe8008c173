//! How much pods and nodes use, as metrics.k8s.io and the node agents tell it.
//!
//! Owns a seeded walk round the requests. Nothing is measured.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::seconds;
use crate::query::Query;
use crate::selector::Selection;
use crate::state::State;
use crate::status::Status;
use crate::store::{Entry, Key, text_at};

/// The annotation of a pod that multiplies its usage.
const USAGE: &str = "sim.keelwatch.io/usage";
/// How long a value stays the same.
const WINDOW_SECONDS: i64 = 15;

/// What is asked for, with the objects that tell it. Taking them needs the state, answering does not.
#[derive(Debug)]
pub(crate) enum Ask {
    Group,
    Resources,
    Pods(Vec<Arc<Entry>>),
    Pod(Arc<Entry>),
    Nodes(Vec<OnNode>),
    Node(OnNode),
    Summary(OnNode),
}

/// A node and the pods that run on it.
#[derive(Debug)]
pub(crate) struct OnNode {
    name: String,
    pods: Vec<Arc<Entry>>,
}

impl Ask {
    /// What a path below `/apis/metrics.k8s.io` asks; `None`: there is no such page.
    pub(crate) fn of(state: &State, path: &[String], query: &Query) -> Result<Option<Self>, Status> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Ok(match path.as_slice() {
            [] => Some(Self::Group),
            ["v1beta1"] => Some(Self::Resources),
            ["v1beta1", "pods"] => Some(Self::Pods(selected(state, None, query)?)),
            ["v1beta1", "namespaces", namespace, "pods"] => Some(Self::Pods(selected(state, Some(namespace), query)?)),
            ["v1beta1", "namespaces", namespace, "pods", name] => {
                state.store.get("pods", &Key::new(namespace, name)).cloned().map(Self::Pod)
            }
            ["v1beta1", "nodes"] => Some(Self::Nodes(all_nodes(state))),
            ["v1beta1", "nodes", name] => on_node(state, name).map(Self::Node),
            _ => None,
        })
    }

    /// `/stats/summary` of a node agent; `None`: there is no such node.
    pub(crate) fn summary(state: &State, node: &str) -> Option<Self> {
        on_node(state, node).map(Self::Summary)
    }

    pub(crate) fn answer(&self, seed: u64, now: Timestamp) -> Value {
        match self {
            Self::Group => json!({
                "kind": "APIGroup", "apiVersion": "v1", "name": "metrics.k8s.io",
                "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}],
                "preferredVersion": {"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"},
            }),
            Self::Resources => resources(),
            Self::Pods(pods) => {
                let pods: Vec<Value> = pods.iter().map(|pod| pod_metrics(seed, &pod.decode(), now)).collect();
                list("PodMetricsList", &pods)
            }
            Self::Pod(pod) => pod_metrics(seed, &pod.decode(), now),
            Self::Nodes(nodes) => {
                list("NodeMetricsList", &nodes.iter().map(|node| node.metrics(seed, now)).collect::<Vec<_>>())
            }
            Self::Node(node) => node.metrics(seed, now),
            Self::Summary(node) => node.summary(seed, now),
        }
    }
}

fn is_running(entry: &Entry) -> bool {
    entry.field(5) == "Running"
}

fn selected(state: &State, namespace: Option<&str>, query: &Query) -> Result<Vec<Arc<Entry>>, Status> {
    let kind = state.catalog.by_table("pods").expect("every cluster has pods");
    let selection = Selection::parse(kind, namespace, query.get("labelSelector"), query.get("fieldSelector"))?;
    let pods = state.store.range("pods", namespace, None);
    Ok(pods.filter(|entry| is_running(entry) && selection.admits(entry)).cloned().collect())
}

fn all_nodes(state: &State) -> Vec<OnNode> {
    let mut pods: HashMap<&str, Vec<Arc<Entry>>> = HashMap::new();
    for pod in state.store.range("pods", None, None).filter(|entry| is_running(entry)) {
        pods.entry(pod.field(0)).or_default().push(Arc::clone(pod));
    }
    let nodes = state.store.range("nodes", None, None).map(|node| node.key.name.to_string());
    nodes.map(|name| OnNode { pods: pods.remove(name.as_str()).unwrap_or_default(), name }).collect()
}

fn on_node(state: &State, name: &str) -> Option<OnNode> {
    state.store.get("nodes", &Key::new("", name))?;
    let pods = state.store.range("pods", None, None).filter(|pod| is_running(pod) && pod.field(0) == name);
    Some(OnNode { name: name.to_owned(), pods: pods.cloned().collect() })
}

impl OnNode {
    fn metrics(&self, seed: u64, now: Timestamp) -> Value {
        let (cpu, memory) = sum(self.pods.iter().map(|pod| pod_usage(seed, &pod.decode(), now)));
        json!({
            "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {"name": self.name, "creationTimestamp": seconds(now)},
            "timestamp": seconds(now), "window": format!("{WINDOW_SECONDS}s"),
            "usage": {"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)},
        })
    }

    fn summary(&self, seed: u64, now: Timestamp) -> Value {
        let pods: Vec<Value> = self.pods.iter().map(|pod| pod.decode()).collect();
        let (cpu, memory) = sum(pods.iter().map(|pod| pod_usage(seed, pod, now)));
        json!({
            "node": {
                "nodeName": self.name,
                "cpu": {"time": now.to_string(), "usageNanoCores": cpu},
                "memory": {"time": now.to_string(), "workingSetBytes": memory},
            },
            "pods": pods.iter().map(|pod| pod_summary(seed, pod, now)).collect::<Vec<_>>(),
        })
    }
}

fn sum(usages: impl Iterator<Item = (u64, u64)>) -> (u64, u64) {
    usages.fold((0, 0), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)))
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
            "creationTimestamp": seconds(now), "labels": pod["metadata"]["labels"],
        },
        "timestamp": seconds(now), "window": format!("{WINDOW_SECONDS}s"),
        "containers": usages.collect::<Vec<_>>(),
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

fn pod_usage(seed: u64, pod: &Value, now: Timestamp) -> (u64, u64) {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    sum(containers.map(|container| container_usage(seed, pod, container, now)))
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
    let scaled = |amount: u64| (amount.saturating_mul(walk) / 1_000).saturating_mul(thousandths) / 1_000;
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
    digits.parse::<u64>().ok().map(|amount| amount.saturating_mul(unit))
}
