//! Routes, each with the scope it needs and what it takes and answers: one without cannot be written down.
//!
//! Owns the declarations and how they become a table. What happens to a request on its way there is `front`'s job.
//!
//! ```text
//! Routes::new()
//!     .open(get("/health", "Says that the process answers.", health))
//!     .read(get("/api/violations", "Lists violations.", list).with_state(store))
//! ```

mod route;
mod table;

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use serde_json::Value;

pub(crate) use route::{Facts, Runs, URI_BYTES, Words};
pub use route::{Route, delete, get, post, put};
pub(crate) use table::{Found, Params, Place, Served, Table};

use crate::openapi::{self, Info};
use crate::{NoQuery, Rendered, Scope};

/// The routes of a listener.
#[derive(Debug, Default)]
#[must_use]
pub struct Routes(Vec<Declared>);

/// A route and who may use it.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) route: Route,
    /// `None` for everybody.
    pub(crate) scope: Option<Scope>,
}

/// The text of a document, once it is written.
#[derive(Debug, Clone, Default)]
struct Document(Arc<OnceLock<Bytes>>);

impl Routes {
    /// No route yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A route for everybody: probes, and metrics on their own listener.
    pub fn open(self, route: Route) -> Self {
        self.with(route, None)
    }

    /// A route that reads: every GET; look-ups and validations by POST. Open too with `auth.anonymous_reads`.
    pub fn read(self, route: Route) -> Self {
        self.with(route, Some(Scope::Read))
    }

    /// A route that executes, changes or sends.
    pub fn write(self, route: Route) -> Self {
        self.with(route, Some(Scope::Write))
    }

    /// A route for heartbeats; its path has the parameter `{agent_id}`, which the token must be good for.
    pub fn beat(self, route: Route) -> Self {
        self.with(route, Some(Scope::Beat))
    }

    /// A route for operators of Keelwatch itself: pushed configuration, debugging.
    pub fn admin(self, route: Route) -> Self {
        self.with(route, Some(Scope::Admin))
    }

    /// These routes and those.
    pub fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The OpenAPI document of these routes, indented.
    pub fn document(&self, info: Info) -> String {
        let document = openapi::document(info, self.0.iter());
        serde_json::to_string_pretty(&document).expect("a JSON value becomes text") + "\n"
    }

    /// These routes and `/openapi.json`, which describes them and itself.
    pub fn documented(self, info: Info) -> Self {
        let document = Document::default();
        let about = "Describes every route of this listener, as OpenAPI 3.1.";
        let routes = self.read(get("/openapi.json", about, openapi_json).with_state(document.clone()));
        // It describes its own route too, so it can be written only now.
        document.0.get_or_init(|| routes.document(info).into());
        routes
    }

    fn with(mut self, route: Route, scope: Option<Scope>) -> Self {
        self.0.push(Declared { route, scope });
        self
    }
}

async fn openapi_json(State(document): State<Document>, _: NoQuery) -> Rendered<Value> {
    let text = document.0.get().cloned().unwrap_or_default();
    Rendered::new(([(header::CONTENT_TYPE, "application/json")], text))
}

#[cfg(test)]
mod tests;
