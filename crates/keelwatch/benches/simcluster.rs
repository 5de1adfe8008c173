//! `cargo xtask bench simcluster`: what a simulated cluster takes and how fast it answers.
//!
//! Owns the bars of the simcluster room: 150,000 pods on 5,000 nodes made, listed in pages and as a stream, and churning under
//! three watches that must miss nothing; single requests in process; a small cluster's start.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints and waits")]
#![expect(clippy::cast_precision_loss, reason = "counts and times here are far below 2^52")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
// The allocator of the program.
use keelwatch as _;
use reqwest::{Client, Response};
use simcluster::population::Sizes;
use simcluster::{Pace, SimCluster};
use tower::ServiceExt;

const PODS: u32 = 150_000;
const LARGE: Sizes = Sizes { nodes: 5_000, pods: PODS, namespaces: 3_000, images: 5_000, arm64: 0.1, now: NOW };
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_233_600, 0);
/// Changes a second; one in five of them makes two events.
const CHURN: u32 = 10_000;
const CHURN_FOR: Duration = Duration::from_secs(10);
const WATCHERS: usize = 3;
const PAGE: usize = 500;
const OBJECTS: usize = 1_000;
const ASKED: usize = 5_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    runtime.block_on(async {
        start_small().await;
        single_requests().await;
        let cluster = start_large().await;
        // A second installation finds the first, which is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().expect("a client without TLS can be built");
        let pods = format!("{}/api/v1/pods", cluster.url().expect("it listens"));
        pages(&client, &pods, "pages-of-500", ">=30000").await;
        stream(&client, &pods).await;
        churn(&client, &pods, &cluster).await;
        cluster.set_pace(Pace::Auto);
        pages(&client, &pods, "pages-of-500-while-churning", "-").await;
    });
    runtime.shutdown_background();
}

async fn start_small() {
    let started = Instant::now();
    let cluster = SimCluster::builder().population(Sizes { now: NOW, ..Sizes::default() }).start().await;
    result("start-1000-pods", millis(started.elapsed()), "ms", "<=300");
    drop(cluster.expect("a free port of loopback can be had"));
}

async fn start_large() -> SimCluster {
    let (started, cpu) = (Instant::now(), cpu());
    let builder = SimCluster::builder().population(LARGE).churn(CHURN).pace(Pace::Manual);
    let cluster = builder.start().await.expect("a free port of loopback can be had");
    result("start-150000-pods", started.elapsed().as_secs_f64(), "s", "<=10");
    result("resident-150000-pods", resident_mib(), "MiB", "<=1536");
    println!("{:.1} s of CPU time, on {} cores", self::cpu().saturating_sub(cpu).as_secs_f64(), cores());
    let state = cluster.state();
    println!("{} objects, {} MiB of encodings", state.objects.values().sum::<usize>(), state.bytes >> 20);
    cluster
}

/// GET and server-side apply of one object among many, without a socket.
async fn single_requests() {
    let builder = SimCluster::builder().pace(Pace::Manual).without_listener();
    let cluster = builder.start().await.expect("nothing is bound");
    let maps = "/api/v1/namespaces/default/configmaps";
    let path = |nth: usize| format!("{maps}/map-{nth}");
    let apply = |nth: usize, value: usize| {
        let body = format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"map-{nth}\"}},\"data\":{{\"k\":\"{value}\"}}}}"
        );
        request("PATCH", &format!("{}?fieldManager=bench", path(nth)), body)
    };
    for nth in 0..OBJECTS {
        ask(&cluster, apply(nth, 0)).await;
    }
    let (mut gets, mut applies) = (Vec::new(), Vec::new());
    for nth in 0..ASKED {
        gets.push(ask(&cluster, request("GET", &path(nth * 7 % OBJECTS), String::new())).await);
        applies.push(ask(&cluster, apply(nth * 7 % OBJECTS, nth)).await);
    }
    result("get-p99", percentile(gets, 99), "ms", "<=1");
    result("apply-p99", percentile(applies, 99), "ms", "<=1");
}

fn request(method: &str, path: &str, body: String) -> http::Request<Full<Bytes>> {
    let request =
        http::Request::builder().method(method).uri(path).header("content-type", "application/apply-patch+yaml");
    request.body(Full::new(Bytes::from(body))).expect("method and path are valid")
}

