//! What the routes of pods take and answer.
//!
//! Owns the forms. Fields are camelCase, as in the Kubernetes objects that they mirror.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pod: the nine fields of the former service, and with `view=full` and everywhere else all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Uid; of a static pod that of its mirror.
    pub uid: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// The node it is placed on; empty before.
    pub node_name: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`; empty when unknown.
    pub phase: String,
    /// The first of its addresses; empty before it has one.
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    /// Labels; left out when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations that are kept; left out when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// When it was made, RFC 3339, whole seconds of UTC; empty when unknown.
    pub created_at: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: Option<More>,
}

/// What `view=full` adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct More {
    /// All its addresses.
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<String>,
    /// Whether it uses the network of its node.
    pub host_network: bool,
    /// Of a static pod: the hash of its configuration, which its cgroups show as its uid.
    pub config_hash: Option<String>,
    /// Whether it has ceased to exist.
    pub deleted: bool,
    /// When that was noticed.
    pub deleted_at: Option<String>,
    /// True if its last state could not be read; else left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// Keys of annotations that were cut or left out because they are too long.
    pub truncated_annotations: Vec<String>,
    /// Its top-level workload, or itself.
    pub owner: Owner,
    /// The steps to it, the next one first.
    pub owner_chain: Vec<OwnerStep>,
    /// The tenant's unit.
    pub app: App,
    /// Its containers: regular, init, ephemeral.
    pub containers: Vec<Container>,
}

/// The top-level workload of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid; empty while it is guessed from names.
    pub uid: String,
    /// Whether every step to it has been seen.
    pub resolved: bool,
}

/// One step from a pod to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerStep {
    /// For example `ReplicaSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The tenant's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// `app` or `devbox`.
    #[serde(rename = "type")]
    pub kind: api::violation::SubjectKind,
    /// Its name.
    pub name: String,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Its name, unique in the pod.
    pub name: String,
    /// `regular`, `init` or `ephemeral`.
    pub kind: String,
    /// `containerd://` and 64 hex digits; empty before it has one.
    pub id: String,
    /// How its image is referred to.
    pub image: String,
    /// The image that runs, with its digest; empty before it is known.
    #[serde(rename = "imageID")]
    pub image_id: String,
    /// `waiting`, `running` or `terminated`.
    pub state: String,
    /// How often it was started again.
    pub restarts: u32,
}

/// A page of pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodList {
    /// The pods of this page, by namespace, name and uid.
    pub items: Vec<Pod>,
    /// What asks for the next page; left out on the last one.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Pods that match the filters, on all pages.
    pub count: usize,
    /// Pods that exist.
    pub total: usize,
}

/// Keys of pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Up to `pods.lookup_max` keys.
    pub keys: Vec<LookupKey>,
    /// Whether pods that have ceased to exist are answered too.
    #[serde(default)]
    pub deleted: bool,
}

/// One key: `uid`, `container`, `ip`, or `namespace` and `name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LookupKey {
    /// A uid, or the configuration hash of a static pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// A container id, or its first 12 digits at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// An address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The namespace of `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Answers in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookupAnswer {
    /// One for each key.
    pub items: Vec<LookupItem>,
    /// How many pods were found.
    pub found: usize,
    /// How many were not.
    pub missing: usize,
}

/// A pod, or why there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LookupItem {
    /// The pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether the process answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Always `healthy`.
    pub status: String,
}

/// Whether the index can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Always `ready`.
    pub status: String,
    /// How many pods exist.
    pub pod_count: usize,
}
