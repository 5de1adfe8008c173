//! The metrics of the simulated API server, on a listener of their own.
//!
//! Owns that listener. What is counted is `simcluster`'s.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use runtime::clock::SystemClock;
use runtime::metrics::Registry;
use runtime::shutdown::Stop;
use simcluster::SimCluster;
use tokio::task::JoinHandle;
use web::settings::{AuthSettings, ListenSettings};
use web::{Listener, Purpose, Server};

/// A scrape takes milliseconds.
const DRAIN: Duration = Duration::from_secs(1);

/// A listener that serves until the stop.
pub(super) struct Metrics {
    pub(super) address: SocketAddr,
    pub(super) serving: JoinHandle<()>,
}

impl Metrics {
    /// Serves at `listen`, or on a free port of this machine.
    pub(super) async fn serve(cluster: &SimCluster, listen: Option<SocketAddr>, stop: &Stop) -> anyhow::Result<Self> {
        let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut registry = Registry::default();
        registry.add_by(|registry| cluster.register_metrics(registry));
        let (limits, access) = (ListenSettings::default(), AuthSettings::default());
        let server = Server::new(&limits, &access, Arc::new(SystemClock::new()), &mut registry)
            .context("failed to prepare the listener of metrics")?;
        let listener = Listener::bind(Purpose::Metrics, &listen.to_string()).await?;
        let address = listener.address();
        let routes = web::scrape::routes(Arc::new(registry));
        let serving = tokio::spawn(server.serve(listener, routes, stop.clone(), DRAIN));
        Ok(Self { address, serving })
    }
}
