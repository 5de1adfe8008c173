//! Several nodes of one cluster.
//!
//! Owns the folder that all their trees are in, and keeping them at what the cluster says. What a tree looks like is
//! `node`'s.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::cgroup::Driver;
use super::folder::{self, Folder};
use super::node::{Node, NodeError, Profile};
use super::pod::{Pod, Runtime};
use crate::sim::SimCluster;

/// Nodes whose trees show the pods that a cluster has on them. Their folder goes when this is dropped.
#[derive(Debug)]
pub struct Fleet {
    nodes: BTreeMap<String, Node>,
    folder: TempDir,
}

impl Fleet {
    /// Boots nodes of the cluster; their pods run as of now.
    pub fn boot(cluster: &SimCluster, names: &[&str]) -> Result<Self, NodeError> {
        let now = cluster.clock().now();
        let first = names.first().copied().unwrap_or_default();
        let folder = folder::temporary().map_err(|error| NodeError::Write(first.to_owned(), error))?;
        let mut nodes = BTreeMap::new();
        for &name in names {
            let object = cluster.get("nodes", "", name).ok_or_else(|| NodeError::NoNode(name.to_owned()))?;
            let own = Folder::within(folder.path(), name).map_err(|error| NodeError::Write(name.to_owned(), error))?;
            nodes.insert(name.to_owned(), Node::boot_in(own, profile(name, &object, now), now)?);
        }
        let mut fleet = Self { nodes, folder };
        fleet.follow(cluster)?;
        Ok(fleet)
    }

    /// Starts what has come to the nodes since, stops what is gone, and writes the time.
    pub fn follow(&mut self, cluster: &SimCluster) -> Result<(), NodeError> {
        let now = cluster.clock().now();
        for (name, node) in &mut self.nodes {
            let pods: Vec<Pod> = cluster.pods_on(name).iter().map(Pod::of).collect();
            node.keep(&pods, now)?;
            node.tick(now)?;
        }
        Ok(())
    }

    /// The folder that all trees are in, one folder a node, named after it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// A node by name.
    pub fn node(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.get_mut(name)
    }

    /// The node on which a container of this id was started.
    pub fn node_with(&mut self, container: &str) -> Option<&mut Node> {
        self.nodes.values_mut().find(|node| node.has(container))
    }
}

/// What a node is like, by its object. Those with docker are the ones that were set up long ago.
fn profile(name: &str, object: &Value, now: Timestamp) -> Profile {
    let info = &object["status"]["nodeInfo"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let runtime = info["containerRuntimeVersion"].as_str().and_then(Runtime::parse);
    let runtime = runtime.map_or(Runtime::Containerd, |(runtime, _)| runtime);
    Profile {
        name: name.to_owned(),
        boot_id: text(&info["bootID"]).or_else(|| text(&object["metadata"]["uid"])).unwrap_or_default(),
        booted: text(&object["metadata"]["creationTimestamp"]).and_then(|at| at.parse().ok()).unwrap_or(now),
        driver: if runtime == Runtime::Docker { Driver::Cgroupfs } else { Driver::Systemd },
        runtime,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::fixture;
    use crate::nodes::Program;
    use crate::population::Sizes;

    async fn cluster() -> SimCluster {
        let sizes = Sizes { nodes: 4, pods: 60, namespaces: 3, images: 20, ..Sizes::default() };
        fixture::start(SimCluster::builder().population(sizes)).await
    }

    /// Ids of containers that run on a node, as the cluster tells them.
    fn told(cluster: &SimCluster, node: &str) -> Vec<String> {
        let pods = cluster.pods_on(node);
        let ids = pods.iter().map(Pod::of).flat_map(|pod| pod.containers).map(|container| container.id);
        ids.collect()
    }

    fn names(cluster: &SimCluster) -> Vec<String> {
        let nodes = cluster.list("nodes", "", "").unwrap();
        nodes.iter().map(|node| node["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn every_container_of_a_node_has_a_process_in_its_tree_and_all_trees_go_together() {
        let cluster = cluster().await;
        let names = names(&cluster);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut fleet = Fleet::boot(&cluster, &names).unwrap();
        for name in names {
            let ids = told(&cluster, name);
            assert!(!ids.is_empty());
            let node = fleet.node(name).unwrap();
            for id in ids {
                let pid = node.first_process(&id).unwrap();
                let cgroup = std::fs::read_to_string(node.proc().join(format!("{pid}/cgroup"))).unwrap();
                assert!(cgroup.contains(&id), "{cgroup}");
            }
        }
        let folder = fleet.folder().to_owned();
        drop(fleet);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn a_fleet_follows_pods_that_come_and_go() {
        let cluster = cluster().await;
        let name = names(&cluster).pop().unwrap();
        let mut fleet = Fleet::boot(&cluster, &[&name]).unwrap();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "namespace": "default"},
            "spec": {"nodeName": name, "containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"},
        });
        cluster.put(pod).unwrap();
        cluster.step(Duration::from_secs(1));
        fleet.follow(&cluster).unwrap();
        let pod = cluster.get("pods", "default", "late").unwrap();
        let id = Pod::of(&pod).containers[0].id.clone();
        let node = fleet.node_with(&id).unwrap();
        node.start(&id, Program::new(&["/tmp/xmrig"], 1000), cluster.clock().now()).unwrap();
        fixture::delete(&cluster, "/api/v1/namespaces/default/pods/late?gracePeriodSeconds=0").await;
        fleet.follow(&cluster).unwrap();
        assert!(fleet.node_with(&id).is_none());
    }

    #[tokio::test]
    async fn an_annotation_makes_a_pod_run_a_command_as_long_as_it_is_there() {
        let cluster = cluster().await;
        let name = names(&cluster).pop().unwrap();
        let mut fleet = Fleet::boot(&cluster, &[&name]).unwrap();
        let mut pod = cluster.pods_on(&name).into_iter().find(|pod| !Pod::of(pod).containers.is_empty()).unwrap();
        let mut run = |command: Value| {
            let before: Vec<u32> = fleet.node(&name).unwrap().pids().collect();
            pod["metadata"]["annotations"][crate::nodes::RUN] = command;
            cluster.put(pod.clone()).unwrap();
            fleet.follow(&cluster).unwrap();
            let node = fleet.node(&name).unwrap();
            let new = node.pids().find(|pid| !before.contains(pid));
            let cmdline = new.map(|pid| std::fs::read_to_string(node.proc().join(format!("{pid}/cmdline"))).unwrap());
            (cmdline, node.pids().count())
        };
        let (_, quiet) = run(Value::Null);
        assert_eq!(run(json!("/tmp/xmrig -o pool")), (Some("/tmp/xmrig\0-o\0pool\0".to_owned()), quiet + 1));
        assert_eq!(run(json!("/tmp/xmrig -o pool")), (None, quiet + 1));
        assert_eq!(run(json!("/tmp/t-rex")), (Some("/tmp/t-rex\0".to_owned()), quiet + 1));
        assert_eq!(run(Value::Null), (None, quiet));
    }

    #[tokio::test]
    async fn a_node_that_the_cluster_does_not_know_is_not_booted() {
        let booted = Fleet::boot(&cluster().await, &["nowhere"]);
        assert!(matches!(booted, Err(NodeError::NoNode(name)) if name == "nowhere"));
    }
}
