//! `keelwatch controller`: the role that runs once per cluster, or in replicas.
//!
//! Owns the order of start and stop and who is connected to whom; a parts list. What each part does is in its room.
//!
//! ```text
//! settings ─► log ─► metrics and probes ─► API ─► election
//!     │                                     └───► pods
//!     └── Live::follow ─► reload: log, listeners, pods
//! ```

mod reload;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use kubeio::Cluster;
use kubeio::election::Election;
use pods::{Pods, Role};
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

const LIMITS: Limits = Limits { stop: Duration::from_secs(20), workers: None };

const USUAL: Addresses = Addresses { api: ":18080", metrics: ":9090" };

const INFO: Info = Info { title: "Keelwatch controller", version: env!("CARGO_PKG_VERSION") };

/// Runs until a signal. Bad settings are told and end with 2; what fails later ends with 1.
pub(crate) fn run(named: Option<&Path>) -> anyhow::Result<Exit> {
    role::run(named, settings::environment_of_controller(), LIMITS, start)
}

/// Every metric of this role, by name.
pub(crate) fn metrics_catalog() -> anyhow::Result<Vec<Entry>> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let Frame { mut registry, .. } = Frame::new("controller", &live, &stop, &clock)?;
    cluster::register(&mut registry);
    pods::register(&Pods::new(&live.current().pods, clock), &mut registry);
    Ok(registry.catalog())
}

/// The OpenAPI document of this role's API.
pub(crate) fn openapi() -> anyhow::Result<String> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let frame = Frame::new("controller", &live, &stop, &clock)?;
    let pods = Pods::new(&live.current().pods, clock);
    Ok(api_routes(&frame, &pods, &stop).documented(INFO).document(INFO))
}

/// Starts everything in order.
pub(crate) async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { live, environment, log, clock, stop } = start;
    let settings = live.current();
    let mut frame = Frame::new("controller", &live, &stop, &clock)?;
    let Found { cluster, metrics: counts } = cluster::find(&settings, &clock, &mut frame.registry)?;
    let pods = Pods::new(&settings.pods, clock.clone());
    pods::register(&pods, &mut frame.registry);
    add_checks(&frame, &pods, cluster.as_ref());
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
    let on_api = api_routes(&frame, &pods, &stop).documented(INFO);
    let on_metrics = Frame::probes(&frame.checks, &frame.tasks).merge(web::scrape::routes(Arc::new(frame.registry)));
    let serving = listeners.serve(&server, Served { on_metrics, on_api }, &stop, DRAIN);

    if let Some(cluster) = &cluster {
        pods::start(&pods, cluster, &Role::Controller, &stop);
        info!(server = cluster.server(), "the cluster at {} is watched", cluster.server());
    }
    let follow = tokio::spawn(live.clone().follow(environment, stop.clone()));
    let reloads = tokio::spawn(reload::Reloads { live, log, server, pods }.run(stop.clone()));

    let ended = async move {
        stop.requested().await;
        role::join(serving.into_iter().chain([follow, reloads])).await;
        election.ended().await;
    };
    Ok(Running { api, metrics, ended: Box::pin(ended) })
}

fn api_routes(frame: &Frame, pods: &Pods, stop: &Stop) -> Routes {
    let probes = Frame::probes(&frame.checks, &frame.tasks);
    probes.merge(pods::routes(pods, stop.clone())).merge(web::debug::routes(frame.tasks.clone()))
}

/// Without a cluster there are no pods to wait for.
fn add_checks(frame: &Frame, pods: &Pods, cluster: Option<&Cluster>) {
    if cluster.is_some() {
        let pods = pods.clone();
        frame.checks.add("pods", move || pods.check());
    }
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
