//! HTTP of a Keelwatch process: listeners, TLS, access, limits, problem answers, probes and metrics.
//!
//! Owns everything between the socket and a handler, and nothing that a handler does: the rooms bring their `Routes`,
//! each with the scope it needs. Settings are loaded by `runtime`; this crate says what is wrong with its sections and
//! takes changes while it serves.
//!
//! ```text
//! socket ─► Listener ──────► Front ───────────► Gate ──────────► handler of a room, here or at the leader
//!           connections,      URI, headers,      credential ─►    answers, or a Fault
//!           TLS, slow clients body, time, panic  token ─► scope
//! ```

pub mod access;
pub mod client;
mod crypto;
pub mod debug;
mod etag;
pub mod events;
#[cfg(test)]
mod fixture;
pub mod forward;
mod front;
mod json;
mod listener;
mod metrics;
pub mod openapi;
pub mod page;
mod path;
mod percent;
pub mod probes;
mod problem;
mod query;
mod rendered;
pub mod routes;
pub mod scrape;
mod server;
pub mod settings;

pub use access::{Scope, Who};
pub use client::Client;
pub use etag::WeakEtag;
pub use json::Json;
pub use listener::{BindError, Listener, Purpose, TlsError};
pub use path::Path;
pub use problem::Fault;
pub use query::{NoQuery, Query};
pub use rendered::Rendered;
pub use routes::Routes;
pub use server::{Answering, Server};
