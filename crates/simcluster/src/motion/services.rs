//! EndpointSlices: which pods are behind a Service.
//!
//! Owns the slices of Services with a selector, a hundred endpoints in each. Slices of others are left alone.

use serde_json::{Value, json};

use super::It;
use crate::agents::PER_SLICE;
use crate::selector::Selection;
use crate::state::State;
use crate::store::{Entry, text_at};

const SLICES: &str = "endpointslices.discovery.k8s.io";

pub(super) fn look(state: &mut State, it: &It) {
    let Some(selector) = it.object["spec"]["selector"].as_object().filter(|map| !map.is_empty()) else { return };
    if it.is_ending() {
        return;
    }
    let namespace = &*it.entry.key.namespace;
    let labels = selector.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    let selection = Selection::of_labels(namespace, labels);
    let pods = state.store.range("pods", Some(namespace), None).filter(|entry| selection.admits(entry));
    let pods: Vec<Value> = pods.map(|entry| entry.decode()).collect();
    let endpoints: Vec<Value> = pods.iter().filter_map(|pod| endpoint(it, pod)).collect();
    let ports: Vec<Value> =
        it.object["spec"]["ports"].as_array().into_iter().flatten().map(|port| slice_port(port, &pods)).collect();
    store(state, it, &endpoints, &json!(ports));
}

fn endpoint(it: &It, pod: &Value) -> Option<Value> {
    let address = text_at(pod, "status.podIP");
    if address.is_empty() || matches!(text_at(pod, "status.phase"), "Succeeded" | "Failed") {
        return None;
    }
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let is_serving = conditions.clone().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let is_terminating = pod["metadata"].get("deletionTimestamp").is_some();
    let is_ready = is_serving && !is_terminating || it.object["spec"]["publishNotReadyAddresses"] == true;
    Some(json!({
        "addresses": [address],
        "conditions": {"ready": is_ready, "serving": is_serving, "terminating": is_terminating},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod", "namespace": &*it.entry.key.namespace, "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
        },
    }))
}

/// The port of the slice: a target by name is looked up in the first pod that has it.
fn slice_port(port: &Value, pods: &[Value]) -> Value {
    let target = &port["targetPort"];
    let number = match target {
        Value::String(name) => {
            let containers = pods.iter().flat_map(|pod| pod["spec"]["containers"].as_array().into_iter().flatten());
            let mut ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
            ports.find(|port| port["name"] == **name).map_or(Value::Null, |port| port["containerPort"].clone())
        }
        Value::Null => port["port"].clone(),
        other => other.clone(),
    };
    json!({"name": port["name"].as_str().unwrap_or_default(), "port": number, "protocol": port["protocol"]})
}

/// Keeps the slices of a Service: as many as its endpoints fill, and one where there are none.
fn store(state: &mut State, it: &It, endpoints: &[Value], ports: &Value) {
    let existing = it.dependents(state, SLICES);
    let mut filled: Vec<&[Value]> = endpoints.chunks(PER_SLICE).collect();
    if filled.is_empty() {
        filled.push(&[]);
    }
    for (nth, part) in filled.iter().enumerate() {
        match existing.get(nth) {
            Some(entry) => update(state, it, entry, (part, ports)),
            None => create(state, it, part, ports),
        }
    }
    for entry in existing.iter().skip(filled.len()) {
        it.delete(state, entry, SLICES);
    }
}

fn update(state: &mut State, it: &It, entry: &Entry, (endpoints, ports): (&[Value], &Value)) {
    let Some(kind) = state.catalog.by_table(SLICES).cloned() else { return };
    let before = entry.decode();
    let mut slice = before.clone();
    slice["endpoints"] = json!(endpoints);
    slice["ports"] = ports.clone();
    if slice != before {
        let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
        slice["metadata"]["generation"] = generation.saturating_add(1).into();
        state.keep(it.now, &kind, &slice);
    }
}

fn create(state: &mut State, it: &It, endpoints: &[Value], ports: &Value) {
    let name = &*it.entry.key.name;
    let slice = json!({
        "metadata": {
            "generateName": format!("{name}-"),
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [it.owner_reference()],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    });
    it.create(state, SLICES, slice);
}
