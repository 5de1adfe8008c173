//! The figures of a node: `keelwatch_violations_…` and `keelwatch_processes_…`.
//!
//! Owns their names, types and labels. Each is read at the scrape from what `node` knows: `processes` counts in its
//! reports and knows no registry.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use api::coverage::ExecSource;
use api::violation::{Attribution, ResolvedReason, Status};
use api::{Severity, Violation};
use processes::matches::Unread;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::node::{Known, Node};
use crate::store::{Moment, Store};

/// One figure and how it is read.
struct Figure {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Known, Moment) -> Vec<Sample>,
}

/// Namespaces with series of their own; the rest is told together. A cluster may have thousands, a node runs pods of
/// few.
const NAMESPACES: usize = 200;

/// The last good pass may be this many intervals old before the node counts as not watched.
const INTERVALS: u32 = 3;

/// Serves the figures of this node.
pub fn register(node: &Node, registry: &mut Registry) {
    let help = "Wall time of a pass in seconds";
    registry.register("keelwatch_processes_pass_duration_seconds", &[], help, node.durations().clone());
    for Figure { name, kind, labels, help, read } in OF_VIOLATIONS.iter().chain(OF_PROCESSES) {
        let (entry, node) = (Entry { name, kind: *kind, labels, help }, node.clone());
        registry.read_at_scrape(entry, move || node.read(*read));
    }
}

const OF_VIOLATIONS: &[Figure] = &[
    Figure {
        name: "keelwatch_violations_open",
        kind: Kind::Gauge,
        labels: &["namespace", "severity"],
        help: "Open violations; the namespace is empty for those of no known pod",
        read: |known, _| open_by_namespace(&open(&known.store)),
    },
    Figure {
        name: "keelwatch_violations_opened_total",
        kind: Kind::Counter,
        labels: &["severity"],
        help: "Violations opened, or opened again",
        read: |known, _| {
            let opened = &known.store.tally().opened;
            by_word("severity", Severity::ALL.map(|severity| (severity.as_str(), count(opened.get(&severity)))))
        },
    },
    Figure {
        name: "keelwatch_violations_resolved_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Violations resolved",
        read: |known, _| {
            let resolved = &known.store.tally().resolved;
            by_word("reason", RESOLVED.map(|reason| (reason.as_str(), count(resolved.get(&reason)))))
        },
    },
    Figure {
        name: "keelwatch_violations_dropped_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Open violations left out",
        read: |known, _| by_word("reason", [("store-full", known.store.tally().dropped)]),
    },
    Figure {
        name: "keelwatch_violations_unresolved",
        kind: Kind::Gauge,
        labels: &["reason"],
        help: "Open violations whose pod is not known",
        read: |known, _| unresolved(&open(&known.store)),
    },
];

