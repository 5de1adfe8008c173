//! Which of several replicas writes to the cluster.
//!
//! Owns looking at the Lease, holding it and letting it go. Who may is decided by [`state`], and asked by each write of [`Leading`].
//!
//! ```text
//! look ─► state: wish ─► create, take, renew ─► state ─► Standing ─► Leading::ensure
//!  ▲                                              │
//!  └──────────────────── rest ────────────────────┘
//! ```

mod leading;
mod lease;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use runtime::settings::sections::LeaderSettings;
use runtime::shutdown::Stop;
use tokio::sync::watch;
use tracing::{info, warn};

use self::leading::Standing;
pub use self::leading::{Leading, NotLeading};
use self::lease::{Holder, LEASES, Lease};
use self::state::{State, Times, Wish};
use crate::cluster::{Call, CallError, Cluster, Verb};
use crate::metrics::Metrics;
use crate::resource::{Extent, encoded};

/// An election that this process takes part in. Clones are of the same one.
#[derive(Debug, Clone)]
pub struct Election {
    standing: Arc<Standing>,
    ended: watch::Receiver<bool>,
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaderView {
    /// This process.
    Us,
    /// Another one.
    Other {
        /// Its identity: pod or host, and a number.
        holder: String,
        /// Where it says that its API is. Whether it may be believed is asked by [`Cluster::has_replica_at`].
        address: Option<String>,
    },
    /// Nobody, as far as is known.
    Nobody,
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Unlike that of any other process: see [`identity`].
    pub identity: String,
    /// Where followers reach the API of this process: `host:port`.
    pub address: String,
}

/// One process before the Lease.
struct Run {
    cluster: Cluster,
    candidate: Candidate,
    name: String,
    times: Times,
    state: State,
    /// As the server last showed it.
    lease: Option<Lease>,
    standing: Arc<Standing>,
    /// The last failure that was logged.
    trouble: Option<String>,
}

/// Identity of a process: the pod's or the host's name, and a random UUID.
pub fn identity(name: &str, random: u128) -> String {
    let hex = format!("{:032x}", (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62));
    format!("{name}_{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl Election {
    /// Without a cluster there is nobody else: this process leads.
    pub fn alone(clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let standing = Arc::new(Standing::new(clock, metrics.clone()));
        standing.prove(Some(Duration::MAX));
        standing.publish(LeaderView::Us);
        Self { standing, ended: watch::channel(true).1 }
    }

    /// Takes part on a task of its own until `stop`; then the Lease is released, which [`Election::ended`] waits for. Called within
    /// a tokio runtime.
    pub fn start(cluster: &Cluster, settings: &LeaderSettings, candidate: Candidate, stop: Stop) -> Self {
        let standing = Arc::new(Standing::new(Arc::clone(cluster.clock()), cluster.metrics().clone()));
        let times = Times { duration: settings.duration, renew: settings.renew, retry: settings.retry };
        let run = Run {
            cluster: cluster.clone(),
            name: settings.lease.clone(),
            times,
            state: State::new(candidate.identity.clone(), times),
            candidate,
            lease: None,
            standing: Arc::clone(&standing),
            trouble: None,
        };
        let (ends, ended) = watch::channel(false);
        tokio::spawn(async move {
            run.until(stop).await;
            ends.send_replace(true);
        });
        Self { standing, ended }
    }

    /// The proof, if this process leads now.
    pub fn leading(&self) -> Option<Leading> {
        self.standing.leading()
    }

    /// Who leads, as far as is known.
    pub fn leader(&self) -> LeaderView {
        let known = self.standing.subscribe().borrow().clone();
        match (self.standing.left(), known) {
            (Some(_), _) => LeaderView::Us,
            (None, LeaderView::Us) => LeaderView::Nobody,
            (None, known) => known,
        }
    }

    /// Hears of every change of [`Election::leader`].
    pub fn subscribe(&self) -> watch::Receiver<LeaderView> {
        self.standing.subscribe()
    }

    /// Returns when this process takes no part any more and has let go of the Lease, or could not.
    pub async fn ended(&self) {
        // An error says that the task is gone, which is an end too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Run {
    async fn until(mut self, stop: Stop) {
        tokio::select! {
            () = stop.requested() => {}
            () = self.take_part() => {}
        }
        self.release().await;
    }

    async fn take_part(&mut self) {
        loop {
            let began = self.now();
            let standing = Arc::clone(&self.standing);
            // A request may hang while the proof ends.
            let result = with_end_of_proof(&standing, self.turn()).await;
            self.report(result);
            self.prove();
            let rest = self.state.rest(began, self.now());
            with_end_of_proof(&standing, tokio::time::sleep(rest)).await;
        }
    }

    /// One look at the Lease, and what follows from it.
    async fn turn(&mut self) -> Result<(), CallError> {
        // The holder knows the Lease and need not look: a conflict tells it of a change.
        if !self.state.is_leader(self.now()) || self.lease.is_none() {
            self.look().await?;
        }
        let wish = self.state.wish(self.now());
        match self.act(wish).await {
            Err(error) if matches!(error.code(), Some(404 | 409)) => {
                self.look().await?;
                let wish = self.state.wish(self.now());
                self.act(wish).await
            }
            result => result,
        }
    }

    async fn look(&mut self) -> Result<(), CallError> {
        let call = self.call(Verb::Get, None);
        let lease = match self.cluster.ask_now(call).await {
            Ok(lease) => Some(Lease(lease)),
            Err(error) if error.code() == Some(404) => None,
            Err(error) => return Err(error),
        };
        self.state.saw(lease.as_ref().map(Lease::record), self.now());
        self.lease = lease;
        self.prove();
        Ok(())
    }

    async fn act(&mut self, wish: Wish) -> Result<(), CallError> {
        let verb = match wish {
            Wish::Wait => return Ok(()),
            Wish::Create => Verb::Create,
            Wish::Take | Wish::Renew => Verb::Update,
        };
        let lease = match (wish, &self.lease) {
            (Wish::Take | Wish::Renew, Some(lease)) => lease.clone(),
            _ => Lease::new(&self.cluster, &self.name),
        };
        let Candidate { identity, address } = &self.candidate;
        let by = Holder { identity, address, duration: self.times.duration };
        let lease = lease.held(by, self.cluster.clock().now());
        let call = self.call(verb, Some(&lease));
        let before = self.now();
        self.state.asks(wish, before);
        let written = Lease(self.cluster.ask_now(call).await?);
        self.state.wrote(wish, written.record(), before, self.now());
        self.lease = Some(written);
        self.prove();
        Ok(())
    }

    /// Lets go: no write after this moment, and the Lease is free for the next.
    async fn release(&mut self) {
        let is_leader = self.state.is_leader(self.now());
        self.state.resign();
        self.standing.prove(None);
        self.standing.publish(LeaderView::Nobody);
        if !is_leader {
            return;
        }
        let mut result = self.free().await;
        // A renewal that was under way at the stop may have arrived, and then the version is another.
        if matches!(&result, Err(error) if error.code() == Some(409)) {
            result = match self.look().await {
                Ok(()) if self.lease.as_ref().is_some_and(|lease| lease.record().holder == self.candidate.identity) => {
                    self.free().await
                }
                other => other,
            };
        }
        match result {
            Ok(()) => info!(lease = self.name, "released lease {}", self.name),
            Err(error) => warn!(lease = self.name, "failed to release lease {}: {}", self.name, error.chain()),
        }
    }

    /// Writes that nobody holds the Lease.
    async fn free(&self) -> Result<(), CallError> {
        let Some(lease) = &self.lease else { return Ok(()) };
        let lease = lease.clone().released(self.cluster.clock().now());
        let call = self.call(Verb::Update, Some(&lease));
        self.cluster.ask_now::<serde::de::IgnoredAny>(call).await.map(drop)
    }

    fn call(&self, verb: Verb, lease: Option<&Lease>) -> Call {
        let mut path = LEASES.path(Some(self.cluster.namespace()));
        if verb != Verb::Create {
            path = format!("{path}/{}", encoded(&self.name));
        }
        let content = lease.map(|lease| crate::cluster::Content::json(&lease.0));
        // Two attempts fit before the proof ends.
        let patience = self.times.renew.saturating_sub(self.times.retry) / 2;
        Call { verb, resource: LEASES.plural, path, extent: Extent::Whole, content, patience }
    }

    fn prove(&self) {
        self.standing.prove(self.state.proof(self.now()));
        self.standing.publish(self.others());
    }

    /// Who leads if this process does not.
    fn others(&self) -> LeaderView {
        match self.state.holder(self.now()) {
            "" => LeaderView::Nobody,
            holder => {
                let address = self.lease.as_ref().and_then(Lease::address).map(str::to_owned);
                LeaderView::Other { holder: holder.to_owned(), address }
            }
        }
    }

    /// Logs a failure once per change of its words.
    fn report(&mut self, result: Result<(), CallError>) {
        let words = match result {
            // Somebody was faster: that is what a Lease is for.
            Err(error) if error.code() != Some(409) => Some(error.chain()),
            Ok(()) | Err(_) => None,
        };
        if let Some(words) = &words
            && self.trouble.as_ref() != Some(words)
        {
            warn!(lease = self.name, "failed to look after lease {}: {words}", self.name);
        }
        self.trouble = words;
    }

    fn now(&self) -> Duration {
        self.cluster.clock().monotonic()
    }
}

/// Waits for `work`, and tells of the end of the proof if it comes before.
async fn with_end_of_proof<T>(standing: &Standing, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        let left = standing.left();
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() => {
                if standing.left().is_none() {
                    warn!("this process does not lead any more: the lease could not be renewed in time");
                    standing.publish(LeaderView::Nobody);
                }
            }
        }
    }
}
