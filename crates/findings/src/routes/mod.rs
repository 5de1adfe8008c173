//! The routes of findings: lists, one with all around it, groups, changes as they happen, exports, coverage, silences.
//!
//! Owns what is taken and answered; each handler extracts, asks and answers.

mod coverage;
mod export;
mod list;
mod one;
mod query;
mod silences;
mod summary;
#[cfg(test)]
mod tests;
mod trend;
mod watch;

use api::Time;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pods::Pods;
use runtime::shutdown::Stop;
use serde::Serialize;
use storage::Failure;
use web::routes::{delete, get, post};
use web::{Fault, Rendered, Routes, WeakEtag};

use crate::feed::Feed;
use crate::findings::{Findings, StoreError};

/// What the handlers ask.
#[derive(Debug, Clone)]
struct Views {
    findings: Findings,
    /// None where no pods are known, as without a cluster.
    pods: Option<Pods>,
    feed: Feed,
    stop: Stop,
}

/// When a store that is away may be back.
const STORE_RETRY_S: u32 = 5;

/// The routes. Streams end when `stop` is requested.
pub fn routes(findings: &Findings, pods: Option<Pods>, stop: Stop) -> Routes {
    let feed = Feed::new(findings, stop.clone());
    let views = Views { findings: findings.clone(), pods, feed, stop };
    let state = || views.clone();
    Routes::new()
        .read(get("/api/v1/findings", "Lists findings, the worst first.", list::list).with_state(state()))
        .read(get("/api/v1/findings/summary", "Counts findings in groups.", summary::summary).with_state(state()))
        .read(get("/api/v1/findings/trend", "Counts open findings over time.", trend::trend).with_state(state()))
        .read(
            get("/api/v1/findings/watch", "Tells every change of findings as it happens.", watch::watch)
                .with_state(state()),
        )
        .read(
            get("/api/v1/findings/export", "Exports findings as SARIF, JSON Lines or CSV.", export::export)
                .with_state(state()),
        )
        .read(
            get("/api/v1/findings/{fingerprint}", "Shows one finding with all that is known around it.", one::one)
                .with_state(state()),
        )
        .read(
            get("/api/v1/coverage", "Shows what was looked at, and what was not.", coverage::show).with_state(state()),
        )
        .read(get("/api/v1/silences", "Lists silences.", silences::list).with_state(state()))
        .write(
            post("/api/v1/silences", "Begins a silence, or tries what it would mute.", silences::begin)
                .with_state(state()),
        )
        .read(get("/api/v1/silences/{id}", "Shows one silence.", silences::one).with_state(state()))
        .write(delete("/api/v1/silences/{id}", "Ends a silence.", silences::end).with_state(state()))
}

/// An answer that says how fresh it is.
type Fresh<T> = ([(HeaderName, HeaderValue); 1], Rendered<T>);

impl Views {
    /// `Keelwatch-Freshness: age=12, stale=?0`, a dictionary of RFC 8941: seconds since the last round ended, and whether a
    /// finding may be missing.
    fn freshness(&self, as_of: Option<Time>, complete: bool) -> (HeaderName, HeaderValue) {
        const NAME: HeaderName = HeaderName::from_static("keelwatch-freshness");
        let age = as_of.map(|at| self.findings.inner.now().since(at).as_secs().max(0));
        let age = age.map(|age| format!("age={age}, ")).unwrap_or_default();
        let text = format!("{age}stale=?{}", u8::from(!complete));
        (NAME, HeaderValue::try_from(text).expect("digits, letters and punctuation are a header value"))
    }
}

/// The answer as JSON, or 304 if the client has it already.
fn conditional<T: Serialize>(fresh: (HeaderName, HeaderValue), asked: &HeaderMap, answer: &T) -> Fresh<T> {
    let body = serde_json::to_vec(answer).expect("an answer has text as keys, and its types become JSON");
    let etag = WeakEtag::of(&body);
    let tag = [(header::ETAG, etag.header())];
    if etag.is_known_to(asked) {
        return ([fresh], Rendered::new((StatusCode::NOT_MODIFIED, tag)));
    }
    ([fresh], Rendered::new((tag, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body)))
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(failure) => unavailable(&failure),
            StoreError::NotLeading | StoreError::Superseded(_) => Self::unavailable("no-leader", error.to_string(), 2),
        }
    }
}

/// 503 with the cause: the store cannot be read or written now.
fn unavailable(failure: &Failure) -> Fault {
    Fault::unavailable("store-unavailable", failure.in_words(), STORE_RETRY_S)
}
