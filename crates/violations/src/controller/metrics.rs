//! The figures of the collection: `keelwatch_violations_…` of the controller role.
//!
//! Owns their names, types and labels. What findings know is read from them at the scrape, on every replica; what happens in rounds
//! is counted by the leader.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use api::Severity;
use api::finding::Source;
use api::violation::SubjectKind;
use findings::Findings;
use prometheus_client::metrics::histogram::Histogram;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use super::Collector;
use super::failure::Failure;
use super::table::{counts, rows};
use super::wire::NodeState;

/// What is counted.
#[derive(Debug)]
pub(crate) struct Counts {
    ok: AtomicU64,
    not_modified: AtomicU64,
    failures: [AtomicU64; FAILURES.len()],
    malformed: AtomicU64,
    wrong_node: AtomicU64,
    duplicates: AtomicU64,
    rounds: [AtomicU64; Outcome::ALL.len()],
    durations: Histogram,
    is_suspect: AtomicBool,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every node has answered.
    Complete,
    /// Some have not.
    Partial,
    /// There was nobody to ask.
    None,
}

/// One of each kind.
const FAILURES: [Failure; 6] = [
    Failure::Timeout,
    Failure::Refused,
    Failure::Status(0),
    Failure::Unauthorized,
    Failure::TooLarge,
    Failure::Malformed,
];

/// A round of a small cluster takes milliseconds; none is longer than `every`, and the usual one is a minute.
const DURATIONS_S: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

impl Default for Counts {
    fn default() -> Self {
        Self {
            ok: AtomicU64::default(),
            not_modified: AtomicU64::default(),
            failures: Default::default(),
            malformed: AtomicU64::default(),
            wrong_node: AtomicU64::default(),
            duplicates: AtomicU64::default(),
            rounds: Default::default(),
            durations: Histogram::new(DURATIONS_S),
            is_suspect: AtomicBool::default(),
        }
    }
}

impl Counts {
    pub(crate) fn answered(&self, with_a_list: bool) {
        add(if with_a_list { &self.ok } else { &self.not_modified }, 1);
    }

    pub(crate) fn failed(&self, failure: Failure) {
        let place = FAILURES.iter().position(|one| one.as_str() == failure.as_str());
        add(&self.failures[place.unwrap_or_default()], 1);
    }

    pub(crate) fn rejected_malformed(&self, records: u64) {
        add(&self.malformed, records);
    }

    pub(crate) fn rejected_wrong_node(&self, records: u64) {
        add(&self.wrong_node, records);
    }

    pub(crate) fn rejected_duplicates(&self, records: u64) {
        add(&self.duplicates, records);
    }

    pub(crate) fn round(&self, outcome: Outcome, took_s: f64) {
        add(&self.rounds[outcome as usize], 1);
        self.durations.observe(took_s);
    }

    pub(crate) fn malformed(&self) -> u64 {
        get(&self.malformed)
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.is_suspect.load(Ordering::Relaxed)
    }

    pub(crate) fn set_suspect(&self, is_suspect: bool) {
        self.is_suspect.store(is_suspect, Ordering::Relaxed);
    }
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Complete, Self::Partial, Self::None];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// Serves the figures of this collector.
pub fn register(collector: &Collector, registry: &mut Registry) {
    let help = "Time of a collection in seconds";
    registry.register("keelwatch_violations_collect_duration_seconds", &[], help, collector.counts().durations.clone());
    for Figure { name, kind, labels, help, read } in FIGURES {
        let (entry, collector) = (Entry { name, kind: *kind, labels, help }, collector.clone());
        registry.read_at_scrape(entry, move || read(&collector));
    }
}

/// One figure and how it is read.
struct Figure {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Collector) -> Vec<Sample>,
}

const FIGURES: &[Figure] = &[
    Figure {
        name: "keelwatch_violations_cluster_open",
        kind: Kind::Gauge,
        labels: &["severity", "type"],
        help: "Open violations of all nodes",
        read: |collector| cluster_open(collector.findings()),
    },
    Figure {
        name: "keelwatch_violations_nodes",
        kind: Kind::Gauge,
        labels: &["state"],
        help: "Nodes by how fresh what is known of them is",
        read: |collector| {
            let counts = collector.findings().ask(counts);
            let number = |state| match state {
                NodeState::Fresh => counts.fresh,
                NodeState::Stale => counts.stale,
                NodeState::Failed => counts.failed,
            };
            NodeState::ALL.map(|state| sample([("state", state.as_str())], number(state))).into()
        },
    },
    Figure {
        name: "keelwatch_violations_oldest_answer_age_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Time since the oldest last answer of a node that is known",
        read: |collector| {
            let oldest = collector.findings().ask(|book| rows(book).filter_map(|row| row.last_answer).min());
            let age = oldest.map(|oldest| collector.now().since(oldest).as_secs_f64().max(0.0));
            vec![Sample::plain(age.unwrap_or_default())]
        },
    },
    Figure {
        name: "keelwatch_violations_collects_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Collections",
        read: |collector| {
            let of = |outcome: Outcome| {
                sample([("result", outcome.as_str())], get(&collector.counts().rounds[outcome as usize]))
            };
            Outcome::ALL.map(of).into()
        },
    },
    Figure {
        name: "keelwatch_violations_node_requests_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Requests to nodes",
        read: |collector| {
            let counts = collector.counts();
            let answers = [("ok", &counts.ok), ("not_modified", &counts.not_modified)];
            let failures = FAILURES.iter().map(|failure| failure.as_str()).zip(&counts.failures);
            answers.into_iter().chain(failures).map(|(word, count)| sample([("result", word)], get(count))).collect()
        },
    },
    Figure {
        name: "keelwatch_violations_records_rejected_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Records of nodes that were not taken, or not as they were told",
        read: |collector| {
            let counts = collector.counts();
            let of = [
                ("malformed", &counts.malformed),
                ("wrong_node", &counts.wrong_node),
                ("duplicate", &counts.duplicates),
            ];
            of.map(|(word, count)| sample([("reason", word)], get(count))).into()
        },
    },
    Figure {
        name: "keelwatch_violations_discovery_suspect",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while so many nodes are missing from the Service that none of them is believed gone",
        read: |collector| vec![Sample::plain(f64::from(u8::from(collector.counts().is_suspect())))],
    },
];

fn cluster_open(findings: &Findings) -> Vec<Sample> {
    let open = findings.ask(|book| {
        let mut open: BTreeMap<(Severity, &'static str), u64> = BTreeMap::new();
        for record in book.records().filter(|record| record.source == Source::Process && record.is_open()) {
            let kind = record.told.belongs.app.as_ref().map_or(SubjectKind::App, |app| app.kind);
            let word = match kind {
                SubjectKind::App => "app",
                SubjectKind::Devbox => "devbox",
            };
            *open.entry((record.told.severity, word)).or_default() += 1;
        }
        open
    });
    let told = |((severity, kind), count): ((Severity, &'static str), u64)| {
        sample([("severity", severity.as_str()), ("type", kind)], count)
    };
    open.into_iter().map(told).collect()
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn sample<const N: usize>(labels: [(&'static str, &str); N], value: u64) -> Sample {
    Sample { labels: labels.map(|(key, value)| (key, value.to_owned())).into(), value: number(value) }
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}
