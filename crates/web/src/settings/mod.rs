//! The sections `listen` and `auth` of the settings: their fields, defaults and contradictions.
//!
//! Owns what can be said about them without reading another file. Loading and reloading is `runtime`'s job.

mod auth;
mod listen;

pub use auth::{AuthSettings, KubernetesAuthSettings, Switch, TokenSettings};
pub use listen::{ListenSettings, TlsSettings};

/// Something that the types of the fields allow and their meaning does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Path of the key, such as `auth.tokens[0].sha256`.
    pub path: String,
    /// What is wrong with it, and what is accepted.
    pub message: String,
}

impl Conflict {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}
