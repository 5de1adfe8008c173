//! Workloads: pods as many as wanted, and a status that says so.
//!
//! Owns Deployments, ReplicaSets, StatefulSets and DaemonSets; there is no rolling strategy. Jobs have their own file.

use std::sync::Arc;

use serde_json::{Value, json};

use super::It;
use crate::clock::seconds;
use crate::state::State;
use crate::store::{Entry, text_at};

const REPLICA_SETS: &str = "replicasets.apps";

/// Keeps one ReplicaSet of the present template, and none of former ones.
pub(super) fn deployment(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    let hash = template_hash(&it.object["spec"]["template"]);
    let name = format!("{}-{hash}", it.entry.key.name);
    let sets = it.dependents(state, REPLICA_SETS);
    let wanted = &it.object["spec"]["replicas"];
    let mut current = Value::Null;
    for set in &sets {
        let mut object = set.decode();
        let replicas = if *set.key.name == *name { wanted.clone() } else { json!(0) };
        if *set.key.name == *name {
            current = object.clone();
        }
        if object["spec"]["replicas"] != replicas {
            object["spec"]["replicas"] = replicas;
            bump(&mut object);
            keep(state, it, REPLICA_SETS, &object);
        }
    }
    if current.is_null() {
        it.create(state, REPLICA_SETS, new_replica_set(it, &name, &hash));
    }
    let count = |key: &str| current["status"][key].as_i64().unwrap_or(0);
    let replicas = sets.iter().map(|set| set.decode()["status"]["replicas"].as_i64().unwrap_or(0));
    let replicas = replicas.fold(0, i64::saturating_add);
    let ready = count("readyReplicas");
    let is_available = ready >= wanted.as_i64().unwrap_or(1);
    let mut status = json!({"observedGeneration": it.object["metadata"]["generation"]});
    set_counts(
        &mut status,
        &[
            ("replicas", replicas),
            ("updatedReplicas", count("replicas")),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("unavailableReplicas", wanted.as_i64().unwrap_or(1).saturating_sub(ready).max(0)),
        ],
    );
    status["conditions"] = conditions(it, &[("Available", is_available), ("Progressing", true)]);
    keep_status(state, it, status);
}

