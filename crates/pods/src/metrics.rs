//! The figures of this room: `keelwatch_pods_…`.
//!
//! Owns their names, types and labels, and the counters that nothing else keeps. What the index knows anyway is read at the scrape.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kubeio::watch::{ListMode, Relist};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::index::{By, Found};
use crate::pods::{Pods, State};

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct Counts {
    events: [AtomicU64; EventKind::ALL.len()],
    relists: [AtomicU64; RELISTS.len()],
    undecodable: AtomicU64,
    /// By key, then by result.
    lookups: [[AtomicU64; Answer::ALL.len()]; KEYS.len()],
    syncs: Syncs,
}

type Syncs = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// What a watch event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Added,
    Modified,
    Unchanged,
    Deleted,
    Bookmark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Hit,
    Tombstone,
    Miss,
}

const RELISTS: [(Relist, &str); 4] = [
    (Relist::Start, "start"),
    (Relist::Expired, "expired"),
    (Relist::Broken, "broken"),
    (Relist::Settings, "settings"),
];

const KEYS: [(By, &str); 5] = [
    (By::Uid, "uid"),
    (By::ConfigHash, "config_hash"),
    (By::Address, "ip"),
    (By::Container, "container"),
    (By::Name, "name"),
];

/// From a laptop's cluster to one that does not answer.
const SYNC_S: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

impl EventKind {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Added, "added"),
        (Self::Modified, "modified"),
        (Self::Unchanged, "unchanged"),
        (Self::Deleted, "deleted"),
        (Self::Bookmark, "bookmark"),
    ];
}

impl Answer {
    const ALL: [(Self, &'static str); 3] = [(Self::Hit, "hit"), (Self::Tombstone, "tombstone"), (Self::Miss, "miss")];
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            events: Default::default(),
            relists: Default::default(),
            undecodable: AtomicU64::new(0),
            lookups: Default::default(),
            syncs: Family::new_with_constructor(|| Histogram::new(SYNC_S)),
        }
    }
}

impl Counts {
    pub(crate) fn event(&self, kind: EventKind, number: u64) {
        add(&self.events[place(&EventKind::ALL, kind)], number);
    }

    pub(crate) fn relisted(&self, reason: Relist) {
        add(&self.relists[place(&RELISTS, reason)], 1);
    }

    pub(crate) fn undecodable(&self) {
        add(&self.undecodable, 1);
    }

    pub(crate) fn synced(&self, mode: ListMode, took: Duration) {
        let mode = match mode {
            ListMode::Streaming => "streaming",
            ListMode::Paged => "paged",
        };
        self.syncs.get_or_create(&[("mode", mode)]).observe(took.as_secs_f64());
    }

    pub(crate) fn looked_up(&self, by: By, found: &Found<'_>) {
        let answer = match found {
            Found::Live(_) => Answer::Hit,
            Found::Tombstone(_) => Answer::Tombstone,
            Found::Missing | Found::Ambiguous(_) => Answer::Miss,
        };
        add(&self.lookups[place(&KEYS, by)][place(&Answer::ALL, answer)], 1);
    }
}

/// Serves the figures of these pods.
pub fn register(pods: &Pods, registry: &mut Registry) {
    let help = "Time from the start of the first list to its end in seconds";
    registry.register("keelwatch_pods_sync_duration_seconds", &["mode"], help, pods.counts().syncs.clone());
    for Figure { name, help, read } in GAUGES {
        let pods = pods.clone();
        registry.gauge(name, help, move || pods.read(read));
    }
    let known = pods.clone();
    registry.gauge("keelwatch_pods_age_seconds", "Age of what is known of pods in seconds", move || {
        known.freshness().age.map_or(f64::INFINITY, |age| age.as_secs_f64())
    });
    for Counter { name, labels, help, read } in COUNTERS {
        let (entry, pods) = (Entry { name, kind: Kind::Counter, labels, help }, pods.clone());
        registry.read_at_scrape(entry, move || read(&pods));
    }
}

struct Figure {
    name: &'static str,
    help: &'static str,
    read: fn(&State) -> f64,
}

struct Counter {
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Pods) -> Vec<Sample>,
}

const GAUGES: &[Figure] = &[
    Figure {
        name: "keelwatch_pods_indexed",
        help: "Live pods in the index",
        read: |state| number(state.index.count() as u64),
    },
    Figure {
        name: "keelwatch_pods_tombstones",
        help: "Deleted pods that can still be asked for",
        read: |state| number(state.index.tombstones(state.now()) as u64),
    },
    Figure {
        name: "keelwatch_pods_index_bytes",
        help: "Memory of the index in bytes by its own estimate, interned texts included",
        read: |state| number(state.index.bytes() as u64),
    },
    Figure {
        name: "keelwatch_pods_synced",
        help: "1 after the first complete list of pods",
        read: |state| f64::from(u8::from(state.is_synced)),
    },
    Figure {
        name: "keelwatch_pods_watch_subscribers",
        help: "Event streams that are connected",
        read: |state| number(state.feed.subscribers() as u64),
    },
];

const COUNTERS: &[Counter] = &[
    Counter {
        name: "keelwatch_pods_events_total",
        labels: &["type"],
        help: "Watch events of pods that were applied",
        read: |pods| by_word("type", &EventKind::ALL, &pods.counts().events),
    },
    Counter {
        name: "keelwatch_pods_relists_total",
        labels: &["reason"],
        help: "Complete lists of pods",
        read: |pods| by_word("reason", &RELISTS, &pods.counts().relists),
    },
    Counter {
        name: "keelwatch_pods_undecodable_total",
        labels: &[],
        help: "Pods that were skipped because they could not be read",
        read: |pods| vec![Sample::plain(value(&pods.counts().undecodable))],
    },
    Counter {
        name: "keelwatch_pods_lookups_total",
        labels: &["key", "result"],
        help: "Look-ups of one pod by a key",
        read: lookups,
    },
    Counter {
        name: "keelwatch_pods_watch_dropped_total",
        labels: &["reason"],
        help: "Event streams that were ended because they were slow, or refused because there were too many",
        read: |pods| {
            let dropped = pods.read(|state| state.feed.dropped());
            let sample = |word: &str, value| Sample { labels: vec![("reason", word.to_owned())], value: number(value) };
            vec![sample("lag", dropped.lag), sample("full", dropped.full)]
        },
    },
];

fn lookups(pods: &Pods) -> Vec<Sample> {
    let mut samples = Vec::new();
    for ((_, key), counts) in KEYS.iter().zip(&pods.counts().lookups) {
        for ((_, result), count) in Answer::ALL.iter().zip(counts) {
            let labels = vec![("key", (*key).to_owned()), ("result", (*result).to_owned())];
            samples.push(Sample { labels, value: value(count) });
        }
    }
    samples
}

fn by_word<T>(label: &'static str, words: &[(T, &str)], counts: &[AtomicU64]) -> Vec<Sample> {
    let sample = |((_, word), count): (&(T, &str), &AtomicU64)| Sample {
        labels: vec![(label, (*word).to_owned())],
        value: value(count),
    };
    words.iter().zip(counts).map(sample).collect()
}

fn place<T: PartialEq + Copy, W>(words: &[(T, W)], wanted: T) -> usize {
    words.iter().position(|(known, _)| *known == wanted).expect("every value has a word")
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

fn value(count: &AtomicU64) -> f64 {
    number(count.load(Ordering::Relaxed))
}

#[expect(clippy::cast_precision_loss, reason = "what is counted here stays below 2^53")]
const fn number(count: u64) -> f64 {
    count as f64
}
