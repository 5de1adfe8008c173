//! The schemas of custom resources: what may be in an object, what is filled in, and how its lists merge.
//!
//! Owns structural schemas of `apiextensions.k8s.io/v1` and the restated definitions for demo and tests. Not modeled:
//! expressions (CEL), conversion, and the pardon for faults that were there before (ratcheting).
//!
//! ```text
//! object ──► unknown fields: dropped, or refused ──► defaults ──► validation ──► object | causes
//! ```

mod default;
mod embedded;
mod format;
mod lists;
mod node;
mod parse;
mod prune;
mod validate;

use serde_json::Value;

pub use self::embedded::{DEFINITIONS, Definition};
pub use self::parse::SchemaError;

use self::node::Node;

/// The schema of one version of a custom resource.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Node,
}

/// What is done about fields that a schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// They are dropped.
    Prune,
    /// They are refused.
    Strict,
}

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Word for programs, for example `FieldValueInvalid`; `UnknownField` for what [`Strictness::Strict`] refuses.
    pub reason: String,
    /// Text for people, for example `Required value`.
    pub message: String,
    /// Path in the object, for example `spec.groups[0].name`.
    pub field: String,
}

impl Schema {
    /// Reads the `openAPIV3Schema` of a version.
    pub fn parse(open_api_v3_schema: &Value) -> Result<Self, SchemaError> {
        Ok(Self { root: parse::root(open_api_v3_schema)? })
    }

    /// Drops unknown fields, fills in defaults, and validates what comes out.
    ///
    /// With [`Strictness::Strict`] unknown fields are the only causes, if there are any: a server reports them before
    /// it validates (400, not 422).
    pub fn admit(&self, object: &mut Value, strictness: Strictness) -> Result<(), Vec<Cause>> {
        let unknown = prune::prune(&self.root, object);
        if strictness == Strictness::Strict && !unknown.is_empty() {
            return Err(unknown.into_iter().map(Cause::unknown).collect());
        }
        default::fill(&self.root, object);
        let causes = validate::validate(&self.root, object);
        if causes.is_empty() { Ok(()) } else { Err(causes) }
    }
}

impl Schema {
    /// Paths of the fields of `object` that the schema does not declare.
    pub fn undeclared(&self, object: &Value) -> Vec<String> {
        prune::prune(&self.root, &mut object.clone())
    }
}

impl Cause {
    fn unknown(field: String) -> Self {
        Self { reason: "UnknownField".to_owned(), message: format!("unknown field {field:?}"), field }
    }
}

#[cfg(test)]
mod tests;
