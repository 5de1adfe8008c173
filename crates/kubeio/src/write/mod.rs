//! Every change of the cluster.
//!
//! Owns what is written and what is taken away: both need the proof of leading, asked right before each request is sent, and touch
//! only what is ours by a claim: by its labels, by what was remembered, or by the fields that were applied.
//!
//! ```text
//! Observed (a watch, or Cluster::observe) ─► plan of a room ─► Desired ─► apply ─► Applied
//!                                                          └► Target  ─► delete ─► Deleted
//! ```

mod apply;
mod delete;
mod event;
mod survey;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use self::apply::{Applied, Claim, Desired, DesiredError, Store};
pub use self::delete::{Deleted, Target};
pub use self::event::{Incident, IncidentKind, Incidents, Reported};
use crate::cluster::{CallError, Cluster};
use crate::election::NotLeading;

/// Who writes, for `managedFields`: the same for every write, so that what is left out of a later one is taken away.
const FIELD_MANAGER: &str = "keelwatch";

/// Labels of everything that is made here.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const INSTANCE: &str = "app.kubernetes.io/instance";

/// Why a write has not come about.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The proof has ended; nothing was sent.
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
    /// Another field manager owns what is to be written.
    #[error("{0} is in conflict: {1}")]
    Conflict(Target, String),
    /// The object is somebody else's; it was left as it is.
    #[error("{0} was not made by this release")]
    NotOurs(Target),
    /// The server did not do it, or did not answer.
    #[error("failed to write {0}")]
    Call(Target, #[source] CallError),
}

/// The labels that say whose an object is.
pub(crate) fn ownership(cluster: &Cluster) -> Value {
    json!({MANAGED_BY: FIELD_MANAGER, INSTANCE: cluster.release()})
}

/// Whether an object has an entry of this program among its appliers.
pub fn was_applied(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.into_iter().any(|entry| entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply")
}

/// Whether an object carries them.
fn is_ours(cluster: &Cluster, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    labels[MANAGED_BY] == FIELD_MANAGER && labels[INSTANCE] == cluster.release()
}
