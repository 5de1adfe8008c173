//! How the lists and maps of an object merge.
//!
//! Owns the question, and the answer for built-in kinds. Custom resources answer by their schema.

use std::sync::LazyLock;

use serde_json::Value;

/// Stands in a path for the items of a list.
pub const ITEM: &str = "[]";

/// How a list merges when it is applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ListType<'a> {
    /// As a whole.
    Atomic,
    /// By its items, which are scalars.
    Set,
    /// By its items, which are objects that these fields identify.
    Map(&'a [MapKey]),
}

/// A field that identifies the items of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct MapKey {
    /// Name of the field.
    pub name: String,
    /// What it is when an item leaves it out.
    pub default: Option<Value>,
}

/// How an object merges when it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapType {
    /// Field by field.
    Granular,
    /// As a whole.
    Atomic,
}

/// What a strategic merge patch does with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The patch replaces it.
    Replace,
    /// The patch adds what is missing; items are scalars.
    Union,
    /// Items with the same value of this field are merged.
    By(&'static str),
}

/// Tells how the parts of one kind of object merge. Paths are field names from the root; [`ITEM`] steps into a list.
pub trait ListTypes {
    /// How the list at `path` merges.
    fn of(&self, path: &[&str]) -> ListType<'_>;

    /// How the object at `path` merges.
    fn map(&self, path: &[&str]) -> MapType;

    /// Whether the last element of `path` is a declared field rather than a key of a map.
    fn is_field(&self, path: &[&str]) -> bool;

    /// Whether the value at `path` is there even in an empty object, as structs are that Go does not omit.
    fn is_always_present(&self, path: &[&str]) -> bool;

    /// What a strategic merge patch does with the list at `path`.
    fn strategy(&self, path: &[&str]) -> MergeStrategy;
}

/// The lists and maps of the kinds that Kubernetes itself defines.
#[derive(Debug, Clone, Copy)]
pub struct BuiltInLists;

/// One list of the table: the field that holds it, in which objects, and how it merges.
struct Row {
    parents: &'static [&'static str],
    field: &'static str,
    apply: Apply,
    strategy: MergeStrategy,
}

enum Apply {
    Atomic,
    Set,
    Map(Vec<MapKey>),
}

const CONTAINERS: &[&str] = &["containers", "initContainers", "ephemeralContainers"];

/// Lists that are not atomic, from the `+listType` and `+patchStrategy` markers of the API types. `""` is the root.
static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    use MergeStrategy::{By, Replace, Union};
    const SPEC: &[&str] = &["spec"];
    const STATUS: &[&str] = &["status"];
    const METADATA: &[&str] = &["metadata"];
    let row = |parents, field, apply, strategy| Row { parents, field, apply, strategy };
    let keyed = |parents, field, key: &'static str| row(parents, field, by(&[(key, None)]), By(key));
    let protocol = ("protocol", Some("TCP"));
    vec![
        keyed(METADATA, "ownerReferences", "uid"),
        row(METADATA, "finalizers", Apply::Set, Union),
        keyed(SPEC, "containers", "name"),
        keyed(SPEC, "initContainers", "name"),
        keyed(SPEC, "ephemeralContainers", "name"),
        keyed(SPEC, "volumes", "name"),
        keyed(SPEC, "imagePullSecrets", "name"),
        keyed(SPEC, "resourceClaims", "name"),
        keyed(SPEC, "schedulingGates", "name"),
        keyed(SPEC, "hostAliases", "ip"),
        row(
            SPEC,
            "topologySpreadConstraints",
            by(&[("topologyKey", None), ("whenUnsatisfiable", None)]),
            By("topologyKey"),
        ),
        row(SPEC, "ports", by(&[("port", None), protocol]), By("port")),
        row(SPEC, "podCIDRs", Apply::Set, Union),
        row(SPEC, "taints", Apply::Atomic, By("key")),
        keyed(CONTAINERS, "env", "name"),
        keyed(CONTAINERS, "volumeMounts", "mountPath"),
        keyed(CONTAINERS, "volumeDevices", "devicePath"),
        row(CONTAINERS, "ports", by(&[("containerPort", None), protocol]), By("containerPort")),
        row(&["resources"], "claims", by(&[("name", None)]), Replace),
        keyed(STATUS, "conditions", "type"),
        keyed(STATUS, "addresses", "type"),
        keyed(STATUS, "podIPs", "ip"),
        row(STATUS, "hostIPs", Apply::Atomic, By("ip")),
        keyed(STATUS, "resourceClaimStatuses", "name"),
        keyed(&[""], "secrets", "name"),
    ]
});

