//! One kind of object: its names, where it lives, and what it can do.
//!
//! Owns the description. Which kinds there are is `catalog`'s.

use std::sync::Arc;

use serde_json::Value;

use crate::schema::Schema;

/// A kind in one version of its group.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "`kind` is what the API calls it")]
pub(crate) struct Kind {
    /// `""` for the core group.
    pub(crate) group: String,
    /// For example `v1`.
    pub(crate) version: String,
    /// Name in paths, for example `pods`.
    pub(crate) plural: String,
    /// For example `pod`.
    pub(crate) singular: String,
    /// For example `Pod`.
    pub(crate) kind: String,
    /// For example `po`.
    pub(crate) short_names: Vec<String>,
    /// For example `all`.
    pub(crate) categories: Vec<String>,
    pub(crate) scope: Scope,
    pub(crate) status: Subresource,
    pub(crate) scale: Subresource,
    pub(crate) generation: Generation,
    /// Paths of the fields that selectors may name, beside name and namespace.
    pub(crate) selectable: Vec<String>,
    pub(crate) origin: Origin,
}

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Cluster,
    Namespaced,
}

/// Whether a kind has a subresource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subresource {
    Present,
    Absent,
}

/// Whether `metadata.generation` counts changes of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    Counted,
    None,
}

/// Who defined a kind.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    BuiltIn,
    /// Answered, never stored: reviews.
    Virtual,
    Custom(Arc<Custom>),
}

/// What a CustomResourceDefinition says beside the names.
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) schema: Schema,
    pub(crate) columns: Vec<PrinterColumn>,
    /// The schema as it was written, for the OpenAPI document.
    pub(crate) open_api: Value,
    /// JSON path of the replicas in the specification, for `/scale`.
    pub(crate) replicas_path: Option<String>,
}

/// A column of the table that kubectl prints.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PrinterColumn {
    pub(crate) name: String,
    pub(crate) column_type: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) json_path: String,
}

impl Kind {
    /// `pods`, `leases.coordination.k8s.io`.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(crate) fn list_kind(&self) -> String {
        format!("{}List", self.kind)
    }

    pub(crate) fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    pub(crate) fn has_status(&self) -> bool {
        self.status == Subresource::Present
    }

    pub(crate) fn is_stored(&self) -> bool {
        !matches!(self.origin, Origin::Virtual)
    }

    pub(crate) fn custom(&self) -> Option<&Custom> {
        match &self.origin {
            Origin::Custom(custom) => Some(custom),
            Origin::BuiltIn | Origin::Virtual => None,
        }
    }

    /// The table of the store that holds the objects; all versions of a kind share it, and both groups of events.
    pub(crate) fn table(&self) -> String {
        if self.plural == "events" { "events".to_owned() } else { self.resource() }
    }

    /// Verbs that discovery reports, sorted.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        match (&self.origin, self.plural.as_str()) {
            (Origin::Virtual, _) => &["create"],
            (_, "apiservices") => &["get", "list", "watch"],
            (_, "namespaces") => &["create", "delete", "get", "list", "patch", "update", "watch"],
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }
}

impl Subresource {
    pub(crate) fn when(present: impl Into<Option<()>>) -> Self {
        if present.into().is_some() { Self::Present } else { Self::Absent }
    }
}
