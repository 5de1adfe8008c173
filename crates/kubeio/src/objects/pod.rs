//! Pods: whose they are, where they run, what runs in them.

use jiff::Timestamp;
use serde::Deserialize;

use super::{OwnerReference, Pairs, null_is_default};

/// A pod, cut to what is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Who it is.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: PodMetadata,
    /// What it shall be.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: PodSpec,
    /// What it is.
    #[serde(deserialize_with = "null_is_default")]
    pub status: PodStatus,
}

/// Metadata of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodMetadata {
    /// Unique in time and space.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
    /// Its namespace.
    #[serde(deserialize_with = "null_is_default")]
    pub namespace: Box<str>,
    /// Its name; used again after its death.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// The version of this state.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_version: Box<str>,
    /// Its labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: Pairs,
    /// Its annotations.
    #[serde(deserialize_with = "null_is_default")]
    pub annotations: Pairs,
    /// When it was made.
    pub creation_timestamp: Option<Timestamp>,
    /// When it is to be gone; set once it is being deleted.
    pub deletion_timestamp: Option<Timestamp>,
    /// What it belongs to.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Vec<OwnerReference>,
}

/// The spec of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node it is placed on; empty before.
    #[serde(deserialize_with = "null_is_default")]
    pub node_name: Box<str>,
    /// Whether it uses the network of its node.
    #[serde(deserialize_with = "null_is_default")]
    pub host_network: bool,
    /// Its regular containers.
    #[serde(deserialize_with = "null_is_default")]
    pub containers: Vec<Container>,
    /// Containers that run before the others, or beside them.
    #[serde(deserialize_with = "null_is_default")]
    pub init_containers: Vec<Container>,
    /// Containers that were added to the running pod.
    #[serde(deserialize_with = "null_is_default")]
    pub ephemeral_containers: Vec<Container>,
}

/// A container as it shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Its name, unique in the pod.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// How the image is referred to.
    #[serde(deserialize_with = "null_is_default")]
    pub image: Box<str>,
}

/// The status of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(deserialize_with = "null_is_default")]
    pub phase: Box<str>,
    /// Its first address; empty before it has one.
    #[serde(rename = "podIP", deserialize_with = "null_is_default")]
    pub pod_ip: Box<str>,
    /// All its addresses.
    #[serde(rename = "podIPs", deserialize_with = "null_is_default")]
    pub pod_ips: Vec<PodAddress>,
    /// Of regular containers.
    #[serde(deserialize_with = "null_is_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Of init containers.
    #[serde(deserialize_with = "null_is_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Of ephemeral containers.
    #[serde(deserialize_with = "null_is_default")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// One address of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodAddress {
    /// As text.
    #[serde(deserialize_with = "null_is_default")]
    pub ip: Box<str>,
}

/// A container as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// Its name, unique in the pod.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// `containerd://` and 64 hex digits; empty before it has one.
    #[serde(rename = "containerID", deserialize_with = "null_is_default")]
    pub container_id: Box<str>,
    /// The image that runs, with its digest; empty before it is known.
    #[serde(rename = "imageID", deserialize_with = "null_is_default")]
    pub image_id: Box<str>,
    /// How often it was started again.
    #[serde(deserialize_with = "null_is_default")]
    pub restart_count: u32,
    /// What it does now.
    #[serde(deserialize_with = "null_is_default")]
    pub state: ContainerState,
    /// What it did before it was started again.
    #[serde(deserialize_with = "null_is_default")]
    pub last_state: ContainerState,
}

/// What a container does; the API sets one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// It waits.
    pub waiting: Option<Waiting>,
    /// It runs.
    pub running: Option<Running>,
    /// It has ended.
    pub terminated: Option<Terminated>,
}

/// A container waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Waiting {}

/// A container runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Running {}

/// A container has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Terminated {
    /// The id it had.
    #[serde(rename = "containerID", deserialize_with = "null_is_default")]
    pub container_id: Box<str>,
}
