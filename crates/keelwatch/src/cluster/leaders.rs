//! Where requests that need the leader go, as the HTTP side asks it.
//!
//! Owns whether the address that stands in the Lease can be trusted: a credential is sent there. Who leads is `kubeio`'s.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kubeio::Cluster;
use kubeio::election::{Election, LeaderView};
use runtime::shutdown::Stop;
use runtime::tasks::Failure;
use tracing::{info, warn};
use web::forward::{Leader, Leaders};

use super::distrust::{Distrust, Looks};

/// A pod may not be listed yet when it begins to lead.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A pod may have gone, and its address be somebody else's.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// Who leads, and whether it can be trusted.
#[derive(Debug)]
pub(crate) struct KnownLeader {
    election: Election,
    known: Arc<Mutex<Known>>,
}

/// What the last look found of the address in the Lease.
#[derive(Debug, Default)]
struct Known {
    /// As the Lease has it.
    address: Option<String>,
    trust: Trust,
}

#[derive(Debug, Clone, Default)]
enum Trust {
    /// Nobody else leads, or nobody has looked yet.
    #[default]
    Unknown,
    Ours(SocketAddr),
    Not(Distrust),
}

/// What an address is held against.
struct Check {
    election: Election,
    cluster: Cluster,
    /// Where this process listens.
    own: SocketAddr,
    known: Arc<Mutex<Known>>,
    stop: Stop,
}

impl KnownLeader {
    /// Follows the election until `stop`. Called within a tokio runtime.
    pub(crate) fn follow(election: &Election, cluster: &Cluster, own: SocketAddr, stop: &Stop) -> Self {
        let known = Arc::default();
        let check = Check {
            election: election.clone(),
            cluster: cluster.clone(),
            own,
            known: Arc::clone(&known),
            stop: stop.clone(),
        };
        tokio::spawn(check.run());
        Self { election: election.clone(), known }
    }
}

impl Leaders for KnownLeader {
    fn leader(&self) -> Leader {
        let address = match self.election.leader() {
            LeaderView::Us => return Leader::Here,
            LeaderView::Nobody => return Leader::Nowhere,
            LeaderView::Other { address, .. } => address,
        };
        let known = lock(&self.known);
        match &known.trust {
            // What was found is of a leader before.
            _ if known.address != address => Leader::Nowhere,
            Trust::Unknown => Leader::Nowhere,
            Trust::Ours(address) => Leader::At(*address),
            Trust::Not(distrust) => Leader::Untrusted(distrust.to_string()),
        }
    }
}

impl Check {
    async fn run(self) {
        let mut views = self.election.subscribe();
        let mut looks = Looks::default();
        loop {
            let view = views.borrow_and_update().clone();
            let (address, trust) = match view {
                LeaderView::Us | LeaderView::Nobody => (None, Trust::Unknown),
                LeaderView::Other { address, .. } => {
                    let trust = self.look(address.as_deref()).await;
                    (address, trust)
                }
            };
            let (pause, distrust) = match &trust {
                Trust::Unknown => (Duration::MAX, None),
                Trust::Ours(_) => (TRUSTED_FOR, None),
                Trust::Not(distrust) if distrust.may_pass() => (ASK_AGAIN, Some(distrust)),
                Trust::Not(distrust) => (Duration::MAX, Some(distrust)),
            };
            if let Some(distrust) = looks.found(distrust) {
                warn!("requests that need the leader are refused here: {distrust}");
            }
            self.set(Known { address, trust });
            tokio::select! {
                () = self.stop.requested() => return,
                changed = views.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether a live pod of this release has the address. On loopback there are no pods, and nobody else either.
    async fn look(&self, address: Option<&str>) -> Trust {
        let address: SocketAddr = match address {
            None | Some("") => return Trust::Not(Distrust::NoAddress),
            Some(text) => match text.parse() {
                Ok(address) => address,
                Err(_) => return Trust::Not(Distrust::Odd(text.to_owned())),
            },
        };
        match address.ip().is_loopback() {
            true if self.own.ip().is_loopback() => return Trust::Ours(address),
            true => return Trust::Not(Distrust::Loopback(address)),
            false => {}
        }
        match self.cluster.has_replica_at(address.ip()).await {
            Ok(true) => Trust::Ours(address),
            Ok(false) => {
                let [release, namespace] = [self.cluster.release(), self.cluster.namespace()].map(str::to_owned);
                Trust::Not(Distrust::NoReplica { address, release, namespace })
            }
            Err(error) => Trust::Not(Distrust::Unasked { address, why: Failure::of(&error).to_string() }),
        }
    }

    fn set(&self, known: Known) {
        let now = known.trust.clone();
        let before = std::mem::replace(&mut *lock(&self.known), known).trust;
        match (before, now) {
            (Trust::Ours(before), Trust::Ours(address)) if before == address => {}
            (_, Trust::Ours(address)) => info!(%address, "requests that need the leader go to {address}"),
            (_, Trust::Unknown | Trust::Not(_)) => {}
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
