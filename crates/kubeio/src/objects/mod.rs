//! The parts of Kubernetes objects that rooms judge: one type a kind, the union of what all rooms ask for.
//!
//! Owns which fields are kept and how tolerant decoding is. Everything else (managedFields, env, volumes, probes) is skipped
//! while the text is parsed and never becomes a value. What the fields mean is left to the rooms.
//!
//! A field that is missing or null has its default; a field of another kind makes the object unreadable.

mod endpoints;
mod metadata;
mod observed;
mod pairs;
mod pod;
mod routing;
#[cfg(test)]
mod tests;

pub use endpoints::{Endpoint, EndpointConditions, EndpointSlice, TargetReference};
pub use metadata::{Job, Namespace, NamespaceMetadata, OwnedMetadata, OwnerReference, ReplicaSet};
pub use pairs::Pairs;
pub use pod::{
    Container, ContainerState, ContainerStatus, Pod, PodAddress, PodMetadata, PodSpec, PodStatus, Running, Terminated,
    Waiting,
};
pub use routing::{
    Backend, BackendService, Ingress, IngressPath, IngressPaths, IngressRule, IngressSpec, NamespacedMetadata, Service,
    ServiceSpec,
};

use serde::{Deserialize, Deserializer};

/// Servers write null for an empty list or text, as Go does.
fn null_is_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
