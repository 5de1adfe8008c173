//! What becomes of findings from round to round: the tables of the contract.

use findings::record::Life;
use serde_json::{Value, json};

use super::*;

/// Why what is resolved is.
fn reasons(world: &World) -> Vec<Box<str>> {
    world.collector.findings().ask(|book| {
        let reason = |record: &findings::Record| match &record.life {
            Life::Resolved { reason, .. } => Some(reason.clone()),
            Life::Open { .. } => None,
        };
        book.records().filter_map(reason).collect()
    })
}

#[tokio::test]
async fn a_node_that_does_not_answer_keeps_its_findings_until_it_says_that_they_are_gone() {
    let mut world = World::of(1).await;
    world.round().await;
    assert_eq!((world.findings(), world.nodes()), ((4, 0, 0), vec!["agent-1 fresh".to_owned()]));
    world.set(0, Manner::Silent).await;
    world.settings.timeout = Duration::from_millis(100);
    for _ in 0..2 {
        world.round().await;
        assert_eq!((world.findings(), world.nodes()), ((0, 4, 0), vec!["agent-1 stale timeout".to_owned()]));
    }
    world.set(0, Manner::Answers).await;
    world.agents.set_records(0, Vec::new());
    world.settings.timeout = Duration::from_secs(20);
    world.round().await;
    assert_eq!((world.findings(), reasons(&world)), ((0, 0, 4), vec!["process-gone".into(); 4]));
}

#[tokio::test]
async fn what_is_absent_from_the_first_pass_of_an_agent_is_open_until_the_second() {
    let mut world = World::of(1).await;
    world.round().await;
    world.agents.restart(0);
    world.round().await;
    assert_eq!((world.findings(), world.nodes()), ((0, 4, 0), vec!["agent-1 stale status-503".to_owned()]));
    world.pass(0);
    world.round().await;
    assert_eq!(world.findings(), (4, 0, 0));
    world.pass(0);
    world.round().await;
    assert_eq!(world.findings(), (0, 0, 4));
}

#[tokio::test]
async fn of_a_former_agent_absence_counts_the_second_time() {
    let mut world = World::with(1, &Profile { era: Era::Former, ..profile() }).await;
    world.round().await;
    assert_eq!((world.findings(), world.nodes()), ((4, 0, 0), vec!["agent-1 fresh".to_owned()]));
    world.agents.set_records(0, Vec::new());
    world.round().await;
    assert_eq!(world.findings(), (4, 0, 0));
    world.round().await;
    assert_eq!(world.findings(), (0, 0, 4));
}

#[tokio::test]
async fn a_truncated_answer_resolves_only_what_it_lists_as_resolved() {
    let mut world = World::of(1).await;
    world.round().await;
    let mut records = world.agents.records(0);
    records.truncate(2);
    records[0]["status"] = json!("resolved");
    world.agents.set_records(0, records);
    world.agents.truncate(0, 2);
    world.round().await;
    assert_eq!(world.findings(), (3, 0, 1));
    world.agents.truncate(0, 0);
    world.round().await;
    assert_eq!(world.findings(), (1, 0, 3));
}

#[tokio::test]
async fn what_came_and_went_between_two_rounds_is_told_once() {
    let mut world = World::of(1).await;
    let mut records = world.agents.records(0);
    records[0]["status"] = json!("resolved");
    records[0]["resolved_reason"] = json!("rule-removed");
    world.agents.set_records(0, records);
    world.round().await;
    assert_eq!((world.findings(), reasons(&world)), ((3, 0, 1), vec!["rule-removed".into()]));
    let told = async |world: &World| world.collector.findings().changes_after(None, 100).await.unwrap().last;
    let before = told(&world).await;
    assert_eq!(before, 5, "four openings and an end");
    world.pass(0);
    world.round().await;
    assert_eq!((world.findings(), told(&world).await), ((3, 0, 1), before));
}

