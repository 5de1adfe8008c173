//! Every pod of the cluster, or of one node, in memory, and the answer to "whose is this?".
//!
//! Owns the index, its watches on pods, ReplicaSets, Jobs and Namespaces, its routes and its metrics. Talking to the API server
//! is `kubeio`'s job; listeners and access are `web`'s; what a pod's processes do and how it is judged is left to others.
//!
//! ```text
//! kubeio ─► pods, ReplicaSets, Jobs, Namespaces ─► Index ─► Pods ─► routes, other rooms
//!                                                    └─► changes ─► event streams
//! ```

mod app;
mod container;
pub mod facts;
mod feed;
mod filter;
#[cfg(test)]
mod fixture;
mod index;
mod json;
mod key;
mod kin;
mod metrics;
mod observe;
mod pattern;
mod pods;
mod routes;
mod selector;
pub mod settings;
mod start;
mod uid;
pub mod wire;

pub use facts::PodFacts;
pub use kin::Lifetime;
pub use metrics::register;
pub use pods::Pods;
pub use routes::routes;
pub use settings::Settings;
pub use start::{Role, start};
