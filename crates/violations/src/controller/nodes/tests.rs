//! Nodes over several rounds.

use super::*;
use crate::fixture::at;

fn monotonic(second: u64) -> Duration {
    at(second).monotonic
}

fn nodes(names: &[&str]) -> Nodes {
    let mut nodes = Nodes::default();
    discover(&mut nodes, names, 0);
    nodes
}

fn discover(nodes: &mut Nodes, names: &[&str], second: u64) {
    let targets = names.iter().map(|name| ((*name).to_owned(), vec!["10.0.0.1".parse().unwrap()])).collect();
    nodes.discovered(targets, monotonic(second), at(second).wall);
}

fn answer(nodes: &mut Nodes, name: &str, round: u64, second: u64) {
    nodes.ask(name, round).unwrap();
    let about = About { etag: Some(HeaderValue::from_static("W/\"a\"")), ..About::default() };
    let at = at(second).wall;
    nodes.heard(name, Heard { about, at, is_stored: true, is_whole: true, listed: Some(Listed::default()) });
}

fn fail(nodes: &mut Nodes, name: &str, round: u64) {
    nodes.ask(name, round).unwrap();
    nodes.failed(name, Failure::Timeout, None);
}

/// State and reason of each.
fn shown(nodes: &mut Nodes, round: u64, second: u64) -> Vec<String> {
    let rows = nodes.rows(round, 9090, at(second).wall, |_| 0);
    rows.iter()
        .map(|(row, _)| format!("{} {} {}", row.node, row.state.as_str(), row.reason).trim().to_owned())
        .collect()
}

#[test]
fn a_node_that_answers_is_fresh_then_stale_and_one_that_never_did_has_failed() {
    let mut nodes = nodes(&["a", "b", "c"]);
    answer(&mut nodes, "a", 1, 0);
    fail(&mut nodes, "b", 1);
    assert_eq!(shown(&mut nodes, 1, 1), ["a fresh", "b failed timeout", "c failed not-asked"]);
    fail(&mut nodes, "a", 2);
    answer(&mut nodes, "c", 2, 60);
    assert_eq!(shown(&mut nodes, 2, 61), ["a stale timeout", "b failed not-asked", "c fresh"]);
}

#[test]
fn a_node_is_stale_since_its_last_answer_until_it_answers_again() {
    let mut nodes = nodes(&["a"]);
    answer(&mut nodes, "a", 1, 10);
    for round in [2, 3] {
        fail(&mut nodes, "a", round);
        let (row, freshness) = nodes.rows(round, 9090, at(60 * round).wall, |_| 2).remove(0);
        assert_eq!(freshness, Freshness::Stale { since: at(10).wall, reason: "timeout".to_owned() });
        assert_eq!(
            (row.failures, row.violations, row.last_answer),
            (u32::try_from(round).unwrap() - 1, 2, Some(at(10).wall))
        );
    }
    answer(&mut nodes, "a", 4, 300);
    assert_eq!(nodes.rows(4, 9090, at(301).wall, |_| 2).remove(0).1, Freshness::Fresh);
}

#[test]
fn whose_passes_stand_still_is_stale() {
    let mut nodes = nodes(&["a"]);
    nodes.ask("a", 1).unwrap();
    let about = About { last_pass: Some(at(0).wall), ..About::default() };
    nodes.heard("a", Heard { about, at: at(31).wall, is_stored: true, is_whole: true, listed: None });
    assert_eq!(shown(&mut nodes, 1, 31), ["a stale pass-overdue"]);
}

#[test]
fn who_waits_longest_is_asked_first_and_who_failed_last() {
    let mut nodes = nodes(&["a", "b", "c", "d"]);
    fail(&mut nodes, "a", 1);
    answer(&mut nodes, "b", 1, 0);
    answer(&mut nodes, "c", 2, 60);
    assert_eq!(nodes.to_ask(), ["d", "b", "c", "a"]);
}

#[test]
fn an_equal_answer_is_asked_for_only_if_it_would_bring_nothing() {
    let mut nodes = nodes(&["a"]);
    answer(&mut nodes, "a", 1, 0);
    let etag = |nodes: &mut Nodes| nodes.ask("a", 2).unwrap().etag.is_some();
    assert!(etag(&mut nodes));
    let unchanged =
        |is_stored| Heard { about: About::default(), at: at(60).wall, is_stored, is_whole: true, listed: None };
    nodes.heard("a", unchanged(true));
    assert!(etag(&mut nodes));
    nodes.heard("a", unchanged(false));
    assert!(!etag(&mut nodes));
}

#[test]
fn a_node_that_no_slice_lists_is_missing_until_one_does() {
    let mut nodes = nodes(&["a", "b"]);
    answer(&mut nodes, "a", 1, 0);
    discover(&mut nodes, &["b"], 60);
    discover(&mut nodes, &["b"], 120);
    assert_eq!(nodes.missing(monotonic(180)), [Missing { node: "a".to_owned(), since: monotonic(120) }]);
    assert_eq!(
        (nodes.to_ask(), shown(&mut nodes, 2, 180)),
        (vec!["b".to_owned()], vec!["a stale missing".to_owned(), "b failed not-asked".to_owned()])
    );
    discover(&mut nodes, &["a", "b"], 240);
    assert_eq!(nodes.missing(monotonic(240)), []);
    discover(&mut nodes, &["b"], 300);
    nodes.let_go("a");
    assert_eq!((nodes.count(), nodes.missing(monotonic(301))), (1, vec![]));
}

#[test]
fn what_an_earlier_leader_knew_goes_on() {
    let mut before = nodes(&["a", "b"]);
    answer(&mut before, "a", 1, 0);
    discover(&mut before, &["b"], 60);
    let rows: Vec<NodeRow> = before.rows(2, 9090, at(61).wall, |_| 0).into_iter().map(|(row, _)| row).collect();
    let mut after = Nodes::restored(rows, Duration::from_secs(3), at(90).wall);
    after.add_with_findings("c", at(5).wall);
    let targets = [("b".to_owned(), vec!["10.0.0.1".parse().unwrap()])].into();
    after.discovered(targets, Duration::from_secs(10), at(90).wall);
    assert_eq!(shown(&mut after, 3, 91), ["a stale missing", "b failed not-asked", "c stale missing"]);
    let since: Vec<String> =
        after.rows(3, 9090, at(91).wall, |_| 0).iter().map(|(row, _)| format!("{:?}", row.missing_since)).collect();
    let told = |second| format!("{:?}", Some(at(second).wall));
    assert_eq!(since, [told(60), "None".to_owned(), told(90)]);
    let missing: Vec<Duration> =
        after.missing(Duration::from_secs(10)).into_iter().map(|missing| missing.since).collect();
    assert_eq!(missing, [Duration::from_secs(37), Duration::ZERO]);
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let mut nodes = Nodes::default();
    let targets = [("a".to_owned(), vec!["fd00::1".parse().unwrap()])].into();
    nodes.discovered(targets, monotonic(0), at(0).wall);
    assert_eq!(nodes.rows(1, 9090, at(0).wall, |_| 0)[0].0.address, "[fd00::1]:9090");
}