#[tokio::test]
async fn the_first_sighting_survives_an_agent_that_starts_again() {
    let mut world = World::of(1).await;
    let mut records = world.agents.records(0);
    records.truncate(1);
    let began = "2026-01-02T03:04:05Z";
    records[0]["first_seen"] = json!(began);
    records[0]["count"] = json!(31);
    world.agents.set_records(0, records.clone());
    world.round().await;
    let now = serde_json::to_value(Time::of(world.clock.now())).unwrap();
    (records[0]["first_seen"], records[0]["count"]) = (now, json!(1));
    world.agents.set_records(0, records);
    world.round().await;
    let kept = world.collector.findings().ask(|book| {
        let record = book.records().next().unwrap();
        (record.first_seen.to_string(), record.count)
    });
    assert_eq!(kept, (began.to_owned(), 31));
}

#[tokio::test]
async fn one_of_three_nodes_that_leaves_is_gone_after_ten_minutes() {
    let mut world = World::of(3).await;
    world.round().await;
    world.list(&[0, 2]);
    for (minutes, findings) in [(0, (8, 4, 0)), (9, (8, 4, 0)), (1, (8, 0, 4))] {
        world.advance(Duration::from_mins(minutes));
        world.pass(0);
        world.pass(2);
        world.round().await;
        assert_eq!(world.findings(), findings, "{minutes}");
    }
    assert_eq!(
        (world.nodes(), reasons(&world)),
        (vec!["agent-1 fresh".to_owned(), "agent-3 fresh".to_owned()], vec!["node-gone".into(); 4])
    );
    world.list(&[0, 1, 2]);
    world.round().await;
    assert_eq!(world.findings(), (12, 0, 0), "a node that comes back is asked");
}

#[tokio::test]
async fn many_nodes_that_leave_together_are_not_believed_until_a_day_has_gone_by() {
    let mut world = World::of(5).await;
    world.round().await;
    world.list(&[0, 1, 2]);
    world.round().await;
    assert_eq!(world.metric("keelwatch_violations_discovery_suspect"), Some(0.0));
    world.advance(Duration::from_mins(10));
    world.round().await;
    assert_eq!((world.findings().2, world.metric("keelwatch_violations_discovery_suspect")), (0, Some(1.0)));
    assert!(matches!(world.collector.check(), Check::Warn(why) if why.contains("believed gone")));
    let is_suspect = world.collector.findings().ask(|book| book.round(Source::Process).unwrap().suspect);
    assert!(is_suspect);
    world.advance(Duration::from_hours(24));
    world.round().await;
    assert_eq!((world.findings().2, world.metric("keelwatch_violations_discovery_suspect")), (8, Some(0.0)));
}

#[tokio::test]
async fn a_new_leader_looks_before_anything_is_fresh_or_gone() {
    let mut world = World::of(2).await;
    world.round().await;
    world.set(1, Manner::Dead).await;
    world.elect().await;
    assert_eq!(world.nodes(), ["agent-1 stale not-looked-yet", "agent-2 stale not-looked-yet"]);
    assert_eq!(world.findings(), (0, 8, 0));
    world.round().await;
    assert_eq!(world.nodes(), ["agent-1 fresh", "agent-2 stale refused"]);
    assert_eq!((world.findings(), world.agents.asked(0)), ((4, 4, 0), (2, 0)), "nothing is asked by a tag of before");
}

#[tokio::test]
async fn of_two_nodes_that_claim_a_violation_the_first_keeps_it() {
    let mut world = World::of(2).await;
    world.settings.in_flight = 1;
    let shared: Value = world.agents.records(0)[0].clone();
    world.agents.set_records(0, vec![shared.clone()]);
    world.agents.set_records(1, vec![shared]);
    for round in 1..3 {
        world.round().await;
        let scopes = world
            .collector
            .findings()
            .ask(|book| book.records().map(|record| record.scope.to_string()).collect::<Vec<_>>());
        assert_eq!(scopes, ["agent-1"]);
        assert_eq!(
            world.metric("keelwatch_violations_records_rejected_total{reason=\"duplicate\"}"),
            Some(f64::from(round))
        );
    }
}
