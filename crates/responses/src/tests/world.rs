//! A simulated cluster with one app, findings about it, and sweeps.
//!
//! Time is tokio's and whatever a test jumps ahead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::finding::Source;
use api::{Clock, Time};
use findings::batch::{Batch, Gone, Order};
use findings::{Facts, Findings, Freshness, Round, ScopeLook, Sighting};
use jiff::Timestamp;
use kubeio::election::Election;
use kubeio::{Cluster, Place};
use pods::{Pods, Role};
use runtime::shutdown::{Stop, Stopper};
use serde_json::{Value, json};
use simcluster::{Builder, SimCluster};
use storage::{Statement, Storage, Term, Write};
use tokio::time::Instant;

use crate::fixture::{fingerprint, settings, sighting};
use crate::sweep::{Ended, Sweeper};
use crate::{Around, Lead, Parts, Responses, Settings};

/// Time that goes by itself and can be jumped ahead.
#[derive(Debug)]
pub(crate) struct JumpingClock {
    began: Instant,
    jumped_s: AtomicU64,
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        Timestamp::constant(1_795_235_402, 0).checked_add(self.monotonic()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed() + Duration::from_secs(self.jumped_s.load(Ordering::Relaxed))
    }
}

/// Everything that responses need.
pub(crate) struct World {
    pub(crate) sim: SimCluster,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Arc<JumpingClock>,
    pub(crate) storage: Storage,
    pub(crate) findings: Findings,
    pub(crate) responses: Responses,
    pub(crate) lead: Lead,
    round: Mutex<u64>,
    pub(crate) stop: Stop,
    _stopper: Stopper,
}

/// A cluster that knows all kinds, with `ns-shop/cart`, and every response on with a hold of ten minutes.
pub(crate) async fn world() -> World {
    World::new(SimCluster::builder().crds(&["wasmplugins", "notifications"]), settings()).await
}

impl World {
    pub(crate) async fn new(builder: Builder, settings: Settings) -> Self {
        let sim = builder.without_listener().start().await.unwrap();
        let clock = Arc::new(JumpingClock { began: Instant::now(), jumped_s: AtomicU64::new(0) });
        let place = Place {
            server: "http://simulated".to_owned(),
            namespace: "keelwatch".to_owned(),
            release: "keelwatch".to_owned(),
            requests_per_second: 1000,
            seed: 7,
        };
        let shared: Arc<dyn Clock> = clock.clone();
        let metrics = kubeio::Metrics::default();
        let cluster = Cluster::over(sim.service(), place, shared.clone(), &metrics);
        for namespace in ["higress-system", "keelwatch"] {
            put_namespace(&sim, namespace);
        }
        put_app(&sim, "ns-shop", "cart");
        let url = "sqlite::memory:".to_owned();
        let stored = storage::Settings { url, ..storage::Settings::default() };
        let storage = Storage::open(&stored, shared.clone()).await.unwrap();
        let findings = Findings::open(storage.clone(), &findings::Settings::default(), shared.clone()).await.unwrap();
        let term = Arc::new(Term::begin(&storage, || true).await.unwrap());
        findings.lead(term.clone()).await.unwrap();
        let pods = Pods::new(&pods::Settings::default(), shared.clone());
        let (stopper, stop) = Stop::channel();
        pods::start(&pods, &cluster, &Role::Controller, &stop);
        let parts = Parts {
            findings: findings.clone(),
            pods: pods.clone(),
            storage: storage.clone(),
            cluster: Some(cluster.clone()),
            clock: shared.clone(),
            reporter: "keelwatch-0".to_owned(),
        };
        let responses = Responses::new(&settings, &Around::default(), parts);
        responses.start(&stop);
        let lead = Lead { election: Election::alone(shared, &metrics), term };
        until(|| pods.is_synced()).await;
        if settings.wasm_plugin.enabled {
            until(|| responses.shared().routing.missing().is_empty()).await;
        }
        Self {
            sim,
            cluster,
            clock,
            storage,
            findings,
            responses,
            lead,
            round: Mutex::default(),
            stop,
            _stopper: stopper,
        }
    }

    /// A leadership begins.
    pub(crate) fn sweeper(&self) -> Sweeper {
        Sweeper::begin(Arc::clone(self.responses.shared()), self.lead.clone(), self.stop.clone()).unwrap()
    }

    /// A collection sees these and no more of the others.
    pub(crate) async fn collect(&self, seen: Vec<Sighting>, gone: &[u32]) {
        self.collect_with(seen, gone, Freshness::Fresh).await;
    }

