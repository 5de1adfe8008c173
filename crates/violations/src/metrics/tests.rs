//! What is scraped after what the node was told.

use std::sync::Arc;

use processes::matches::{Match, Outcome};
use runtime::metrics::Format;

use super::*;
use crate::fixture::{self, Index};

fn scraped(node: &Node) -> Vec<String> {
    let mut registry = Registry::default();
    register(node, &mut registry);
    let text = registry.encode(Format::Prometheus);
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
    let open = "keelwatch_violations_open{namespace=\"\",severity=\"high\"} 1.0";
    node.take(fixture::pass(Outcome::Ok, vec![fixture::process(1, Severity::High)]));
    check(&node, &[open, "keelwatch_violations_opened_total{severity=\"high\"} 1.0", "keelwatch_processes_up 1.0"]);
    for _ in 0..2 {
        node.take(fixture::pass(Outcome::Partial, Vec::new()));
    }
    assert!(!scraped(&node).iter().any(|line| line.starts_with("keelwatch_violations_open{")));
    check(
        &node,
        &[
            "keelwatch_violations_resolved_total{reason=\"process-gone\"} 1.0",
            "keelwatch_processes_passes_total{result=\"ok\"} 1.0",
            "keelwatch_processes_passes_total{result=\"partial\"} 2.0",
            "keelwatch_processes_pass_duration_seconds_count 3",
        ],
    );
}

#[test]
fn records_without_a_pod_are_told_by_reason() {
    let (node, _clock) = fixture::node();
    node.take(fixture::pass(Outcome::Ok, vec![Arc::new(fixture::in_pod()), Arc::new(fixture::on_host())]));
    check(&node, &["keelwatch_violations_unresolved{reason=\"no-cluster\"} 1.0"]);
}

#[test]
fn a_record_whose_pod_is_known_is_told_by_its_namespace() {
    let (node, _clock) = fixture::node();
    let index = Index::of([]);
    node.ask_of(index.clone());
    node.take(fixture::pass(Outcome::Ok, vec![Arc::new(fixture::in_pod())]));
    check(&node, &["keelwatch_violations_unresolved{reason=\"pod-not-found\"} 1.0"]);
    index.set([fixture::cart()]);
    node.ask_again();
    check(&node, &["keelwatch_violations_open{namespace=\"ns-shop\",severity=\"critical\"} 1.0"]);
    assert!(!scraped(&node).iter().any(|line| line.starts_with("keelwatch_violations_unresolved{")));
}

#[test]
fn a_match_that_a_scope_exempts_counts_as_a_hit_of_its_exemption() {
    let (node, _clock) = fixture::node();
    node.ask_of(Index::of([fixture::cart()]));
    let exemptions = "exemptions: [{reason: a, namespaces: [ci-*]}, {reason: b, namespaces: [ns-*]}]";
    let scope = fixture::scope(serde_json::json!({"reason": "b", "namespaces": ["ns-*"]}));
    let exempt = Arc::new(Match { exempt_if: vec![scope], ..fixture::in_pod() });
    for _ in 0..2 {
        node.take(fixture::pass_by(fixture::rules(exemptions), Outcome::Ok, vec![Arc::clone(&exempt)]));
    }
    check(&node, &["keelwatch_processes_exempted_total{pack=\"miners\"} 1.0"]);
    let hits: Vec<u64> = node.rules().exemptions.iter().map(|exemption| exemption.hits).collect();
    assert_eq!(hits, [0, 1]);
}

#[test]
fn a_node_whose_last_good_pass_is_three_intervals_old_is_down() {
    let (node, clock) = fixture::node();
    node.take(fixture::pass(Outcome::Ok, Vec::new()));
    clock.advance_s(5);
    node.take(fixture::pass(Outcome::Failed, Vec::new()));
    check(&node, &["keelwatch_processes_up 1.0"]);
    clock.advance_s(1);
    check(&node, &["keelwatch_processes_up 0.0", "keelwatch_processes_passes_total{result=\"failed\"} 1.0"]);
}

#[test]
fn beyond_so_many_namespaces_the_rest_is_told_together() {
    let seen = fixture::at(1).wall;
    let sightings = crate::record::Sightings { first: seen, last: seen, count: 1 };
    let record = crate::record::record(&fixture::on_host(), fixture::NODE, sightings);
    let of = |number: usize| Violation { namespace: format!("ns-{number:03}"), ..record.clone() };
    let open: Vec<Violation> = (0..NAMESPACES + 2).chain([NAMESPACES + 1]).map(of).collect();
    let series = open_by_namespace(&open.iter().collect::<Vec<_>>());
    let of = |namespace: &str| series.iter().find(|sample| sample.labels[0].1 == namespace).map(|sample| sample.value);
    assert_eq!((series.len(), of("ns-201"), of("ns-199"), of("_other")), (201, Some(2.0), None, Some(2.0)));
}
