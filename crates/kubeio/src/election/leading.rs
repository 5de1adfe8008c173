//! The proof that this process may write to the cluster.
//!
//! Owns the question that every write asks. How a proof comes about is the business of the election.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Clock;
use tokio::sync::watch;

use super::LeaderView;
use crate::metrics::Metrics;

/// The proof of one time of leading. It ends by itself; whoever leads again has another one.
#[derive(Debug)]
pub struct Leading {
    standing: Arc<Standing>,
    term: u64,
}

/// This process does not lead, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process does not lead any more")]
pub struct NotLeading;

/// What the election and the holders of its proofs both know.
#[derive(Debug)]
pub(super) struct Standing {
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    proof: Mutex<Proof>,
    view: watch::Sender<LeaderView>,
}

#[derive(Debug, Default)]
struct Proof {
    term: u64,
    until: Option<Duration>,
}

impl Leading {
    /// Whether the proof still holds, by the monotonic clock. Asked right before each write is sent, and not before waiting.
    pub fn ensure(&self) -> Result<(), NotLeading> {
        let now = self.standing.clock.monotonic();
        let proof = self.standing.proof();
        if proof.term == self.term && proof.until.is_some_and(|until| now < until) { Ok(()) } else { Err(NotLeading) }
    }
}

impl Standing {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        let (proof, view) = (Mutex::default(), watch::Sender::new(LeaderView::Nobody));
        Self { clock, metrics, proof, view }
    }

    pub(super) fn leading(self: &Arc<Self>) -> Option<Leading> {
        let leading = Leading { standing: Arc::clone(self), term: self.proof().term };
        leading.ensure().is_ok().then_some(leading)
    }

    /// The proof ends then; without a time, it has ended. A proof that has ended is not prolonged: the next is of another term.
    pub(super) fn prove(&self, until: Option<Duration>) {
        let now = self.clock.monotonic();
        let mut proof = self.proof();
        if proof.until.is_none_or(|until| until <= now) {
            proof.term += 1;
        }
        proof.until = until;
    }

    /// How long the proof holds; `None` without one.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = self.proof().until?;
        Some(until.saturating_sub(self.clock.monotonic())).filter(|left| !left.is_zero())
    }

    /// Tells those who listen who leads: this process, or else `otherwise`.
    pub(super) fn publish(&self, otherwise: LeaderView) {
        let leads = self.left().is_some();
        self.metrics.leads(leads);
        let view = if leads { LeaderView::Us } else { otherwise };
        self.view.send_if_modified(|known| {
            let changes = *known != view;
            *known = view;
            changes
        });
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<LeaderView> {
        self.view.subscribe()
    }

    fn proof(&self) -> MutexGuard<'_, Proof> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
