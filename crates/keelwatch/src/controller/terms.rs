//! What only the leader does: it begins when this process leads and ends when it does not any more.
//!
//! Owns the beginning and the end of each term. What is done in it is the rooms' own.
//!
//! ```text
//! Election ─► us ─► number of the leader ─► Findings::lead ─┬─► Collector::run  ─┐
//!                                                           └─► Responses::run   ├─► until another leads, or the stop
//! ```

use std::sync::Arc;
use std::time::Duration;

use findings::Findings;
use kubeio::election::{Election, LeaderView};
use responses::{Lead, Responses};
use runtime::shutdown::Stop;
use storage::{Failure, Storage, Term};
use tokio::sync::watch;
use tracing::{info, warn};
use violations::controller::Collector;

/// Whatever ended too soon, and a store that cannot be written to, is tried again after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// Everything that only the leader does.
pub(super) struct Terms {
    pub(super) election: Election,
    pub(super) storage: Storage,
    pub(super) findings: Findings,
    pub(super) collector: Collector,
    pub(super) responses: Responses,
}

impl Terms {
    /// Term after term, until the stop.
    pub(super) async fn run(self, stop: Stop) {
        let mut views = self.election.subscribe();
        // Told once: a store may be away for hours.
        let mut trouble = None;
        loop {
            tokio::select! {
                // A process that is told to stop may lead for a moment yet, and must not begin.
                biased;
                () = stop.requested() => return,
                leads = until(&mut views, |view| *view == LeaderView::Us) => if !leads { return },
            }
            match self.begin().await {
                Ok(lead) => {
                    trouble = None;
                    // Everything that a leader does: large, and begun once a term.
                    Box::pin(self.serve(lead, &mut views, &stop)).await;
                    if *views.borrow() == LeaderView::Us && !stop.is_requested() {
                        warn!(target: "leader", "what the leader does has ended before its lead: beginning again");
                        pause(&stop).await;
                    }
                }
                Err(error) => {
                    let told = error.to_string();
                    if trouble.as_ref() != Some(&told) {
                        warn!(target: "leader", "failed to begin as the leader: {told}; trying again");
                        trouble = Some(told);
                    }
                    pause(&stop).await;
                }
            }
        }
    }

    /// Takes a number that fences off whoever led before.
    async fn begin(&self) -> Result<Lead, Failure> {
        let election = self.election.clone();
        let term = Arc::new(Term::begin(&self.storage, move || election.leading().is_some()).await?);
        self.findings.lead(Arc::clone(&term)).await?;
        info!(target: "leader", number = term.fence().number(), "this process leads, with number {}", term.fence().number());
        Ok(Lead { election: self.election.clone(), term })
    }

    async fn serve(&self, lead: Lead, views: &mut watch::Receiver<LeaderView>, stop: &Stop) {
        let (stopper, end) = Stop::channel();
        let ending = async {
            tokio::select! {
                () = stop.requested() => {}
                _ = until(views, |view| *view != LeaderView::Us) => {}
                () = end.requested() => {}
            }
            stopper.stop();
        };
        // If one of them finds its lead over, however that came, so is that of the other: nothing of a term goes on alone.
        let collecting = async {
            self.collector.run(end.clone()).await;
            stopper.stop();
        };
        let responding = async {
            self.responses.run(lead, end.clone()).await;
            stopper.stop();
        };
        tokio::join!(ending, collecting, responding);
    }
}

async fn pause(stop: &Stop) {
    tokio::select! {
        () = stop.requested() => {}
        () = tokio::time::sleep(AGAIN) => {}
    }
}

/// Waits for such a view; false if there will be none.
async fn until(views: &mut watch::Receiver<LeaderView>, is_meant: impl FnMut(&LeaderView) -> bool) -> bool {
    views.wait_for(is_meant).await.is_ok()
}
