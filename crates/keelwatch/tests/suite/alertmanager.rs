//! A real Alertmanager: it shows what is wrong as firing, tells its own receivers so, and takes it back when it is over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use api::finding::{App, Source, Subject};
use api::violation::SubjectKind;
use api::{Fingerprint, Severity, Time};
use findings::batch::{Batch, Belongs, Gone, Order, Sighting};
use findings::{Facts, Findings, Told};
use kubeio::election::Election;
use pods::Pods;
use responses::notify::settings::{NotifierKind, NotifierSettings};
use responses::{Around, Lead, Parts, Responses};
use runtime::clock::SystemClock;
use runtime::shutdown::Stop;
use serde_json::{Value, json};
use storage::{Storage, Term};

use crate::program::{Running, write};
use crate::real_programs::{command, real_program, start};
use crate::real_servers::{free_port, listens};
use crate::receiver::Receiver;

/// How long a server may take until it shows what it was told.
const PATIENCE: Duration = Duration::from_mins(1);

/// An Alertmanager that tells a receiver at once.
fn alertmanager(program: &Path, folder: &Path, receiver: &str) -> (Running, String) {
    let config = format!(
        "route: {{receiver: test, group_by: [fingerprint], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers: [{{name: test, webhook_configs: [{{url: 'http://{receiver}/', send_resolved: true}}]}}]\n"
    );
    let config = write(folder, "alertmanager.yml", &config);
    let port = free_port();
    let server = start(
        command(program)
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address="),
    );
    listens(port);
    (server, format!("http://127.0.0.1:{port}"))
}

async fn alerts(url: &str) -> Vec<Value> {
    reqwest::get(format!("{url}/api/v2/alerts")).await.unwrap().json().await.unwrap()
}

/// Asks until the answer is a good one.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn fingerprint() -> Fingerprint {
    Fingerprint::over(["process", "1"])
}

fn miner() -> Sighting {
    let text = |text: &str| Some(text.into());
    let app = Some(App { kind: SubjectKind::App, name: "cart".to_owned() });
    let told = Told {
        fingerprint: fingerprint(),
        rule: "miner-name".into(),
        severity: Severity::Critical,
        action: None,
        title: "xmrig runs".into(),
        description: "A miner.".into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: text("ns-shop"),
            pod: text("cart-0"),
            pod_uid: None,
            container: None,
            node: text("worker-3"),
        },
        belongs: Belongs { app, ..Belongs::default() }.into(),
        facts: Facts::default(),
        figures: Facts::default(),
        exemption: None,
    };
    told.into()
}

/// The violations of one node; each look is a round.
struct Node {
    findings: Findings,
    clock: Arc<dyn Clock>,
    fence: i64,
    round: u64,
}

impl Node {
    async fn look(&mut self, seen: Vec<Sighting>, gone: Vec<Gone>) {
        self.round += 1;
        let (order, at) = (Order { fence: self.fence, round: self.round }, Time::of(self.clock.now()));
        let (source, scope) = (Source::Process, "worker-3".to_owned());
        self.findings.take(Batch { source, scope, order, at, seen, gone, again: None }).await.unwrap();
    }
}

/// A controller that leads and tells this Alertmanager, and the node that it knows of.
async fn leader(folder: &Path, url: &str) -> (Node, (Responses, Lead)) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let database = format!("sqlite:{}", folder.join("kw.db").display());
    let settings = storage::Settings { url: database, ..storage::Settings::default() };
    let storage = Storage::open(&settings, clock.clone()).await.unwrap();
    let findings = Findings::open(storage.clone(), &findings::Settings::default(), clock.clone()).await.unwrap();
    let term = Arc::new(Term::begin(&storage, || true).await.unwrap());
    findings.lead(term.clone()).await.unwrap();
    let notifier = NotifierSettings {
        enabled: true,
        allow_loopback: true,
        urls: vec![url.to_owned()],
        labels: [("team".to_owned(), "ops".to_owned())].into(),
        ..NotifierSettings::new("ops", NotifierKind::Alertmanager)
    };
    let settings = responses::Settings { notifiers: vec![notifier], ..responses::Settings::default() };
    let around = Around { cluster: "production".to_owned(), external_url: "https://keelwatch.example".to_owned() };
    let parts = Parts {
        findings: findings.clone(),
        pods: Pods::new(&pods::Settings::default(), clock.clone()),
        storage,
        cluster: None,
        clock: clock.clone(),
        reporter: "keelwatch-0".to_owned(),
    };
    let responses = Responses::new(&settings, &around, parts);
    let fence = term.fence().number();
    let election = Election::alone(clock.clone(), &kubeio::Metrics::default());
    (Node { findings, clock, fence, round: 0 }, (responses, Lead { election, term }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_fires_in_a_real_alertmanager_and_is_resolved_when_it_is_over() {
    let Some(program) = real_program("prometheus-alertmanager") else { return };
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let (_server, url) = alertmanager(&program, folder.path(), &receiver.address.to_string());

    let (mut node, leader) = leader(folder.path(), &url).await;
    let (stopper, stop) = Stop::channel();
    let run = tokio::spawn(async move { leader.0.run(leader.1, stop).await });

    node.look(vec![miner()], vec![]).await;
    let fires = || async { alerts(&url).await.pop() };
    let alert = until("the alert to fire", fires).await;
    let labels = json!({
        "alertname": "KeelwatchFinding", "source": "process", "rule": "miner-name", "severity": "critical",
        "namespace": "ns-shop", "app": "cart", "kind": "process", "name": "xmrig", "fingerprint": fingerprint(),
        "cluster": "production", "team": "ops",
    });
    assert_eq!((&alert["status"]["state"], &alert["labels"]), (&json!("active"), &labels));
    assert_eq!(alert["annotations"], json!({"summary": "xmrig runs", "description": "A miner."}));
    assert_eq!(alert["generatorURL"], format!("https://keelwatch.example/findings/{}", fingerprint()));
    let told = |status: &'static str| {
        let taken = receiver.taken();
        async move {
            let mut bodies = taken.iter().map(|message| serde_json::from_slice::<Value>(&message.body).unwrap());
            bodies.find(|body| body["status"] == status)
        }
    };
    until("Alertmanager to tell that it fires", || told("firing")).await;

    node.look(vec![], vec![Gone { fingerprint: fingerprint(), reason: "process-gone".to_owned() }]).await;
    until("the alert to end", || async { alerts(&url).await.is_empty().then_some(()) }).await;
    let resolved = until("Alertmanager to tell that it is over", || told("resolved")).await;
    assert_eq!(resolved["alerts"][0]["labels"]["fingerprint"], json!(fingerprint()));
    stopper.stop();
    run.await.unwrap();
}
