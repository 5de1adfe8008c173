//! The requests that were answered, for tests to look at.
//!
//! Owns the last of them and the distinct ones. Counting is `metrics`'.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

/// Requests that are kept.
const KEPT: usize = 10_000;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// For example `GET`.
    pub method: String,
    /// For example `/api/v1/pods`.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// HTTP status.
    pub status: u16,
    /// Until the answer began.
    pub took: Duration,
    /// Word of the verb: `get`, `list`, `watch`, …; "" where the path is no object's.
    pub verb: String,
    /// For example `pods/log`.
    pub resource: String,
}

/// What was done to what, each once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Name of the user.
    pub user: String,
    /// For example `watch`.
    pub verb: String,
    /// "" for the core group.
    pub group: String,
    /// For example `pods`.
    pub resource: String,
    /// For example `log`; "" for the object itself.
    pub subresource: String,
    /// "" for all.
    pub namespace: String,
}

#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<(VecDeque<Request>, BTreeSet<Seen>)>);

impl Requests {
    pub(crate) fn record(&self, request: Request) {
        let (kept, _) = &mut *self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(request);
    }

    pub(crate) fn saw(&self, seen: Seen) {
        self.lock().1.insert(seen);
    }

    pub(crate) fn kept(&self) -> Vec<Request> {
        self.lock().0.iter().cloned().collect()
    }

    pub(crate) fn seen(&self) -> BTreeSet<Seen> {
        self.lock().1.clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().0.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (VecDeque<Request>, BTreeSet<Seen>)> {
        self.0.lock().expect("no one panics while requests are recorded")
    }
}

impl Request {
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "method": self.method, "path": self.path, "query": self.query, "user_agent": self.user_agent,
            "status": self.status, "ms": self.took.as_millis().to_string().parse::<u64>().unwrap_or(u64::MAX),
            "watch": self.verb == "watch",
        })
    }
}
