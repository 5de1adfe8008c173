//! Kubernetes: the client, one watch per kind, leadership, and every write to the cluster.
//!
//! Owns whatever goes to an API server and comes from it. What objects mean is the business of the rooms that watch them; the
//! environment is read by `keelwatch`.
//!
//! ```text
//! settings, surroundings ─► Cluster ─► watch ────► Observer of a room
//!                              ├─────► Election ─► Leading ─┐ proof
//!                              ├─────► apply, delete, event ◄┘
//!                              └─────► reviews, addresses ──► answers
//! ```

mod cluster;
pub mod election;
#[cfg(test)]
mod fixture;
mod metrics;
mod node;
pub mod objects;
mod random;
mod replica;
mod resource;
mod review;
pub mod watch;
pub mod write;

pub use cluster::{CallError, Cluster, FindError, Place, Refusal, Surroundings};
pub use metrics::Metrics;
pub use resource::{Extent, Meta, Observed, Resource};
pub use review::{Access, User};
