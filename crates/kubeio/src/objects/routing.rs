//! How requests find their pods: Services and Ingresses.

use serde::Deserialize;

use super::{Pairs, null_is_default};

/// A Service, cut to what is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Who it is.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: NamespacedMetadata,
    /// What it shall be.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: ServiceSpec,
}

/// The spec of a Service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`; empty for the first.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: Box<str>,
    /// Labels of its pods; empty: it has none, or they are named elsewhere.
    #[serde(deserialize_with = "null_is_default")]
    pub selector: Pairs,
}

/// An Ingress, cut to what is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Who it is.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: NamespacedMetadata,
    /// What it shall be.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: IngressSpec,
}

/// The spec of an Ingress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSpec {
    /// Where requests go that no rule is for.
    #[serde(deserialize_with = "null_is_default")]
    pub default_backend: Backend,
    /// Where others go.
    #[serde(deserialize_with = "null_is_default")]
    pub rules: Vec<IngressRule>,
}

/// The paths of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// Of HTTP.
    #[serde(deserialize_with = "null_is_default")]
    pub http: IngressPaths,
}

/// Paths of HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressPaths {
    /// In order.
    #[serde(deserialize_with = "null_is_default")]
    pub paths: Vec<IngressPath>,
}

/// Where requests for a path go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressPath {
    /// Whom they go to.
    #[serde(deserialize_with = "null_is_default")]
    pub backend: Backend,
}

/// A Service, or something that is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Backend {
    /// The Service, if it is one.
    #[serde(deserialize_with = "null_is_default")]
    pub service: BackendService,
}

/// A Service by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BackendService {
    /// Its name, in the namespace of the Ingress; empty if the backend is none.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Box<str>,
}

/// Metadata of an object in a namespace, as far as it says who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespacedMetadata {
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
}

impl Ingress {
    /// Names of the Services that it sends requests to, each as often as it stands there.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let IngressSpec { default_backend, rules } = &self.spec;
        let paths = rules.iter().flat_map(|rule| &rule.http.paths).map(|path| &path.backend);
        let names = std::iter::once(default_backend).chain(paths).map(|backend| &*backend.service.name);
        names.filter(|name| !name.is_empty())
    }
}
