//! Keeps what `processes` matched on this node, and serves it.
//!
//! Owns the record of a violation, its life from the first sighting to the last, and the node's routes and metrics.
//! Finding matches is `processes`' job; listeners, access and problem answers are `web`'s.
//!
//! ```text
//! processes ─► Event ─► Node::take ─► Store (opened, seen, resolved, forgotten)
//!                                       │
//!                        GET /api/violations, /api/v1/rules, /api/v1/coverage, metrics
//! ```

mod attribution;
mod encoded;
mod exemption;
#[cfg(test)]
mod fixture;
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