/// Milliseconds until the answer was read.
async fn ask(cluster: &SimCluster, request: http::Request<Full<Bytes>>) -> f64 {
    let asked = Instant::now();
    let answer = cluster.service().oneshot(request).await.expect("it always answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.into_body().collect().await.expect("nothing breaks it off");
    millis(asked.elapsed())
}

/// Lists all pods in pages; every page has to say how many are left.
async fn pages(client: &Client, pods: &str, name: &str, bar: &str) {
    let started = Instant::now();
    let (mut left, mut token) = (None, String::new());
    while left != Some(0) {
        let page = get(client, &format!("{pods}?limit={PAGE}&continue={token}")).await.bytes().await;
        let page = page.expect("a page is read to its end");
        let head = String::from_utf8_lossy(&page[..page.len().min(1_000)]).into_owned();
        let remaining: usize =
            text_after(&head, "\"remainingItemCount\":", '}').map_or(0, |text| text.parse().expect("a count"));
        assert!(left.is_none_or(|left: usize| left.saturating_sub(PAGE) == remaining), "a page is short");
        left = Some(remaining);
        text_after(&head, "\"continue\":\"", '"').unwrap_or_default().clone_into(&mut token);
    }
    result(name, f64::from(PODS) / started.elapsed().as_secs_f64(), "pods/s", bar);
}

/// Lists all pods as the first events of a watch.
async fn stream(client: &Client, pods: &str) {
    let started = Instant::now();
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut lines = Lines::of(get(client, &format!("{pods}?{query}")).await);
    let mut read = 0;
    while !lines.next().await.contains("k8s.io/initial-events-end") {
        read += 1;
    }
    assert_eq!(read, PODS as usize, "the stream is short");
    result("streaming-list", f64::from(PODS) / started.elapsed().as_secs_f64(), "pods/s", ">=30000");
}

/// Watches while pods churn; what each watch told must make the list of the end.
async fn churn(client: &Client, pods: &str, cluster: &SimCluster) {
    let (version, before) = versions(client, pods).await;
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let events = get(client, &format!("{pods}?watch=1&resourceVersion={version}")).await;
        watchers.push(tokio::spawn(follow(Lines::of(events), before.clone())));
    }
    cluster.set_pace(Pace::Auto);
    tokio::time::sleep(CHURN_FOR).await;
    cluster.set_pace(Pace::Manual);
    let (end, after) = versions(client, pods).await;
    println!("version {version} became {end}");
    cluster.put(last()).expect("a pod can be put");
    for (nth, watcher) in watchers.into_iter().enumerate() {
        let Followed { known, events, took } = watcher.await.expect("a watch is followed to its end");
        assert!(known == after, "watcher {nth} missed something");
        result(&format!("churn-watcher-{nth}"), events as f64 / took.as_secs_f64(), "events/s", ">=10000");
    }
}

/// What a watch told.
struct Followed {
    known: HashMap<String, String>,
    events: usize,
    took: Duration,
}

/// The pod that ends the churn.
const LAST: &str = "the-last-one";

fn last() -> serde_json::Value {
    serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": LAST, "namespace": "default"}})
}

/// Follows a watch up to [`LAST`].
async fn follow(mut lines: Lines, known: HashMap<String, String>) -> Followed {
    let (mut known, mut events, mut started, mut took) = (known, 0, None, Duration::ZERO);
    loop {
        let line = lines.next().await;
        let (name, version) = name_and_version(&line);
        let started = *started.get_or_insert_with(Instant::now);
        if name.ends_with(LAST) {
            return Followed { known, events, took };
        }
        events += 1;
        // The last one comes when the list of the end has been read, which is not the watch's time.
        took = started.elapsed();
        if line.starts_with("{\"type\":\"DELETED\"") {
            known.remove(&name);
        } else {
            known.insert(name, version);
        }
    }
}

/// Version of the list, and of each pod by namespace and name.
async fn versions(client: &Client, pods: &str) -> (String, HashMap<String, String>) {
    let list = get(client, &format!("{pods}?resourceVersion=0")).await.text().await.expect("a list is read to its end");
    let version = text_after(&list, "\"resourceVersion\":\"", '"').expect("a list has a version").to_owned();
    // Every item begins with its metadata, and nothing else does.
    let items = list.split("{\"metadata\":{\"name\":").skip(1);
    (version, items.map(|item| name_and_version(&format!("{{\"name\":{item}"))).collect())
}

fn name_and_version(object: &str) -> (String, String) {
    let text = |key: &str| text_after(object, key, '"').expect("metadata states it");
    let name = format!("{}/{}", text("\"namespace\":\""), text("\"name\":\""));
    (name, text("\"resourceVersion\":\"").to_owned())
}

fn text_after<'a>(text: &'a str, before: &str, end: char) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(end).map(|(text, _)| text)
}

async fn get(client: &Client, url: &str) -> Response {
    client.get(url).send().await.expect("the cluster answers").error_for_status().expect("the cluster takes it")
}

/// The lines of an answer.
struct Lines {
    answer: Response,
    read: Vec<u8>,
    from: usize,
}

impl Lines {
    fn of(answer: Response) -> Self {
        Self { answer, read: Vec::new(), from: 0 }
    }

    async fn next(&mut self) -> String {
        let mut searched = self.from;
        loop {
            if let Some(length) = self.read[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + length;
                let line = String::from_utf8(self.read[self.from..end].to_vec()).expect("JSON is UTF-8");
                self.from = end + 1;
                return line;
            }
            self.read.drain(..self.from);
            (self.from, searched) = (0, self.read.len());
            let chunk = self.answer.chunk().await.expect("a watch is not broken off");
            self.read.extend_from_slice(&chunk.expect("a watch goes on"));
        }
    }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.try_into().expect("CPU time is never negative")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = text_after(&status, "VmRSS:", 'k').and_then(|text| text.trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn percentile(values: Vec<f64>, percent: usize) -> f64 {
    let mut sorted = values;
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

/// One line of the protocol.
fn result(name: &str, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}
