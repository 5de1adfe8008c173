//! The cluster that a role belongs to, and what the HTTP side needs of it.
//!
//! Owns where to look, from settings and environment. How a cluster is asked is `kubeio`'s.

use std::path::PathBuf;
use std::sync::Arc;

use api::Clock;
use kubeio::{Cluster, Metrics, Surroundings};
use runtime::metrics::Registry;

use crate::random;
use crate::settings::{self, Settings};

/// The cluster of these settings, if there is one; its requests are counted in `registry`. Nobody is asked yet. Called
/// within a tokio runtime.
pub(crate) fn find(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
) -> anyhow::Result<Option<Cluster>> {
    find_counted(settings, clock, &register(registry))
}

/// The same, counted by metrics that are served already.
pub(crate) fn find_counted(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> anyhow::Result<Option<Cluster>> {
    let found = Cluster::find(&settings.cluster, &settings.release, &around()?, Arc::clone(clock), metrics);
    Ok(found?)
}

/// Has `registry` serve what is counted of a cluster.
pub(crate) fn register(registry: &mut Registry) -> Metrics {
    let metrics = Metrics::default();
    metrics.register(registry);
    metrics
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
