//! Whose credential a request carries, for what is to be remembered of who decided it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The name of the credential that let a request in: of a token of the settings, or of a user of the cluster. `anonymous` where
/// none was needed. An argument of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who(Arc<str>);

impl Who {
    pub(super) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Whoever needs no credential.
    pub(crate) fn anonymous() -> Self {
        Self::new("anonymous")
    }

    /// The one user of a route that has one of its own.
    pub(super) fn of_route() -> Self {
        Self::new("basic")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::anonymous))
    }
}
