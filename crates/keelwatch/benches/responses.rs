//! `cargo xtask bench responses`: what planning costs, and how soon a finding is answered.
//!
//! Owns the bars of responses.md, section 9. Sweeps are those of the room itself, over a simulated cluster; their time is read
//! from its own metric.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::finding::{App, Source, Subject};
use api::violation::SubjectKind;
use api::{Action, Clock, Fingerprint, Severity, Time};
use findings::batch::{Batch, Belongs, Gone, Order};
use findings::{Facts, Findings, Freshness, Round, ScopeLook, Sighting, Told};
// The allocator of the program.
use keelwatch as _;
use kubeio::election::Election;
use kubeio::{Cluster, Place};
use pods::{Pods, Role};
use responses::{Around, Lead, Parts, Responses, Settings};
use runtime::clock::SystemClock;
use runtime::metrics::{Format, Registry};
use runtime::shutdown::Stop;
use serde_json::{Value, json};
use simcluster::SimCluster;
use storage::{Storage, Term};

/// A cluster with much to do: ten apps with a finding in each namespace.
const NAMESPACES: u32 = 2_000;
const APPS: u32 = 10;
const SERVICES: u32 = 25;

/// Sweeps that are measured; the first is left out, since it also tells histories.
const SWEEPS: usize = 5;

/// What a bench works with.
struct Bench {
    sim: SimCluster,
    clock: Arc<dyn Clock>,
    findings: Findings,
    pods: Pods,
    term: Arc<Term>,
    lead: Lead,
    responses: Responses,
    registry: Registry,
    round: u64,
}

fn main() {
    let workers = tokio::runtime::Runtime::new().expect("a runtime starts");
    workers.block_on(plan());
    workers.block_on(answer());
}

/// Sweeps over 20,000 findings and 50,000 Services that only rehearse.
async fn plan() {
    let mut settings = on();
    settings.dry_run = true;
    settings.wasm_plugin.max_per_sweep = 1000;
    let mut bench = Bench::new(&settings, NAMESPACES, SERVICES).await;
    let seen: Vec<Sighting> =
        (0..NAMESPACES).flat_map(|space| (0..APPS).map(move |app| sighting(space, app))).collect();
    bench.collect(&seen, &[]).await;
    bench.collect(&seen, &[]).await;
    let (stopper, stop) = Stop::channel();
    let running = tokio::spawn({
        let (responses, lead) = (bench.responses.clone(), bench.lead.clone());
        async move { responses.run(lead, stop).await }
    });
    let mut took = Vec::new();
    let mut before = bench.sweeps();
    while took.len() <= SWEEPS {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = bench.sweeps();
        if now.0 > before.0 {
            took.push((now.1 - before.1) / (now.0 - before.0) * 1000.0);
            before = now;
            // Something has changed, so that another sweep begins.
            bench.responses.apply(&settings, &Around::default());
        }
    }
    stopper.stop();
    drop(running.await);
    took.remove(0);
    took.sort_by(f64::total_cmp);
    result("plan-20000-findings-50000-services", took[took.len() / 2], "ms", "<=500");
}

/// A finding, its block, sweeps without a change, and its end.
async fn answer() {
    let mut settings = on();
    (settings.hold, settings.every) = (Duration::ZERO, Duration::from_secs(5));
    let mut bench = Bench::new(&settings, 1, 1).await;
    let seen = vec![sighting(0, 0)];
    let (stopper, stop) = Stop::channel();
    let running = tokio::spawn({
        let (responses, lead) = (bench.responses.clone(), bench.lead.clone());
        async move { responses.run(lead, stop).await }
    });
    bench.collect(&seen, &[]).await;
    bench.collect(&seen, &[]).await;
    let confirmed = Instant::now();
    bench.until(|bench| bench.plugin().is_some()).await;
    result("finding-to-block", confirmed.elapsed().as_secs_f64(), "s", "<=5");
    bench.until(|bench| bench.writes() >= 3.0).await;
    let (writes, sweeps) = (bench.writes(), bench.sweeps().0);
    bench.until(|bench| bench.sweeps().0 >= sweeps + 2.0).await;
    result("writes-without-a-change", bench.writes() - writes, "writes", "<=0");
    bench.collect(&[], &[seen[0].told.fingerprint.clone()]).await;
    let resolved = Instant::now();
    bench.until(|bench| bench.plugin().is_none()).await;
    // Hold is 0 here, and a sweep begins every 5 s at the latest.
    result("resolved-to-undo", resolved.elapsed().as_secs_f64(), "s", "<=5");
    stopper.stop();
    drop(running.await);
}

