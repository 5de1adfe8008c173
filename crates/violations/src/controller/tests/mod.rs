//! Rounds over agents that listen on real sockets, and a store in memory.

mod answers;
mod lives;
mod routes;
mod running;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::finding::Source;
use jiff::Timestamp;
use kubeio::objects::EndpointSlice;
use kubeio::watch::{Event, ListMode, Relist};
use runtime::clock::{ManualClock, SystemClock};
use runtime::shutdown::Stopper;
use simcluster::agents::{Agents, Era, Manner, Profile};
use storage::{Storage, Term};

use super::collect::Lead;
use super::*;
use crate::fixture::Index;

/// The clock of the system, some seconds ahead: agents put the system's time into their headers.
#[derive(Debug)]
pub(super) struct Ahead {
    clock: SystemClock,
    seconds: AtomicU64,
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic() + self.ahead()
    }
}

impl Ahead {
    fn ahead(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }
}

/// A collector, the agents that it asks, and where it keeps what they say.
pub(super) struct World {
    pub(super) collector: Collector,
    pub(super) agents: Agents,
    pub(super) index: Arc<Index>,
    pub(super) clock: Arc<Ahead>,
    pub(super) lead: Lead,
    pub(super) settings: Settings,
    storage: Storage,
    stopper: Stopper,
    stop: Stop,
}

/// Agents of today that ended a pass just now.
pub(super) fn profile() -> Profile {
    Profile { now: SystemClock::new().now(), ..Profile::default() }
}

impl World {
    /// So many agents of today with four violations each, in a Service.
    pub(super) async fn of(agents: u32) -> Self {
        Self::with(agents, &profile()).await
    }

    pub(super) async fn with(count: u32, profile: &Profile) -> Self {
        let agents = Agents::start(count, profile).await.unwrap();
        let settings = Settings {
            api_port: agents.port(),
            timeout: Duration::from_secs(20),
            every: Duration::from_mins(1),
            ..Settings::default()
        };
        let clock = Arc::new(Ahead { clock: SystemClock::new(), seconds: AtomicU64::new(0) });
        let url = "sqlite::memory:".to_owned();
        let storage = storage::Settings { url, ..storage::Settings::default() };
        let storage = Storage::open(&storage, Arc::new(ManualClock::default())).await.unwrap();
        let findings = Findings::open(storage.clone(), &findings::Settings::default(), clock.clone()).await.unwrap();
        let index = Index::of([]);
        let collector = Collector::over(&settings, &findings, index.clone(), clock.clone());
        let lead = Lead::new(&collector);
        let (stopper, stop) = Stop::channel();
        let mut world = Self { collector, agents, index, clock, lead, settings, storage, stopper, stop };
        world.elect().await;
        let all: Vec<usize> = (0..count as usize).collect();
        world.list(&all);
        world
    }

    /// Another term of leadership begins.
    pub(super) async fn elect(&mut self) {
        let term = Term::begin(&self.storage, || true).await.unwrap();
        self.collector.findings().lead(Arc::new(term)).await.unwrap();
        self.lead = Lead::new(&self.collector);
    }

    /// From now on the slices list these agents.
    pub(super) fn list(&self, agents: &[usize]) {
        let endpoint = |nth: &usize| serde_json::json!({"addresses": [self.agents.address(*nth).ip()], "nodeName": self.agents.node(*nth)});
        let endpoints: Vec<_> = agents.iter().map(endpoint).collect();
        let slice = serde_json::json!({"metadata": {"name": "s", "uid": "s"}, "endpoints": endpoints});
        let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
        let listed = Event::Listed { mode: ListMode::Paged, took: Duration::ZERO };
        let begins = Event::Listing { reason: Relist::Start };
        self.collector.0.endpoints.told(vec![begins, Event::Seen(slice), listed]);
    }

    /// One round, to its end.
    pub(super) async fn round(&mut self) {
        self.lead.round(&self.collector, &self.settings, &self.stop).await;
    }

    pub(super) async fn set(&mut self, agent: usize, manner: Manner) {
        self.agents.set(agent, manner).await.unwrap();
    }

    /// An agent ends a pass now.
    pub(super) fn pass(&self, agent: usize) {
        self.agents.pass(agent, self.clock.now());
    }

    pub(super) fn advance(&self, by: Duration) {
        self.clock.seconds.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    /// State and reason of every node.
    pub(super) fn nodes(&self) -> Vec<String> {
        let rows: Vec<wire::NodeRow> = self.collector.findings().ask(|book| table::rows(book).collect());
        rows.iter().map(|row| format!("{} {} {}", row.node, row.state.as_str(), row.reason).trim().to_owned()).collect()
    }

    /// How many findings are open and fresh, open and stale, resolved.
    pub(super) fn findings(&self) -> (usize, usize, usize) {
        self.collector.findings().ask(|book| {
            let (mut fresh, mut stale, mut resolved) = (0, 0, 0);
            for record in book.records() {
                match (record.is_open(), book.stale(record).is_some()) {
                    (true, false) => fresh += 1,
                    (true, true) => stale += 1,
                    (false, _) => resolved += 1,
                }
            }
            (fresh, stale, resolved)
        })
    }

    pub(super) fn metric(&self, series: &str) -> Option<f64> {
        let mut registry = runtime::metrics::Registry::default();
        register(&self.collector, &mut registry);
        let text = registry.encode(runtime::metrics::Format::Prometheus);
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }
}
