//! A server that says exactly what a test wants, in paused time.
//!
//! Owns lists of one page and watches by script. What a whole API server does is `simcluster`'s.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame};
use runtime::metrics::{Format, Registry};
use runtime::shutdown::{Stop, Stopper};
use serde_json::{Value, json};

use crate::fixture::{Known, Map, TokioClock, place};
use crate::watch::{List, Scope, WatchSettings, watch};
use crate::{Cluster, Metrics};

/// What a watch is answered: lines, and how it ends.
pub(super) struct Script(pub(super) Vec<Value>, pub(super) Ending);

#[derive(Clone, Copy)]
pub(super) enum Ending {
    Close,
    Break,
    /// Part of a line, and the end.
    Garble,
    /// It stays open.
    Silence,
}

/// Scripts in their order; when none is left, watches are silent.
#[derive(Default)]
struct Play {
    version: u64,
    maps: Vec<(&'static str, u64)>,
    scripts: VecDeque<Script>,
    asked: Vec<String>,
}

/// A watch on such a server.
pub(super) struct Scripted {
    play: Arc<Mutex<Play>>,
    metrics: Metrics,
    pub(super) known: Known,
    _stopper: Stopper,
}

struct Answer(VecDeque<Bytes>, Ending);

impl Scripted {
    /// A server whose lists stand at `version` and hold these maps, each at its version.
    pub(super) fn start(version: u64, maps: &[(&'static str, u64)], scripts: Vec<Script>) -> Self {
        let play = Play { version, maps: maps.to_vec(), scripts: scripts.into(), asked: Vec::new() };
        let play = Arc::new(Mutex::new(play));
        let plays = Arc::clone(&play);
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let answer = plays.lock().unwrap().answer(request.uri().query().unwrap_or_default());
            async move { Ok::<_, Infallible>(Response::new(answer)) }
        });
        let metrics = Metrics::default();
        let cluster = Cluster::over(service, place(), TokioClock::new(), &metrics);
        let (known, (stopper, stop)) = (Known::default(), Stop::channel());
        let settings = WatchSettings { list: List::Paged, ..WatchSettings::default() };
        watch::<Map>(&cluster, Scope::default(), settings, known.clone(), stop);
        Self { play, metrics, known, _stopper: stopper }
    }

    /// Lists stand at another version from here on, and hold others.
    pub(super) fn restore(&self, version: u64, maps: &[(&'static str, u64)]) {
        let mut play = self.play.lock().unwrap();
        (play.version, play.maps) = (version, maps.to_vec());
    }

    /// `list`, or `watch` and the version that it was opened at, for each request so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.play.lock().unwrap().asked.clone()
    }

    /// How often a watch was opened again, by reason; zeros are left out.
    pub(super) fn restarts(&self) -> Vec<String> {
        let mut registry = Registry::default();
        self.metrics.register(&mut registry);
        let text = registry.encode(Format::OpenMetrics);
        let lines = text.lines().filter_map(|line| line.split_once(r#"restarts_total{resource="configmaps",reason=""#));
        let counts = lines.map(|(_, count)| count.replace("\"}", "")).filter(|count| !count.ends_with(" 0"));
        let mut counts: Vec<String> = counts.collect();
        counts.sort();
        counts
    }
}

impl Play {
    fn answer(&mut self, query: &str) -> Answer {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        if value("watch").is_none() {
            self.asked.push("list".to_owned());
            let items: Vec<Value> = self.maps.iter().map(|(name, version)| object(name, *version)).collect();
            let page = json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items});
            return Answer([page.to_string().into()].into(), Ending::Close);
        }
        self.asked.push(format!("watch {}", value("resourceVersion").unwrap_or_default()));
        let Script(lines, ending) = self.scripts.pop_front().unwrap_or(Script(Vec::new(), Ending::Silence));
        Answer(lines.into_iter().map(|line| format!("{line}\n").into()).collect(), ending)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(line) = self.0.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(line))));
        }
        match std::mem::replace(&mut self.1, Ending::Close) {
            Ending::Close => Poll::Ready(None),
            Ending::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            Ending::Garble => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"type\":\"ADD"))))),
            Ending::Silence => {
                self.1 = Ending::Silence;
                Poll::Pending
            }
        }
    }
}

fn object(name: &str, version: u64) -> Value {
    let metadata = json!({"name": name, "namespace": "default", "uid": name, "resourceVersion": version.to_string()});
    json!({"metadata": metadata, "data": {"k": version.to_string()}})
}

pub(super) fn modified(name: &str, version: u64) -> Value {
    json!({"type": "MODIFIED", "object": object(name, version)})
}

pub(super) fn bookmark(version: u64) -> Value {
    json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version.to_string()}}})
}
