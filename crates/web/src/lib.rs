//! HTTP of a Keelwatch process: listeners, TLS, access, limits, problem answers, probes and metrics.
//!
//! Owns everything between the socket and a handler, and nothing that a handler does: the rooms bring their `Routes`,
//! each with the scope it needs. Settings are loaded by `runtime`; this crate says what is wrong with its sections and
//! takes changes while it serves.
//!
//! ```text
//! socket ─► Listener ──────► Front ───────────► Gate ──────────► handler of a room
//!           connections,      URI, headers,      credential ─►    answers, or a Fault
//!           TLS, slow clients body, time, panic  token ─► scope
//! ```

mod access;
pub mod debug;
mod etag;
#[cfg(test)]
mod fixture;
mod front;
mod listener;
mod metrics;
mod percent;
pub mod probes;
mod problem;
mod query;
mod routes;
pub mod scrape;
mod server;
pub mod settings;

pub use access::Scope;
pub use etag::WeakEtag;
pub use listener::{BindError, Listener, Purpose, TlsError};
pub use problem::Fault;
pub use query::{NoQuery, Query};
pub use routes::Routes;
pub use server::Server;
