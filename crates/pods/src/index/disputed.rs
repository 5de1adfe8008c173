//! States in a complete list that are older than what is known.
//!
//! Owns their wait until the list ends. In one history a list that is streamed may begin with such a state, and a newer one follows
//! before its end. If none does, the list is right: the store of the API server was restored from a backup, and what is known is of
//! a history that is over.

use std::collections::BTreeMap;

use kubeio::objects;

/// A decoded pod takes some 3 KB: 12 MB. A server that streams is a second behind or two, in which no cluster has so many changes:
/// if there are more, it is another history, and they need not wait.
const WAITING: usize = 4096;

/// The disputed states of the list that is going on.
#[derive(Debug, Default)]
pub(super) struct Disputed {
    is_listing: bool,
    /// By namespace and name: what is newer may have another uid.
    waiting: BTreeMap<String, objects::Pod>,
}

/// What becomes of a state that is older than what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Older {
    /// It comes late and says nothing.
    Ignored,
    Waits,
    Counts,
}

impl Disputed {
    pub(super) const fn is_listing(&self) -> bool {
        self.is_listing
    }

    pub(super) fn begin(&mut self) {
        *self = Self { is_listing: true, waiting: BTreeMap::new() };
    }

    /// The list is over. Returns what no newer state has followed.
    pub(super) fn end(&mut self) -> impl Iterator<Item = objects::Pod> + use<> {
        std::mem::take(self).waiting.into_values()
    }

    /// A state is older than what is known.
    pub(super) fn older(&mut self, pod: &objects::Pod) -> Older {
        let key = key(&pod.metadata.namespace, &pod.metadata.name);
        if !self.is_listing {
            return Older::Ignored;
        }
        if self.waiting.len() >= WAITING && !self.waiting.contains_key(&key) {
            return Older::Counts;
        }
        self.waiting.insert(key, pod.clone());
        Older::Waits
    }

    /// Something newer is known of this name.
    pub(super) fn settle(&mut self, namespace: &str, name: &str) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&key(namespace, name));
        }
    }

    /// A pod is gone.
    pub(super) fn forget(&mut self, pod: &objects::PodMetadata) {
        let is_it = |waiting: &objects::Pod| waiting.metadata.uid == pod.uid;
        if self.waiting.get(&key(&pod.namespace, &pod.name)).is_some_and(is_it) {
            self.settle(&pod.namespace, &pod.name);
        }
    }
}

/// Neither part has a slash.
fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}
