//! The life of a pod: it gets a node, it runs, it ends.
//!
//! Owns scheduling by turns and the status of running pods. Who wants pods is `workloads`'.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::It;
use super::jobs::LOST;
use crate::clock::seconds;
use crate::hex;
use crate::nodes::Runtime;
use crate::population::Images;
use crate::settings::Pace;
use crate::state::State;
use crate::store::{Entry, text_at};

/// The annotation that fixes the address of a pod.
const POD_IP: &str = "sim.keelwatch.io/pod-ip";

/// The conditions of a pod that runs; all are true.
const CONDITIONS: [&str; 5] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

pub(super) fn look(state: &mut State, it: &It) {
    if it.is_ending() {
        end(state, it);
    } else if text_at(&it.object, "spec.nodeName").is_empty() {
        schedule(state, it);
    } else if text_at(&it.object, "status.phase") == "Pending" {
        let running = running(state, it);
        it.keep(state, &running);
        if is_of_job(&it.object) {
            state.begun.push(it.entry.key.clone());
        }
    }
}

fn is_of_job(pod: &Value) -> bool {
    pod["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["kind"] == "Job")
}

/// After the grace the pod is gone, in a stepped cluster at the next step.
fn end(state: &mut State, it: &It) {
    if it.object["metadata"]["annotations"].get(LOST).is_some() {
        return;
    }
    let end: Timestamp = text_at(&it.object, "metadata.deletionTimestamp").parse().unwrap_or(it.now);
    if it.now < end && state.pace == Pace::Auto {
        let table = state.store.intern("pods");
        state.agenda.note(end, &table, &it.entry.key);
        return;
    }
    if it.object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        state.drop_object(it.now, "pods", &it.entry.key);
    }
}

fn schedule(state: &mut State, it: &It) {
    let nodes: Vec<Arc<Entry>> = state.store.range("nodes", None, None).cloned().collect();
    let wanted = wanted_node(&it.object);
    let fitting: Vec<&Arc<Entry>> = nodes
        .iter()
        .filter(|node| wanted.as_deref().is_none_or(|wanted| *node.key.name == *wanted))
        .filter(|node| node.field(0) != "true" || wanted.is_some())
        .collect();
    let mut pod = it.object.clone();
    let Some(node) = fitting.get(turn(state, fitting.len())) else {
        pod["status"]["phase"] = "Pending".into();
        pod["status"]["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": format!("0/{} nodes are available", nodes.len()), "lastTransitionTime": it.object["metadata"]["creationTimestamp"],
        }]);
        it.keep(state, &pod);
        return;
    };
    pod["spec"]["nodeName"] = node.key.name.as_ref().into();
    it.keep(state, &pod);
}

/// Whose turn it is.
fn turn(state: &mut State, nodes: usize) -> usize {
    let counter = state.counters.entry("nodes").or_default();
    let turn = *counter % nodes.max(1);
    *counter += 1;
    turn
}

/// The one node that a pod names: by label of the host, or by the field that DaemonSets use.
fn wanted_node(pod: &Value) -> Option<String> {
    let spec = &pod["spec"];
    if let Some(host) = spec["nodeSelector"]["kubernetes.io/hostname"].as_str() {
        return Some(host.to_owned());
    }
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = required["nodeSelectorTerms"].as_array()?;
    let fields = terms.iter().flat_map(|term| {
        let lists = [&term["matchFields"], &term["matchExpressions"]];
        lists.into_iter().filter_map(Value::as_array).flatten()
    });
    let named = |field: &&Value| matches!(field["key"].as_str(), Some("metadata.name" | "kubernetes.io/hostname"));
    fields.filter(named).find_map(|field| field["values"][0].as_str()).map(str::to_owned)
}

