//! What other rooms learn of a pod.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::violation::SubjectKind;

use crate::app::AppRule;
use crate::container;
use crate::index::View;
use crate::index::record::{Container, ContainerId};

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

    pub(crate) fn of(
        view: &View<'_>,
        namespace_labels: Option<Arc<BTreeMap<Arc<str>, Arc<str>>>>,
        rule: &AppRule,
    ) -> Self {
        let record = view.record();
        let (kind, name) = view.app(rule);
        Self {
            uid: view.uid().to_string(),
            namespace: view.keep(record.namespace),
            name: view.name().to_owned(),
            node: view.keep(record.node),
            labels: record.labels().map(|(key, value)| (view.keep(key), view.keep(value))).collect(),
            namespace_labels,
            app: App { kind, name: name.to_owned() },
            owner: Owner::of(view),
            containers: view.containers().iter().map(|container| ContainerFacts::of(container, view)).collect(),
            deleted: view.died().is_some(),
        }
    }
}

impl Owner {
    fn of(view: &View<'_>) -> Self {
        let chain = view.chain();
        let uid = |uid: Option<&crate::uid::Uid>| uid.map(ToString::to_string).unwrap_or_default();
        match chain.top() {
            Some(top) => Self {
                api_version: top.api_version.to_owned(),
                kind: top.kind.to_owned(),
                name: top.name.to_owned(),
                uid: uid(top.uid),
                resolved: chain.resolved,
            },
            None => Self {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                name: view.name().to_owned(),
                uid: uid(Some(view.uid())),
                resolved: true,
            },
        }
    }
}

impl ContainerFacts {
    fn of(container: &Container, view: &View<'_>) -> Self {
        let id = match &container.id {
            ContainerId::Plain(_, id) => container::digits(id),
            ContainerId::None | ContainerId::Odd(_) => String::new(),
        };
        Self {
            name: view.keep(container.name),
            id,
            previous_id: container.previous.as_deref().map(container::digits).unwrap_or_default(),
            image: view.keep(container.image),
            image_id: view.keep(container.image_id),
        }
    }
}
