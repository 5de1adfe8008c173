//! `keelwatch node`: the role that runs on every node.
//!
//! Owns the order of start and stop and who is connected to whom; a parts list. What each part does is in its room.
//!
//! ```text
//! settings ─► log ─► metrics and probes ─► API ─► watch ─► violations::Node ─► whose? ─► pods ◄─ cluster
//!     └── Live::follow ─► reload: log, listeners, store, rules, watch
//! ```

mod parts;
mod pods;
mod reload;
mod watching;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use runtime::clock::SystemClock;
use runtime::metrics::Entry;
use runtime::probes::Health;
use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::tasks::Tasks;
use tracing::info;
use web::Routes;
use web::openapi::Info;

use crate::exit::Exit;
use crate::role::{self, Addresses, Frame, Limits, Listeners, Running, Served, Start};
use crate::settings;
use parts::Parts;

/// Requests in flight are answered within this time at the stop, and the pass under way ends.
const DRAIN: Duration = Duration::from_secs(4);

const LIMITS: Limits = Limits { stop: Duration::from_secs(5), workers: |_| 2 };

const USUAL: Addresses = Addresses { api: ":9090", metrics: ":8080" };

const OPENAPI: Info = Info { title: "Keelwatch node", version: env!("CARGO_PKG_VERSION") };

/// Runs until a signal. Bad settings are told and end with 2; what fails later ends with 1.
pub(crate) fn run(named: Option<&Path>) -> anyhow::Result<Exit> {
    role::run(named, settings::environment(), LIMITS, start)
}

/// Every metric of this role, by name.
pub(crate) fn metrics_catalog() -> anyhow::Result<Vec<Entry>> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let parts = Parts::new(&live, &stop, &(Arc::new(SystemClock::new()) as Arc<dyn Clock>))?;
    Ok(parts.registry.catalog())
}

/// What the API listener of this role serves, as OpenAPI.
pub(crate) fn openapi() -> anyhow::Result<String> {
    let live = Live::new(settings::read(None)?);
    let (_stopper, stop) = Stop::channel();
    let Parts { node, tasks, checks, .. } =
        Parts::new(&live, &stop, &(Arc::new(SystemClock::new()) as Arc<dyn Clock>))?;
    Ok(on_api(web::probes::routes(checks, || Health::Alive), &node, &tasks).document(OPENAPI))
}

/// Starts everything in order.
pub(crate) async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { live, environment, log, clock, stop } = start;
    let settings = live.current();
    let parts = Parts::new(&live, &stop, &clock)?;
    let Parts { node, pods, cluster, server, tasks, checks, registry, rules, judging, watch, connector } = parts;
    let cluster = self::pods::find(&settings, &clock, &cluster, &checks)?;
    tasks.watch();
    let probes = || Frame::probes(&checks, &tasks);

    let listeners = Listeners::open(&settings.listen, USUAL).await?;
    let (api, metrics) = (listeners.api(), listeners.metrics());
    let served = Served {
        on_metrics: probes().merge(web::scrape::routes(Arc::new(registry))),
        on_api: on_api(probes(), &node, &tasks),
    };
    let serving = listeners.serve(&server, served, &stop, DRAIN);

    let name = settings.node_name();
    let asking = cluster.map(|cluster| self::pods::start(&cluster, name.clone(), (&pods, &node), &checks, &stop));
    let handle = watch.handle();
    let watching = watching::start(watch, &node, &tasks, connector)?;
    let follow = tokio::spawn(live.clone().follow(environment, stop.clone()));
    let reloads = reload::Reloads { live, log, server, node, pods, rules, judging, watch: handle.clone() };
    let reloads = tokio::spawn(reloads.run(stop.clone()));
    info!(node = name, "node {name} is watched");

    let ended = async move {
        stop.requested().await;
        handle.stop();
        let parts = serving.into_iter().chain([follow, reloads]).chain(asking);
        tokio::join!(role::join(parts), watching.join(DRAIN));
    };
    Ok(Running { api, metrics, ended: Box::pin(ended) })
}

fn on_api(probes: Routes, node: &violations::Node, tasks: &Tasks) -> Routes {
    probes.merge(violations::routes(node)).merge(web::debug::routes(tasks.clone())).documented(OPENAPI)
}
