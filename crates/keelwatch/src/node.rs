//! `keelwatch node`: the role that runs on every node.
//!
//! Owns the order of start and stop and who is connected to whom; a parts list. What each part does is in its room.
//!
//! ```text
//! settings ─► log ─► metrics and probes ─► API ─► watch ─► violations::Node
//!     └── Live::follow ─► reload: log, listeners, store, rules, watch
//! ```

mod parts;
mod reload;
mod watching;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use runtime::clock::SystemClock;
use runtime::metrics::Entry;
use runtime::settings::Live;
use runtime::settings::sections::{ClusterMode, ClusterSettings};
use runtime::shutdown::{Ended, Signals, Stop};
use runtime::telemetry::{Sink, Telemetry, log_panics};
use tracing::{info, warn};
use web::{Listener, Purpose};

use crate::exit::{Exit, complain};
use crate::settings::{self, Settings};
use parts::Parts;

/// Requests in flight are answered within this time at the stop, and the pass under way ends.
const DRAIN: Duration = Duration::from_secs(4);

/// The whole stop takes no longer.
const STOP: Duration = Duration::from_secs(5);

const API: &str = ":9090";
const METRICS: &str = ":8080";

/// Runs until a signal. Bad settings are told and end with 2; what fails later ends with 1.
pub(crate) fn run(named: Option<&Path>) -> anyhow::Result<Exit> {
    let live = Live::new(settings::read(named)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let sink = if io::stderr().is_terminal() { Sink::Terminal } else { Sink::Pipe };
    let log =
        Telemetry::init(&live.current().log, sink, clock.clone(), io::stderr()).context("failed to start the log")?;
    log_panics();
    let workers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let served = workers.block_on(serve(live, log, clock));
    // A pass that is stuck in the kernel must not keep the process.
    workers.shutdown_background();
    Ok(served.unwrap_or_else(|error| {
        complain(&error);
        Exit::Findings
    }))
}

/// Every metric of this role, by name.
pub(crate) fn metrics_catalog() -> anyhow::Result<Vec<Entry>> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let parts = Parts::new(&live, &stop, &(Arc::new(SystemClock::new()) as Arc<dyn Clock>))?;
    Ok(parts.registry.catalog())
}

async fn serve(live: Live<Settings>, log: Telemetry, clock: Arc<dyn Clock>) -> anyhow::Result<Exit> {
    let signals = Signals::listen().context("failed to listen for signals")?;
    let (stopper, stop) = Stop::channel();
    let role = Box::pin(role(live, log, stop, clock));
    let ended = Box::pin(signals.run(stopper, STOP, role)).await;
    match ended {
        Ended::Finished(result) => result.map(|()| Exit::Clean),
        Ended::Overdue => Ok(Exit::Clean),
        Ended::Interrupted => Ok(Exit::Findings),
    }
}

/// Starts everything in order and waits for the stop.
async fn role(live: Live<Settings>, log: Telemetry, stop: Stop, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let settings = live.current();
    let parts = Parts::new(&live, &stop, &clock)?;
    let Parts { node, server, tasks, checks, registry, rules, judging, watch, connector } = parts;
    say_what_needs_a_cluster(&settings.cluster);
    tasks.watch();
    let registry = Arc::new(registry);
    let health = {
        let tasks = tasks.clone();
        move || tasks.health()
    };
    let probes = || web::probes::routes(checks.clone(), health.clone());

    let metrics = Listener::bind(Purpose::Metrics, or_default(&settings.listen.metrics, METRICS)).await?;
    let on_metrics = probes().merge(web::scrape::routes(registry));
    let metrics = tokio::spawn(server.clone().serve(metrics, on_metrics, stop.clone(), DRAIN));
    let api = Listener::bind(Purpose::Api, or_default(&settings.listen.api, API)).await?;
    let on_api = probes().merge(violations::routes(&node)).merge(web::debug::routes(tasks.clone()));
    let api = tokio::spawn(server.clone().serve(api, on_api, stop.clone(), DRAIN));

    let handle = watch.handle();
    let watching = watching::start(watch, &node, &tasks, connector)?;
    let follow = tokio::spawn(live.clone().follow(settings::environment(), stop.clone()));
    let reloads = reload::Reloads { live, log, server, node, rules, judging, watch: handle.clone() };
    let reloads = tokio::spawn(reloads.run(stop.clone()));
    info!(node = settings.node_name(), "node {} is watched", settings.node_name());

    stop.requested().await;
    handle.stop();
    let ended = async {
        for task in [metrics, api, follow, reloads] {
            if let Err(error) = task.await {
                warn!(%error, "a part of the process ended badly");
            }
        }
    };
    tokio::join!(ended, watching.join(DRAIN));
    Ok(())
}

/// One file serves every role, so what only a controller can do is no reason to refuse it here.
fn say_what_needs_a_cluster(cluster: &ClusterSettings) {
    match cluster.mode {
        ClusterMode::Required => warn!("cluster.mode is required, but a node asks no cluster: pods stay unresolved"),
        ClusterMode::Auto | ClusterMode::None => {}
    }
}

fn or_default<'a>(address: &'a str, default: &'a str) -> &'a str {
    if address.is_empty() { default } else { address }
}