/// Objects that merge as a whole: selectors and references.
const ATOMIC_MAPS: &[&str] = &[
    "configMapKeyRef",
    "dataSource",
    "fieldRef",
    "involvedObject",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "podSelector",
    "regarding",
    "related",
    "resourceFieldRef",
    "roleRef",
    "scaleTargetRef",
    "scopeSelector",
    "secretKeyRef",
    "secretRef",
    "selector",
    "targetRef",
];

/// Lists whose items merge as a whole although the list does not.
const ATOMIC_ITEMS: &[&str] = &["imagePullSecrets", "ownerReferences", "secrets"];

fn by(keys: &[(&str, Option<&str>)]) -> Apply {
    let key = |&(name, default): &(&str, Option<&str>)| MapKey {
        name: name.to_owned(),
        default: default.map(|text| Value::String(text.to_owned())),
    };
    Apply::Map(keys.iter().map(key).collect())
}

fn row_of(path: &[&str]) -> Option<&'static Row> {
    let (&field, above) = path.split_last()?;
    let parent = above.iter().rev().find(|&&name| name != ITEM).copied().unwrap_or_default();
    TABLE.iter().find(|row| row.field == field && row.parents.contains(&parent))
}

impl ListTypes for BuiltInLists {
    fn of(&self, path: &[&str]) -> ListType<'_> {
        match row_of(path).map(|row| &row.apply) {
            Some(Apply::Map(keys)) => ListType::Map(keys),
            Some(Apply::Set) => ListType::Set,
            Some(Apply::Atomic) | None => ListType::Atomic,
        }
    }

    fn map(&self, path: &[&str]) -> MapType {
        let atomic = match path {
            [.., list, ITEM] => ATOMIC_ITEMS.contains(list),
            [.., "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"] => true,
            [.., field] => ATOMIC_MAPS.contains(field),
            [] => false,
        };
        if atomic { MapType::Atomic } else { MapType::Granular }
    }

    fn is_field(&self, path: &[&str]) -> bool {
        // What maps of built-in kinds hold are scalars, and for those it makes no difference.
        !path.is_empty()
    }

    fn is_always_present(&self, path: &[&str]) -> bool {
        matches!(
            path,
            ["metadata" | "spec" | "status"]
                | ["spec", "strategy" | "updateStrategy"]
                | [.., "template" | "jobTemplate"]
                | [.., "template" | "jobTemplate", "metadata" | "spec"]
                | [.., "spec", "containers"]
        )
    }

    fn strategy(&self, path: &[&str]) -> MergeStrategy {
        row_of(path).map_or(MergeStrategy::Replace, |row| row.strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &[&str]) -> Vec<String> {
        match BuiltInLists.of(path) {
            ListType::Map(keys) => keys.iter().map(|key| key.name.clone()).collect(),
            ListType::Set | ListType::Atomic => Vec::new(),
        }
    }

    #[test]
    fn ports_of_containers_and_of_services_have_different_keys() {
        let template = ["spec", "template", "spec", "containers", ITEM, "ports"];
        assert_eq!(keys(&template), ["containerPort", "protocol"]);
        assert_eq!(keys(&["spec", "ports"]), ["port", "protocol"]);
        assert_eq!(BuiltInLists.of(&["ports"]), ListType::Atomic);
    }

    #[test]
    fn references_to_owners_are_found_by_uid_and_merge_as_a_whole() {
        assert_eq!(keys(&["metadata", "ownerReferences"]), ["uid"]);
        assert_eq!(BuiltInLists.map(&["metadata", "ownerReferences", ITEM]), MapType::Atomic);
    }

    #[test]
    fn taints_are_merged_by_strategic_patches_only() {
        assert_eq!(BuiltInLists.of(&["spec", "taints"]), ListType::Atomic);
        assert_eq!(BuiltInLists.strategy(&["spec", "taints"]), MergeStrategy::By("key"));
    }
}
