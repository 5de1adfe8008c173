//! The routes, asked as clients ask them, over findings that are stored in memory.

mod bad_input;
mod exports;
mod lists;
mod outages;
mod silences;
mod streams;
mod views;

use std::sync::Arc;

use api::finding::Source;
use api::{Severity, Time};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use jiff::Timestamp;
use runtime::clock::ManualClock;
use runtime::metrics::Registry;
use runtime::shutdown::{Stop, Stopper};
use serde_json::Value;
use storage::{Storage, Term};
use web::settings::{AuthSettings, ListenSettings, TokenSettings};
use web::{Answering, Scope};

use crate::batch::{Batch, Gone, Order, Sighting};
use crate::findings::Findings;
use crate::fixture::at;
use crate::records::record;
use crate::round::{Freshness, Round, ScopeLook};
use crate::settings::Settings;
use api::Facts;

/// A process that leads and serves findings.
struct Process {
    storage: Storage,
    findings: Findings,
    clock: Arc<ManualClock>,
    answering: Answering,
    rounds: std::cell::Cell<u64>,
    stopper: Stopper,
}

/// What was answered.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Process {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from(at(0))));
        let settings = storage::Settings { url: "sqlite::memory:".to_owned(), ..storage::Settings::default() };
        let storage = Storage::open(&settings, clock.clone()).await.unwrap();
        Self::over(storage, clock, None).await
    }

    /// Another one of the same store.
    async fn again(&self) -> Self {
        Self::over(self.storage.clone(), self.clock.clone(), None).await
    }

    async fn over(storage: Storage, clock: Arc<ManualClock>, pods: Option<pods::Pods>) -> Self {
        let findings = Findings::open(storage.clone(), &Settings::default(), clock.clone()).await.unwrap();
        let term = Arc::new(Term::begin(&storage, || true).await.unwrap());
        findings.lead(term).await.unwrap();
        findings.expects(Source::Process);
        let token = |name: &str, scope| TokenSettings {
            name: name.to_owned(),
            token: format!("t-{name}"),
            scopes: vec![scope],
            ..TokenSettings::default()
        };
        let tokens = vec![token("reader", Scope::Read), token("ops", Scope::Write)];
        let auth = AuthSettings { tokens, ..AuthSettings::default() };
        let server = web::Server::new(&ListenSettings::default(), &auth, clock.clone(), &mut Registry::default());
        let (stopper, stop) = Stop::channel();
        let answering = server.unwrap().answering(crate::routes(&findings, pods, stop));
        Self { storage, findings, clock, answering, rounds: 0.into(), stopper }
    }

    /// It has found these, in one complete round.
    async fn with(seen: Vec<Sighting>) -> Self {
        let process = Self::new().await;
        process.look(seen, &[]).await;
        process
    }

    /// Another round of the node, at the time of the clock.
    async fn look(&self, seen: Vec<Sighting>, gone: &[u32]) {
        let order = self.next();
        let at = self.now();
        let gone = gone
            .iter()
            .map(|number| Gone { fingerprint: sighting(*number).told.fingerprint, reason: "process-gone".into() });
        let (source, scope) = (Source::Process, "worker-3".to_owned());
        let batch = Batch { source, scope: scope.clone(), order, at, seen, gone: gone.collect(), again: None };
        self.findings.take(batch).await.unwrap();
        let fresh = ScopeLook { scope, freshness: Freshness::Fresh, detail: Facts::default() };
        self.end(order, vec![fresh]).await;
    }

    async fn end(&self, order: Order, scopes: Vec<ScopeLook>) {
        let (source, at, gaps) = (Source::Process, self.now(), Vec::new());
        let round = Round { source, order, at, scopes, complete: true, suspect: false, gaps };
        self.findings.end_round(round).await.unwrap();
    }

    fn next(&self) -> Order {
        self.rounds.set(self.rounds.get() + 1);
        Order { fence: self.findings.fence().unwrap(), round: self.rounds.get() }
    }

    fn now(&self) -> Time {
        self.findings.inner.now()
    }

    async fn request(&self, request: Request<Body>) -> axum::response::Response {
        self.answering.answer(request).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.request(request).await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(asking(Method::GET, path, "reader").body(Body::empty()).unwrap()).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = asking(Method::POST, path, "ops").header("content-type", "application/json");
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(asking(Method::DELETE, path, "ops").body(Body::empty()).unwrap()).await
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What is wrong, and all that is, as a problem says it.
    fn problem(&self) -> (u16, Value, Value) {
        let problem = self.json();
        (self.status, problem["type"].clone(), problem["detail"].clone())
    }
}

fn asking(method: Method, path: &str, token: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer t-{token}"))
}

fn sighting(number: u32) -> Sighting {
    record(number).told.into()
}

/// Sightings 0 to 3: low, medium, high, critical; in the namespaces `ns-0` and `ns-1`.
fn four() -> Vec<Sighting> {
    let of = |(number, severity): (u32, Severity)| {
        let mut made = sighting(number);
        made.told.severity = severity;
        made.told.subject.namespace = Some(format!("ns-{}", number % 2).into());
        made
    };
    (0..).zip(Severity::ALL).map(of).collect()
}

fn fingerprints(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["fingerprint"].as_str().unwrap()).collect()
}
