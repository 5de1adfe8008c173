//! `keelwatch controller`: the role that runs once per cluster, or in replicas.
//!
//! Owns the order of start and stop and who is connected to whom; a parts list. What each part does is in its room.
//!
//! ```text
//! settings ─► log ─► storage ─► findings ─► metrics and probes ─► API ─► election ─► terms: collect, respond
//!     │                                                            └───► pods, services of nodes
//!     └── Live::follow ─► reload: log, listeners, rooms
//! ```

mod parts;
mod reload;
mod terms;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use kubeio::Cluster;
use kubeio::election::Election;
use parts::Parts;
use runtime::clock::SystemClock;
use runtime::metrics::Entry;
use runtime::settings::Live;
use runtime::shutdown::Stop;
use tracing::info;
use web::forward::LeaderTls;
use web::openapi::Info;
use web::{Routes, Server};

use crate::cluster::{self, Found, KnownLeader, Reviews};
use crate::exit::Exit;
use crate::role::{self, Addresses, Frame, Limits, Listeners, Running, Served, Start};
use crate::settings::{self, Settings};

/// Requests in flight are answered within this time at the stop, and the Lease is released after that.
const DRAIN: Duration = Duration::from_secs(15);

/// One core is left to the database, blocking work and whoever runs beside: a thread that waits for a core waits milliseconds, a
/// look-up takes microseconds. More than eight have nothing to do, since one writer keeps each index.
const LIMITS: Limits =
    Limits { stop: Duration::from_secs(20), workers: |cores| cores.saturating_sub(1).clamp(1, MOST_WORKERS) };

const MOST_WORKERS: usize = 8;

const USUAL: Addresses = Addresses { api: ":18080", metrics: ":9090" };

const INFO: Info = Info { title: "Keelwatch controller", version: env!("CARGO_PKG_VERSION") };

/// Runs until a signal. Bad settings are told and end with 2; what fails later ends with 1.
pub(crate) fn run(named: Option<&Path>) -> anyhow::Result<Exit> {
    role::run(named, settings::environment_of_controller(), LIMITS, start)
}

/// Every metric of this role, by name.
pub(crate) fn metrics_catalog() -> anyhow::Result<Vec<Entry>> {
    documented(|frame, parts, _| {
        cluster::register(&mut frame.registry);
        parts.register(&mut frame.registry);
        frame.registry.catalog()
    })
}

/// The OpenAPI document of this role's API.
pub(crate) fn openapi() -> anyhow::Result<String> {
    documented(|frame, parts, stop| api_routes(frame, parts, stop).documented(INFO).document(INFO))
}

/// Makes everything of this role, without a cluster and with a store of no file, and starts nothing.
fn documented<T>(show: impl FnOnce(&mut Frame, &Parts, &Stop) -> T) -> anyhow::Result<T> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    worker.context("failed to start the runtime")?.block_on(async {
        let mut frame = Frame::new("controller", &live, &stop, &clock)?;
        let mut settings = Settings::clone(&live.current());
        "sqlite::memory:".clone_into(&mut settings.storage.url);
        let parts = Parts::make(&settings, None, &clock).await?;
        Ok(show(&mut frame, &parts, &stop))
    })
}

/// Starts everything in order.
pub(crate) async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { live, environment, log, clock, stop } = start;
    // A connection is kept to each node.
    processes::raise_open_files(0);
    let settings = live.current();
    let mut frame = Frame::new("controller", &live, &stop, &clock)?;
    let Found { cluster, metrics: counts } = cluster::find(&settings, &clock, &mut frame.registry)?;
    let parts = Parts::make(&settings, cluster.as_ref(), &clock).await?;
    parts.register(&mut frame.registry);
    parts.add_checks(&frame.checks, cluster.is_some());
    frame.tasks.watch();

    let listeners = Listeners::open(&settings.listen, USUAL).await?;
    let (api, metrics) = (listeners.api(), listeners.metrics());
    let election = match &cluster {
        Some(cluster) => {
            let candidate = cluster::candidate(&settings, api)?;
            Election::start(cluster, &settings.leader, candidate, stop.clone())
        }
        None => Election::alone(clock, &counts),
    };
    let server = connected(&frame.server, &settings, (cluster.as_ref(), &election, api), &stop);
    let on_api = api_routes(&frame, &parts, &stop).documented(INFO);
    let on_metrics = Frame::probes(&frame.checks, &frame.tasks).merge(web::scrape::routes(Arc::new(frame.registry)));
    let serving = listeners.serve(&server, Served { on_metrics, on_api }, &stop, DRAIN);

    parts.start(cluster.as_ref(), &frame.tasks, &stop);
    if let Some(cluster) = &cluster {
        info!(server = cluster.server(), "the cluster at {} is watched", cluster.server());
    }
    let terms = tokio::spawn(parts.terms(&election).run(stop.clone()));
    let storage = parts.storage.clone();
    let follow = tokio::spawn(live.clone().follow(environment, stop.clone()));
    let reloads = tokio::spawn(reload::Reloads { live, log, server, parts }.run(stop.clone()));

    let ended = async move {
        stop.requested().await;
        role::join(serving.into_iter().chain([terms, follow, reloads])).await;
        // Whoever leads next must not wait for the store of this process, so it comes last.
        election.ended().await;
        storage.close().await;
    };
    Ok(Running { api, metrics, ended: Box::pin(ended) })
}

fn api_routes(frame: &Frame, parts: &Parts, stop: &Stop) -> Routes {
    let probes = Frame::probes(&frame.checks, &frame.tasks);
    probes.merge(parts.routes(stop)).merge(web::debug::routes(frame.tasks.clone()))
}

/// The server, with what it needs of the cluster.
fn connected(
    server: &Server,
    settings: &Settings,
    (cluster, election, api): (Option<&Cluster>, &Election, std::net::SocketAddr),
    stop: &Stop,
) -> Server {
    let Some(cluster) = cluster else { return server.clone() };
    let leaders = KnownLeader::follow(election, cluster, api, stop);
    let (ca_file, server_name) = (settings.leader.ca_file.clone(), settings.leader.server_name.clone());
    let tls = LeaderTls { ca_file, server_name };
    server.clone().with_reviewer(Arc::new(Reviews(cluster.clone()))).with_leaders(Arc::new(leaders), tls)
}
