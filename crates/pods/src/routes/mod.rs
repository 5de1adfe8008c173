//! The routes of pods.
//!
//! Owns what is taken and answered; each handler extracts, asks and answers. The first route is the former service's, and speaks in
//! its words.

mod list;
mod lookup;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use runtime::shutdown::Stop;
use serde::Deserialize;
use web::routes::{get, post};
use web::{Fault, Json, NoQuery, Query, Rendered, Routes};

use crate::index::Found;
use crate::json::{self, Detail};
use crate::key::{Asked, KeyError};
use crate::pods::Pods;
use crate::wire::{Health, LookupKey, Pod, Ready};

/// Bytes of a look-up's body: a thousand keys of the longest form, and more.
const LOOKUP_BYTES: u64 = 512 * 1024;

/// Bytes of the path by which one pod is asked for: a uid of 10 KB, each byte percent-encoded, is one that no pod has.
const URI_BYTES: usize = 32 * 1024;

/// What the index says before it knows all pods.
const NOT_SYNCED: &str = "cache not synced";

/// The routes. Streams end when `stop` is requested.
pub fn routes(pods: &Pods, stop: Stop) -> Routes {
    let state = || pods.clone();
    let one = get("/api/v1/pod", "Finds one pod by uid, address, container, or namespace and name.", one)
        .in_former_words()
        .uri_bytes(URI_BYTES)
        .basic_auth(pods.former_user());
    Routes::new()
        .read(one.with_state(state()))
        .read(get("/api/v1/pods", "Lists pods by namespace, name and uid.", list::list).with_state(state()))
        .read(
            post("/api/v1/pods/lookup", "Finds many pods, each by one key.", lookup::lookup)
                .body_bytes(LOOKUP_BYTES)
                .with_state(state()),
        )
        .read(
            get("/api/v1/pods/watch", "Tells every change of pods as it happens.", watch::watch)
                .with_state((state(), stop)),
        )
        .open(get("/health", "Says that the process answers.", health))
        .open(get("/ready", "Says whether all pods are known.", ready).in_former_words().with_state(state()))
}

/// An answer from the index, which says how fresh it is.
type Fresh<T> = ([(HeaderName, HeaderValue); 1], Rendered<T>);

/// How a pod is asked for.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default)]
struct OneQuery {
    /// A uid, or the configuration hash of a static pod.
    uid: Option<String>,
    /// An address; that of a node is no pod's.
    ip: Option<String>,
    /// A container id, or its first 12 digits at least.
    container: Option<String>,
    /// The namespace of `name`.
    namespace: Option<String>,
    /// A name.
    name: Option<String>,
    /// Whether a pod that has ceased to exist is answered too.
    deleted: bool,
    /// `full` for all fields.
    view: Option<Detailed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Detailed {
    Full,
}

/// Finds one pod.
async fn one(State(pods): State<Pods>, Query(query): Query<OneQuery>) -> Result<Fresh<Pod>, Fault> {
    let OneQuery { uid, ip, container, namespace, name, deleted, view } = query;
    let asked = Asked::read(LookupKey { uid, container, ip, namespace, name });
    let asked = asked.map_err(|error| Fault::bad_request(kind(&error), error.to_string()))?;
    let fresh = freshness(&pods);
    let body = find(&pods, &asked, deleted, view);
    match body {
        Ok(body) => Ok(([fresh], rendered(body))),
        Err(miss) => Err(miss.into_fault(&asked).with_header(fresh.0, fresh.1)),
    }
}

/// Why a key leads to no pod.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Miss {
    NotSynced,
    Missing { hint: Option<String> },
    Ambiguous(usize),
}

