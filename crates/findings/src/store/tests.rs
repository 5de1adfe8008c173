//! What is stored is what the book says, and a process that begins again goes on from it.

use std::sync::Arc;
use std::time::Duration;

use api::Fingerprint;
use runtime::clock::ManualClock;
use storage::{Settings, Statement, Write};

use super::*;
use crate::batch::{Gone, Order, Sighting};
use crate::fixture::{LIMITS, at, fingerprint, sighting, silence};
use crate::record::Record;

async fn storage(folder: &std::path::Path) -> Storage {
    let url = format!("sqlite:{}", folder.join("kw.db").display());
    Storage::open(&Settings { url, ..Settings::default() }, Arc::new(ManualClock::default())).await.unwrap()
}

async fn findings(storage: &Storage) -> Findings {
    let term = Term::begin(storage, || true).await.unwrap();
    Findings::open(storage.clone(), term, LIMITS, Arc::new(ManualClock::default())).await.unwrap()
}

fn batch(round: u64, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Batch {
    let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "gone".to_owned() });
    let (source, scope) = (api::finding::Source::Process, "worker-3".to_owned());
    Batch { source, scope, order: Order { fence: 1, round }, at: at(seconds), seen, gone: gone.collect() }
}

fn all(findings: &Findings) -> Vec<Record> {
    let mut records: Vec<Record> = findings.ask(|book| book.records().cloned().collect());
    records.sort_by(|a, b| a.told.fingerprint.cmp(&b.told.fingerprint));
    records
}

async fn events(storage: &Storage, of: &Fingerprint) -> Vec<String> {
    const EVENTS: &str = "SELECT event FROM finding_event WHERE fingerprint = $1 ORDER BY number";
    let rows = storage.read(Statement::new(EVENTS).bind(of.as_str())).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_process_that_begins_again_knows_every_finding_silence_and_round() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let first = findings(&storage).await;
    first.silence(silence("s1", "ns-0", at(3600)), at(0)).await.unwrap();
    // More than one statement takes, and a rest.
    first.take(batch(7, 10, (0..120).map(sighting).collect(), &[])).await.unwrap();
    first.take(batch(8, 20, Vec::new(), &[3, 4])).await.unwrap();
    let second = findings(&storage).await;
    assert_eq!(all(&second), all(&first));
    let late = second.take(batch(7, 30, vec![sighting(1)], &[])).await;
    assert!(matches!(late, Err(StoreError::Superseded(_))), "{late:?}");
    let ended = second.end_silence("s1", at(40)).await.unwrap();
    assert_eq!(ended.transitions.len(), 59);
    let expected = [r#"{"event":"opened"}"#, r#"{"event":"resolved","reason":"gone"}"#];
    assert_eq!(events(&storage, &fingerprint(3)).await, expected);
}

#[tokio::test]
async fn what_could_not_be_stored_did_not_happen_and_is_told_again_by_the_next_round() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    storage.write(Write::new().then(Statement::new("PRAGMA query_only = ON"))).await.unwrap();
    let failed = findings.take(batch(1, 0, vec![sighting(1)], &[])).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(Failure::ReadOnly(_)))), "{failed:?}");
    assert_eq!(all(&findings), []);
    let stored = findings.take(batch(2, 10, vec![sighting(1)], &[])).await.unwrap();
    assert_eq!((stored.transitions.len(), events(&storage, &fingerprint(1)).await.len()), (1, 1));
}

#[tokio::test]
async fn a_leader_that_was_superseded_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let leads = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = leads.clone();
    let term = Term::begin(&storage, move || asked.load(std::sync::atomic::Ordering::Relaxed)).await.unwrap();
    let former = Findings::open(storage.clone(), term, LIMITS, Arc::new(ManualClock::default())).await.unwrap();
    let present = findings(&storage).await;
    leads.store(false, std::sync::atomic::Ordering::Relaxed);
    let refused = former.take(batch(1, 0, vec![sighting(1)], &[])).await;
    assert_eq!(refused, Err(StoreError::Unavailable(Failure::NotLeading)));
    present.take(batch(1, 0, vec![sighting(2)], &[])).await.unwrap();
    assert_eq!(all(&findings(&storage).await).len(), 1);
}

#[tokio::test]
async fn a_history_keeps_its_first_entry_and_the_latest() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    for round in 0..10 {
        let seconds = i64::try_from(round).unwrap() * 10;
        findings.take(batch(2 * round, seconds, vec![sighting(1)], &[])).await.unwrap();
        findings.take(batch(2 * round + 1, seconds + 5, Vec::new(), &[1])).await.unwrap();
    }
    findings.trim(4).await.unwrap();
    let kept = events(&storage, &fingerprint(1)).await;
    let words: Vec<&str> = kept.iter().map(|event| event.split('"').nth(3).unwrap()).collect();
    assert_eq!(words, ["opened", "resolved", "reopened", "resolved"]);
}

#[tokio::test]
async fn what_goes_takes_its_history_along() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    findings.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    findings.take(batch(2, 10, Vec::new(), &[1])).await.unwrap();
    let late = at(10 + i64::try_from(Duration::from_hours(48).as_secs()).unwrap());
    findings.pass(late).await.unwrap();
    assert_eq!((all(&findings), events(&storage, &fingerprint(1)).await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_leader_that_was_overtaken_and_leads_still_reads_before_it_decides_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let (one, other) = (findings(&storage).await, findings(&storage).await);
    other.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    let refused = one.take(batch(2, 10, vec![sighting(1)], &[])).await;
    assert_eq!(refused, Err(StoreError::Unavailable(Failure::Fenced { held: 1, current: 2 })));
    let taken = one.take(batch(3, 20, vec![sighting(1)], &[])).await.unwrap();
    assert_eq!((taken.transitions, one.ask(|book| book.get(&fingerprint(1)).unwrap().count)), (Vec::new(), 2));
}
