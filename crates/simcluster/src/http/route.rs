//! What a path is about.
//!
//! Owns the grammar of paths. It is total: what is not modelled is `Unknown`.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::kind::Kind;
use crate::query::decode;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Objects(Target),
    Version,
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/<group>`
    Group(String),
    /// `/api/v1`, `/apis/<group>/<version>`
    Resources {
        group: String,
        version: String,
    },
    OpenApiIndex,
    OpenApi {
        group: String,
        version: String,
    },
    Usage(Vec<String>),
    NodeSummary(String),
    Control(String),
    Unknown,
}

/// A collection or an object, or a part of it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: Arc<Kind>,
    /// `None`: all of them, or the kind has none.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    /// `pods`, `pods/log`.
    pub(crate) fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.plural),
            None => self.kind.plural.clone(),
        }
    }
}

impl Route {
    pub(crate) fn parse(path: &str, catalog: &Catalog) -> Self {
        let decoded: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["openapi", "v3"] => Self::OpenApiIndex,
            ["openapi", "v3", "api", version] => Self::OpenApi { group: String::new(), version: (*version).to_owned() },
            ["openapi", "v3", "apis", group, version] => {
                Self::OpenApi { group: (*group).to_owned(), version: (*version).to_owned() }
            }
            ["_sim", what] => Self::Control((*what).to_owned()),
            ["api", "v1", "nodes", node, "proxy", "stats", "summary"] => Self::NodeSummary((*node).to_owned()),
            ["apis", "metrics.k8s.io", rest @ ..] => Self::Usage(rest.iter().map(|&part| part.to_owned()).collect()),
            ["api", version] => Self::resources(catalog, "", version),
            ["apis", group] => Self::group(catalog, group),
            ["apis", group, version] => Self::resources(catalog, group, version),
            ["api", version, rest @ ..] => objects(catalog, "", version, rest),
            ["apis", group, version, rest @ ..] => objects(catalog, group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn group(catalog: &Catalog, group: &str) -> Self {
        let is_there = !group.is_empty() && catalog.groups().contains_key(group);
        if is_there { Self::Group(group.to_owned()) } else { Self::Unknown }
    }

    fn resources(catalog: &Catalog, group: &str, version: &str) -> Self {
        if catalog.version(group, version).next().is_none() {
            return Self::Unknown;
        }
        Self::Resources { group: group.to_owned(), version: version.to_owned() }
    }
}

fn objects(catalog: &Catalog, group: &str, version: &str, rest: &[&str]) -> Route {
    let kind = |plural: &str| catalog.get(group, version, plural).cloned();
    let text = |part: &&str| Some((*part).to_owned()).filter(|part| !part.is_empty());
    let (kind, namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] | ["namespaces"] | ["namespaces", _] if group.is_empty() => {
            (kind("namespaces"), None, &rest[1..])
        }
        ["namespaces", namespace, plural, rest @ ..] => match kind(plural).filter(|kind| kind.is_namespaced()) {
            Some(kind) => (Some(kind), text(namespace), rest),
            None => return Route::Unknown,
        },
        [plural, rest @ ..] => (kind(plural), None, rest),
        [] => return Route::Unknown,
    };
    let Some(kind) = kind else { return Route::Unknown };
    let (name, subresource) = match rest {
        [] => (None, None),
        [name] => (text(name), None),
        [name, subresource] => (text(name), text(subresource)),
        _ => return Route::Unknown,
    };
    if name.is_some() && kind.is_namespaced() && namespace.is_none() {
        return Route::Unknown;
    }
    Route::Objects(Target { kind, namespace, name, subresource })
}
