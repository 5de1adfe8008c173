//! Whether a node is still a member of the cluster.
//!
//! Owns the one question. Nodes are not watched: who has to know asks, and seldom.

use std::time::Duration;

use serde::de::IgnoredAny;

use crate::cluster::{Call, CallError, Cluster, Verb};
use crate::resource::{Extent, Resource, encoded};

const NODES: Resource = Resource { group: "", version: "v1", plural: "nodes", kind: "Node" };

const PATIENCE: Duration = Duration::from_secs(5);

impl Cluster {
    /// Whether there is a Node of this name. An error says that nobody knows.
    pub async fn has_node(&self, name: &str) -> Result<bool, CallError> {
        let call = Call {
            verb: Verb::Get,
            resource: NODES.plural,
            path: format!("{}/{}", NODES.path(None), encoded(name)),
            extent: Extent::Metadata,
            content: None,
            patience: PATIENCE,
        };
        match self.ask::<IgnoredAny>(call).await {
            Ok(IgnoredAny) => Ok(true),
            Err(error) if error.code() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use simcluster::{Pace, SimCluster};

    use crate::Metrics;
    use crate::fixture::{cluster_with, over};

    #[tokio::test(start_paused = true)]
    async fn a_node_is_a_member_while_there_is_an_object_of_its_name() {
        let sim = cluster_with(SimCluster::builder().pace(Pace::Manual), &[]).await;
        sim.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-3"}})).unwrap();
        let cluster = over(&sim, &Metrics::default());
        assert!(cluster.has_node("worker-3").await.unwrap());
        assert!(!cluster.has_node("worker-4").await.unwrap());
    }
}
