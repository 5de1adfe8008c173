//! The miner that starts by itself in a simulated pod, and stops.
//!
//! Owns which pod it is in and when. Processes follow the annotation as they do for a person with kubectl.

use std::time::Duration;

use serde_json::Value;
use simcluster::SimCluster;
use simcluster::nodes::{Pod, RUN};
use tracing::warn;

/// After the start of the demo.
pub(super) const STARTS: Duration = Duration::from_secs(10);
pub(super) const STOPS: Duration = Duration::from_secs(90);

/// What runs; it is only a text, nothing of the kind is started.
pub(super) const COMMAND: &str = "/tmp/xmrig -o stratum+tcp://pool.example:3333 -u wallet";

/// A pod that a miner can be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The first pod of a tenant's app that runs on one of these nodes.
pub(super) fn host(cluster: &SimCluster, nodes: &[String]) -> Option<Host> {
    let pods = nodes.iter().flat_map(|node| cluster.pods_on(node));
    let running =
        pods.filter(|pod| !Pod::of(pod).containers.is_empty() && pod["metadata"]["labels"]["app"].is_string());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hosts = running.map(|pod| (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"])));
    let (namespace, name) = hosts.filter(|(namespace, _)| namespace.starts_with("ns-")).min()?;
    Some(Host { namespace, name })
}

/// Starts and stops the miner at its times.
pub(super) async fn play(cluster: &SimCluster, host: &Host) {
    tokio::time::sleep(STARTS).await;
    run(cluster, host, Value::from(COMMAND));
    tokio::time::sleep(STOPS.saturating_sub(STARTS)).await;
    run(cluster, host, Value::Null);
}

fn run(cluster: &SimCluster, host: &Host, command: Value) {
    // A person may have deleted it.
    let Some(mut pod) = cluster.get("pods", &host.namespace, &host.name) else { return };
    let Some(annotations) = pod["metadata"]["annotations"].as_object_mut() else { return };
    match command {
        Value::Null => drop(annotations.remove(RUN)),
        command => drop(annotations.insert(RUN.to_owned(), command)),
    }
    if let Err(refused) = cluster.put(pod) {
        warn!("failed to change the simulated pod {}/{}: {refused:?}", host.namespace, host.name);
    }
}
