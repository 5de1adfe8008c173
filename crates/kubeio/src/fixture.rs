//! A simulated cluster and an observer, for tests.
//!
//! Owns the smallest type that can be watched. Time is tokio's, which the tests pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::Clock;
use jiff::Timestamp;
use runtime::shutdown::{Stop, Stopper};
use serde::Deserialize;
use serde_json::{Value, json};
use simcluster::SimCluster;
use tokio::time::Instant;

use crate::watch::{Event, Observer, Relist, Scope, Watch, WatchSettings, watch};
use crate::{Cluster, Meta, Metrics, Observed, Place, Resource};

/// Both kinds of time, as far as tokio's has gone.
#[derive(Debug)]
pub(crate) struct TokioClock(Instant);

/// What is judged of a ConfigMap here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Map {
    pub(crate) metadata: MapMeta,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MapMeta {
    pub(crate) uid: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) resource_version: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) creation_timestamp: String,
}

/// What a simple index would know, and everything it was told, in short words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(pub(crate) Arc<Mutex<Knowledge>>);

#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// Value of key `k` by name.
    pub(crate) maps: BTreeMap<String, String>,
    marked: BTreeMap<String, String>,
    is_listing: bool,
    pub(crate) told: Vec<String>,
    pub(crate) batches: usize,
}

/// A watch on a simulated cluster.
pub(crate) struct Watched {
    pub(crate) sim: SimCluster,
    pub(crate) metrics: Metrics,
    pub(crate) known: Known,
    pub(crate) watch: Watch,
    pub(crate) stopper: Stopper,
}

impl TokioClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::constant(1_795_219_200, 0).checked_add(self.0.elapsed()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Observed for Map {
    const RESOURCE: Resource = Resource { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

    fn meta(&self) -> Meta<'_> {
        let MapMeta { uid, namespace, name, resource_version, .. } = &self.metadata;
        Meta { uid, namespace, name, version: resource_version }
    }
}

impl Observer<Map> for Known {
    fn observe(&mut self, batch: Vec<Event<Map>>) {
        let mut known = self.0.lock().unwrap();
        known.batches += 1;
        for event in batch {
            known.take(event);
        }
    }
}

impl Knowledge {
    fn take(&mut self, event: Event<Map>) {
        let value = |map: &Map| map.data.get("k").cloned().unwrap_or_default();
        let words = match &event {
            Event::Listing { reason } => format!("listing {reason:?}"),
            Event::Seen(map) => format!("seen {}={}", map.metadata.name, value(map)),
            Event::Deleted(map) => format!("deleted {}", map.metadata.name),
            Event::Unreadable { namespace, name } => format!("unreadable {namespace}/{name}"),
            Event::Listed { mode, .. } => format!("listed {mode:?}"),
            Event::ListFailed => "list failed".to_owned(),
            Event::Bookmark => "bookmark".to_owned(),
        };
        self.told.push(words);
        match event {
            Event::Listing { reason: Relist::Start | Relist::Expired | Relist::Broken | Relist::Settings } => {
                (self.is_listing, self.marked) = (true, BTreeMap::new());
            }
            Event::Seen(map) => {
                let (name, value) = (map.metadata.name.clone(), value(&map));
                self.maps.insert(name.clone(), value.clone());
                self.marked.insert(name, value);
            }
            Event::Deleted(map) => {
                self.maps.remove(&map.metadata.name);
            }
            Event::Unreadable { name, .. } => {
                self.marked.insert(name.clone(), self.maps.get(&name).cloned().unwrap_or_default());
            }
            Event::Listed { .. } => {
                assert!(self.is_listing, "a list ends that has not begun");
                self.is_listing = false;
                self.maps = std::mem::take(&mut self.marked);
            }
            Event::ListFailed => self.is_listing = false,
            Event::Bookmark => {}
        }
    }
}

impl Known {
    pub(crate) fn maps(&self) -> Vec<String> {
        self.0.lock().unwrap().maps.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// What was told since the last time, bookmarks left out.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = std::mem::take(&mut self.0.lock().unwrap().told);
        told.into_iter().filter(|words| words != "bookmark").collect()
    }

    pub(crate) fn has_heard(&self, words: &str) -> bool {
        self.0.lock().unwrap().told.iter().any(|told| told == words)
    }
}

impl Watched {
    /// Watches with the default settings, and waits for the first list.
    pub(crate) async fn synced(sim: SimCluster) -> Self {
        let watched = Self::start(sim, WatchSettings::default());
        until(|| watched.known.has_heard("listed Streaming") || watched.known.has_heard("listed Paged")).await;
        watched
    }

    pub(crate) fn start(sim: SimCluster, settings: WatchSettings) -> Self {
        let metrics = Metrics::default();
        let cluster = over(&sim, &metrics);
        let known = Known::default();
        let (stopper, stop) = Stop::channel();
        let scope = Scope { namespace: Some("default".to_owned()), ..Scope::default() };
        let watch = watch::<Map>(&cluster, scope, settings, known.clone(), stop);
        Self { sim, metrics, known, watch, stopper }
    }

    /// Waits until exactly this is known.
    pub(crate) async fn knows(&self, maps: &[&str]) {
        until(|| self.known.maps() == maps).await;
    }

    /// Requests of this verb: when, in seconds of tokio's clock since the cluster began, is not known; their count is.
    pub(crate) fn requests(&self, verb: &str) -> Vec<simcluster::Request> {
        self.sim.requests().into_iter().filter(|request| request.verb == verb).collect()
    }

    /// Requests that begin a complete list, either way.
    pub(crate) fn lists(&self) -> usize {
        let begins = |request: &&simcluster::Request| {
            let is_first_page = request.verb == "list" && !request.query.contains("continue=");
            is_first_page || request.query.contains("sendInitialEvents")
        };
        self.sim.requests().iter().filter(begins).count()
    }
}

/// The cluster as this room reaches it, without a socket.
pub(crate) fn over(sim: &SimCluster, metrics: &Metrics) -> Cluster {
    Cluster::over(sim.service(), place(), TokioClock::new(), metrics)
}

pub(crate) fn place() -> Place {
    Place {
        server: "http://simulated".to_owned(),
        namespace: "default".to_owned(),
        release: "keelwatch".to_owned(),
        requests_per_second: 50,
        seed: 7,
    }
}

/// Waits for a condition. In paused time this costs nothing.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        for _ in 0..1_000_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came true at {caller}");
    }
}

pub(crate) fn map(name: &str, value: &str) -> Value {
    let metadata = json!({"name": name, "namespace": "default"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}})
}

/// A cluster without a socket that holds these maps.
pub(crate) async fn cluster_with(builder: simcluster::Builder, names: &[&str]) -> SimCluster {
    let sim = builder.without_listener().start().await.unwrap();
    for name in names {
        sim.put(map(name, "1")).unwrap();
    }
    sim
}
