//! How the lists and maps of a custom resource merge.

use super::Schema;
use super::node::{Additional, List, Node};
use crate::patch::{BuiltInLists, ITEM, ListType, ListTypes, MapType, MergeStrategy};

impl Schema {
    /// What is known of a place; nothing of what unknown fields hold.
    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, &step| {
            if step == ITEM && node.items.is_some() {
                return node.items.as_deref();
            }
            match (node.properties.get(step), &node.additional) {
                (Some(schema), _) => Some(schema),
                (None, Additional::Of(schema)) => Some(schema),
                (None, Additional::Any | Additional::None) => None,
            }
        })
    }
}

fn is_metadata(path: &[&str]) -> bool {
    path.first() == Some(&"metadata")
}

impl ListTypes for Schema {
    fn of(&self, path: &[&str]) -> ListType<'_> {
        if is_metadata(path) {
            const BUILT_IN: &BuiltInLists = &BuiltInLists;
            return BUILT_IN.of(path);
        }
        match self.node(path).map(|node| &node.list) {
            Some(List::Map(keys)) => ListType::Map(keys),
            Some(List::Set) => ListType::Set,
            Some(List::Atomic) | None => ListType::Atomic,
        }
    }

    fn map(&self, path: &[&str]) -> MapType {
        if is_metadata(path) {
            return BuiltInLists.map(path);
        }
        self.node(path).map_or(MapType::Granular, |node| node.map)
    }

    fn is_field(&self, path: &[&str]) -> bool {
        let Some((last, above)) = path.split_last() else { return false };
        if is_metadata(path) || path.len() == 1 && matches!(*last, "apiVersion" | "kind") {
            return true;
        }
        self.node(above).is_some_and(|node| node.properties.contains_key(*last))
    }

    fn is_always_present(&self, path: &[&str]) -> bool {
        path == ["metadata"]
    }

    fn strategy(&self, _path: &[&str]) -> MergeStrategy {
        // Custom resources have no strategic merge patch.
        MergeStrategy::Replace
    }
}