fn find(pods: &Pods, asked: &Asked, deleted: bool, view: Option<Detailed>) -> Result<String, Miss> {
    pods.read(|state| {
        let now = state.now();
        let (by, found) = state.index.ask(&asked.key, now);
        pods.counts().looked_up(by, &found);
        let detail = match view {
            Some(Detailed::Full) => Detail::Full(&state.rule),
            None => Detail::Nine,
        };
        match found {
            Found::Live(view) => Ok(json::pod(&view, detail)),
            Found::Tombstone(view) if deleted => Ok(json::pod(&view, detail)),
            // A complete list may bring it yet.
            Found::Tombstone(_) | Found::Missing if !state.is_synced => Err(Miss::NotSynced),
            Found::Tombstone(view) => {
                let age = view.died().map_or(0, |died| now.since(died));
                Err(Miss::Missing { hint: Some(format!("deleted {age} s ago; add deleted=true")) })
            }
            Found::Missing => Err(Miss::Missing { hint: sharing(state, asked) }),
            Found::Ambiguous(count) => Err(Miss::Ambiguous(count)),
        }
    })
}

fn sharing(state: &crate::pods::State, asked: &Asked) -> Option<String> {
    let crate::index::Key::Address(address) = &asked.key else { return None };
    match state.index.sharing(*address) {
        0 => None,
        1 => Some("1 host-network pod shares this address of a node; list it with GET /api/v1/pods?ip=".to_owned()),
        count => {
            Some(format!("{count} host-network pods share this address of a node; list them with GET /api/v1/pods?ip="))
        }
    }
}

impl Miss {
    fn words(&self, asked: &Asked) -> String {
        match self {
            Self::NotSynced => NOT_SYNCED.to_owned(),
            Self::Missing { .. } => format!("{asked} not found"),
            Self::Ambiguous(count) => format!("{asked}: {count} containers begin so (accepted: more digits, up to 64)"),
        }
    }

    fn into_fault(self, asked: &Asked) -> Fault {
        let words = self.words(asked);
        match self {
            Self::NotSynced => not_synced(),
            Self::Missing { hint: Some(hint) } => Fault::not_found(words).with_hint(hint),
            Self::Missing { hint: None } => Fault::not_found(words),
            Self::Ambiguous(_) => Fault::bad_request("ambiguous-container", words),
        }
    }
}

const fn kind(error: &KeyError) -> &'static str {
    match error {
        KeyError::Missing => "missing-key",
        KeyError::Several(_) => "several-keys",
        KeyError::NoNamespace | KeyError::NoName | KeyError::Address(_) | KeyError::Container(_) => "invalid-key",
    }
}

async fn health(_: NoQuery) -> Json<Health> {
    Json(Health { status: "healthy".to_owned() })
}

async fn ready(State(pods): State<Pods>, _: NoQuery) -> Result<Json<Ready>, Fault> {
    let (is_synced, pod_count) = pods.read(|state| (state.is_synced, state.index.count()));
    if is_synced { Ok(Json(Ready { status: "ready".to_owned(), pod_count })) } else { Err(not_synced()) }
}

/// Before the first complete list what is not known may exist all the same.
fn not_synced() -> Fault {
    Fault::unavailable("not-synced", NOT_SYNCED, 2)
}

fn rendered<T>(body: String) -> Rendered<T> {
    Rendered::new(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body))
}

/// `Keelwatch-Freshness: rv="1277", age=0.4, stale=?0`, a dictionary of RFC 8941.
fn freshness(pods: &Pods) -> (HeaderName, HeaderValue) {
    const NAME: HeaderName = HeaderName::from_static("keelwatch-freshness");
    // Longer than any with a version of Kubernetes: one piece of memory.
    const BYTES: usize = 64;
    let known = pods.freshness();
    let mut text = String::with_capacity(BYTES);
    text.push_str("rv=\"");
    text.extend(known.version.chars().filter(char::is_ascii_alphanumeric));
    text.push_str("\",");
    if let Some(age) = known.age {
        let tenths = (age.as_millis() + 50) / 100;
        write!(text, " age={}.{},", tenths / 10, tenths % 10).expect("a string takes every text");
    }
    text.push_str(if known.is_stale { " stale=?1" } else { " stale=?0" });
    (NAME, HeaderValue::try_from(text).expect("digits, letters and punctuation are a header value"))
}
