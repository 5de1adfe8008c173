//! The cluster that a role belongs to, and what the HTTP side needs of it.
//!
//! Owns where to look, from settings and environment. How a cluster is asked is `kubeio`'s.

mod distrust;
mod leaders;
mod reviews;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use api::Clock;
use kubeio::election::{Candidate, identity};
use kubeio::{Cluster, Metrics, Surroundings};
use runtime::metrics::Registry;

use crate::random;
use crate::settings::{self, Settings};

pub(crate) use leaders::KnownLeader;
pub(crate) use reviews::Reviews;

/// A cluster, if there is one, and what is counted of it.
pub(crate) struct Found {
    pub(crate) cluster: Option<Cluster>,
    pub(crate) metrics: Metrics,
}

/// The cluster of these settings, if there is one; its requests are counted in `registry`. Nobody is asked yet. Called
/// within a tokio runtime.
pub(crate) fn find(settings: &Settings, clock: &Arc<dyn Clock>, registry: &mut Registry) -> anyhow::Result<Found> {
    let metrics = register(registry);
    let cluster = find_counted(settings, clock, &metrics)?;
    Ok(Found { cluster, metrics })
}

/// The same, counted by metrics that are served already.
pub(crate) fn find_counted(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> anyhow::Result<Option<Cluster>> {
    Ok(Cluster::find(&settings.cluster, &settings.release, &around()?, Arc::clone(clock), metrics)?)
}

/// Has `registry` serve what is counted of a cluster.
pub(crate) fn register(registry: &mut Registry) -> Metrics {
    let metrics = Metrics::default();
    metrics.register(registry);
    metrics
}

/// Who this process is in the election, if its API listens at `api`.
pub(crate) fn candidate(settings: &Settings, api: SocketAddr) -> anyhow::Result<Candidate> {
    let environment = settings::environment();
    let name = own_name();
    let given = Some(settings.leader.address.clone()).filter(|address| !address.is_empty());
    let of_pod = || {
        let address = environment.variable("POD_IP")?.parse().ok()?;
        Some(SocketAddr::new(address, api.port()).to_string())
    };
    // An address that means every address of the host leads nowhere.
    let of_listener = || Some(api.to_string()).filter(|_| !api.ip().is_unspecified());
    let address = given.or_else(of_pod).or_else(of_listener).unwrap_or_default();
    Ok(Candidate { identity: identity(&name, u128::from_le_bytes(random::bytes()?)), address })
}

/// Name of this process, for people: that of its pod, else of its host.
pub(crate) fn own_name() -> String {
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    settings::environment().variable("POD_NAME").map_or_else(host, str::to_owned)
}

/// What this process finds around itself.
fn around() -> anyhow::Result<Surroundings> {
    let environment = settings::environment();
    let variable = |name| environment.variable(name).map(str::to_owned);
    let service = variable("KUBERNETES_SERVICE_HOST").zip(variable("KUBERNETES_SERVICE_PORT"));
    let seed = u64::from_le_bytes(random::bytes()?);
    Ok(Surroundings {
        kubeconfig_variable: variable("KUBECONFIG").map(Into::into),
        home: variable("HOME").map(PathBuf::from),
        namespace_variable: variable("POD_NAMESPACE"),
        service,
        ..Surroundings::bare(seed)
    })
}
