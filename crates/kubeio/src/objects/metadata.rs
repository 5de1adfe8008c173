//! Kinds of which metadata alone is watched: the server sends no more (`PartialObjectMetadata`).

use serde::Deserialize;

use super::{Pairs, null_is_default};

/// A ReplicaSet, as far as it leads from a pod to its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ReplicaSet {
    /// Who it is and what it belongs to.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: OwnedMetadata,
}

/// A Job, as far as it leads from a pod to its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Who it is and what it belongs to.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: OwnedMetadata,
}

/// A Namespace and its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Who it is.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: NamespaceMetadata,
}

/// Metadata of an object between a pod and its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnedMetadata {
    /// Unique in time and space.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
    /// Its namespace.
    #[serde(deserialize_with = "null_is_default")]
    pub namespace: Box<str>,
    /// Its name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// The version of this state.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_version: Box<str>,
    /// What it belongs to.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Vec<OwnerReference>,
}

/// Metadata of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceMetadata {
    /// Unique in time and space.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
    /// Its name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// The version of this state.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_version: Box<str>,
    /// Its labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: Pairs,
}

/// What an object belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// For example `apps/v1`.
    #[serde(deserialize_with = "null_is_default")]
    pub api_version: Box<str>,
    /// For example `ReplicaSet`.
    #[serde(deserialize_with = "null_is_default")]
    pub kind: Box<str>,
    /// Its name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
    /// Its uid.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
    /// Whether it is the one that manages the object.
    #[serde(deserialize_with = "null_is_default")]
    pub controller: bool,
}
