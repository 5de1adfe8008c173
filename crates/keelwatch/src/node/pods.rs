//! Whom a node asks whose a process is: the pods that its cluster places on it.
//!
//! Owns which cluster that is, and what is said while there is none. Watching pods is `pods`' job; what becomes of a record,
//! `violations`'.

use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use kubeio::{Cluster, Metrics};
use pods::{Pods, Role};
use runtime::probes::{Check, Checks};
use runtime::settings::sections::ClusterMode;
use runtime::shutdown::Stop;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use violations::Node;
use violations::settings::Pods as Asked;

use crate::cluster;
use crate::settings::Settings;

/// Changes come in swarms: a pod that starts changes some ten times within seconds. Records are asked for again this often
/// at most.
const PAUSE: Duration = Duration::from_millis(250);

/// The cluster that is asked, if any. Only one that must be there ends the start: without one a node watches its processes
/// all the same, and says why it knows no pods.
pub(super) fn find(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
    checks: &Checks,
) -> anyhow::Result<Option<Cluster>> {
    let is_required = settings.cluster.mode == ClusterMode::Required;
    if settings.violations.node.pods == Asked::None {
        if is_required {
            warn!("cluster.mode is required, but violations.node.pods is none: pods stay unresolved");
        }
        return Ok(None);
    }
    match cluster::find_counted(settings, clock, metrics) {
        Err(error) if !is_required => {
            let why = format!("pods stay unresolved: {error:#}");
            warn!("{why}");
            checks.add("pods", move || Check::Warn(why.clone()));
            Ok(None)
        }
        Ok(None) => {
            info!("there is no cluster to ask: pods stay unresolved");
            Ok(None)
        }
        found => found,
    }
}

/// Watches the pods of the node of this name until `stop`. Each change has records asked for again whose pod was not known.
pub(super) fn start(
    cluster: &Cluster,
    name: String,
    (pods, node): (&Pods, &Node),
    checks: &Checks,
    stop: &Stop,
) -> JoinHandle<()> {
    let changes = pods.changes();
    pods::start(pods, cluster, &Role::Node(name), stop);
    let watched = pods.clone();
    // A node finds processes whether it knows their pods or not.
    checks.add("pods", move || match watched.check() {
        Check::Fail(why) => Check::Warn(why),
        check => check,
    });
    node.ask_of(Arc::new(pods.clone()));
    info!(server = cluster.server(), "pods are asked of the cluster at {}", cluster.server());
    tokio::spawn(ask_again(node.clone(), changes, stop.clone()))
}

async fn ask_again(node: Node, mut pods: Receiver<u64>, stop: Stop) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            next = pods.changed() => if next.is_err() { return },
        }
        node.ask_again();
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
