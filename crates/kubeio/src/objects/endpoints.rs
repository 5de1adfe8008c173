//! EndpointSlices: where the endpoints of a Service are.

use serde::Deserialize;

use super::{NamespacedMetadata, null_is_default};

/// Some endpoints of a Service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// Who it is.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: NamespacedMetadata,
    /// `IPv4`, `IPv6` or `FQDN`: of all its addresses.
    #[serde(deserialize_with = "null_is_default")]
    pub address_type: Box<str>,
    /// At most a thousand.
    #[serde(deserialize_with = "null_is_default")]
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Its addresses; the first counts, the rest means the same.
    #[serde(deserialize_with = "null_is_default")]
    pub addresses: Vec<Box<str>>,
    /// How it does.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: EndpointConditions,
    /// The node that it is on; empty if it is not told.
    #[serde(deserialize_with = "null_is_default")]
    pub node_name: Box<str>,
    /// What it is.
    #[serde(deserialize_with = "null_is_default")]
    pub target_ref: TargetReference,
}

/// How an endpoint does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Whether it takes requests; `None` counts as yes.
    pub ready: Option<bool>,
    /// Whether it is being deleted.
    #[serde(deserialize_with = "null_is_default")]
    pub terminating: bool,
}

/// The object that an endpoint is, as a rule a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TargetReference {
    /// Its uid.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
}
