//! `keelwatch controller`: the role that runs once per cluster, or in replicas.
//!
//! Owns the order of start and stop and who is connected to whom; a parts list. What each part does is in its room.

mod reload;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::info;
use web::openapi::Info;

use crate::cluster;
use crate::exit::Exit;
use crate::role::{self, Addresses, Frame, Limits, Listeners, Running, Served, Start};
use crate::settings;

/// Requests in flight are answered within this time at the stop.
const DRAIN: Duration = Duration::from_secs(18);

const LIMITS: Limits = Limits { stop: Duration::from_secs(20), workers: None };

const USUAL: Addresses = Addresses { api: ":18080", metrics: ":9090" };

const INFO: Info = Info { title: "Keelwatch controller", version: env!("CARGO_PKG_VERSION") };

/// Runs until a signal. Bad settings are told and end with 2; what fails later ends with 1.
pub(crate) fn run(named: Option<&Path>) -> anyhow::Result<Exit> {
    role::run(named, settings::environment_of_controller(), LIMITS, start)
}

/// Starts everything in order.
pub(crate) async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { live, environment, log, clock, stop } = start;
    let settings = live.current();
    let Frame { mut registry, tasks, server, checks } = Frame::new("controller", &live, &stop, &clock)?;
    let cluster = cluster::find(&settings, &clock, &mut registry)?;
    tasks.watch();

    let probes = || Frame::probes(&checks, &tasks);
    let listeners = Listeners::open(&settings.listen, USUAL).await?;
    let (api, metrics) = (listeners.api(), listeners.metrics());
    let served = Served {
        on_metrics: probes().merge(web::scrape::routes(Arc::new(registry))),
        on_api: probes().merge(web::debug::routes(tasks.clone())).documented(INFO),
    };
    let serving = listeners.serve(&server, served, &stop, DRAIN);

    let follow = tokio::spawn(live.clone().follow(environment, stop.clone()));
    let reloads = tokio::spawn(reload::Reloads { live, log, server }.run(stop.clone()));
    match &cluster {
        Some(cluster) => info!(server = cluster.server(), "the cluster at {} is watched", cluster.server()),
        None => info!("there is no cluster to watch"),
    }

    let ended = async move {
        stop.requested().await;
        role::join(serving.into_iter().chain([follow, reloads])).await;
    };
    Ok(Running { api, metrics, ended: Box::pin(ended) })
}
