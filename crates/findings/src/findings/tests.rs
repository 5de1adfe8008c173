//! What is stored is what the book says, and a process that begins again goes on from it.

use std::sync::Arc;
use std::time::Duration;

use api::Fingerprint;
use runtime::clock::ManualClock;
use storage::{Statement, Write};

use super::*;
use crate::batch::{Again, Gone, Order, Sighting};
use crate::event::Did;
use crate::fixture::{at, fingerprint, round, sighting, silence};
use crate::record::Record;
use crate::round::Freshness;

async fn storage(folder: &std::path::Path) -> Storage {
    let url = format!("sqlite:{}", folder.join("kw.db").display());
    Storage::open(&storage::Settings { url, ..storage::Settings::default() }, Arc::new(ManualClock::default()))
        .await
        .unwrap()
}

async fn findings(storage: &Storage) -> Findings {
    led(storage, Term::begin(storage, || true).await.unwrap()).await
}

async fn led(storage: &Storage, term: Term) -> Findings {
    let settings = Settings { keep_resolved: Duration::from_hours(48), ..Settings::default() };
    let findings = Findings::open(storage.clone(), &settings, Arc::new(ManualClock::default())).await.unwrap();
    findings.lead(Arc::new(term)).await.unwrap();
    findings
}

fn batch(round: u64, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Batch {
    let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "gone".to_owned() });
    let (source, scope) = (api::finding::Source::Process, "worker-3".to_owned());
    let order = Order { fence: 1, round };
    Batch { source, scope, order, at: at(seconds), seen, gone: gone.collect(), again: None }
}

fn all(findings: &Findings) -> Vec<Record> {
    let mut records: Vec<Record> = findings.ask(|book| book.records().cloned().collect());
    records.sort_by(|a, b| a.told.fingerprint.cmp(&b.told.fingerprint));
    records
}

async fn events(storage: &Storage, of: &Fingerprint) -> Vec<String> {
    const EVENTS: &str = "SELECT event FROM finding_entry WHERE about = $1 ORDER BY number";
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
    let former = led(&storage, term).await;
    let present = findings(&storage).await;
    leads.store(false, std::sync::atomic::Ordering::Relaxed);
    let refused = former.take(batch(1, 0, vec![sighting(1)], &[])).await;
    assert_eq!(refused, Err(StoreError::NotLeading));
    present.take(batch(1, 0, vec![sighting(2)], &[])).await.unwrap();
    assert_eq!(all(&findings(&storage).await).len(), 1);
}

#[tokio::test]
async fn a_leader_that_was_overtaken_and_leads_still_reads_and_decides_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let (one, other) = (findings(&storage).await, findings(&storage).await);
    other.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    let taken = one.take(batch(2, 10, vec![sighting(1), sighting(2)], &[])).await.unwrap();
    let count = one.ask(|book| book.get(&fingerprint(1)).unwrap().count);
    assert_eq!((taken.transitions.len(), count, one.fence()), (1, 2, Some(3)));
}

#[tokio::test]
async fn an_answer_without_changes_is_not_written_and_the_end_of_its_round_is() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    findings.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    let before = tables::state(&storage).await.unwrap();
    let wakes = findings.wakes();
    findings.take(Batch { again: Some(Again { counts: 1 }), ..batch(2, 10, Vec::new(), &[]) }).await.unwrap();
    assert_eq!((tables::state(&storage).await.unwrap(), wakes.has_changed().unwrap()), (before, false));
    let order = Order { fence: 1, round: 2 };
    findings.end_round(round(order, 15, &[("worker-3", Freshness::Fresh)])).await.unwrap();
    assert!(wakes.has_changed().unwrap());
    let late = findings.end_round(round(Order { round: 1, ..order }, 15, &[])).await;
    assert!(matches!(late, Err(StoreError::Superseded(_))), "{late:?}");
}

#[tokio::test]
async fn batches_of_many_scopes_share_commits_and_each_has_its_own_answer() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    let scope = |number: u32| Batch { scope: format!("node-{number}"), ..batch(2, 0, vec![sighting(number)], &[]) };
    findings.take(scope(7)).await.unwrap();
    let before = tables::state(&storage).await.unwrap().revision;
    let late = Batch { order: Order { fence: 1, round: 1 }, ..scope(7) };
    let all = (8..300).map(scope).chain([late]).map(|batch| findings.take(batch));
    let done = futures_util::future::join_all(all).await;
    let opened = done.iter().filter(|done| done.as_ref().is_ok_and(|done| done.transitions.len() == 1)).count();
    let late = done.last().unwrap();
    assert!(opened == 292 && matches!(late, Err(StoreError::Superseded(_))), "{opened} {late:?}");
    let commits = tables::state(&storage).await.unwrap().revision - before;
    assert!(commits <= 3, "{commits} commits");
}

