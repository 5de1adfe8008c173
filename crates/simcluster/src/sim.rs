//! The cluster in the hands of Rust code: tests, the demo, benchmarks.
//!
//! Owns the builder and the calls; they do what the control routes do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::access::AccessRule;
use crate::clock::SimClock;
use crate::cluster::{Census, Cluster, LoadError};
use crate::fault::{Counted, Fault};
use crate::http::SimService;
use crate::logs::{LogAsk, LogHook};
use crate::population::{self, ImageError};
use crate::requests::{Request, Seen};
use crate::runs::{Hook, JobRun, Outcome};
use crate::selector::Selection;
use crate::server::{Doors, ListenError, Listener, Site, Transport};
use crate::settings::{Offer, Pace, Settings};
use crate::status::Status;
use crate::user::{Denied, User};

/// A running cluster. It ends when this is dropped.
#[derive(Debug)]
pub struct SimCluster {
    cluster: Arc<Cluster>,
    site: Option<Site>,
    _tasks: JoinSet<()>,
}

/// How a cluster is to be started.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    listen: Option<SocketAddr>,
    transport: Transport,
    hook: Hook,
    logs: LogHook,
}

impl SimCluster {
    /// A cluster with the default settings, served on a free port of 127.0.0.1.
    pub fn builder() -> Builder {
        Builder {
            settings: Settings::default(),
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            transport: Transport::Plain,
            hook: Hook::default(),
            logs: LogHook::default(),
        }
    }

    /// The API without a socket; a kube client can be built on it.
    pub fn service(&self) -> SimService {
        SimService { cluster: Arc::clone(&self.cluster) }
    }

    /// Where clients of this machine find it, for example `http://127.0.0.1:40123`; `None` without a listener.
    pub fn url(&self) -> Option<String> {
        self.site.as_ref().map(|site| site.url.clone())
    }

    /// PEM of the authority of its certificate; `None` without TLS.
    pub fn authority(&self) -> Option<String> {
        self.site.as_ref()?.authority.clone()
    }

    /// A kubeconfig for [`SimCluster::url`], with the first token if there are any.
    pub fn kubeconfig(&self) -> Option<String> {
        let token = self.cluster.settings.tokens.0.keys().next();
        self.site.as_ref().map(|site| site.kubeconfig(token.map(String::as_str)))
    }

    /// Lets time pass; everything due within it happens, in order. Returns how many things moved.
    pub fn step(&self, by: Duration) -> usize {
        self.cluster.step(by)
    }

    /// From now on the cluster moves by itself, or stands.
    pub fn set_pace(&self, pace: Pace) {
        self.cluster.set_pace(pace);
    }

    /// The time of the cluster.
    pub fn clock(&self) -> &SimClock {
        &self.cluster.clock
    }

    /// From now on these go wrong; the former faults and their counts are gone.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.cluster.set_faults(faults);
    }

    /// The faults that are set, with their counts.
    pub fn faults(&self) -> Vec<Counted> {
        self.cluster.faults.counted()
    }

    /// Scripts the answers to reviews. A token whose user is `None` is not authenticated; all are for the API server.
    pub fn answers(&self, token_reviews: BTreeMap<String, Option<User>>, access_reviews: Vec<AccessRule>) {
        self.cluster.answers.script(token_reviews, BTreeMap::new(), access_reviews);
    }

    /// Says whom a token is for, in place of the API server, until [`SimCluster::answers`] are scripted anew.
    pub fn audiences(&self, token: &str, audiences: &[&str]) {
        self.cluster.answers.intend(token, audiences.iter().map(|&audience| audience.to_owned()).collect());
    }

    /// From now on these are answered 403.
    pub fn deny(&self, deny: Vec<Denied>) {
        self.cluster.answers.deny(deny);
    }

    /// The last 10,000 requests.
    pub fn requests(&self) -> Vec<Request> {
        self.cluster.requests.kept()
    }

    /// Forgets [`SimCluster::requests`].
    pub fn clear_requests(&self) {
        self.cluster.requests.clear();
    }

    /// What was done to what since the start, each once.
    pub fn requests_seen(&self) -> BTreeSet<Seen> {
        self.cluster.requests.seen()
    }

    /// Requests for what is not modelled.
    pub fn unknown_requests(&self) -> u64 {
        self.cluster.metrics.unknown_count()
    }

    /// How big it is.
    pub fn state(&self) -> Census {
        self.cluster.census()
    }

    /// An object by resource (`pods`, `leases.coordination.k8s.io`), namespace ("" for none) and name.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.cluster.state().look_up(resource, namespace, name)
    }

    /// Objects of a resource that fit a label and a field selector; "" fits all. In the order of lists.
    pub fn list(&self, resource: &str, labels: &str, fields: &str) -> Result<Vec<Value>, Status> {
        let found = {
            let state = self.cluster.state();
            let kind = state.catalog.by_table(resource).ok_or_else(|| Status::no_resource(resource))?;
            let selection = Selection::parse(kind, None, labels, fields)?;
            let entries = state.store.range(resource, None, None).filter(|entry| selection.admits(entry));
            entries.cloned().collect::<Vec<_>>()
        };
        Ok(found.iter().map(|entry| entry.decode()).collect())
    }

    /// Pods that were placed on a node, in whatever phase.
    pub fn pods_on(&self, node: &str) -> Vec<Value> {
        self.list("pods", "", &format!("spec.nodeName={node}")).expect("every cluster has pods, selected by node")
    }

    /// Writes an image into a folder as an OCI layout: the one whose index, manifest or configuration has this digest, given bare
    /// or as an `imageID`.
    pub fn image_layout(&self, digest: &str, folder: &Path) -> Result<(), ImageError> {
        let images = Arc::clone(&self.cluster.state().images);
        images.write_layout(digest, folder)
    }

    /// Stores an object as it is, status and all, in place of the one of its name; what it has no uid or time for, it gets.
    pub fn put(&self, object: Value) -> Result<Value, Status> {
        self.cluster.put(object)
    }

    /// Stores what YAML documents hold, of any kind that is registered: how many there were.
    pub fn load(&self, documents: &str) -> Result<usize, LoadError> {
        self.cluster.load(documents.as_bytes())
    }

    /// Ends every watch, as a server does that restarts.
    pub fn drop_watches(&self) {
        self.cluster.state().store.watchers.close_all();
    }

    /// Forgets the past: every watch that resumes is told 410, every page that follows too.
    pub fn expire_history(&self) {
        self.cluster.state().store.forget();
    }

    /// Has `registry` serve the metrics of this cluster.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.cluster.metrics.register(registry, &self.cluster);
    }
}

