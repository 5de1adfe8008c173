//! What is asked of findings over HTTP: lists with every filter, one with all around it, a thousand watchers.
//!
//! Requests go through the server of the program, without a socket.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Fingerprint;
use axum::body::{Body, HttpBody as _};
use axum::http::Request;
use findings::{Batch, Findings};
use runtime::clock::SystemClock;
use runtime::metrics::Registry;
use runtime::shutdown::{Stop, Stopper};
use tokio::task::JoinSet;
use web::settings::{AuthSettings, ListenSettings};
use web::{Answering, Server};

use super::{NODES, looked, ms, result, sighting};

/// Each filter and order of the route; the last ones turn everything over for nothing.
const QUERIES: [&str; 24] = [
    "",
    "limit=1000",
    "severity=critical",
    "severity=low&severity=high&limit=1000",
    "min_severity=high",
    "source=process",
    "state=all",
    "state=resolved",
    "state=silenced",
    "stale=true",
    "stale=false",
    "rule=miner-3",
    "namespace=ns-7&namespace=ns-8",
    "owner=StatefulSet/ns-7/cart",
    "app=cart",
    "node=worker-4711",
    "kind=process&sort=-last_seen",
    "since=2026-01-01T00:00:00Z&sort=first_seen",
    "sort=-changed_at&limit=1000",
    "q=ns-1234",
    "q=XMRIG",
    "q=nobody-has-this",
    "q=cart-49&namespace=ns-9&min_severity=medium",
    "image=sha256:9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f9b2f&stale=false&q=xmrig&sort=-severity",
];

const TIMES: usize = 20;

const WATCHERS: usize = 1_000;

struct Served {
    answering: Answering,
    _stopper: Stopper,
}

impl Served {
    fn new(findings: &Findings) -> Self {
        let auth = AuthSettings { anonymous_reads: true, ..AuthSettings::default() };
        let (clock, listen) = (Arc::new(SystemClock::new()), ListenSettings::default());
        let server = Server::new(&listen, &auth, clock, &mut Registry::default()).unwrap();
        let (stopper, stop) = Stop::channel();
        Self { answering: server.answering(findings::routes(findings, None, stop)), _stopper: stopper }
    }

    async fn get(&self, path: &str) -> Body {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.answering.answer(request).await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.into_body()
    }

    /// Milliseconds until the last byte of the answer.
    async fn timed(&self, path: &str) -> f64 {
        let asked = Instant::now();
        axum::body::to_bytes(self.get(path).await, usize::MAX).await.unwrap();
        ms(asked.elapsed())
    }
}

/// Lists and joined views; `on` names the database if it is not SQLite.
pub(crate) async fn measure(findings: &Findings, on: &str) {
    let served = Served::new(findings);
    let (mut all, mut slowest) = (Vec::new(), (0.0, ""));
    for query in QUERIES {
        let path = format!("/api/v1/findings?{query}");
        let mut took = Vec::new();
        for _ in 0..TIMES {
            took.push(served.timed(&path).await);
        }
        took.sort_by(f64::total_cmp);
        let median = took[TIMES / 2];
        if median > slowest.0 {
            slowest = (median, query);
        }
        all.extend(took);
    }
    eprintln!("the slowest list{on} is `{}`: median {:.1} ms", slowest.1, slowest.0);
    let limit = if on.is_empty() { 20.0 } else { 40.0 };
    result(&format!("list-any-filter-p99{on}"), p99(&mut all), "ms", Some(limit));
    let mut views = Vec::new();
    for number in 0..300 {
        let fingerprint = sighting(number * 13 % NODES, number % 20).told.fingerprint;
        views.push(served.timed(&format!("/api/v1/findings/{fingerprint}")).await);
    }
    result(&format!("joined-view-p99{on}"), p99(&mut views), "ms", Some(10.0));
    let mut summaries = Vec::new();
    for by in ["namespace", "owner", "rule", "node"] {
        for _ in 0..TIMES {
            summaries.push(served.timed(&format!("/api/v1/findings/summary?by={by}")).await);
        }
    }
    result(&format!("summary-p99{on}"), p99(&mut summaries), "ms", None);
    let export = served.timed("/api/v1/findings/export?format=csv").await;
    result(&format!("export-csv-100000{on}"), export, "ms", None);
}

/// From the moment when a source hands in something new to that when the last of a thousand watchers has it.
pub(crate) async fn watchers(findings: &Findings) {
    let served = Arc::new(Served::new(findings));
    let mut watching = Vec::new();
    for _ in 0..WATCHERS {
        let mut body = served.get("/api/v1/findings/watch?min_severity=low").await;
        hear(&mut body, "event: synced").await;
        watching.push(body);
    }
    let mut worst = 0.0_f64;
    for round in 0..5 {
        let seen = sighting(NODES + 100, round);
        let fingerprint = seen.told.fingerprint.clone();
        let batch =
            Batch { scope: format!("watched-{round}"), seen: vec![seen], ..looked(0, 90 + u64::from(round), 600) };
        let mut hearing = JoinSet::new();
        for body in watching.drain(..) {
            hearing.spawn(heard(body, fingerprint.clone()));
        }
        let told = Instant::now();
        findings.take(batch).await.unwrap();
        while let Some(body) = hearing.join_next().await {
            watching.push(body.unwrap());
        }
        worst = worst.max(ms(told.elapsed()));
    }
    result("change-to-1000-watchers", worst, "ms", Some(200.0));
}

async fn heard(mut body: Body, fingerprint: Fingerprint) -> Body {
    hear(&mut body, fingerprint.as_str()).await;
    body
}

/// Reads until `text` comes.
async fn hear(body: &mut Body, text: &str) {
    let reading = async {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await.unwrap().unwrap();
            let bytes = frame.into_data().unwrap();
            if String::from_utf8_lossy(&bytes).contains(text) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reading).await.expect("a watcher hears");
}

fn p99(took: &mut [f64]) -> f64 {
    took.sort_by(f64::total_cmp);
    took[(took.len() * 99).div_ceil(100) - 1]
}
