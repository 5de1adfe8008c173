//! The HTTP side of a process: one set of settings, tokens and counts for all its listeners.
//!
//! Owns the wiring of this crate and its reload. Which listeners there are and what they serve, the roles say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::Clock;
use axum::extract::Request;
use axum::response::Response;
use runtime::metrics::Registry;
use runtime::probes::Check;
use runtime::shutdown::Stop;

use crate::access::{Gate, Reviewer};
use crate::forward::{Forward, LeaderTls, Leaders};
use crate::front::Front;
use crate::listener::{InForce, Peer, Purpose, Shared, TlsError};
use crate::metrics::HttpMetrics;
use crate::routes::Table;
use crate::settings::{AuthSettings, ListenSettings};
use crate::{Listener, Routes};

/// What every listener of a process shares. Clones are the same server.
#[derive(Debug, Clone)]
pub struct Server {
    in_force: Arc<InForce>,
    gate: Arc<Gate>,
    front: Arc<Front>,
    metrics: Arc<HttpMetrics>,
    /// Where the API is served, once it is.
    api: Arc<OnceLock<SocketAddr>>,
}

/// Routes at work, with access and limits of their server. Clones are the same.
#[derive(Debug, Clone)]
pub struct Answering {
    table: Arc<Table>,
    front: Arc<Front>,
}

impl Answering {
    /// Answers a request of this process itself.
    pub async fn answer(&self, request: Request) -> Response {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.answer_to(&Peer { address, common_name: None }, request).await
    }

    /// Answers a request of `peer`.
    pub(crate) async fn answer_to(&self, peer: &Peer, request: Request) -> Response {
        self.front.serve(&self.table, request, peer).await
    }
}

impl Server {
    /// A server by these settings, whose counts `registry` serves. Reads the files of the certificate.
    pub fn new(
        listen: &ListenSettings,
        auth: &AuthSettings,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Self, TlsError> {
        let metrics = Arc::new(HttpMetrics::register(registry));
        let in_force = Arc::new(InForce::new(listen)?);
        let gate = Arc::new(Gate::new(auth, Arc::clone(&clock), Arc::clone(&metrics)));
        let front = Arc::new(Front::new(Arc::clone(&in_force), Arc::clone(&gate), clock, Arc::clone(&metrics)));
        Ok(Self { in_force, gate, front, metrics, api: Arc::default() })
    }

    /// Takes tokens of the cluster that `reviewer` asks, as `auth.kubernetes` says; without one there is no cluster.
    #[must_use]
    pub fn with_reviewer(self, reviewer: Arc<dyn Reviewer>) -> Self {
        self.gate.ask(reviewer);
        self
    }

    /// Sends requests that need the leader to it; without this, this process leads.
    #[must_use]
    pub fn with_leaders(self, leaders: Arc<dyn Leaders>, tls: LeaderTls) -> Self {
        self.front.forward_by(Forward::new(leaders, tls));
        self
    }

    /// Takes changed settings, and reads the files of the certificate again: to be called on every change of the
    /// settings and of a file that they name. Limits hold at once, for connections that are open too; a certificate for
    /// new ones. One that cannot be used is told in the log and by [`Server::check`], and the former one stays.
    pub fn apply(&self, listen: &ListenSettings, auth: &AuthSettings) {
        self.in_force.apply(listen);
        self.gate.apply(auth);
        if let Some(address) = self.api.get() {
            self.gate.warn_if_closed(*address);
        }
    }

    /// The check `certificate`: it warns while the files hold one that cannot be used.
    pub fn check(&self) -> Check {
        self.in_force.check()
    }

    /// Serves `routes` until the process is to stop. Then no connection is accepted, requests in flight are answered,
    /// and after `drain` what is left is cut off.
    ///
    /// Panics if two routes have the same path and method, or a path that cannot be: a mistake of the wiring.
    pub async fn serve(self, listener: Listener, routes: Routes, stop: Stop, drain: Duration) {
        if listener.purpose() == Purpose::Api {
            let address = *self.api.get_or_init(|| listener.address());
            self.gate.warn_if_closed(address);
        }
        let answering = self.answering(routes);
        let shared = Shared { answering, in_force: self.in_force, metrics: self.metrics };
        listener.serve(shared, stop, drain).await;
    }

    /// What answers requests for `routes`, for who has them from elsewhere than a listener.
    ///
    /// Panics if two routes have the same path and method, or a path that cannot be: a mistake of the wiring.
    pub fn answering(&self, routes: Routes) -> Answering {
        Answering { table: Arc::new(Table::new(routes, &self.metrics)), front: Arc::clone(&self.front) }
    }

    #[cfg(test)]
    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }
}
