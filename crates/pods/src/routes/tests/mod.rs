//! The routes, asked as clients ask them, over an index that is filled by hand.

mod lists;
mod one;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use kubeio::objects;
use kubeio::watch::{Event, ListMode, Observer as _, Relist};
use runtime::clock::ManualClock;
use runtime::metrics::Registry;
use runtime::shutdown::{Stop, Stopper};
use web::Answering;
use web::settings::{AuthSettings, ListenSettings, TokenSettings};

use crate::fixture::{Like as _, pod};
use crate::observe::ObservePods;
use crate::{Pods, Settings, wire};

const A: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

/// A process that serves pods.
struct Process {
    pods: Pods,
    clock: Arc<ManualClock>,
    answering: Answering,
    _stopper: Stopper,
}

/// What was answered.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Process {
    /// Its index is not synced yet.
    fn new(settings: &Settings) -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let pods = Pods::new(settings, Arc::<ManualClock>::clone(&clock));
        let token = TokenSettings {
            name: "ci".to_owned(),
            token: "t0ken".to_owned(),
            scopes: vec![web::Scope::Read],
            ..TokenSettings::default()
        };
        let auth = AuthSettings { tokens: vec![token], ..AuthSettings::default() };
        let mut registry = Registry::default();
        let server =
            web::Server::new(&ListenSettings::default(), &auth, Arc::<ManualClock>::clone(&clock), &mut registry);
        let (stopper, stop) = Stop::channel();
        let answering = server.unwrap().answering(crate::routes(&pods, stop));
        Self { pods, clock, answering, _stopper: stopper }
    }

    /// It knows these pods, and that there are no others.
    fn with(known: impl IntoIterator<Item = objects::Pod>) -> Self {
        let process = Self::new(&Settings::default());
        process.list(known);
        process
    }

    fn list(&self, known: impl IntoIterator<Item = objects::Pod>) {
        let mut events = vec![Event::Listing { reason: Relist::Start }];
        events.extend(known.into_iter().map(Event::Seen));
        events.push(Event::Listed { mode: ListMode::Paged, took: Duration::from_secs(1) });
        self.tell(events);
    }

    fn tell(&self, events: Vec<Event<objects::Pod>>) {
        ObservePods(self.pods.clone()).observe(events);
    }

    fn seen(&self, pod: objects::Pod) {
        self.tell(vec![Event::Seen(pod)]);
    }

    fn gone(&self, pod: objects::Pod) {
        self.tell(vec![Event::Deleted(pod)]);
    }

    async fn request(&self, request: Request<Body>) -> axum::response::Response {
        self.answering.answer(request).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.request(request).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(asking(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let request = asking(Method::POST, path).header("content-type", "application/json");
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn page(&self, query: &str) -> wire::PodList {
        let answer = self.get(&format!("/api/v1/pods?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn asking(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", "Bearer t0ken")
}

fn names(list: &wire::PodList) -> Vec<&str> {
    list.items.iter().map(|pod| pod.name.as_str()).collect()
}
