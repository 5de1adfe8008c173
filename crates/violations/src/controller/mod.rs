//! Gathers the violations of all nodes, and says how fresh what is known of each node is.
//!
//! Owns whom to ask, when, and what an answer means. What is known of the cluster's violations lies in `findings` and nowhere else:
//! the routes here are views of it, on every replica. Answering violations is `responses`' job.
//!
//! ```text
//! EndpointSlices ─► discovery ─► nodes ─► round ─► ask ─► told ─► trust ─► digest ─► findings
//!                                  ▲        │ failures, headers                        │
//!                                  └────────┘                     /api/violations, nodes, metrics
//! ```

mod about;
mod ask;
mod budget;
mod collect;
mod decode;
mod digest;
mod discovery;
mod endpoints;
mod failure;
mod gone;
mod hand_in;
mod lanes;
mod list;
mod metrics;
mod nodes;
mod reach;
mod round;
mod routes;
mod sighting;
mod table;
mod told;
mod trust;
pub mod wire;

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use api::finding::Source;
use api::{Clock, Time};
use findings::Findings;
use kubeio::Cluster;
use pods::Pods;
use runtime::probes::Check;
use runtime::shutdown::Stop;
use tokio::sync::{Notify, watch};

use self::endpoints::Endpoints;
use self::metrics::Counts;
pub use self::metrics::register;
pub use self::routes::routes;
use crate::attribution::PodIndex;
pub use crate::settings::ControllerSettings as Settings;

/// Collects violations from all nodes. Clones are of the same collector.
#[derive(Clone)]
pub struct Collector(Arc<Shared>);

struct Shared {
    settings: watch::Sender<Arc<Settings>>,
    findings: Findings,
    index: Arc<dyn PodIndex>,
    clock: Arc<dyn Clock>,
    cluster: OnceLock<Cluster>,
    endpoints: Endpoints,
    counts: Arc<Counts>,
    phase: AtomicU8,
    nudge: Notify,
    /// Why nodes cannot be asked as the settings say; empty if they can.
    trouble: Mutex<String>,
}

/// What a collector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Another replica collects, or nobody.
    Elsewhere,
    /// The settings say so.
    Off,
    /// Until the next round.
    Waiting,
    /// A round runs.
    Collecting,
}

impl Collector {
    /// A collector by these settings, which hands in to `findings`.
    pub fn new(settings: &Settings, findings: &Findings, pods: &Pods, clock: Arc<dyn Clock>) -> Self {
        Self::over(settings, findings, Arc::new(pods.clone()), clock)
    }

    pub(crate) fn over(
        settings: &Settings,
        findings: &Findings,
        index: Arc<dyn PodIndex>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        findings.expects(Source::Process);
        Self(Arc::new(Shared {
            settings: watch::Sender::new(Arc::new(settings.clone())),
            findings: findings.clone(),
            index,
            clock,
            cluster: OnceLock::new(),
            endpoints: Endpoints::default(),
            counts: Arc::default(),
            phase: AtomicU8::new(Phase::Elsewhere as u8),
            nudge: Notify::new(),
            trouble: Mutex::default(),
        }))
    }

    /// Watches the endpoints of the nodes' Service until `stop`, on every replica: whoever leads knows at once whom to ask. Called
    /// once, within a tokio runtime.
    pub fn start(&self, cluster: &Cluster, stop: &Stop) {
        let cluster = self.0.cluster.get_or_init(|| cluster.clone()).clone();
        let (endpoints, settings) = (self.0.endpoints.clone(), self.0.settings.subscribe());
        tokio::spawn(endpoints.follow(cluster, settings, stop.clone()));
    }

    /// Collects while this process leads: first now, then every `every`. Returns at `stop`.
    pub async fn run(&self, stop: Stop) {
        // A round is large while it waits; whoever awaits this holds a pointer.
        Box::pin(collect::run(self, stop)).await;
        self.set_phase(Phase::Elsewhere);
    }

    /// Takes changed settings; the next round goes by them.
    pub fn apply(&self, settings: &Settings) {
        let settings = Arc::new(settings.clone());
        self.0.settings.send_if_modified(|current| {
            let is_new = *current != settings;
            *current = settings;
            is_new
        });
    }

    /// Whether violations are collected, for `/readyz`: a warning if not, because what is known is served.
    pub fn check(&self) -> Check {
        let settings = self.settings();
        if !settings.enabled {
            return Check::Ok;
        }
        let mut told = self.0.endpoints.troubles();
        told.extend(Some(self.trouble().clone()).filter(|trouble| !trouble.is_empty()));
        let has_ended = self.0.findings.ask(|book| book.round(Source::Process).is_some());
        if !has_ended {
            told.push("no collection has ended yet".to_owned());
        }
        if self.0.endpoints.are_none() {
            let namespace = self.namespace(&settings);
            told.push(format!("Service {} in namespace {namespace} has no endpoints", settings.service_name));
        }
        if self.0.counts.is_suspect() {
            told.push("so many nodes are missing from the Service that none of them is believed gone".to_owned());
        }
        if told.is_empty() { Check::Ok } else { Check::Warn(told.join("; ")) }
    }

    /// Starts a round, unless one runs or none can.
    pub(crate) fn nudge(&self) -> Result<(), &'static str> {
        match self.phase() {
            Phase::Waiting => {
                self.0.nudge.notify_one();
                Ok(())
            }
            Phase::Collecting => Err("already running"),
            Phase::Off => Err("violations.controller.enabled is false"),
            Phase::Elsewhere => Err("not leading yet"),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.0.settings.borrow().clone()
    }

    pub(crate) fn findings(&self) -> &Findings {
        &self.0.findings
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(crate) fn now(&self) -> Time {
        Time::of(self.0.clock.now())
    }

    fn namespace(&self, settings: &Settings) -> String {
        let own = || self.0.cluster.get().map(|cluster| cluster.namespace().to_owned());
        Some(settings.namespace.clone()).filter(|name| !name.is_empty()).or_else(own).unwrap_or_default()
    }

    fn phase(&self) -> Phase {
        const PHASES: [Phase; 4] = [Phase::Elsewhere, Phase::Off, Phase::Waiting, Phase::Collecting];
        PHASES[usize::from(self.0.phase.load(Ordering::Acquire))]
    }

    fn set_phase(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Release);
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
