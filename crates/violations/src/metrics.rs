//! The figures of a node: `keelwatch_violations_…` and `keelwatch_processes_…`.
//!
//! Owns their names, types and labels. Everything is read at the scrape from what `node` knows: `processes` counts in
//! its reports and knows no registry.

use std::collections::BTreeMap;
use std::fmt::Error;

use api::coverage::ExecSource;
use api::violation::{Attribution, AttributionReason, ResolvedReason, Status};
use api::{Severity, Violation};
use processes::matches::Unread;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::node::{Known, Node};
use crate::scrape::{Labels, Scrape, alone, text, word};
use crate::store::{Moment, Store};

/// Namespaces with series of their own; the rest is told together. A cluster may have thousands, a node runs pods of
/// few.
const NAMESPACES: usize = 200;

/// The last good pass may be this many intervals old before the node counts as not watched.
const INTERVALS: u32 = 3;

/// Serves the figures of this node.
pub fn register(node: &Node, registry: &mut Registry) {
    let help = "Wall time of a pass";
    registry.register("keelwatch_processes_pass_duration_seconds", help, node.durations().clone());
    registry.register_collector(Box::new(Figures(node.clone())));
}

#[derive(Debug)]
struct Figures(Node);

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut scrape = Scrape(encoder);
        self.0.read(|known, now| {
            known.store.expire(now.monotonic);
            violations(&known.store, &mut scrape)?;
            passes(known, now, &mut scrape)?;
            processes(known, &mut scrape)?;
            exec_events(known, &mut scrape)?;
            rules(known, now, &mut scrape)
        })
    }
}

fn violations(store: &Store, scrape: &mut Scrape<'_>) -> Result<(), Error> {
    let tally = store.tally();
    let open: Vec<&Violation> = store.violations().filter(|violation| violation.status == Status::Active).collect();
    let help = "Open violations, by namespace (empty: of no pod) and severity";
    scrape.gauge("keelwatch_violations_open", help, open_by_namespace(&open))?;
    let opened = Severity::ALL.map(|severity| {
        (vec![word("severity", severity.as_str())], tally.opened.get(&severity).copied().unwrap_or_default())
    });
    scrape.counter("keelwatch_violations_opened", "Violations opened, or opened again", opened)?;
    let resolved = [ResolvedReason::ProcessGone, ResolvedReason::RuleRemoved, ResolvedReason::Exempt].map(|reason| {
        (vec![word("reason", resolved_label(reason))], tally.resolved.get(&reason).copied().unwrap_or_default())
    });
    scrape.counter("keelwatch_violations_resolved", "Violations resolved, by reason", resolved)?;
    let dropped = [(vec![word("reason", "store-full")], tally.dropped)];
    scrape.counter("keelwatch_violations_dropped", "Open violations left out, by reason", dropped)?;
    let help = "Open violations whose pod is not known, by reason";
    scrape.gauge("keelwatch_violations_unresolved", help, unresolved(&open))
}

/// Series of the namespaces with most violations; a namespace that is clean has none.
fn open_by_namespace(open: &[&Violation]) -> Vec<(Labels, u64)> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for violation in open {
        *totals.entry(&violation.namespace).or_default() += 1;
    }
    let mut ranked: Vec<(&str, u64)> = totals.into_iter().collect();
    ranked.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    let rest: Vec<&str> = ranked.split_off(ranked.len().min(NAMESPACES)).into_iter().map(|(name, _)| name).collect();
    let mut series: BTreeMap<(&str, Severity), u64> = BTreeMap::new();
    for violation in open {
        let namespace = violation.namespace.as_str();
        let namespace = if rest.contains(&namespace) { "_other" } else { namespace };
        *series.entry((namespace, violation.severity)).or_default() += 1;
    }
    let labels =
        |namespace, severity: Severity| vec![text("namespace", namespace), word("severity", severity.as_str())];
    series.into_iter().map(|((namespace, severity), count)| (labels(namespace, severity), count)).collect()
}

fn unresolved(open: &[&Violation]) -> Vec<(Labels, u64)> {
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    for violation in open.iter().filter(|violation| violation.attribution == Attribution::Unresolved) {
        *by_reason.entry(reason_label(violation.attribution_reason)).or_default() += 1;
    }
    by_reason.into_iter().map(|(reason, count)| (vec![text("reason", reason)], count)).collect()
}

