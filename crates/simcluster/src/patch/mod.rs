//! Changing an object as Kubernetes does: three kinds of patches, server-side apply, and who owns which field.
//!
//! Owns the semantics, on values in memory. Reading requests, preconditions and storing are the callers'.
//!
//! ```text
//! merge, JSON, strategic ──► apply_patch ──► object ──► record_update ──► object with managedFields
//! apply configuration ─────► server_side_apply ───────────────────────► object with managedFields
//! ```

mod apply;
mod compare;
mod configured;
mod conflict;
mod fields;
mod json;
mod lists;
mod managers;
mod merge;
mod overlay;
mod ownership;
mod prune;
mod shape;
mod step;
mod strategic;

use serde_json::{Value, json};

pub use self::apply::server_side_apply;
pub use self::configured::{Fault, FaultSort};
pub use self::conflict::{ApplyError, Conflict};
pub(crate) use self::json::go_type;
pub use self::lists::{BuiltInLists, ITEM, ListType, ListTypes, MapKey, MapType, MergeStrategy};
pub use self::ownership::record_update;
pub use self::step::ItemError;

/// A change that a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// A JSON merge patch (RFC 7386).
    Merge(Value),
    /// The operations of a JSON patch (RFC 6902), in order.
    Json(Vec<Value>),
    /// A strategic merge patch of Kubernetes; only built-in kinds have one.
    Strategic(Value),
}

/// Whether an apply takes over what others own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Yes: the others lose the fields.
    Yes,
    /// No: it is a conflict.
    No,
}

/// Who writes, for `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// `fieldManager` of the request, or the user agent up to the first `/`.
    pub name: String,
    /// API version of what is written, for example `apps/v1`.
    pub api_version: String,
    /// For example `status`.
    pub subresource: Option<String>,
    /// Now, as RFC 3339 in whole seconds.
    pub time: String,
}

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// An operation of a JSON patch that failed; the server does not tell which.
    #[error("the server rejected our request due to an error in our request")]
    Unprocessable,
    /// An entry of a JSON patch that is no operation at all.
    #[error("error decoding patch: json: cannot unmarshal {0} into Go value of type jsonpatch.Operation")]
    Operation(&'static str),
    /// More operations than a request may carry.
    #[error("The allowed maximum operations in a JSON patch is {limit}, got {0}", limit = json::MOST_OPERATIONS)]
    TooManyOperations(usize),
    /// An item of a strategic patch that does not say which item it is.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item, as Go prints maps.
        item: String,
        /// The missing key.
        key: String,
    },
    /// A strategic patch of a shape that cannot be merged.
    #[error("error decoding patch: {0} is of a shape that cannot be merged")]
    WrongShape(String),
    /// A directive of a strategic patch that is unknown.
    #[error("unknown patch type: {0}")]
    UnknownDirective(String),
}

/// Applies an ordinary patch. The result is whatever the patch makes: callers check that it still is the same object.
pub fn apply_patch(current: &Value, patch: &Patch, lists: &dyn ListTypes) -> Result<Value, PatchError> {
    let mut patched = current.clone();
    match patch {
        Patch::Merge(patch) => merge::merge_patch(&mut patched, patch),
        Patch::Json(operations) => json::apply(&mut patched, operations)?,
        Patch::Strategic(patch) => strategic::apply(&mut patched, patch, lists)?,
    }
    Ok(patched)
}

impl PatchError {
    /// HTTP status.
    pub fn code(&self) -> u16 {
        match self {
            Self::Operation(_) | Self::WrongShape(_) | Self::UnknownDirective(_) => 400,
            Self::TooManyOperations(_) => 413,
            Self::Unprocessable => 422,
            Self::NoMergeKey { .. } => 500,
        }
    }

    /// Word for programs; empty where Kubernetes gives none.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Operation(_) | Self::WrongShape(_) | Self::UnknownDirective(_) => "BadRequest",
            Self::TooManyOperations(_) => "RequestEntityTooLarge",
            Self::Unprocessable => "Invalid",
            Self::NoMergeKey { .. } => "",
        }
    }

    /// Text for people.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// `details` of the Status, if there are any.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Unprocessable => Some(json!({})),
            Self::Operation(_)
            | Self::TooManyOperations(_)
            | Self::NoMergeKey { .. }
            | Self::WrongShape(_)
            | Self::UnknownDirective(_) => None,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
