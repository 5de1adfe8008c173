//! The rooms of the controller: made together, served together, started together.
//!
//! Owns which rooms there are and what each is handed. When they are started is `controller`'s.

use std::sync::Arc;

use api::Clock;
use findings::Findings;
use kubeio::Cluster;
use kubeio::election::Election;
use pods::{Pods, Role};
use responses::{Around, Responses};
use runtime::metrics::Registry;
use runtime::probes::Checks;
use runtime::shutdown::Stop;
use runtime::tasks::Tasks;
use storage::Storage;
use violations::controller::Collector;
use web::Routes;

use super::terms::Terms;
use crate::cluster;
use crate::settings::Settings;

/// Every room of a controller.
pub(super) struct Parts {
    pub(super) storage: Storage,
    findings: Findings,
    pods: Pods,
    collector: Collector,
    responses: Responses,
}

impl Parts {
    /// Opens the store and makes the rooms; nothing is asked of the cluster yet.
    pub(super) async fn make(
        settings: &Settings,
        cluster: Option<&Cluster>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let storage = Storage::open(&settings.storage, Arc::clone(clock)).await?;
        let findings = Findings::open(storage.clone(), &settings.findings, Arc::clone(clock)).await?;
        let pods = Pods::new(&settings.pods, Arc::clone(clock));
        let collector = Collector::new(&settings.violations.controller, &findings, &pods, Arc::clone(clock));
        let responses = Responses::new(
            &settings.responses,
            &around(settings),
            responses::Parts {
                findings: findings.clone(),
                pods: pods.clone(),
                storage: storage.clone(),
                cluster: cluster.cloned(),
                clock: Arc::clone(clock),
                reporter: cluster::own_name(),
            },
        );
        Ok(Self { storage, findings, pods, collector, responses })
    }

    /// Has `registry` serve the figures of all rooms.
    pub(super) fn register(&self, registry: &mut Registry) {
        self.storage.register(registry);
        findings::register(&self.findings, registry);
        pods::register(&self.pods, registry);
        violations::controller::register(&self.collector, registry);
        responses::register(&self.responses, registry);
    }

    /// Has `/readyz` say what is wrong with each. Without a cluster there are no pods to wait for.
    pub(super) fn add_checks(&self, checks: &Checks, has_cluster: bool) {
        let (storage, findings) = (self.storage.clone(), self.findings.clone());
        checks.add("storage", move || storage.check());
        checks.add("findings", move || findings.check());
        if has_cluster {
            let (pods, collector, responses) = (self.pods.clone(), self.collector.clone(), self.responses.clone());
            checks.add("pods", move || pods.check());
            checks.add("collect", move || collector.check());
            checks.add("responses", move || responses.check());
        }
    }

    /// What the API serves of all rooms.
    pub(super) fn routes(&self, stop: &Stop) -> Routes {
        pods::routes(&self.pods, stop.clone())
            .merge(findings::routes(&self.findings, Some(self.pods.clone()), stop.clone()))
            .merge(violations::controller::routes(&self.collector, &self.findings, stop))
            .merge(responses::routes(&self.responses))
    }

    /// Starts what every replica does.
    pub(super) fn start(&self, cluster: Option<&Cluster>, tasks: &Tasks, stop: &Stop) {
        self.findings.start(tasks, stop);
        storage::watch(&self.storage, tasks);
        if let Some(cluster) = cluster {
            pods::start(&self.pods, cluster, &Role::Controller, stop);
            self.collector.start(cluster, stop);
        }
        self.responses.start(stop);
    }

    /// What only the leader does.
    pub(super) fn terms(&self, election: &Election) -> Terms {
        Terms {
            election: election.clone(),
            storage: self.storage.clone(),
            findings: self.findings.clone(),
            collector: self.collector.clone(),
            responses: self.responses.clone(),
        }
    }

    /// Takes over changed settings.
    pub(super) fn apply(&self, settings: &Settings) {
        self.storage.reload(&settings.storage);
        self.findings.apply(&settings.findings);
        self.pods.apply(&settings.pods);
        self.collector.apply(&settings.violations.controller);
        self.responses.apply(&settings.responses, &around(settings));
    }
}

/// What messages say of this installation.
fn around(settings: &Settings) -> Around {
    Around { cluster: settings.cluster.name.clone(), external_url: settings.listen.external_url.clone() }
}
