//! What other rooms learn of a pod.

use std::fmt;
use std::sync::Arc;

use api::violation::SubjectKind;

use crate::app::AppRule;
use crate::container;
use crate::index::View;
use crate::index::record::ContainerId;
use crate::uid::{as_text, hex};

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
    pub labels: Labels,
    /// Labels of its namespace; `None` if they are not known (the permission may be missing).
    pub namespace_labels: Option<Arc<Labels>>,
    /// The tenant's unit.
    pub app: App,
    /// Its top-level owner.
    pub owner: Owner,
    /// Its containers: regular, init, ephemeral.
    pub containers: Vec<ContainerFacts>,
    /// Whether it has ceased to exist.
    pub deleted: bool,
}

/// A live pod as selectors see it: less than [`PodFacts`], for many at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLabels {
    /// Its uid; of a static pod that of its mirror.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// Its labels, sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The tenant's unit.
    pub app: App,
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
    /// Its present id; empty before it has one.
    pub id: RuntimeId,
    /// Its id before it was started again; empty if it was not.
    pub previous_id: RuntimeId,
    /// How its image is referred to.
    pub image: Arc<str>,
    /// The image that runs, with its digest; empty before it is known.
    pub image_id: Arc<str>,
}

/// Labels, sorted by key. Their texts are shared with the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Arc<str>, Arc<str>)]>);

/// The id that a runtime gave a container, shown as 64 hex digits; or none, shown as the empty text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuntimeId(Option<container::Id>);

impl Labels {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(known, _)| known == key).map(|(_, value)| value)
    }

    /// Key and value of each.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut labels: Box<[(Arc<str>, Arc<str>)]> =
            labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        labels.sort();
        Self(labels)
    }
}

impl RuntimeId {
    /// The id that these 64 hex digits are; none for any other text.
    pub fn of(digits: &str) -> Self {
        Self(container::thirty_two(digits))
    }
}

impl fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|id| f.write_str(as_text(&hex::<64>(id))))
    }
}

impl PodFacts {
    /// The container that has this id, or had it before it was started again.
    pub fn container(&self, id: &str) -> Option<&ContainerFacts> {
        let id = RuntimeId(Some(container::thirty_two(id)?));
        self.containers.iter().find(|container| container.id == id || container.previous_id == id)
    }

    pub(crate) fn of(view: &View<'_>, namespace_labels: Option<Arc<Labels>>, rule: &AppRule) -> Self {
        let record = view.record();
        let owner = Owner::of(view);
        let (kind, name) = rule.judge(|key| view.label(key).unwrap_or_default(), &owner.name);
        Self {
            uid: view.uid().to_string(),
            namespace: view.keep(record.namespace),
            name: view.name().to_owned(),
            node: view.keep(record.node),
            labels: record.labels().map(|(key, value)| (view.keep(key), view.keep(value))).collect(),
            namespace_labels,
            app: App { kind, name: name.to_owned() },
            owner,
            containers: (0..view.containers().len()).map(|at| ContainerFacts::of(view, at)).collect(),
            deleted: view.died().is_some(),
        }
    }
}

impl PodLabels {
    pub(crate) fn of(view: &View<'_>, rule: &AppRule) -> Self {
        let (kind, name) = view.app(rule);
        let labels = view.record().labels().map(|(key, value)| (view.keep(key), view.keep(value)));
        Self {
            uid: view.uid().to_string(),
            name: view.name().to_owned(),
            labels: labels.collect(),
            app: App { kind, name: name.to_owned() },
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
    fn of(view: &View<'_>, at: usize) -> Self {
        let container = &view.containers()[at];
        let id = match view.record().container_id(at) {
            ContainerId::Plain(_, id) => Some(*id),
            ContainerId::None | ContainerId::Odd(_) => None,
        };
        Self {
            name: view.keep(container.name),
            id: RuntimeId(id),
            previous_id: RuntimeId(view.record().previous_id(at).copied()),
            image: view.keep(container.image),
            image_id: view.keep(container.image_id),
        }
    }
}