fn passes(known: &Known, now: Moment, scrape: &mut Scrape<'_>) -> Result<(), Error> {
    let up = known
        .last_completed
        .is_some_and(|last| now.monotonic.saturating_sub(last.monotonic) < known.interval * INTERVALS);
    let help = "1 while the last good pass is younger than 3 effective intervals";
    scrape.gauge("keelwatch_processes_up", help, alone(u64::from(up)))?;
    let passes = [("ok", known.passes.ok), ("partial", known.passes.partial), ("failed", known.passes.failed)];
    scrape.counter("keelwatch_processes_passes", "Passes, by result", labeled("result", passes))?;
    let cpu = known.counters.cpu.as_secs_f64();
    scrape.counter("keelwatch_processes_pass_cpu_seconds", "CPU of passes and events", alone(cpu))?;
    let help = "Effective interval after the CPU budget";
    scrape.gauge("keelwatch_processes_pass_interval_seconds", help, alone(known.interval.as_secs_f64()))
}

fn processes(known: &Known, scrape: &mut Scrape<'_>) -> Result<(), Error> {
    let counters = &known.counters;
    scrape.counter("keelwatch_processes_analyzed", "Processes judged", alone(counters.analyzed))?;
    let present = known.coverage.last_pass.as_ref().map_or(0, |pass| pass.seen);
    scrape.gauge("keelwatch_processes_present", "Processes in the last pass", alone(present))?;
    let Unread { exited, forbidden, io, stuck } = counters.unread;
    let unread = [("exited", exited), ("forbidden", forbidden), ("io", io), ("stuck", stuck)];
    scrape.counter("keelwatch_processes_unread", "Processes that could not be read", labeled("reason", unread))?;
    let new = [("pass", counters.new_by_pass), ("event", counters.new_by_event)];
    scrape.counter("keelwatch_processes_new", "Processes, by what saw them first", labeled("source", new))?;
    scrape.counter("keelwatch_processes_forks", "The kernel's fork counter since the start", alone(counters.forks))?;
    let matches = counters
        .matches
        .iter()
        .map(|((pack, severity), count)| (vec![text("pack", pack), word("severity", severity.as_str())], *count));
    scrape.counter("keelwatch_processes_matches", "New matches, by pack and severity", matches)?;
    let exempted = counters.exempted.iter().map(|(pack, count)| (vec![text("pack", pack)], *count));
    scrape.counter("keelwatch_processes_exempted", "Matches that an exemption removed, by pack", exempted)
}

fn exec_events(known: &Known, scrape: &mut Scrape<'_>) -> Result<(), Error> {
    let events = known.coverage.exec_events;
    let results =
        [("read", events.read), ("exited", events.exited), ("skipped", events.skipped), ("lost", events.lost)];
    scrape.counter("keelwatch_processes_exec_events", "Exec events, by result", labeled("result", results))?;
    let up = match events.source {
        ExecSource::Connector => 1_u64,
        ExecSource::Off | ExecSource::Failing => 0,
    };
    scrape.gauge("keelwatch_processes_exec_events_up", "1 while the connector delivers", alone(up))
}

fn rules(known: &Known, now: Moment, scrape: &mut Scrape<'_>) -> Result<(), Error> {
    let rules = &known.rules;
    let (enabled, disabled) = rules.rules();
    let states = [("enabled", enabled), ("disabled", disabled)];
    scrape.gauge("keelwatch_processes_rules", "Rules in the set, by state", labeled("state", states))?;
    let (active, expired) = rules.exemptions(now.wall);
    let states = [("active", active), ("expired", expired)];
    scrape.gauge("keelwatch_processes_exemptions", "Exemptions in the set, by state", labeled("state", states))?;
    let (ok, refused) = rules.reloads();
    let results = [("ok", ok), ("refused", refused)];
    scrape.counter("keelwatch_processes_rules_reloads", "Reloads of the rules", labeled("result", results))?;
    let revision = vec![text("revision", rules.revision())];
    scrape.gauge("keelwatch_processes_rules_info", "The active set, by revision", [(revision, 1_u64)])
}

