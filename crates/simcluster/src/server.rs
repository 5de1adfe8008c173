//! The listener, and the file that tells kubectl of it.
//!
//! Owns accepting connections, HTTP/1.1 and HTTP/2, with TLS or without, and who may listen where. What is answered is
//! `http`'s.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::base64;
use crate::cluster::Cluster;
use crate::http::SimService;
use crate::tls::{Identity, TlsError};

/// How long an accept that failed is not tried again; descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener that is bound and not served yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    pub(crate) address: SocketAddr,
    identity: Option<Identity>,
}

/// Whether requests are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// Whether anybody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doors {
    Open,
    /// Only holders of a token.
    Guarded,
}

/// Why a cluster is not served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the address, or it is none of this machine.
    #[error("failed to listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// Other machines may ask only with a token and over TLS.
    #[error("{0} is no loopback address: it is served only with TLS and a token")]
    NotLoopback(SocketAddr),
    /// There is no certificate.
    #[error("failed to serve TLS on {0}")]
    Tls(SocketAddr, #[source] TlsError),
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr, transport: Transport, doors: Doors) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() && (transport, doors) != (Transport::Tls, Doors::Guarded) {
            return Err(ListenError::NotLoopback(address));
        }
        let identity = match transport {
            Transport::Plain => None,
            Transport::Tls => Some(Identity::make(address.ip()).map_err(|error| ListenError::Tls(address, error))?),
        };
        let bind = |error| ListenError::Bind(address, error);
        let socket = TcpListener::bind(address).await.map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        Ok(Self { socket, address, identity })
    }

    /// Where clients of this machine find it.
    pub(crate) fn site(&self) -> Site {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        // Who listens everywhere is asked on loopback, which the certificate names.
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => ip,
        };
        let url = format!("{scheme}://{}", SocketAddr::new(ip, self.address.port()));
        Site { url, authority: self.identity.as_ref().map(|identity| identity.authority.clone()) }
    }

    /// Serves until it is dropped. While the cluster is down nobody listens, and all connections are gone.
    pub(crate) async fn serve(self, cluster: Arc<Cluster>) {
        let Self { mut socket, address, identity } = self;
        let acceptor = identity.map(|identity| identity.acceptor);
        let mut connections = JoinSet::new();
        let mut outages = cluster.outages.subscribe();
        loop {
            tokio::select! {
                Ok(()) = outages.changed() => {
                    let until = *outages.borrow_and_update();
                    drop(socket);
                    connections.shutdown().await;
                    cluster.clock.sleep_until(until).await;
                    socket = rebind(address).await;
                }
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&cluster)));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Listens again where it did before; somebody may have taken the port meanwhile, and leave it again.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(socket) => return socket,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, cluster: Arc<Cluster>) {
    // Small answers are not held back; a socket that refuses this serves all the same.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => answer(stream, cluster).await,
        Some(acceptor) => {
            // Whoever does not shake hands is not answered.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                answer(stream, cluster).await;
            }
        }
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, cluster: Arc<Cluster>) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(SimService { cluster });
    // The client went away, or a fault cut the connection.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Where a cluster is served, as clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) url: String,
    /// PEM of the authority of its certificate.
    pub(crate) authority: Option<String>,
}

impl Site {
    /// A kubeconfig with a token, if one is needed.
    pub(crate) fn kubeconfig(&self, token: Option<&str>) -> String {
        let user = match token {
            Some(token) => format!("    token: {}", serde_json::Value::from(token)),
            None => "    {}".to_owned(),
        };
        let authority = match &self.authority {
            Some(pem) => format!("    certificate-authority-data: {}\n", base64::encode(pem.as_bytes())),
            None => String::new(),
        };
        let url = &self.url;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: simcluster\nclusters:\n- name: simcluster\n  cluster:\n    server: {url}\n\
             {authority}contexts:\n- name: simcluster\n  context:\n    cluster: simcluster\n    user: simcluster\nusers:\n\
             - name: simcluster\n  user:\n{user}\n"
        )
    }
}
