//! Whether an address is that of a replica of this release.
//!
//! Owns the one question that forwarding asks before it sends a credential there.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::cluster::{Call, CallError, Cluster, Verb};
use crate::resource::{Extent, Resource, encoded};

const PODS: Resource = Resource { group: "", version: "v1", plural: "pods", kind: "Pod" };

/// A request waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Pods {
    items: Option<Vec<Pod>>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    #[serde(rename = "podIP")]
    address: String,
    #[serde(rename = "podIPs")]
    addresses: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    ip: String,
}

impl Cluster {
    /// Whether a live pod of this release, in its namespace, has this address now. The answer is of this moment: whoever forwards
    /// often keeps it for some seconds.
    pub async fn has_replica_at(&self, address: IpAddr) -> Result<bool, CallError> {
        let release = format!("app.kubernetes.io/name=keelwatch,app.kubernetes.io/instance={}", self.release());
        let call = Call {
            verb: Verb::List,
            resource: PODS.plural,
            path: format!("{}?labelSelector={}", PODS.path(Some(self.namespace())), encoded(&release)),
            extent: Extent::Whole,
            content: None,
            patience: PATIENCE,
        };
        let pods: Pods = self.ask(call).await?;
        Ok(pods.items.iter().flatten().any(|pod| pod.is_at(address.to_canonical())))
    }
}

impl Pod {
    fn is_at(&self, address: IpAddr) -> bool {
        let Status { phase, address: first, addresses } = &self.status;
        let is_live = self.metadata.deletion_timestamp.is_none() && !matches!(phase.as_str(), "Succeeded" | "Failed");
        let mut all = addresses.iter().map(|address| address.ip.as_str()).chain([first.as_str()]);
        is_live && all.any(|text| text.parse::<IpAddr>().is_ok_and(|known| known.to_canonical() == address))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use simcluster::{Pace, SimCluster};

    use crate::Metrics;
    use crate::fixture::{cluster_with, over};

    fn pod(name: &str, instance: &str, phase: &str, address: &str) -> Value {
        let labels = json!({"app.kubernetes.io/name": "keelwatch", "app.kubernetes.io/instance": instance});
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n"},
            "status": {"phase": phase, "podIP": address, "podIPs": [{"ip": address}, {"ip": "fd00::5"}]},
        })
    }

    #[tokio::test(start_paused = true)]
    async fn only_live_pods_of_the_release_are_replicas() {
        let sim = cluster_with(SimCluster::builder().pace(Pace::Manual), &[]).await;
        for pod in [
            pod("live", "keelwatch", "Running", "10.0.0.1"),
            pod("done", "keelwatch", "Failed", "10.0.0.2"),
            pod("foreign", "other", "Running", "10.0.0.3"),
        ] {
            sim.put(pod).unwrap();
        }
        let cluster = over(&sim, &Metrics::default());
        let mut found = Vec::new();
        for address in ["10.0.0.1", "::ffff:10.0.0.1", "fd00::5", "10.0.0.2", "10.0.0.3", "10.0.0.4"] {
            found.push(cluster.has_replica_at(address.parse().unwrap()).await.unwrap());
        }
        assert_eq!(found, [true, true, true, false, false, false]);
    }
}