/// The pod with the status of one whose containers all run.
fn running(state: &mut State, it: &It) -> Value {
    let mut pod = it.object.clone();
    let now = seconds(it.now);
    let node = state.look_up("nodes", "", text_at(&pod, "spec.nodeName")).unwrap_or_default();
    let mut addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    let host = addresses.find(|address| address["type"] == "InternalIP");
    let host = host.map_or("192.0.2.1", |address| text_at(address, "address")).to_owned();
    let address = match it.object["metadata"]["annotations"][POD_IP].as_str() {
        Some(fixed) => fixed.to_owned(),
        None if pod["spec"]["hostNetwork"] == true => host.clone(),
        None => next_address(state),
    };
    let runtime = Runtime::parse(text_at(&node, "status.nodeInfo.containerRuntimeVersion"));
    let runtime = runtime.map_or(Runtime::Containerd, |(runtime, _)| runtime);
    let mut statuses = |list: &str, run: Run| -> Vec<Value> {
        let containers = it.object["spec"][list].as_array().map_or(&[][..], Vec::as_slice);
        containers.iter().map(|container| container_status(state, container, runtime, (run, &now))).collect()
    };
    let (init, regular) = (statuses("initContainers", Run::Done), statuses("containers", Run::Goes));
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    pod["status"] = json!({
        "phase": "Running",
        "conditions": CONDITIONS.map(condition),
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
    });
    if !init.is_empty() {
        pod["status"]["initContainerStatuses"] = init.into();
    }
    pod["status"]["containerStatuses"] = regular.into();
    pod["status"]["qosClass"] = quality(&it.object["spec"]).into();
    pod
}

/// The class of a pod by what its containers request and may take at most.
fn quality(spec: &Value) -> &'static str {
    let lists = ["initContainers", "containers"];
    let containers = || lists.iter().filter_map(|list| spec[*list].as_array()).flatten();
    let amount = |container: &Value, of: &str, what: &str| container["resources"][of].get(what).cloned();
    let is_bound = |container: &Value, what: &str| {
        let limit = amount(container, "limits", what);
        // What is limited and not requested is requested as much.
        limit.is_some() && amount(container, "requests", what).is_none_or(|request| Some(request) == limit)
    };
    let asks = |container: &Value| {
        ["limits", "requests"]
            .iter()
            .any(|of| container["resources"][*of].as_object().is_some_and(|map| !map.is_empty()))
    };
    if containers().all(|container| is_bound(container, "cpu") && is_bound(container, "memory")) {
        "Guaranteed"
    } else if containers().any(asks) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

fn next_address(state: &mut State) -> String {
    let counter = state.counters.entry("addresses").or_default();
    *counter += 1;
    let (high, middle, low) = ((*counter / 63_504) % 256, (*counter / 252) % 252 + 2, *counter % 252 + 2);
    format!("10.{}.{middle}.{low}", 100 + high % 100)
}

/// What a container does in a pod that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Goes,
    /// It ran before the others.
    Done,
}

fn container_status(state: &mut State, container: &Value, runtime: Runtime, (run, now): (Run, &str)) -> Value {
    let reference = text_at(container, "image");
    let image_id = image_id(&state.images, reference, runtime);
    let digits = format!("{}{}", state.random.uid().replace('-', ""), state.random.uid().replace('-', ""));
    let id = format!("{}://{digits}", runtime.scheme());
    let now_state = match run {
        Run::Goes => json!({"running": {"startedAt": now}}),
        Run::Done => json!({"terminated": {
            "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now, "containerID": id,
        }}),
    };
    json!({
        "name": container["name"],
        "state": now_state,
        "lastState": {},
        "ready": true,
        "restartCount": 0,
        "image": reference,
        "imageID": image_id,
        "containerID": id,
        "started": run == Run::Goes,
    })
}

/// The image as the runtime tells it, the same on all nodes: one of the cluster's, the digest that is pinned, or one made up
/// from the name.
fn image_id(images: &Images, reference: &str, runtime: Runtime) -> String {
    let (name, pinned) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
    let repository = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    };
    let scheme = if runtime == Runtime::Docker { "docker-pullable://" } else { "" };
    match (pinned, images.find(reference)) {
        (Some(digest), _) => format!("{scheme}{repository}@{digest}"),
        (None, Some(image)) => image.id(runtime),
        (None, None) => format!("{scheme}{repository}@sha256:{}", hex::encode(&Sha256::digest(reference))),
    }
}
