//! What is known of each node from round to round: where it is asked, what it said last, how often it failed.
//!
//! Owns the order in which nodes are asked, and how fresh what is known of each is. Pure: answers and times come in.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use api::{Fingerprint, Time};
use axum::http::HeaderValue;
use findings::round::Freshness;

use super::about::About;
use super::discovery::Addresses;
use super::failure::Failure;
use super::gone::Missing;
use super::hand_in::Before;
use super::wire::{NodeRow, NodeState};

/// All nodes that are known, by name.
#[derive(Debug, Default)]
pub(crate) struct Nodes(BTreeMap<String, Node>);

/// One node.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Where it is asked; empty while it is missing from the Service.
    pub(crate) addresses: Addresses,
    missing: Option<Away>,
    /// Number of the round that asked it last; 0 for none.
    asked_in: u64,
    /// How the last round ended for it.
    last: Last,
    /// Requests in a row that failed.
    failures: u32,
    last_answer: Option<Time>,
    /// What it said of itself last.
    about: About,
    /// Since when it is not fresh.
    stale_since: Option<Time>,
    /// What is asked with `If-None-Match`: an equal answer would bring nothing.
    pub(crate) etag: Option<HeaderValue>,
    /// What was absent from its last answer, where absence counts the second time.
    pub(crate) absent: HashSet<Fingerprint>,
    /// What its last answer told as resolved.
    pub(crate) settled: HashSet<Fingerprint>,
}

/// Since when a node is missing.
#[derive(Debug, Clone, Copy)]
struct Away {
    /// By the monotonic clock of this process.
    from: Duration,
    /// How long it had been missing then, as an earlier leader knew it.
    before: Duration,
    /// By the wall clock, for people and for the next leader.
    since: Time,
}

/// How a round ended for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    /// It was not asked yet.
    #[default]
    NotAsked,
    Answered,
    /// It answered, and its passes stand still.
    Overdue,
    /// It answered, and that could not be stored.
    NotStored,
    Failed(Failure),
}

/// What a node has answered, once it is stored or could not be.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) about: About,
    /// Where.
    pub(crate) at: Time,
    pub(crate) is_stored: bool,
    /// An equal answer would bring nothing.
    pub(crate) is_whole: bool,
    /// None if the answer was that nothing is new.
    pub(crate) listed: Option<Listed>,
}

/// What is remembered of a list.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) absent: HashSet<Fingerprint>,
    pub(crate) settled: HashSet<Fingerprint>,
}

impl Nodes {
    /// Every node as a round of an earlier leader left it. `monotonic` and `now` are the same moment.
    pub(crate) fn restored(rows: impl IntoIterator<Item = NodeRow>, monotonic: Duration, now: Time) -> Self {
        let restored = |row: NodeRow| {
            let missing = row.missing_since.map(|since| {
                let before = Duration::try_from(now.since(since)).unwrap_or_default();
                Away { from: monotonic, before, since }
            });
            let about = About {
                boot: row.boot,
                rules: row.rules,
                last_pass: row.last_pass,
                truncated: row.truncated,
                ..About::default()
            };
            let last_answer = row.last_answer;
            (row.node, Node { missing, last_answer, about, failures: row.failures, ..Node::default() })
        };
        Self(rows.into_iter().map(restored).collect())
    }

    /// A node that has findings is known even if no slice ever listed it.
    pub(crate) fn add_with_findings(&mut self, node: &str, last_seen: Time) {
        let node = self.0.entry(node.to_owned()).or_default();
        node.last_answer = node.last_answer.max(Some(last_seen));
    }

    /// Takes what the slices list; what they do not list is missing from here on.
    pub(crate) fn discovered(&mut self, targets: BTreeMap<String, Addresses>, monotonic: Duration, now: Time) {
        for (name, node) in &mut self.0 {
            if !targets.contains_key(name) {
                node.addresses.clear();
                node.missing.get_or_insert(Away { from: monotonic, before: Duration::ZERO, since: now });
            }
        }
        for (name, addresses) in targets {
            let node = self.0.entry(name).or_default();
            (node.addresses, node.missing) = (addresses, None);
        }
    }

