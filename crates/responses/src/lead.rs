//! One time of leading, as this room needs it.

use std::sync::Arc;

use kubeio::election::{Election, Leading};
use storage::Term;

/// What it takes to act: who may write to the cluster, and the number that what is stored carries.
#[derive(Debug, Clone)]
pub struct Lead {
    /// Says whether this process leads, and proves it to each write to the cluster.
    pub election: Election,
    /// Stores under the number of this leadership.
    pub term: Arc<Term>,
}

impl Lead {
    /// The proof, if this process leads now. It is of one time of leading: who keeps it notices the end of that.
    pub fn proof(&self) -> Option<Leading> {
        self.election.leading()
    }
}
