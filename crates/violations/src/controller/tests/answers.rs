//! What nodes answer, good and bad, and what a round makes of it.

use serde_json::json;
use simcluster::agents::Garbage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_second_round_of_unchanged_nodes_moves_no_body_and_sees_everything_again() {
    let mut world = World::of(3).await;
    world.round().await;
    world.pass(0);
    world.round().await;
    assert_eq!([0, 1, 2].map(|agent| world.agents.asked(agent)), [(2, 1); 3]);
    let seen = world.collector.findings().ask(|book| {
        let of =
            |node| book.in_scope(Source::Process, node).map(|record| (record.count, record.looks.len())).max().unwrap();
        [of("agent-1"), of("agent-2")]
    });
    let counted = world.agents.records(1)[0]["count"].as_u64().unwrap();
    assert_eq!(seen, [(counted + 1, 2), (counted, 2)], "a pass more on the first, none on the second");
    assert_eq!(world.metric("keelwatch_violations_collects_total{result=\"complete\"}"), Some(2.0));
}

#[tokio::test]
async fn a_round_is_complete_only_if_nodes_left_nothing_out_and_every_record_could_be_read() {
    let mut world = World::of(2).await;
    let mut told = Vec::new();
    let records = world.agents.records(0);
    let mut unreadable = records.clone();
    unreadable[0]["severity"] = json!("colossal");
    for (truncated, records) in [(0, &records), (3, &records), (0, &unreadable), (0, &records)] {
        world.agents.truncate(0, truncated);
        world.agents.set_records(0, records.clone());
        world.round().await;
        told.push(world.collector.findings().ask(|book| {
            let round = book.round(Source::Process).unwrap();
            let gaps: Vec<_> = round.gaps.iter().map(|gap| (gap.why.clone(), gap.count)).collect();
            (round.complete, gaps)
        }));
    }
    let gap = |why: &str, count| vec![(why.to_owned(), count)];
    let expected = [
        (true, Vec::new()),
        (false, gap("left out by nodes whose store is full", 3)),
        (false, gap("malformed", 1)),
        (true, Vec::new()),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn while_a_pod_is_not_known_the_whole_answer_is_asked_for() {
    let mut world = World::of(1).await;
    let mut records = world.agents.records(0);
    records[0]["attribution"] = json!("unresolved");
    records[0]["attribution_reason"] = json!("no-cluster");
    let uid = records[0]["pod_uid"].as_str().unwrap().to_owned();
    world.agents.set_records(0, records);
    world.round().await;
    let mut pod = crate::fixture::cart();
    (pod.uid, pod.node) = (uid, "agent-1".into());
    world.index.set([pod]);
    world.round().await;
    assert_eq!(world.agents.asked(0), (2, 0));
    let named = world.collector.findings().ask(|book| {
        let owned = book.records().filter(|record| record.told.belongs.owner.is_some());
        owned.filter_map(|record| record.told.subject.pod.clone()).collect::<Vec<_>>()
    });
    assert_eq!(named, ["cart-0".into()]);
}

#[tokio::test]
async fn a_node_that_answers_anything_else_fails_alone_and_keeps_what_it_said() {
    let mut world = World::of(9).await;
    world.round().await;
    world.settings.max_body = 64 << 10;
    world.settings.timeout = Duration::from_secs(1);
    let manners = [
        Manner::Garbage(Garbage::Html),
        Manner::Garbage(Garbage::Object),
        Manner::Garbage(Garbage::Null),
        Manner::Garbage(Garbage::Truncated),
        Manner::Huge(17 << 20),
        Manner::Status(500),
        Manner::Dead,
        Manner::Drips(Duration::from_millis(300)),
    ];
    for (agent, manner) in manners.into_iter().enumerate() {
        world.set(agent, manner).await;
        // What was said before is not what would be said now.
        let fewer = world.agents.records(agent).split_off(2);
        world.agents.set_records(agent, fewer);
    }
    world.round().await;
    let reasons = ["malformed", "malformed", "malformed", "malformed", "too-large", "status-500", "refused", "timeout"];
    let mut expected: Vec<String> =
        (1..).zip(reasons).map(|(number, why)| format!("agent-{number} stale {why}")).collect();
    expected.push("agent-9 fresh".to_owned());
    assert_eq!((world.nodes(), world.findings()), (expected, (4, 32, 0)));
    assert_eq!(world.metric("keelwatch_violations_node_requests_total{result=\"malformed\"}"), Some(4.0));
    assert_eq!(world.metric("keelwatch_violations_collects_total{result=\"partial\"}"), Some(1.0));
}

#[tokio::test]
async fn a_node_that_wants_a_token_is_told_the_one_in_the_file() {
    let mut world = World::with(1, &Profile { token: Some("t0ken".to_owned()), ..profile() }).await;
    world.round().await;
    assert_eq!((world.nodes(), world.findings()), (vec!["agent-1 failed unauthorized".to_owned()], (0, 0, 0)));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "t0ken\n").unwrap();
    world.settings.token_file = file.path().display().to_string();
    world.round().await;
    assert_eq!((world.nodes(), world.findings()), (vec!["agent-1 fresh".to_owned()], (4, 0, 0)));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_passed_over_and_nothing_is_believed_absent() {
    let mut world = World::of(1).await;
    world.round().await;
    let mut records = world.agents.records(0);
    records.truncate(2);
    records[1]["pid"] = json!(-7);
    records.push(json!({"cmdline": "x".repeat(10 << 20)}));
    world.agents.set_records(0, records);
    world.round().await;
    assert_eq!((world.nodes(), world.findings()), (vec!["agent-1 fresh".to_owned()], (4, 0, 0)));
    assert_eq!(world.metric("keelwatch_violations_records_rejected_total{reason=\"malformed\"}"), Some(2.0));
    let gaps = world.collector.findings().ask(|book| book.round(Source::Process).unwrap().gaps.clone());
    assert_eq!(gaps.iter().map(|gap| (gap.why.as_str(), gap.count)).collect::<Vec<_>>(), [("malformed", 2)]);
}

#[tokio::test]
async fn a_pod_on_another_node_is_not_named() {
    let mut world = World::of(1).await;
    let mut pod = crate::fixture::cart();
    let records = world.agents.records(0);
    (pod.uid, pod.node) = (records[0]["pod_uid"].as_str().unwrap().to_owned(), "agent-2".into());
    world.index.set([pod]);
    world.round().await;
    let misplaced = world.collector.findings().ask(|book| {
        let reason = |record: &findings::Record| record.told.facts.get("attribution_reason");
        book.records()
            .filter(|record| reason(record) == Some(json!("wrong-node")))
            .map(|record| record.told.subject.pod.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(misplaced, [None]);
    assert_eq!(world.metric("keelwatch_violations_records_rejected_total{reason=\"wrong_node\"}"), Some(1.0));
}

#[tokio::test]
async fn slow_nodes_delay_nobody() {
    let mut world = World::of(4).await;
    world.settings.in_flight = 1;
    world.set(0, Manner::Silent).await;
    world.settings.timeout = Duration::from_secs(1);
    world.round().await;
    assert_eq!(world.nodes(), ["agent-1 failed timeout", "agent-2 fresh", "agent-3 fresh", "agent-4 fresh"]);
}

#[tokio::test]
async fn a_round_ends_when_the_next_is_due_and_those_it_left_come_first() {
    let mut world = World::of(3).await;
    world.settings.in_flight = 1;
    world.settings.every = Duration::from_millis(100);
    world.set(0, Manner::Silent).await;
    world.round().await;
    assert_eq!(world.nodes(), ["agent-1 failed timeout", "agent-2 failed not-asked", "agent-3 failed not-asked"]);
    world.settings.every = Duration::from_mins(1);
    world.set(0, Manner::Answers).await;
    world.round().await;
    assert_eq!(world.nodes(), ["agent-1 fresh", "agent-2 fresh", "agent-3 fresh"]);
}

#[tokio::test]
async fn when_all_bodies_together_hold_too_much_each_hands_in_what_it_has() {
    let mut world = World::of(2).await;
    world.lead.hold_at_most(1);
    world.round().await;
    assert_eq!(
        (world.nodes(), world.findings()),
        (vec!["agent-1 fresh".to_owned(), "agent-2 fresh".to_owned()], (8, 0, 0))
    );
    world.agents.set_records(0, Vec::new());
    world.round().await;
    assert_eq!(world.findings(), (4, 0, 4));
}

/// A node that answers each request with these bytes.
async fn answering(address: &str, answer: Vec<u8>) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            if stream.read(&mut head).await.is_ok() && stream.write_all(&answer).await.is_ok() {
                let _ = stream.read(&mut head).await;
            }
        }
    });
    (port, task)
}

async fn reason_of(answer: Vec<u8>) -> String {
    let mut world = World::of(1).await;
    let (port, task) = answering("127.64.0.1:0", answer).await;
    world.settings.api_port = port;
    world.settings.max_body = 64 << 10;
    world.round().await;
    task.abort();
    world.nodes().remove(0)
}

#[tokio::test]
async fn what_unpacks_to_more_than_may_be_is_too_large() {
    // `[` and a megabyte of spaces after it, as gzip -9 writes them.
    let bomb = include_bytes!("bomb.gz");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    assert_eq!(reason_of([head.as_bytes(), bomb].concat()).await, "agent-1 failed too-large");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let to = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(reason_of(to.into()).await, "agent-1 failed status-302");
}

#[tokio::test]
async fn nothing_new_from_a_node_that_was_not_asked_so_is_no_answer() {
    let answer = "HTTP/1.1 304 Not Modified\r\n\r\n";
    assert_eq!(reason_of(answer.into()).await, "agent-1 failed status-304");
}
