//! Where requests that need the leader go, as the HTTP side asks it.
//!
//! Owns whether the address that stands in the Lease can be trusted: a credential is sent there. Who leads is `kubeio`'s.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kubeio::Cluster;
use kubeio::election::{Election, LeaderView};
use runtime::shutdown::Stop;
use runtime::tasks::Failure;
use tracing::{info, warn};
use web::forward::{Leader, Leaders};

/// A pod may not be listed yet when it begins to lead.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A pod may have gone, and its address be somebody else's.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// Who leads, if it can be trusted.
#[derive(Debug)]
pub(crate) struct KnownLeader {
    election: Election,
    trusted: Arc<Mutex<Option<SocketAddr>>>,
}

/// What an address is held against.
struct Check {
    election: Election,
    cluster: Cluster,
    /// Where this process listens.
    own: SocketAddr,
    trusted: Arc<Mutex<Option<SocketAddr>>>,
    stop: Stop,
}

impl KnownLeader {
    /// Follows the election until `stop`. Called within a tokio runtime.
    pub(crate) fn follow(election: &Election, cluster: &Cluster, own: SocketAddr, stop: &Stop) -> Self {
        let trusted = Arc::default();
        let check = Check {
            election: election.clone(),
            cluster: cluster.clone(),
            own,
            trusted: Arc::clone(&trusted),
            stop: stop.clone(),
        };
        tokio::spawn(check.run());
        Self { election: election.clone(), trusted }
    }
}

impl Leaders for KnownLeader {
    fn leader(&self) -> Leader {
        let trusted = *self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.election.leader(), trusted) {
            (LeaderView::Us, _) => Leader::Here,
            (LeaderView::Other { address, .. }, Some(trusted)) if parsed(address.as_deref()) == Some(trusted) => {
                Leader::At(trusted)
            }
            (LeaderView::Other { .. } | LeaderView::Nobody, _) => Leader::Nowhere,
        }
    }
}

impl Check {
    async fn run(self) {
        let mut views = self.election.subscribe();
        loop {
            let address = match &*views.borrow_and_update() {
                LeaderView::Other { address, .. } => parsed(address.as_deref()),
                LeaderView::Us | LeaderView::Nobody => None,
            };
            let is_trusted = match address {
                Some(address) => self.is_ours(address).await,
                None => false,
            };
            self.set(address.filter(|_| is_trusted));
            let pause = match (address, is_trusted) {
                (None, _) => Duration::MAX,
                (Some(_), true) => TRUSTED_FOR,
                (Some(_), false) => ASK_AGAIN,
            };
            tokio::select! {
                () = self.stop.requested() => return,
                changed = views.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether a live pod of this release has the address. On loopback there are no pods, and nobody else either.
    async fn is_ours(&self, address: SocketAddr) -> bool {
        if address.ip().is_loopback() {
            return self.own.ip().is_loopback();
        }
        self.cluster.has_replica_at(address.ip()).await.unwrap_or_else(|error| {
            warn!(%address, "failed to ask whose pod leads at {address}: {}", Failure::of(&error));
            false
        })
    }

    fn set(&self, trusted: Option<SocketAddr>) {
        let before = std::mem::replace(&mut *self.trusted.lock().unwrap_or_else(PoisonError::into_inner), trusted);
        if let Some(address) = trusted.filter(|address| Some(*address) != before) {
            info!(%address, "requests that need the leader go to {address}");
        }
    }
}

fn parsed(address: Option<&str>) -> Option<SocketAddr> {
    address?.parse().ok()
}