impl Drop for SimCluster {
    fn drop(&mut self) {
        self.cluster.state().store.watchers.close_all();
        self.cluster.runs.stop();
    }
}

impl Builder {
    /// All settings at once.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The seed of everything that looks random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Whether it moves by itself.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.settings.pace = pace;
        self
    }

    /// What is in the cluster at the start.
    pub fn population(mut self, sizes: population::Sizes) -> Self {
        self.settings.population = Some(sizes);
        self
    }

    /// Changes of pods per second.
    pub fn churn(mut self, per_second: u32) -> Self {
        self.settings.churn = per_second;
        self
    }

    /// Definitions that are registered at the start, by plural.
    pub fn crds(mut self, plurals: &[&str]) -> Self {
        self.settings.crds = plurals.iter().map(|&plural| plural.to_owned()).collect();
        self
    }

    /// What goes wrong from the start.
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.settings.faults = faults;
        self
    }

    /// Who a bearer token is; without any, everybody is an administrator.
    pub fn token(mut self, token: &str, user: User) -> Self {
        self.settings.tokens.0.insert(token.to_owned(), user);
        self
    }

    /// Events that watches can resume from.
    pub fn watch_history(mut self, events: usize) -> Self {
        self.settings.watch_history = events;
        self
    }

    /// Decides how pods of Jobs end; it runs while the pod does, and is dropped when the pod goes.
    pub fn on_job<F>(mut self, hook: impl Fn(JobRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.hook = Hook(Arc::new(move |run| Box::pin(hook(run))));
        self
    }

    /// Says what containers wrote; where it says nothing, they wrote ten lines.
    pub fn on_logs(mut self, hook: impl Fn(&LogAsk) -> Option<String> + Send + Sync + 'static) -> Self {
        self.logs = LogHook(Arc::new(hook));
        self
    }

    /// Serves `/_sim/*`.
    pub fn control(mut self) -> Self {
        self.settings.control = Offer::Offered;
        self
    }

    /// Serves TLS, with a certificate that is made at the start.
    pub fn tls(mut self) -> Self {
        self.transport = Transport::Tls;
        self
    }

    /// Where to listen: a loopback address, or with TLS and a token any.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Nowhere: only [`SimCluster::service`] reaches it.
    pub fn without_listener(mut self) -> Self {
        self.listen = None;
        self
    }

    /// Starts the cluster.
    pub async fn start(self) -> Result<SimCluster, ListenError> {
        let Self { settings, listen, transport, hook, logs } = self;
        let doors = if settings.tokens.0.is_empty() { Doors::Open } else { Doors::Guarded };
        let listener = match listen {
            Some(address) => Some(Listener::bind(address, transport, doors).await?),
            None => None,
        };
        let cluster = Cluster::new(settings, hook, logs);
        let mut tasks = JoinSet::new();
        let site = listener.as_ref().map(Listener::site);
        if let Some(listener) = listener {
            cluster.set_address(&listener.address.to_string());
            tasks.spawn(listener.serve(Arc::clone(&cluster)));
        }
        let moved = Arc::clone(&cluster);
        tasks.spawn(moved.move_by_itself());
        Ok(SimCluster { cluster, site, _tasks: tasks })
    }
}