    /// The same, with another node that is so.
    pub(crate) async fn collect_with(&self, seen: Vec<Sighting>, gone: &[u32], other: Freshness) {
        let (source, order, at) = (Source::Process, self.next_round(), Time::of(self.clock.now()));
        let reason = || "process-gone".to_owned();
        let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: reason() }).collect();
        let scope = "worker-1".to_owned();
        self.findings.take(Batch { source, scope, order, at, seen, gone, again: None }).await.unwrap();
        self.end_round(order, &[("worker-1", Freshness::Fresh), ("worker-2", other)]).await;
    }

    /// A collection ends in which no node has said anything: they are so, if there are any.
    pub(crate) async fn collect_nothing(&self, nodes: &[(&str, Freshness)]) {
        self.end_round(self.next_round(), nodes).await;
    }

    fn next_round(&self) -> Order {
        let mut round = self.round.lock().unwrap();
        *round += 1;
        Order { fence: self.lead.term.fence().number(), round: *round }
    }

    async fn end_round(&self, order: Order, nodes: &[(&str, Freshness)]) {
        let look = |(scope, freshness): &(&str, Freshness)| ScopeLook {
            scope: (*scope).to_owned(),
            freshness: freshness.clone(),
            detail: Facts::default(),
        };
        let (source, at, scopes) = (Source::Process, Time::of(self.clock.now()), nodes.iter().map(look).collect());
        let complete = nodes.iter().all(|(_, freshness)| *freshness == Freshness::Fresh);
        let round = Round { source, order, at, scopes, complete, suspect: false, gaps: Vec::new() };
        self.findings.end_round(round).await.unwrap();
    }

    /// Two collections see these, which confirms them.
    pub(crate) async fn confirm(&self, seen: Vec<Sighting>) {
        self.collect(seen.clone(), &[]).await;
        self.collect(seen, &[]).await;
    }

    pub(crate) fn jump(&self, minutes: u64) {
        self.clock.jumped_s.fetch_add(minutes * 60, Ordering::Relaxed);
    }

    pub(crate) fn apply(&self, settings: &Settings) {
        self.responses.apply(settings, &Around::default());
    }

    /// Requests that change something, since the last time: method, path and status.
    pub(crate) fn writes(&self) -> Vec<String> {
        let is_write = |request: &&simcluster::Request| request.method != "GET" && !request.query.contains("dryRun");
        let requests = self.sim.requests();
        let told = requests.iter().filter(is_write);
        let told = told.map(|request| format!("{} {} {}", request.method, short(&request.path), request.status));
        let told = told.collect();
        self.sim.clear_requests();
        told
    }

    pub(crate) fn plugin(&self) -> Option<Value> {
        self.sim.get("wasmplugins.extensions.higress.io", "higress-system", "keelwatch-block")
    }

    pub(crate) fn notifications(&self) -> Vec<Value> {
        self.sim.list("notifications.notification.sealos.io", "", "").unwrap()
    }

    pub(crate) fn label(&self, namespace: &str) -> Option<String> {
        let namespace = self.sim.get("namespaces", "", namespace)?;
        namespace["metadata"]["labels"]["clawcloud.run/status"].as_str().map(str::to_owned)
    }

    /// Why nothing is done, each reason once, by response.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let view = self.responses.view();
        let mut told: Vec<String> =
            view.skipped.iter().map(|skip| format!("{} {}", skip.response, skip.reason)).collect();
        told.sort_unstable();
        told.dedup();
        told
    }

    /// Forgets what was stored of responses, as if the process had died before it was.
    pub(crate) async fn lose_the_ledger(&self) {
        let tables = ["DELETE FROM response_item", "DELETE FROM response_object"];
        let write = tables.into_iter().fold(Write::new(), |write, sql| write.then(Statement::new(sql)));
        self.storage.write(write).await.unwrap();
    }

    /// Another field manager applies an object, by force.
    pub(crate) async fn other_applies(&self, path: &str, object: Value) {
        let path = format!("{path}?fieldManager=other&force=true");
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        self.send(request.body(object.to_string()).unwrap()).await;
    }

    pub(crate) async fn send(&self, request: http::Request<String>) {
        let answer = tower::ServiceExt::oneshot(self.sim.service(), request).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

pub(crate) async fn sweep(sweeper: &mut Sweeper) {
    assert_eq!(sweeper.sweep().await, Ok::<(), Ended>(()));
}

/// A namespace with an app: a pod, a Service and an Ingress.
pub(crate) fn put_app(sim: &SimCluster, namespace: &str, app: &str) {
    put_namespace(sim, namespace);
    let meta = |name: &str| json!({"name": name, "namespace": namespace});
    let labels = json!({"app": app});
    let mut pod = meta(&format!("{app}-0"));
    pod["labels"] = labels.clone();
    pod["uid"] = format!("uid-{app}-0").into();
    let backend = json!({"service": {"name": app, "port": {"number": 80}}});
    let paths = json!({"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]});
    let containers = json!([{"name": "web", "image": "web:1"}]);
    for object in [
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": {"containers": containers}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta(app),
            "spec": {"selector": labels, "ports": [{"port": 80}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(app),
            "spec": {"rules": [{"http": paths}]}}),
    ] {
        sim.put(object).unwrap();
    }
}

pub(crate) fn put_namespace(sim: &SimCluster, name: &str) {
    sim.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).unwrap();
}

/// A finding in another namespace.
pub(crate) fn sighting_in(number: u32, namespace: &str) -> Sighting {
    let mut sighting = sighting(number);
    sighting.told.subject.namespace = Some(namespace.into());
    sighting
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        for _ in 0..30_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never came true at {caller}");
    }
}

fn short(path: &str) -> &str {
    path.rsplit_once("/namespaces/").map_or(path, |(_, rest)| rest)
}
