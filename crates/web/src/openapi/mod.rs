//! The OpenAPI document (version 3.1) of the routes that are served.
//!
//! Owns how a route is described, from the types of its handler: what it extracts it takes, what it returns it answers.
//! Types without a description are no arguments of a route, so that nothing is served that the document leaves out.
//! Routes themselves are `routes`' matter.
//!
//! ```text
//! handler ─► Takes of each argument ─┐
//!        └─► Answers of its result ──┴─► Operation ─► Document ─► /openapi.json
//! ```

mod answers;
mod document;
mod handler;
mod operation;
mod takes;

pub use answers::Answers;
pub use document::Info;
pub(crate) use document::document;
pub use handler::Described;
pub use operation::Operation;
pub use takes::Takes;

#[cfg(test)]
mod tests;