#[tokio::test]
async fn a_replica_tells_of_no_change_that_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let leader = findings(&storage).await;
    let clock = Arc::new(ManualClock::default());
    let follower = Findings::open(storage.clone(), &Settings::default(), clock).await.unwrap();
    leader.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    let told = |changes: Changes| (changes.entries.len(), changes.last, changes.reset);
    assert_eq!(told(leader.changes_after(Some(0), 10).await.unwrap()), (1, 1, false));
    assert_eq!(told(follower.changes_after(Some(0), 10).await.unwrap()), (0, 0, false));
    assert_eq!(told(follower.changes_after(None, 10).await.unwrap()), (0, 0, false));
    // Whoever has heard of it on the leader goes on here.
    assert_eq!(told(follower.changes_after(Some(1), 10).await.unwrap()), (0, 1, false));
    follower.catch_up().await.unwrap();
    assert_eq!(told(follower.changes_after(Some(0), 10).await.unwrap()), (1, 1, false));
    assert_eq!(all(&follower).len(), 1);
}

#[tokio::test]
async fn what_one_batch_holds_that_cannot_be_stored_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    // The database is made to refuse one name.
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON finding WHEN new.document LIKE '%node-3%' \
        BEGIN SELECT raise(ABORT, 'not this one'); END";
    storage.write(Write::new().then(Statement::new(refuse))).await.unwrap();
    let scope = |number: u32| Batch { scope: format!("node-{number}"), ..batch(1, 0, vec![sighting(number)], &[]) };
    let done = futures_util::future::join_all((0..6).map(|number| findings.take(scope(number)))).await;
    let failed: Vec<usize> =
        done.iter().enumerate().filter(|(_, done)| done.is_err()).map(|(place, _)| place).collect();
    assert_eq!((failed, all(&findings).len()), (vec![3], 5));
}

#[tokio::test]
async fn what_a_response_did_is_written_once_until_it_does_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    findings.take(batch(1, 0, vec![sighting(1)], &[])).await.unwrap();
    let note = |response: &str, did| Note {
        fingerprint: fingerprint(1),
        at: at(10),
        response: response.to_owned(),
        did,
        object: "ns/x".to_owned(),
        reason: "miner".to_owned(),
    };
    for did in [Did::Planned, Did::Planned, Did::Applied, Did::Applied] {
        findings.note(vec![note("wasm_plugin", did), note("namespace_label", Did::Refused)]).await.unwrap();
    }
    let unknown = Note { fingerprint: fingerprint(9), ..note("wasm_plugin", Did::Sent) };
    findings.note(vec![unknown]).await.unwrap();
    let again = self::findings(&storage).await;
    again.note(vec![note("wasm_plugin", Did::Applied)]).await.unwrap();
    let words: Vec<String> = events(&storage, &fingerprint(1)).await;
    let did: Vec<&str> = words.iter().skip(1).map(|event| event.split('"').nth(11).unwrap()).collect();
    assert_eq!(did, ["planned", "refused", "applied"]);
}

#[tokio::test]
async fn silences_of_the_settings_come_and_go_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path()).await;
    let findings = findings(&storage).await;
    findings.take(batch(1, 0, vec![sighting(1), sighting(2)], &[])).await.unwrap();
    let of = |namespace: &str, until| crate::settings::SilenceSetting {
        id: "quiet".to_owned(),
        owner: "ops".to_owned(),
        reason: "known".to_owned(),
        until: at(until),
        matches: silence("", namespace, at(0)).matches,
    };
    let (hour, years) = (3600, 400 * 24 * 3600);
    let mut muted = Vec::new();
    for silences in [
        vec![of("ns-0", hour)],
        vec![of("ns-1", hour)],
        Vec::new(),
        vec![of("ns-1", hour)],
        vec![of("ns-1", -hour)],
        vec![of("ns-0", hour)],
        vec![of("ns-0", years)],
    ] {
        findings.apply(&Settings { silences, ..Settings::default() });
        findings.change(What::Settle).await.unwrap();
        muted.push(
            [1, 2].map(|number| findings.ask(|book| book.get(&fingerprint(number)).unwrap().silence().is_some())),
        );
    }
    let (none, first, second) = ([false, false], [true, false], [false, true]);
    assert_eq!(muted, [second, first, none, first, none, second, none]);
    let ended = findings.ask(|book| book.silences().map(|silence| silence.ended.is_some()).collect::<Vec<bool>>());
    assert_eq!(ended, [true]);
}
