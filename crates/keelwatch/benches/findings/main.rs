//! Findings at the size of a large cluster: 100,000 open ones of 5,000 nodes, in a SQLite file.
//!
//! Owns the bars of taking, storing and starting. Memory and the start are measured in a process of their own, which opens what
//! this one stored. What is asked of them over HTTP is in `views`, also over PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a bench ends it")]
#![expect(clippy::disallowed_methods, reason = "a bench reads its arguments, its clock and starts itself")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "results go to stdout, remarks to stderr")]

mod postgres;
mod views;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::finding::{App, Owner, Source, Subject};
use api::violation::SubjectKind;
use api::{Fingerprint, Severity, Time};
use findings::batch::{Belongs, Order};
use findings::{Batch, Facts, Findings, Freshness, Round, ScopeLook, Settings, Sighting, Told};
use jiff::Timestamp;
// The allocator of the program.
use keelwatch as _;
use runtime::clock::SystemClock;
use serde_json::json;
use storage::{Storage, Term};
use tokio::task::JoinSet;

const NODES: u32 = 5_000;
const PER_NODE: u32 = 20;
const ALL: usize = NODES as usize * PER_NODE as usize;
const CHILD: &str = "--child";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == CHILD) {
        Some(place) => runtime.block_on(child(Path::new(&arguments[place + 1]))),
        None => runtime.block_on(measure()),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kw.db");
    let (storage, findings) = opened(&file).await;
    findings.lead(Arc::new(Term::begin(&storage, || true).await.unwrap())).await.unwrap();

    let took = round(&findings, 1, 0, |node| looked(node, 1, 0)).await;
    result("first-round-100000", took, "ms", None);
    let again = round(&findings, 2, 30, |node| looked(node, 2, 30)).await;
    result("equal-again-100000", again, "ms", Some(500.0));
    let changed = round(&findings, 3, 45, |node| Batch { seen: vec![worse(node)], ..looked(node, 3, 45) }).await;
    result("changes-of-5000-nodes", changed, "ms", Some(1000.0));
    let touched = round(&findings, 4, 120, |node| looked(node, 4, 120)).await;
    result("touched-100000", touched, "ms", None);

    let mut new = Vec::new();
    for number in 0..10 {
        let seen = (0..1000).map(|place| sighting(NODES + number, place)).collect();
        let batch = Batch { scope: format!("new-{number}"), seen, ..looked(0, 5, 150) };
        let began = Instant::now();
        findings.take(batch).await.unwrap();
        new.push(ms(began.elapsed()));
    }
    new.sort_by(f64::total_cmp);
    result("batch-1000-new", new[new.len() / 2], "ms", Some(50.0));
    let ended = Instant::now();
    end_round(&findings, 6, 160).await;
    result("end-of-round-5000-scopes", ms(ended.elapsed()), "ms", None);
    views::measure(&findings, "").await;
    views::watchers(&findings).await;
    drop(findings);
    storage.close().await;
    on_postgres().await;

    let output = Command::new(std::env::current_exe().unwrap()).arg(CHILD).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// The same lists over PostgreSQL, if the machine has one.
async fn on_postgres() {
    let Some(server) = postgres::Postgres::start() else { return };
    let (storage, findings) = opened_at(server.url()).await;
    findings.lead(Arc::new(Term::begin(&storage, || true).await.unwrap())).await.unwrap();
    let took = round(&findings, 1, 0, |node| looked(node, 1, 0)).await;
    result("first-round-100000-postgres", took, "ms", None);
    views::measure(&findings, "-postgres").await;
    storage.close().await;
}

/// Opens what was stored, leads, and is told everything once more.
async fn child(file: &Path) {
    let began = Instant::now();
    let (storage, findings) = opened(file).await;
    let known = findings.ask(|book| book.records().count());
    result("start-100000", ms(began.elapsed()), "ms", Some(1000.0));
    eprintln!("{known} findings, {:.0} MiB after the start", rss_mib());
    findings.lead(Arc::new(Term::begin(&storage, || true).await.unwrap())).await.unwrap();
    // Made as they are taken: a whole round of batches is not the memory of findings.
    take(&findings, (0..NODES).map(|node| looked(node, 7, 300))).await;
    end_round(&findings, 7, 305).await;
    result("rss-100000", rss_mib(), "MiB", Some(200.0));
}

async fn opened(file: &Path) -> (Storage, Findings) {
    opened_at(format!("sqlite:{}", file.display())).await
}

async fn opened_at(url: String) -> (Storage, Findings) {
    let clock = Arc::new(SystemClock::new());
    let settings = storage::Settings { url, ..storage::Settings::default() };
    let storage = Storage::open(&settings, clock.clone()).await.unwrap();
    let findings = Findings::open(storage.clone(), &Settings::default(), clock).await.unwrap();
    (storage, findings)
}

/// All nodes tell what they see, as a collection of 64 at a time would; how long it took until all was stored.
async fn round(findings: &Findings, round: u64, seconds: i64, batch: fn(u32) -> Batch) -> f64 {
    let batches: Vec<Batch> = (0..NODES).map(batch).collect();
    let began = Instant::now();
    take(findings, batches.into_iter()).await;
    let took = ms(began.elapsed());
    end_round(findings, round, seconds + 5).await;
    took
}

async fn take(findings: &Findings, batches: impl Iterator<Item = Batch>) {
    let mut taking = JoinSet::new();
    for batch in batches {
        if taking.len() >= 64 {
            taking.join_next().await.unwrap().unwrap();
        }
        let findings = findings.clone();
        taking.spawn(async move {
            findings.take(batch).await.unwrap();
        });
    }
    while let Some(taken) = taking.join_next().await {
        taken.unwrap();
    }
}

async fn end_round(findings: &Findings, round: u64, seconds: i64) {
    let detail = json!({"address": "10.0.0.1", "version": "1.2.3", "state": "ok", "round_trip_ms": 12, "findings": 20});
    let detail = Facts::from(detail.as_object().unwrap().clone());
    let look =
        |node| ScopeLook { scope: format!("worker-{node}"), freshness: Freshness::Fresh, detail: detail.clone() };
    let (source, order, at) = (Source::Process, Order { fence: 1, round }, at(seconds));
    let scopes = (0..NODES).map(look).collect();
    findings
        .end_round(Round { source, order, at, scopes, complete: true, suspect: false, gaps: Vec::new() })
        .await
        .unwrap();
}

fn looked(node: u32, round: u64, seconds: i64) -> Batch {
    Batch {
        source: Source::Process,
        scope: format!("worker-{node}"),
        order: Order { fence: 1, round },
        at: at(seconds),
        seen: (0..PER_NODE).map(|place| sighting(node, place)).collect(),
        gone: Vec::new(),
        again: None,
    }
}

fn worse(node: u32) -> Sighting {
    Told { severity: Severity::Critical, ..sighting(node, 0).told }.into()
}

fn sighting(node: u32, place: u32) -> Sighting {
    let pod = format!("cart-{node}-{place}");
    let namespace = format!("ns-{}", (node * PER_NODE + place) % 2000);
    let facts = json!({
        "cmdline": "./xmrig -o stratum+tcp://pool.example:3333 -u wallet -p x --donate-level 1", "exe": "/tmp/.x/xmrig",
        "pid": 41_233 + place, "boot": "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11", "user": "1000", "rules": ["miner-name", "stratum"],
        "container_id": "4f1c".repeat(16), "sha256": "9b2f".repeat(16), "type": "app", "attribution": "resolved",
    });
    let figures = json!({"age_s": 60 + node, "samples": 3});
    let told = Told {
        fingerprint: Fingerprint::over(["process", &node.to_string(), &place.to_string()]),
        rule: format!("miner-{}", place % 10).into(),
        severity: Severity::ALL[place as usize % Severity::ALL.len()],
        action: None,
        title: format!("xmrig runs in app cart of {namespace}").into(),
        description: "A process has the name of a program that mines. End the workload and look for how it came in."
            .into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: Some(namespace.clone().into()),
            pod: Some(pod.into()),
            pod_uid: Some(format!("8712f785-1a3e-41ec-a00b-{:012x}", node * PER_NODE + place).into()),
            container: Some("web".into()),
            node: Some(format!("worker-{node}").into()),
        },
        belongs: Arc::new(Belongs {
            owner: Some(Owner {
                api_version: "apps/v1".to_owned(),
                kind: "StatefulSet".to_owned(),
                namespace: namespace.clone(),
                name: "cart".to_owned(),
            }),
            app: Some(App { kind: SubjectKind::App, name: "cart".to_owned() }),
            image: Some(format!("sha256:{}", "9b2f".repeat(16))),
        }),
        facts: Facts::from(facts.as_object().unwrap().clone()),
        figures: Facts::from(figures.as_object().unwrap().clone()),
        exemption: None,
    };
    told.into()
}

fn at(seconds: i64) -> Time {
    Time::of(Timestamp::from_second(1_795_219_200 + seconds).unwrap())
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kib / 1024.0
}

fn result(name: &str, value: f64, unit: &str, limit: Option<f64>) {
    let bar = limit.map_or_else(|| "-".to_owned(), |limit| format!("<={limit}"));
    println!("bench: name={name} value={value:.2} unit={unit} bar={bar}");
    if limit.is_none() {
        eprintln!("{name} of {ALL} findings: {value:.1} {unit}");
    }
}
