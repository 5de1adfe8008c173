//! Changes as they happen, over restarts too.

use std::time::Duration;

use axum::body::HttpBody as _;
use serde_json::json;

use super::*;

/// What a watcher reads.
struct Reader {
    body: Body,
    last: String,
}

/// Longer than anything that is waited for on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

impl Process {
    async fn watch(&self, query: &str, last: Option<&str>) -> Reader {
        let request = asking(Method::GET, &format!("/api/v1/findings/watch?{query}"), "reader");
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        let response = self.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status().as_u16(), 200);
        Reader { body: response.into_body(), last: String::new() }
    }
}

impl Reader {
    /// The next event: its name and the number of its finding, or `None` at the end.
    async fn next(&mut self) -> Option<(String, Option<u32>)> {
        let (name, data) = self.raw().await?;
        let number = (0..300).find(|number| data["fingerprint"] == json!(sighting(*number).told.fingerprint));
        Some((name, number))
    }

    /// The next event: its name and data.
    async fn raw(&mut self) -> Option<(String, Value)> {
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut self.body).poll_frame(cx));
        let frame = tokio::time::timeout(PATIENCE, frame).await.expect("an event comes")?;
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default();
        if !field("id").is_empty() {
            field("id").clone_into(&mut self.last);
        }
        let data: Value = serde_json::from_str(field("data")).unwrap_or_default();
        Some((field("event").to_owned(), data))
    }

    async fn some(&mut self, count: usize) -> Vec<(String, Option<u32>)> {
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(self.next().await.unwrap());
        }
        told
    }
}

fn told(events: &[(&str, Option<u32>)]) -> Vec<(String, Option<u32>)> {
    events.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

#[tokio::test]
async fn a_watcher_hears_what_happens_from_now_on() {
    let process = Process::with(four()).await;
    let mut reader = process.watch("", None).await;
    assert_eq!(reader.next().await, Some(("synced".to_owned(), None)));
    process.look(vec![sighting(7)], &[0]).await;
    let mut changed = sighting(7);
    changed.told.severity = Severity::Low;
    process.look(vec![changed], &[]).await;
    process.look(four(), &[]).await;
    let until = Timestamp::from(at(3600)).to_string();
    let wish = json!({"owner": "ops", "reason": "known", "until": until, "match": {"fingerprint": sighting(7).told.fingerprint}});
    let silence = process.post("/api/v1/silences", &wish).await.json();
    process.delete(&format!("/api/v1/silences/{}", silence["id"].as_str().unwrap())).await;
    let mut heard = reader.some(6).await;
    heard[..2].sort();
    let expected = [
        ("opened", Some(7)),
        ("resolved", Some(0)),
        ("changed", Some(7)),
        ("reopened", Some(0)),
        ("silenced", Some(7)),
        ("unsilenced", Some(7)),
    ];
    assert_eq!(heard, told(&expected));
}

#[tokio::test]
async fn a_watcher_hears_what_matches_its_filter_and_that_a_finding_has_become_less_severe() {
    let process = Process::new().await;
    let mut reader = process.watch("namespace=ns-1&min_severity=high", None).await;
    let mut everything = process.watch("", None).await;
    for reader in [&mut reader, &mut everything] {
        assert_eq!(reader.next().await, Some(("synced".to_owned(), None)));
    }
    process.look(four(), &[]).await;
    let mut milder = four().remove(3);
    milder.told.severity = Severity::Low;
    process.look(vec![milder], &[]).await;
    process.look(Vec::new(), &[1]).await;
    // Each change is judged by the finding as it is when it is told: this one before the next is made.
    everything.some(6).await;
    let mut worse = four().remove(1);
    worse.told.severity = Severity::Critical;
    process.look(vec![worse], &[]).await;
    let expected = [("opened", Some(3)), ("changed", Some(3)), ("reopened", Some(1))];
    assert_eq!(reader.some(3).await, told(&expected));
}

#[tokio::test]
async fn a_new_watcher_is_told_all_first_if_it_asks_for_that() {
    let process = Process::with((0..250).map(sighting).collect()).await;
    process.look(Vec::new(), &[249]).await;
    let mut reader = process.watch("initial=true", None).await;
    let mut first = reader.some(249).await;
    first.sort();
    let mut expected: Vec<(String, Option<u32>)> = (0..249).map(|number| ("opened".to_owned(), Some(number))).collect();
    expected.sort();
    assert_eq!(first, expected);
    assert_eq!(reader.next().await, Some(("synced".to_owned(), None)));
    process.look(Vec::new(), &[3]).await;
    assert_eq!(reader.next().await, Some(("resolved".to_owned(), Some(3))));
}

#[tokio::test]
async fn a_watcher_that_comes_back_to_another_process_hears_what_it_missed() {
    let process = Process::with(four()).await;
    let mut reader = process.watch("", None).await;
    assert_eq!(reader.next().await, Some(("synced".to_owned(), None)));
    process.look(Vec::new(), &[0]).await;
    assert_eq!(reader.next().await, Some(("resolved".to_owned(), Some(0))));
    let last = reader.last.clone();
    process.look(Vec::new(), &[1]).await;
    process.stopper.stop();
    while let Some((name, _)) = reader.next().await {
        assert!(["resolved", ""].contains(&name.as_str()), "{name}");
    }
    let next = process.again().await;
    next.rounds.set(process.rounds.get());
    let mut reader = next.watch("initial=true", Some(&last)).await;
    assert_eq!(reader.next().await, Some(("resolved".to_owned(), Some(1))));
    next.look(Vec::new(), &[2]).await;
    assert_eq!(reader.next().await, Some(("resolved".to_owned(), Some(2))));
}

#[tokio::test]
async fn a_watcher_that_comes_back_from_nowhere_begins_anew() {
    let process = Process::with(vec![sighting(1)]).await;
    for last in ["99999", "-1", "nonsense"] {
        let mut reader = process.watch("", Some(last)).await;
        assert_eq!(reader.some(2).await, told(&[("reset", None), ("synced", None)]), "{last}");
        let mut reader = process.watch("initial=true", Some(last)).await;
        assert_eq!(reader.some(3).await, told(&[("reset", None), ("opened", Some(1)), ("synced", None)]), "{last}");
        process.look(Vec::new(), &[1]).await;
        assert_eq!(reader.next().await, Some(("resolved".to_owned(), Some(1))));
        process.look(vec![sighting(1)], &[]).await;
        assert_eq!(reader.next().await, Some(("reopened".to_owned(), Some(1))));
    }
}

#[tokio::test]
async fn a_watcher_that_is_far_behind_misses_nothing() {
    let process = Process::new().await;
    let mut reader = process.watch("", None).await;
    assert_eq!(reader.next().await, Some(("synced".to_owned(), None)));
    // More than the ring holds, while nobody reads.
    for round in 0..6 {
        process.look((0..1000).map(|number| sighting(round * 1000 + number)).collect(), &[]).await;
    }
    let mut wakes = process.findings.wakes();
    process.look(Vec::new(), &[]).await;
    wakes.changed().await.unwrap();
    let mut heard = std::collections::BTreeSet::new();
    for _ in 0..6000 {
        let (name, data) = reader.raw().await.unwrap();
        assert_eq!(name, "opened");
        heard.insert(data["fingerprint"].to_string());
    }
    assert_eq!(heard.len(), 6000);
    assert_eq!(process.findings.watchers(), 1);
    drop(reader);
    assert_eq!(process.findings.watchers(), 0);
}
