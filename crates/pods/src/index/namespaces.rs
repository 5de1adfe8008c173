//! Labels of namespaces.

use std::collections::HashMap;
use std::sync::Arc;

use super::Index;
use crate::facts::Labels;

/// All namespaces by name.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    known: HashMap<Box<str>, (Arc<Labels>, u32)>,
    list: u32,
}

impl Index {
    /// A namespace exists and has these labels.
    pub(crate) fn namespace_seen(&mut self, name: &str, labels: &kubeio::objects::Pairs) {
        let labels: Labels = labels.iter().collect();
        let list = self.namespaces.list;
        self.namespaces.known.insert(name.into(), (Arc::new(labels), list));
    }

    /// A namespace is gone.
    pub(crate) fn namespace_gone(&mut self, name: &str) {
        self.namespaces.known.remove(name);
    }

    /// A namespace exists and could not be read.
    pub(crate) fn namespace_unreadable(&mut self, name: &str) {
        let list = self.namespaces.list;
        if let Some((_, seen_in)) = self.namespaces.known.get_mut(name) {
            *seen_in = list;
        }
    }

    /// A complete list of namespaces begins.
    pub(crate) fn begin_namespaces(&mut self) {
        self.namespaces.list = self.namespaces.list.wrapping_add(1);
    }

    /// The list is complete: what was not in it is gone.
    pub(crate) fn end_namespaces(&mut self) {
        let list = self.namespaces.list;
        self.namespaces.known.retain(|_, (_, seen_in)| *seen_in == list);
    }

    /// The labels of a namespace, if it is known.
    pub(crate) fn namespace_labels(&self, name: &str) -> Option<Arc<Labels>> {
        self.namespaces.known.get(name).map(|(labels, _)| Arc::clone(labels))
    }
}
