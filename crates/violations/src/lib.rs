//! Keeps what `processes` matched on this node, serves it, and gathers it from all nodes.
//!
//! Owns the record of a violation, its life on the node from the first sighting to the last, the node's routes and metrics, and
//! the collection of the controller. Finding matches is `processes`' job; listeners, access and problem answers are `web`'s;
//! what a cluster's violations are and were is kept by `findings`.
//!
//! ```text
//! processes ─► Event ─► Node::take ─► Store (opened, seen, resolved, forgotten)
//!                                       │
//!                        GET /api/violations, /api/v1/rules, /api/v1/coverage, metrics
//!                                       │
//!                          controller: Collector ─► findings
//! ```

mod attribution;
pub mod controller;
mod encoded;
mod exemption;
#[cfg(test)]
mod fixture;
mod headers;
mod listing;
mod metrics;
mod node;
pub mod record;
mod routes;
mod rules;
pub mod settings;
pub mod store;
mod subject;

pub use attribution::PodIndex;
pub use metrics::register;
pub use node::{About, Node};
pub use routes::routes;
pub use settings::Settings;
