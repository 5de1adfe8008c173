//! One agent: what it has, and how it behaves.
//!
//! Owns its state and the ETag of its records. Answering over HTTP is `serve`'s.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Profile;
use super::record;
use crate::clock::seconds;
use crate::hex;

/// How an agent behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// It answers.
    Answers,
    /// It answers after a while.
    Slow(Duration),
    /// It sends a byte, waits, sends another.
    Drips(Duration),
    /// It takes connections and requests, and never answers.
    Silent,
    /// Nobody listens: connections are refused.
    Dead,
    /// It answers this HTTP status.
    Status(u16),
    /// It answers 200 with what is no list of violations.
    Garbage(Garbage),
    /// It answers a list that is at least so many bytes.
    Huge(usize),
}

/// What is no list of violations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// A page.
    Html,
    /// An object.
    Object,
    /// `null`.
    Null,
    /// A list that breaks off, under a length that says so.
    Truncated,
    /// Bytes that are no text.
    Binary,
}

/// What agents know of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// All fields and headers.
    Present,
    /// Nine fields and none of the headers.
    Former,
}

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) node: String,
    pub(super) era: Era,
    pub(super) boot: String,
    pub(super) interval_seconds: u32,
    token: Option<Token>,
    state: Mutex<State>,
}

/// A token that is not shown.
struct Token(String);

#[derive(Debug)]
struct State {
    manner: Manner,
    records: Vec<Value>,
    passes: u64,
    last_pass: Timestamp,
    truncated: u32,
    asked: u64,
    unchanged: u64,
}

/// What an agent has at a moment.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) body: String,
    /// Weak, in its quotes.
    pub(super) etag: String,
    pub(super) passes: u64,
    pub(super) last_pass: Timestamp,
    pub(super) truncated: u32,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(***)")
    }
}

impl Agent {
    pub(super) fn new(nth: u32, profile: &Profile) -> Self {
        let Profile { era, token, records, interval_seconds, now } = profile;
        let (node, boot) = (format!("agent-{}", nth + 1), record::boot(nth));
        let state = State {
            manner: Manner::Answers,
            records: (0..*records).map(|of| record::of(*era, (&node, &boot), (nth, of), *now)).collect(),
            passes: 2,
            last_pass: *now,
            truncated: 0,
            asked: 0,
            unchanged: 0,
        };
        let token = token.clone().map(Token);
        Self { node, era: *era, boot, interval_seconds: *interval_seconds, token, state: Mutex::new(state) }
    }

    pub(super) fn set(&self, manner: Manner) {
        self.state().manner = manner;
    }

    pub(super) fn manner(&self) -> Manner {
        self.state().manner.clone()
    }

    pub(super) fn set_records(&self, records: Vec<Value>) {
        self.state().records = records;
    }

    pub(super) fn records(&self) -> Vec<Value> {
        self.state().records.clone()
    }

    pub(super) fn truncate(&self, left_out: u32) {
        self.state().truncated = left_out;
    }

    pub(super) fn pass(&self, at: Timestamp) {
        let mut state = self.state();
        state.passes += 1;
        state.last_pass = at;
        for record in state.records.iter_mut().filter(|record| record["status"] == "active") {
            record::see_again(record, at);
        }
    }

    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.passes = 0;
        state.records.clear();
    }

    pub(super) fn asked(&self) -> (u64, u64) {
        let state = self.state();
        (state.asked, state.unchanged)
    }

    /// Whether whoever sends this `Authorization` may ask.
    pub(super) fn admits(&self, authorization: &str) -> bool {
        self.token.as_ref().is_none_or(|token| authorization.strip_prefix("Bearer ") == Some(token.0.as_str()))
    }

    pub(super) fn count_request(&self) {
        self.state().asked += 1;
    }

    pub(super) fn count_unchanged(&self) {
        self.state().unchanged += 1;
    }

    /// The records whose status `wanted` says, as they are answered.
    pub(super) fn shown(&self, wanted: impl Fn(&Value) -> bool) -> Shown {
        let state = self.state();
        let records: Vec<&Value> = state.records.iter().filter(|record| wanted(record)).collect();
        let lasting: Vec<Value> = records.iter().map(|record| record::lasting(record)).collect();
        let digest = Sha256::digest(Value::from(lasting).to_string());
        let hex = hex::encode(&digest[..16]);
        Shown {
            body: serde_json::json!(records).to_string(),
            etag: format!("W/\"{hex}\""),
            passes: state.passes,
            last_pass: state.last_pass,
            truncated: state.truncated,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// The headers that an agent of today sends with every answer about its records.
    pub(super) fn headers(&self, agent: &Agent) -> Vec<(&'static str, String)> {
        if agent.era == Era::Former {
            return Vec::new();
        }
        let mut headers = vec![
            ("etag", self.etag.clone()),
            ("keelwatch-node", agent.node.clone()),
            ("keelwatch-boot", agent.boot.clone()),
            ("keelwatch-last-pass", seconds(self.last_pass)),
            ("keelwatch-passes", self.passes.to_string()),
            ("keelwatch-interval", agent.interval_seconds.to_string()),
            ("keelwatch-rules", "9f2c41d07be3a855".to_owned()),
        ];
        if self.truncated > 0 {
            headers.push(("keelwatch-truncated", self.truncated.to_string()));
        }
        headers
    }
}
