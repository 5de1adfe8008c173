//! What this room needs of a cluster to let its tokens in.
//!
//! Owns the interface only. The binary fills it with the cluster's client, tests with answers of their own.

use std::collections::BTreeMap;
use std::fmt;

use futures_core::future::BoxFuture;

/// Asks a cluster whose token it is and what it may do.
pub trait Reviewer: fmt::Debug + Send + Sync {
    /// Who holds `token`, if it is good for one of `audiences`; for any that the cluster takes if there are none
    /// (TokenReview).
    fn who<'a>(&'a self, token: &'a str, audiences: &'a [String])
    -> BoxFuture<'a, Result<Option<Caller>, Unavailable>>;

    /// Whether `caller` may do `verb` at `path` (SubjectAccessReview with `nonResourceAttributes`).
    fn may<'a>(&'a self, caller: &'a Caller, verb: Verb, path: &'a str) -> BoxFuture<'a, Result<Verdict, Unavailable>>;
}

/// Who holds a token, as the cluster says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The name, such as `system:serviceaccount:monitoring:prometheus`.
    pub user: String,
    /// Tells one of this name from a later one.
    pub uid: String,
    /// Groups of the user.
    pub groups: Vec<String>,
    /// What else is known, such as the pod of a service account.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What a request does, as access rules of a cluster name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET or HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// Whether a caller may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Yes,
    /// It may not; the cluster may have said why.
    No {
        /// The cluster's words, empty if it said none.
        reason: String,
    },
}

/// The cluster could not be asked, and why, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl Verb {
    /// The word of access rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}
