//! Listening sockets: accepts connections, bounds them, serves them, and lets them end when the process stops.
//!
//! Owns sockets, TLS and the limits of a connection. What is served, and the limits of one request, are `front`'s matter.
//!
//! ```text
//! accept ─► room? ─► TLS ─► Socket ─► hyper ─► Front
//!             │ no              └► Pulse: idle, slow headers, stuck
//!             └─► 503
//! ```

mod common_name;
mod connection;
mod in_force;
mod pulse;
mod refusal;
mod socket;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::shutdown::Stop;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error, info, warn};

use crate::metrics::{HttpMetrics, Refused};
use crate::server::Answering;
use connection::Site;
pub(crate) use in_force::InForce;
pub use tls::TlsError;

/// Kept for metrics and probes: a few scrapers and kubelets, and as many again that hang.
const METRICS_CONNECTIONS: usize = 64;

/// After an error that is ours and not the client's, such as too many open files, to let others close some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The API: TLS as the settings say, `listen.max_connections` connections.
    Api,
    /// Metrics and probes: plain HTTP, 64 connections of its own.
    Metrics,
}

/// What every connection of a listener uses.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) answering: Answering,
    pub(crate) in_force: Arc<InForce>,
    pub(crate) metrics: Arc<HttpMetrics>,
}

/// A socket that is bound and not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    purpose: Purpose,
}

/// An address cannot be listened on, most often because another process does.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address}")]
pub struct BindError {
    address: String,
    source: io::Error,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Of a client certificate that has been verified.
    pub(crate) common_name: Option<String>,
}

impl Purpose {
    /// The label of metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Metrics => "metrics",
        }
    }

    fn room(self, in_force: &InForce) -> usize {
        match self {
            Self::Api => in_force.limits().max_connections,
            Self::Metrics => METRICS_CONNECTIONS,
        }
    }

    fn tls(self, in_force: &InForce) -> Option<TlsAcceptor> {
        match self {
            Self::Api => in_force.certificate().map(TlsAcceptor::from),
            Self::Metrics => None,
        }
    }
}

impl Listener {
    /// Binds `address`, `host:port`; `:port` means every address of the host, of both families where there are two.
    pub async fn bind(purpose: Purpose, address: &str) -> Result<Self, BindError> {
        let bound = match address.strip_prefix(':') {
            Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
                // A host without IPv6.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind(format!("0.0.0.0:{port}")).await
                }
                bound => bound,
            },
            None => TcpListener::bind(address).await,
        };
        let named = |source| BindError { address: address.to_owned(), source };
        let socket = bound.map_err(named)?;
        let address = socket.local_addr().map_err(named)?;
        info!(%address, "listening for {} on {address}", purpose.as_str());
        Ok(Self { socket, address, purpose })
    }

    /// The address that was bound, with the port that was given for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Serves what `shared` says until the process is to stop, and lets connections end for at most `drain`.
    pub(crate) async fn serve(self, shared: Shared, stop: Stop, drain: Duration) {
        let (stopped, stopping) = watch::channel(false);
        let site = Site { shared, stopping };
        let mut open = Open { connections: JoinSet::new(), refusals: JoinSet::new() };
        let mut stop = std::pin::pin!(stop.requested());
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = open.connections.join_next() => tell_panic(ended),
                Some(ended) = open.refusals.join_next() => tell_panic(ended),
                (stream, address) = self.accept() => self.admit(stream, address, &site, &mut open),
            }
        }
        drop(self.socket);
        stopped.send_replace(true);
        let drained = timeout(drain, async {
            while let Some(ended) = open.connections.join_next().await {
                tell_panic(ended);
            }
        });
        if drained.await.is_err() {
            warn!("{} connections did not end within {drain:?} and are cut off", open.connections.len());
        }
    }

    /// The next connection. Errors of one connection are its own; others pass, and are waited for.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_the_connection(&error) => {
                    debug!("a connection ended before it was accepted: {error}");
                }
                Err(error) => {
                    warn!(address = %self.address, "failed to accept on {}: {error}", self.address);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, site: &Site, open: &mut Open) {
        // Without it an answer may wait for 40 ms; a socket that refuses is served all the same.
        let _ = stream.set_nodelay(true);
        let tls = self.purpose.tls(&site.shared.in_force);
        if open.connections.len() < self.purpose.room(&site.shared.in_force) {
            let counted = site.shared.metrics.connected(self.purpose.as_str());
            let site = site.clone();
            open.connections.spawn(async move {
                let _counted = counted;
                serve(site, stream, address, tls).await;
            });
            return;
        }
        site.shared.metrics.refused(Refused::Connections);
        if open.refusals.len() < refusal::AT_ONCE {
            open.refusals.spawn(refuse(stream, tls));
        }
    }
}

/// The tasks of a listener; all are cut off when it is dropped.
struct Open {
    connections: JoinSet<()>,
    refusals: JoinSet<()>,
}

async fn serve(site: Site, stream: TcpStream, address: SocketAddr, tls: Option<TlsAcceptor>) {
    let Some(tls) = tls else {
        return site.serve(stream, Peer { address, common_name: None }).await;
    };
    let stream = match timeout(site.shared.in_force.limits().header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return debug!("a TLS handshake failed: {error}"),
        Err(_) => return site.shared.metrics.refused(Refused::Slow),
    };
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let common_name = certificate.and_then(common_name::common_name);
    site.serve(stream, Peer { address, common_name }).await;
}

async fn refuse(stream: TcpStream, tls: Option<TlsAcceptor>) {
    let Some(tls) = tls else { return refusal::refuse(stream).await };
    // A handshake that fails or takes too long ends in the close that was wanted.
    if let Ok(Ok(stream)) = timeout(refusal::TIME, tls.accept(stream)).await {
        refusal::refuse(stream).await;
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Handlers are caught by `front`; this is for the bodies of answers.
fn tell_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!("a connection ended by a panic: {error}");
    }
}

#[cfg(test)]
mod tests;