impl Bench {
    async fn new(settings: &Settings, namespaces: u32, services: u32) -> Self {
        let sim = SimCluster::builder().crds(&["wasmplugins", "notifications"]).without_listener();
        let sim = sim.start().await.expect("a cluster without a socket starts");
        for space in 0..namespaces {
            put(&sim, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space_name(space)}}));
            for app in 0..services.max(APPS) {
                populate(&sim, space, app, services);
            }
        }
        put(&sim, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "higress-system"}}));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let place = Place {
            server: "http://simulated".to_owned(),
            namespace: "keelwatch".to_owned(),
            release: "keelwatch".to_owned(),
            requests_per_second: 50,
            seed: 7,
        };
        let metrics = kubeio::Metrics::default();
        let cluster = Cluster::over(sim.service(), place, Arc::clone(&clock), &metrics);
        let stored = storage::Settings { url: "sqlite::memory:".to_owned(), ..storage::Settings::default() };
        let storage = Storage::open(&stored, Arc::clone(&clock)).await.expect("a store in memory opens");
        let of = findings::Settings::default();
        let findings = Findings::open(storage.clone(), &of, Arc::clone(&clock)).await.expect("an empty store is read");
        let term = Arc::new(Term::begin(&storage, || true).await.expect("nobody else leads"));
        findings.lead(Arc::clone(&term)).await.expect("nobody else leads");
        let pods = Pods::new(&pods::Settings::default(), Arc::clone(&clock));
        let (stopper, stop) = Stop::channel();
        // The watches go on until the end of the bench.
        std::mem::forget(stopper);
        pods::start(&pods, &cluster, &Role::Controller, &stop);
        let parts = Parts {
            findings: findings.clone(),
            pods: pods.clone(),
            storage,
            cluster: Some(cluster),
            clock: Arc::clone(&clock),
            reporter: "bench".to_owned(),
        };
        let responses = Responses::new(settings, &Around::default(), parts);
        responses.start(&stop);
        let mut registry = Registry::default();
        responses::register(&responses, &mut registry);
        let election = Election::alone(Arc::clone(&clock), &metrics);
        let lead = Lead { election, term: Arc::clone(&term) };
        let bench = Self { sim, clock, findings, pods, term, lead, responses, registry, round: 0 };
        bench.until(|bench| bench.pods.is_synced()).await;
        bench
    }

    /// A collection ends that saw these.
    async fn collect(&mut self, seen: &[Sighting], gone: &[Fingerprint]) {
        self.round += 1;
        let order = Order { fence: self.term.fence().number(), round: self.round };
        let (source, at, scope) = (Source::Process, Time::of(self.clock.now()), "worker-1".to_owned());
        let reason = || "process-gone".to_owned();
        let gone = gone.iter().map(|of| Gone { fingerprint: of.clone(), reason: reason() }).collect();
        let batch = Batch { source, scope: scope.clone(), order, at, seen: seen.to_vec(), gone, again: None };
        self.findings.take(batch).await.expect("a store in memory takes everything");
        let scopes = vec![ScopeLook { scope, freshness: Freshness::Fresh, detail: Facts::default() }];
        let round = Round { source, order, at, scopes, complete: true, suspect: false, gaps: Vec::new() };
        self.findings.end_round(round).await.expect("a store in memory takes everything");
    }

    fn plugin(&self) -> Option<Value> {
        self.sim.get("wasmplugins.extensions.higress.io", "higress-system", "keelwatch-block")
    }

    /// How many sweeps there were, and their seconds together.
    fn sweeps(&self) -> (f64, f64) {
        let of = |part: &str| self.metric(&format!("keelwatch_responses_sweep_duration_seconds_{part}"));
        (of("count"), of("sum"))
    }

    /// Writes to the cluster so far.
    fn writes(&self) -> f64 {
        self.metric("keelwatch_responses_writes_total")
    }

    /// The sum of all series of a metric.
    fn metric(&self, name: &str) -> f64 {
        let text = self.registry.encode(Format::Prometheus);
        let lines = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Everything is on.
fn on() -> Settings {
    let mut settings = Settings::default();
    settings.wasm_plugin.enabled = true;
    "oci://registry.example/plugins/custom-response:1.0.0".clone_into(&mut settings.wasm_plugin.url);
    settings.notification.enabled = true;
    settings.namespace_label.enabled = true;
    settings
}

/// A Service, and of the first apps of a namespace a pod and an Ingress too.
fn populate(sim: &SimCluster, space: u32, app: u32, services: u32) {
    let (namespace, name) = (space_name(space), format!("app-{app}"));
    let labels = json!({"app": name});
    if app < services {
        put(
            sim,
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 80}]}}),
        );
    }
    if app >= APPS {
        return;
    }
    let meta = json!({"name": format!("{name}-0"), "namespace": namespace, "labels": labels, "uid": uid(space, app)});
    let containers = json!([{"name": "web", "image": "web:1"}]);
    put(sim, json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers}}));
    let paths = json!({"paths": [{"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": name, "port": {"number": 80}}}}]});
    put(
        sim,
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"rules": [{"http": paths}]}}),
    );
}

fn sighting(space: u32, app: u32) -> Sighting {
    let (namespace, name) = (space_name(space), format!("app-{app}"));
    let facts =
        json!({"attribution": "resolved", "cmdline": "./xmrig -o stratum+tcp://pool.example:3333", "pid": 41233});
    let app_of = App { kind: SubjectKind::App, name: name.clone() };
    let told = Told {
        fingerprint: Fingerprint::over(["process", &uid(space, app)]),
        rule: "miner-name".into(),
        severity: Severity::Critical,
        action: Some(Action::Respond),
        title: format!("xmrig runs in app {name}").into(),
        description: "".into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: Some(namespace.into()),
            pod: Some(format!("{name}-0").into()),
            pod_uid: Some(uid(space, app).into()),
            container: Some("web".into()),
            node: Some("worker-1".into()),
        },
        belongs: Belongs { app: Some(app_of), ..Belongs::default() }.into(),
        facts: facts.as_object().expect("it is an object").clone().into(),
        figures: Facts::default(),
        exemption: None,
    };
    told.into()
}

fn uid(space: u32, app: u32) -> String {
    format!("8712f785-1a3e-41ec-{space:04x}-{app:012x}")
}

fn space_name(space: u32) -> String {
    format!("ns-{space}")
}

fn put(sim: &SimCluster, object: Value) {
    sim.put(object).expect("a new cluster takes every object");
}

/// One line of the protocol.
fn result(name: &str, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}