fn new_replica_set(it: &It, name: &str, hash: &str) -> Value {
    let spec = &it.object["spec"];
    let mut template = spec["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = hash.into();
    let mut selector = spec["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = hash.into();
    json!({
        "metadata": {
            "name": name,
            "labels": template["metadata"]["labels"],
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [it.owner_reference()],
        },
        "spec": {"replicas": spec["replicas"], "selector": selector, "template": template},
    })
}

pub(super) fn replica_set(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    let wanted = usize::try_from(it.object["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let pods = living(it.dependents(state, "pods"));
    for _ in pods.len()..wanted {
        let pod = new_pod(it, json!({"generateName": format!("{}-", it.entry.key.name)}));
        it.create(state, "pods", pod);
    }
    for pod in pods.iter().skip(wanted) {
        it.delete(state, pod, "pods");
    }
    let pods = living(it.dependents(state, "pods"));
    let mut status = json!({"observedGeneration": it.object["metadata"]["generation"]});
    let (all, ready) = (count(pods.len()), ready(&pods));
    status["replicas"] = all.into();
    set_counts(&mut status, &[("fullyLabeledReplicas", all), ("readyReplicas", ready), ("availableReplicas", ready)]);
    keep_status(state, it, status);
}

pub(super) fn stateful_set(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    let wanted = it.object["spec"]["replicas"].as_i64().unwrap_or(1).max(0);
    let pods = it.dependents(state, "pods");
    let ordinal = |entry: &Entry| entry.key.name.rsplit('-').next().and_then(|text| text.parse::<i64>().ok());
    for nth in 0..wanted {
        if !pods.iter().any(|pod| ordinal(pod) == Some(nth)) {
            let name = format!("{}-{nth}", it.entry.key.name);
            let mut pod = new_pod(it, json!({"name": name}));
            pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = name.clone().into();
            pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = nth.to_string().into();
            pod["spec"]["hostname"] = name.into();
            it.create(state, "pods", pod);
        }
    }
    for pod in living(pods).iter().filter(|pod| ordinal(pod).is_some_and(|nth| nth >= wanted)) {
        it.delete(state, pod, "pods");
    }
    let pods = living(it.dependents(state, "pods"));
    let (all, ready) = (count(pods.len()), ready(&pods));
    let mut status = json!({"observedGeneration": it.object["metadata"]["generation"], "replicas": all});
    let counts =
        [("currentReplicas", all), ("updatedReplicas", all), ("readyReplicas", ready), ("availableReplicas", ready)];
    set_counts(&mut status, &counts);
    keep_status(state, it, status);
}

pub(super) fn daemon_set(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    let nodes: Vec<String> = state.store.range("nodes", None, None).map(|node| node.key.name.to_string()).collect();
    let pods = living(it.dependents(state, "pods"));
    let taken: Vec<String> = pods.iter().map(|pod| pinned_node(&pod.decode())).collect();
    for node in nodes.iter().filter(|node| !taken.contains(node)) {
        let mut pod = new_pod(it, json!({"generateName": format!("{}-", it.entry.key.name)}));
        let term = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
        pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({"nodeSelectorTerms": [term]});
        it.create(state, "pods", pod);
    }
    for (pod, node) in pods.iter().zip(&taken) {
        if !nodes.contains(node) {
            it.delete(state, pod, "pods");
        }
    }
    let pods = living(it.dependents(state, "pods"));
    let (all, ready, wanted) = (count(pods.len()), ready(&pods), count(nodes.len()));
    let status = json!({
        "observedGeneration": it.object["metadata"]["generation"], "currentNumberScheduled": all, "numberMisscheduled": 0,
        "desiredNumberScheduled": wanted, "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": all,
    });
    keep_status(state, it, status);
}

fn pinned_node(pod: &Value) -> String {
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let pinned = required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0].as_str();
    pinned.unwrap_or(text_at(pod, "spec.nodeName")).to_owned()
}

pub(super) fn new_pod(it: &It, name: Value) -> Value {
    let template = &it.object["spec"]["template"];
    let mut metadata = name;
    for key in ["labels", "annotations"] {
        if template["metadata"][key].is_object() {
            metadata[key] = template["metadata"][key].clone();
        }
    }
    metadata["ownerReferences"] = json!([it.owner_reference()]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Pods that are neither ending nor done.
pub(super) fn living(pods: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    let is_living = |entry: &Arc<Entry>| {
        let pod = entry.decode();
        let is_done = matches!(text_at(&pod, "status.phase"), "Succeeded" | "Failed");
        !is_done && pod["metadata"].get("deletionTimestamp").is_none()
    };
    pods.into_iter().filter(is_living).collect()
}

fn ready(pods: &[Arc<Entry>]) -> i64 {
    let is_ready = |entry: &&Arc<Entry>| {
        let pod = entry.decode();
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    count(pods.iter().filter(is_ready).count())
}

pub(super) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Counts of zero are left out, as Go leaves them out.
pub(super) fn set_counts(status: &mut Value, counts: &[(&str, i64)]) {
    for &(key, count) in counts.iter().filter(|(_, count)| *count > 0) {
        status[key] = count.into();
    }
}

/// Conditions with the time at which each last changed.
fn conditions(it: &It, wanted: &[(&str, bool)]) -> Value {
    let former = it.object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let condition = |&(kind, is_true): &(&str, bool)| {
        let status = if is_true { "True" } else { "False" };
        let kept = former.iter().find(|one| one["type"] == kind && one["status"] == status).cloned();
        kept.unwrap_or_else(|| json!({"type": kind, "status": status, "lastTransitionTime": seconds(it.now)}))
    };
    wanted.iter().map(condition).collect()
}

pub(super) fn keep_status(state: &mut State, it: &It, status: Value) {
    let mut object = it.object.clone();
    object["status"] = status;
    it.keep(state, &object);
}

fn keep(state: &mut State, it: &It, table: &str, object: &Value) {
    if let Some(kind) = state.catalog.by_table(table).cloned() {
        state.keep(it.now, &kind, object);
    }
}

fn bump(object: &mut Value) {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    object["metadata"]["generation"] = generation.saturating_add(1).into();
}

/// Ten characters that change when the template does.
fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = template.to_string();
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut name = String::new();
    for _ in 0..10 {
        let digit = usize::try_from(hash % 27).expect("27 letters fit");
        name.push(char::from(ALPHABET[digit]));
        hash /= 27;
    }
    name
}