/// Series that differ in one label.
fn labeled<const N: usize>(key: &'static str, values: [(&'static str, u64); N]) -> [(Labels, u64); N] {
    values.map(|(value, count)| (vec![word(key, value)], count))
}

const fn resolved_label(reason: ResolvedReason) -> &'static str {
    match reason {
        ResolvedReason::ProcessGone => "process-gone",
        ResolvedReason::RuleRemoved => "rule-removed",
        ResolvedReason::Exempt => "exempt",
        ResolvedReason::NodeGone => "node-gone",
    }
}

const fn reason_label(reason: AttributionReason) -> &'static str {
    match reason {
        AttributionReason::None => "",
        AttributionReason::PodNotFound => "pod-not-found",
        AttributionReason::NoCluster => "no-cluster",
        AttributionReason::NoPodUid => "no-pod-uid",
        AttributionReason::UnknownCgroup => "unknown-cgroup",
        AttributionReason::CgroupUnreadable => "cgroup-unreadable",
        AttributionReason::WrongNode => "wrong-node",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use processes::matches::Outcome;

    use super::*;
    use crate::fixture;

    fn scraped(node: &Node) -> Vec<String> {
        let mut registry = Registry::default();
        register(node, &mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(node: &Node, expected: &[&str]) {
        let scraped = scraped(node);
        for line in expected {
            assert!(scraped.iter().any(|scraped| scraped == line), "no `{line}` in {scraped:#?}");
        }
    }

    #[test]
    fn open_violations_are_told_by_namespace_and_severity_and_vanish_when_clean() {
        let (node, _clock) = fixture::node();
        let open = "keelwatch_violations_open{namespace=\"\",severity=\"high\"} 1";
        node.take(fixture::pass(Outcome::Ok, vec![fixture::process(1, Severity::High)]));
        check(&node, &[open, "keelwatch_violations_opened_total{severity=\"high\"} 1", "keelwatch_processes_up 1"]);
        for _ in 0..2 {
            node.take(fixture::pass(Outcome::Partial, Vec::new()));
        }
        assert!(!scraped(&node).iter().any(|line| line.starts_with("keelwatch_violations_open{")));
        check(
            &node,
            &[
                "keelwatch_violations_resolved_total{reason=\"process-gone\"} 1",
                "keelwatch_processes_passes_total{result=\"ok\"} 1",
                "keelwatch_processes_passes_total{result=\"partial\"} 2",
                "keelwatch_processes_pass_duration_seconds_count 3",
            ],
        );
    }

    #[test]
    fn records_without_a_pod_are_told_by_reason() {
        let (node, _clock) = fixture::node();
        node.take(fixture::pass(Outcome::Ok, vec![Arc::new(fixture::in_pod()), Arc::new(fixture::on_host())]));
        check(&node, &["keelwatch_violations_unresolved{reason=\"no-cluster\"} 1"]);
    }

    #[test]
    fn a_node_whose_last_good_pass_is_three_intervals_old_is_down() {
        let (node, clock) = fixture::node();
        node.take(fixture::pass(Outcome::Ok, Vec::new()));
        clock.advance_s(5);
        node.take(fixture::pass(Outcome::Failed, Vec::new()));
        check(&node, &["keelwatch_processes_up 1"]);
        clock.advance_s(1);
        check(&node, &["keelwatch_processes_up 0", "keelwatch_processes_passes_total{result=\"failed\"} 1"]);
    }

    #[test]
    fn beyond_so_many_namespaces_the_rest_is_told_together() {
        let seen = fixture::at(1).wall;
        let sightings = crate::record::Sightings { first: seen, last: seen, count: 1 };
        let record = crate::record::record(&fixture::on_host(), fixture::NODE, sightings);
        let of = |number: usize| Violation { namespace: format!("ns-{number:03}"), ..record.clone() };
        let open: Vec<Violation> = (0..NAMESPACES + 2).chain([NAMESPACES + 1]).map(of).collect();
        let series = open_by_namespace(&open.iter().collect::<Vec<_>>());
        let of = |namespace: &str| series.iter().find(|(labels, _)| labels[0].1 == namespace).map(|(_, count)| *count);
        assert_eq!((series.len(), of("ns-201"), of("ns-199"), of("_other")), (201, Some(2), None, Some(2)));
    }
}
