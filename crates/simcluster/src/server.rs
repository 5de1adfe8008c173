//! The listener, and the file that tells kubectl of it.
//!
//! Owns accepting connections on loopback, HTTP/1.1 and HTTP/2 without TLS. What is answered is `http`'s.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::http::SimService;

/// How long an accept that failed is not tried again; descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener that is bound and not served yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    pub(crate) address: SocketAddr,
}

/// Why a cluster is not served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the address, or it is none of this machine.
    #[error("failed to listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// There is neither TLS nor a token: only this machine may ask.
    #[error("{0} is no loopback address, and the cluster is served without TLS")]
    NotLoopback(SocketAddr),
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let bind = |error| ListenError::Bind(address, error);
        let socket = TcpListener::bind(address).await.map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        Ok(Self { socket, address })
    }

    /// Serves until it is dropped. While the cluster is down nobody listens, and all connections are gone.
    pub(crate) async fn serve(self, cluster: Arc<Cluster>) {
        let Self { mut socket, address } = self;
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
                        connections.spawn(connection(stream, Arc::clone(&cluster)));
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

async fn connection(stream: TcpStream, cluster: Arc<Cluster>) {
    // Small answers are not held back; a socket that refuses this serves all the same.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(SimService { cluster });
    // The client went away, or a fault cut the connection.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A kubeconfig for a cluster at `url`.
pub(crate) fn kubeconfig(url: &str, token: Option<&str>) -> String {
    let user = match token {
        Some(token) => format!("    token: {}", serde_json::Value::from(token)),
        None => "    {}".to_owned(),
    };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: simcluster\nclusters:\n- name: simcluster\n  cluster:\n    server: {url}\n\
         contexts:\n- name: simcluster\n  context:\n    cluster: simcluster\n    user: simcluster\nusers:\n- name: simcluster\n  user:\n{user}\n"
    )
}