const OF_PROCESSES: &[Figure] = &[
    Figure {
        name: "keelwatch_processes_up",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while the last good pass is younger than 3 effective intervals",
        read: |known, now| alone(f64::from(u8::from(is_up(known, now)))),
    },
    Figure {
        name: "keelwatch_processes_passes_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Passes",
        read: |known, _| {
            let passes = known.passes;
            by_word("result", [("ok", passes.ok), ("partial", passes.partial), ("failed", passes.failed)])
        },
    },
    Figure {
        name: "keelwatch_processes_pass_cpu_seconds_total",
        kind: Kind::Counter,
        labels: &[],
        help: "CPU of passes and events in seconds",
        read: |known, _| alone(known.counters.cpu.as_secs_f64()),
    },
    Figure {
        name: "keelwatch_processes_pass_interval_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Effective interval after the CPU budget in seconds",
        read: |known, _| alone(known.interval.as_secs_f64()),
    },
    Figure {
        name: "keelwatch_processes_analyzed_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Processes judged",
        read: |known, _| alone(number(known.counters.analyzed)),
    },
    Figure {
        name: "keelwatch_processes_present",
        kind: Kind::Gauge,
        labels: &[],
        help: "Processes in the last pass",
        read: |known, _| alone(number(known.coverage.last_pass.as_ref().map_or(0, |pass| pass.seen))),
    },
    Figure {
        name: "keelwatch_processes_unread_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Processes that could not be read",
        read: |known, _| {
            let Unread { exited, forbidden, io, stuck } = known.counters.unread;
            by_word("reason", [("exited", exited), ("forbidden", forbidden), ("io", io), ("stuck", stuck)])
        },
    },
    Figure {
        name: "keelwatch_processes_new_total",
        kind: Kind::Counter,
        labels: &["source"],
        help: "Processes, by what saw them first",
        read: |known, _| {
            by_word("source", [("pass", known.counters.new_by_pass), ("event", known.counters.new_by_event)])
        },
    },
    Figure {
        name: "keelwatch_processes_forks_total",
        kind: Kind::Counter,
        labels: &[],
        help: "The kernel's fork counter since the start; it counts threads too",
        read: |known, _| alone(number(known.counters.forks)),
    },
    Figure {
        name: "keelwatch_processes_exec_events_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Exec events",
        read: |known, _| {
            let events = known.coverage.exec_events;
            let (read, exited) = (("read", events.read), ("exited", events.exited));
            by_word("result", [read, exited, ("skipped", events.skipped), ("lost", events.lost)])
        },
    },
    Figure {
        name: "keelwatch_processes_exec_events_up",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while the connector delivers",
        read: |known, _| match known.coverage.exec_events.source {
            ExecSource::Connector => alone(1.0),
            ExecSource::Off | ExecSource::Failing => alone(0.0),
        },
    },
    Figure {
        name: "keelwatch_processes_matches_total",
        kind: Kind::Counter,
        labels: &["pack", "severity"],
        help: "New matches",
        read: |known, _| {
            let matches = known.counters.matches.iter();
            matches
                .map(|((pack, severity), matches)| sample([("pack", pack), ("severity", severity.as_str())], *matches))
                .collect()
        },
    },
    Figure {
        name: "keelwatch_processes_exempted_total",
        kind: Kind::Counter,
        labels: &["pack"],
        help: "Matches that an exemption removed",
        read: |known, _| {
            let exempted = known.rules.exempted_by_pack(&known.counters);
            exempted.iter().map(|(pack, count)| sample([("pack", pack)], *count)).collect()
        },
    },
    Figure {
        name: "keelwatch_processes_rules",
        kind: Kind::Gauge,
        labels: &["state"],
        help: "Rules in the set",
        read: |known, _| {
            let (enabled, disabled) = known.rules.rules();
            by_word("state", [("enabled", enabled), ("disabled", disabled)])
        },
    },
    Figure {
        name: "keelwatch_processes_exemptions",
        kind: Kind::Gauge,
        labels: &["state"],
        help: "Exemptions in the set",
        read: |known, now| {
            let (active, expired) = known.rules.exemptions(now.wall);
            by_word("state", [("active", active), ("expired", expired)])
        },
    },
    Figure {
        name: "keelwatch_processes_rules_reloads_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Reloads of the rules",
        read: |known, _| {
            let (ok, refused) = known.rules.reloads();
            by_word("result", [("ok", ok), ("refused", refused)])
        },
    },
    Figure {
        name: "keelwatch_processes_rules_info",
        kind: Kind::Gauge,
        labels: &["revision"],
        help: "Always 1; the label says which set is active",
        read: |known, _| vec![sample([("revision", known.rules.revision())], 1)],
    },
];

/// Reasons for which a node resolves.
const RESOLVED: [ResolvedReason; 3] =
    [ResolvedReason::ProcessGone, ResolvedReason::RuleRemoved, ResolvedReason::Exempt];

fn is_up(known: &Known, now: Moment) -> bool {
    known.last_completed.is_some_and(|last| now.monotonic.saturating_sub(last.monotonic) < known.interval * INTERVALS)
}

fn open(store: &Store) -> Vec<&Violation> {
    store.violations().filter(|violation| violation.status == Status::Active).collect()
}

/// Series of the namespaces with most violations; a namespace that is clean has none.
fn open_by_namespace(open: &[&Violation]) -> Vec<Sample> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for violation in open {
        *totals.entry(&violation.namespace).or_default() += 1;
    }
    let mut ranked: Vec<(&str, u64)> = totals.into_iter().collect();
    ranked.sort_by_key(|(_, total)| Reverse(*total));
    let rest: Vec<&str> = ranked.into_iter().skip(NAMESPACES).map(|(name, _)| name).collect();
    let mut series: BTreeMap<(&str, Severity), u64> = BTreeMap::new();
    for violation in open {
        let namespace = violation.namespace.as_str();
        let namespace = if rest.contains(&namespace) { "_other" } else { namespace };
        *series.entry((namespace, violation.severity)).or_default() += 1;
    }
    let told = |((namespace, severity), count): ((&str, Severity), u64)| {
        sample([("namespace", namespace), ("severity", severity.as_str())], count)
    };
    series.into_iter().map(told).collect()
}

fn unresolved(open: &[&Violation]) -> Vec<Sample> {
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    for violation in open.iter().filter(|violation| violation.attribution == Attribution::Unresolved) {
        *by_reason.entry(violation.attribution_reason.as_str()).or_default() += 1;
    }
    by_reason.into_iter().map(|(reason, count)| sample([("reason", reason)], count)).collect()
}

fn count(counted: Option<&u64>) -> u64 {
    counted.copied().unwrap_or_default()
}

/// Series that differ in one label.
fn by_word<const N: usize>(key: &'static str, values: [(&'static str, u64); N]) -> Vec<Sample> {
    values.map(|(word, value)| sample([(key, word)], value)).into()
}

fn alone(value: f64) -> Vec<Sample> {
    vec![Sample::plain(value)]
}

fn sample<const N: usize>(labels: [(&'static str, &str); N], value: u64) -> Sample {
    Sample { labels: labels.map(|(key, value)| (key, value.to_owned())).into(), value: number(value) }
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
