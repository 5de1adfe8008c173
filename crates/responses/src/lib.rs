//! What follows from findings: a violating app is blocked at the gateway, its tenant is told, its namespace is labeled, the
//! operators are told; and each of these is taken back when the finding is over.
//!
//! Owns what is wanted, what was done, and the difference. What is wrong is said by `findings`, whose a pod is by `pods`, how
//! the cluster is written to by `kubeio`.
//!
//! ```text
//! findings ─► select ─► plan ─► compare ─► write ─► ledger
//!                (pure)          ▲  (as leader) │
//!                                └──────────────┘
//! findings ─► notify: announce ─► outbox ─► senders
//! ```

mod adopt;
#[cfg(test)]
mod fixture;
mod kinds;
mod lead;
mod ledger;
mod metrics;
pub mod notify;
mod plan;
mod preview;
mod protected;
mod response;
mod responses;
mod routes;
mod routing;
mod select;
pub mod settings;
mod sweep;
mod template;
#[cfg(test)]
mod tests;
pub mod wire;
mod words;

pub use lead::Lead;
pub use responses::{Around, Parts, Responses, register};
pub use routes::routes;
pub use settings::Settings;
