//! Stand-in.
use api::violation::SubjectKind;
use std::collections::BTreeMap;
use std::sync::Arc;
/// A pod that has a key that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// Its uid; of a static pod that of its mirror.
    pub uid: String,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: String,
    /// The node it is placed on; empty before.
    pub node: Arc<str>,
    /// Its labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Labels of its namespace; `None` if they are not known (the permission may be missing).
    pub namespace_labels: Option<Arc<BTreeMap<Arc<str>, Arc<str>>>>,
    /// The tenant's unit.
    pub app: App,
    /// Its top-level owner.
    pub owner: Owner,
    /// Its containers: regular, init, ephemeral.
    pub containers: Vec<ContainerFacts>,
    /// Whether it has ceased to exist.
    pub deleted: bool,
}

/// The tenant's unit that a pod belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// An app or a devbox.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
}

/// The top-level workload of a pod, or the pod itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
    /// Its name; it is in the namespace of the pod.
    pub name: String,
    /// Its uid; empty while the owner is only guessed from names.
    pub uid: String,
    /// Whether every step to it has been seen.
    pub resolved: bool,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name, unique in the pod.
    pub name: Arc<str>,
    /// Its present id, 64 hex digits; empty before it has one.
    pub id: String,
    /// Its id before it was started again; empty if it was not.
    pub previous_id: String,
    /// How its image is referred to.
    pub image: Arc<str>,
    /// The image that runs, with its digest; empty before it is known.
    pub image_id: Arc<str>,
}

impl PodFacts {
    /// The container that has this id, or had it before it was started again.
    pub fn container(&self, id: &str) -> Option<&ContainerFacts> {
        self.containers.iter().find(|container| !id.is_empty() && (container.id == id || container.previous_id == id))
    }
}