    /// Whom to ask, in order: who waits longest first, who failed last after all others.
    pub(crate) fn to_ask(&self) -> Vec<String> {
        let mut listed: Vec<(&String, &Node)> = self.0.iter().filter(|(_, node)| !node.addresses.is_empty()).collect();
        listed.sort_by_key(|(name, node)| (node.failures > 0, node.asked_in, *name));
        listed.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// What is known of a node that is being asked in this round.
    pub(crate) fn ask(&mut self, name: &str, round: u64) -> Option<&mut Node> {
        let node = self.0.get_mut(name)?;
        (node.asked_in, node.last) = (round, Last::NotAsked);
        Some(node)
    }

    /// A node did not answer, or not as it should: what it said before stays.
    pub(crate) fn failed(&mut self, name: &str, failure: Failure, before: Option<Before>) {
        if let Some(node) = self.0.get_mut(name) {
            if let Some(Before { absent, settled, passes: _ }) = before {
                (node.absent, node.settled) = (absent, settled);
            }
            node.last = Last::Failed(failure);
            node.failures = node.failures.saturating_add(1);
        }
    }

    /// A node has answered.
    pub(crate) fn heard(&mut self, name: &str, heard: Heard) {
        let Some(node) = self.0.get_mut(name) else { return };
        let Heard { about, at, is_stored, is_whole, listed } = heard;
        node.last = match (is_stored, about.is_overdue(at)) {
            (false, _) => Last::NotStored,
            (true, true) => Last::Overdue,
            (true, false) => Last::Answered,
        };
        (node.failures, node.last_answer) = (0, Some(at));
        let is_unchanged = listed.is_none();
        if let Some(Listed { absent, settled }) = listed
            && is_stored
        {
            (node.absent, node.settled) = (absent, settled);
        }
        node.etag = match (is_stored && is_whole, is_unchanged) {
            (true, true) => node.etag.take(),
            (true, false) => about.etag.clone(),
            (false, _) => None,
        };
        node.about = about;
    }

    /// Nodes that are missing, and for how long.
    pub(crate) fn missing(&self, monotonic: Duration) -> Vec<Missing> {
        let since = |(node, of): (&String, &Node)| {
            let Away { from, before, since: _ } = of.missing?;
            Some(Missing { node: node.clone(), since: monotonic.saturating_sub(from) + before })
        };
        self.0.iter().filter_map(since).collect()
    }

    /// Nodes that have left are known no more.
    pub(crate) fn let_go(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// How many are known.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// How fresh each is at the end of a round, and its row; `open` says how many violations it has.
    pub(crate) fn rows(
        &mut self,
        round: u64,
        port: u16,
        now: Time,
        open: impl Fn(&str) -> u64,
    ) -> Vec<(NodeRow, Freshness)> {
        self.0.iter_mut().map(|(name, node)| node.row(name, (round, port), now, open(name))).collect()
    }

    /// The same while nobody is asked: none is fresh.
    pub(crate) fn rows_off(&mut self, port: u16, now: Time, open: impl Fn(&str) -> u64) -> Vec<(NodeRow, Freshness)> {
        let off = |(mut row, freshness): (NodeRow, Freshness)| {
            "disabled".clone_into(&mut row.reason);
            let freshness = match freshness {
                Freshness::Fresh => {
                    row.state = NodeState::Stale;
                    Freshness::Stale { since: row.last_answer.unwrap_or(now), reason: row.reason.clone() }
                }
                Freshness::Stale { since, .. } => Freshness::Stale { since, reason: row.reason.clone() },
                never @ (Freshness::Failed { .. } | Freshness::Never) => never,
            };
            (row, freshness)
        };
        self.rows(u64::MAX, port, now, open).into_iter().map(off).collect()
    }
}

impl Node {
    /// What it said of itself last.
    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    fn row(&mut self, name: &str, (round, port): (u64, u16), now: Time, violations: u64) -> (NodeRow, Freshness) {
        let reason = self.reason(round);
        let state = match (reason.is_empty(), self.last_answer) {
            (true, _) => NodeState::Fresh,
            (false, Some(_)) => NodeState::Stale,
            (false, None) => NodeState::Failed,
        };
        let since = match state {
            NodeState::Fresh => None,
            NodeState::Stale | NodeState::Failed => self.stale_since.or(self.last_answer).or(Some(now)),
        };
        self.stale_since = since;
        let freshness = match (state, since) {
            (NodeState::Stale, Some(since)) => Freshness::Stale { since, reason: reason.clone() },
            (NodeState::Failed, _) if self.asked_in == 0 => Freshness::Never,
            (NodeState::Failed, _) => Freshness::Failed { reason: reason.clone() },
            (NodeState::Fresh | NodeState::Stale, _) => Freshness::Fresh,
        };
        let About { boot, last_pass, rules, truncated, .. } = self.about.clone();
        let row = NodeRow {
            node: name.to_owned(),
            // An IPv6 address stands in brackets.
            address: self
                .addresses
                .first()
                .map(|ip| std::net::SocketAddr::new(*ip, port).to_string())
                .unwrap_or_default(),
            state,
            reason,
            last_answer: self.last_answer,
            last_pass,
            violations,
            truncated,
            rules,
            boot,
            failures: self.failures,
            missing_since: self.missing.map(|away| away.since),
        };
        (row, freshness)
    }

    /// Why it is not fresh at the end of this round; empty if it is.
    fn reason(&self, round: u64) -> String {
        let word = match self.last {
            _ if self.missing.is_some() => "missing",
            _ if self.asked_in != round => "not-asked",
            Last::Failed(failure) => return failure.reason(),
            Last::NotAsked => "not-asked",
            Last::Overdue => "pass-overdue",
            Last::NotStored => "not-stored",
            Last::Answered => "",
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests;
