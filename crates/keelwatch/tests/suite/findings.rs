//! Findings on both databases: what one process stored is what the next one knows.

use std::sync::Arc;
use std::time::Duration;

use api::finding::{Source, Subject};
use api::{Fingerprint, Severity, Time};
use findings::batch::{Again, Gone, Order};
use findings::event::Did;
use findings::silence::{Match, Origin};
use findings::{
    Batch, Facts, Findings, Freshness, Gap, Note, Round, ScopeLook, Settings, Sighting, Silence, StoreError, Told,
};
use jiff::Timestamp;
use runtime::clock::ManualClock;
use serde_json::{Map, Value};
use storage::{Storage, Term};

use crate::postgres::Postgres;
use crate::storage::{of_file, open};

/// Seconds since the clock of the tests began.
pub(crate) fn at(seconds: i64) -> Time {
    Time::of(Timestamp::from_second(1_795_219_200 + seconds).unwrap())
}

pub(crate) fn fingerprint(number: u32) -> Fingerprint {
    Fingerprint::over(["process", &number.to_string()])
}

pub(crate) fn sighting(number: u32) -> Sighting {
    let told = Told {
        fingerprint: fingerprint(number),
        rule: "miner-name".into(),
        severity: Severity::High,
        action: None,
        title: format!("xmrig runs in app cart-{number}").into(),
        description: "A miner.".into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: Some(format!("ns-{}", number % 2).into()),
            pod: Some(format!("cart-{number}").into()),
            pod_uid: None,
            container: None,
            node: Some("worker-3".into()),
        },
        belongs: Arc::default(),
        facts: facts("cmdline", "xmrig\0-o pool"),
        figures: facts("cpu", 0.5),
        exemption: None,
    };
    told.into()
}

fn facts(key: &str, value: impl Into<Value>) -> Facts {
    Facts::from(Map::from_iter([(key.to_owned(), value.into())]))
}

/// A batch of the scope `worker-3` under the number of a leader.
pub(crate) fn batch((fence, round): (i64, u64), seconds: i64, seen: &[u32], gone: &[u32]) -> Batch {
    let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "process-gone".to_owned() });
    Batch {
        source: Source::Process,
        scope: "worker-3".to_owned(),
        order: Order { fence, round },
        at: at(seconds),
        seen: seen.iter().copied().map(sighting).collect(),
        gone: gone.collect(),
        again: None,
    }
}

/// The end of a round in which `worker-3` was looked at, and `worker-4` did not answer.
pub(crate) fn round((fence, round): (i64, u64), seconds: i64) -> Round {
    let look = |scope: &str, freshness| ScopeLook {
        scope: scope.to_owned(),
        freshness,
        detail: facts("address", format!("10.0.0.1 {scope}")),
    };
    let silent = Freshness::Failed { reason: "refused".to_owned() };
    Round {
        source: Source::Process,
        order: Order { fence, round },
        at: at(seconds),
        scopes: vec![look("worker-3", Freshness::Fresh), look("worker-4", silent)],
        complete: false,
        suspect: false,
        gaps: vec![Gap { what: "exempt".to_owned(), why: "by rule".to_owned(), count: 2 }],
    }
}

pub(crate) fn silence(id: &str, namespace: &str, until: i64) -> Silence {
    Silence {
        id: id.to_owned(),
        owner: "ops".to_owned(),
        reason: "known".to_owned(),
        until: at(until),
        matches: Match { namespace: Some(namespace.parse().unwrap()), ..Match::default() },
        created_by: "alice".to_owned(),
        created_at: at(0),
        origin: Origin::Api,
        ended: None,
    }
}

/// A replica that follows; its clock is at the beginning of the tests.
pub(crate) async fn replica(storage: &Storage) -> Findings {
    Findings::open(storage.clone(), &Settings::default(), Arc::new(ManualClock::default())).await.unwrap()
}

/// Makes a replica lead as long as the process does.
pub(crate) async fn leads(findings: &Findings, storage: &Storage) -> i64 {
    findings.lead(Arc::new(Term::begin(storage, || true).await.unwrap())).await.unwrap();
    findings.fence().unwrap()
}

/// Everything that a replica answers from, as text.
pub(crate) fn known(findings: &Findings) -> String {
    findings.ask(|book| {
        let mut records: Vec<String> = book
            .records()
            .map(|record| {
                let stale = book.stale(record);
                format!("{record:?} {stale:?}\n")
            })
            .collect();
        records.sort_unstable();
        let silences: Vec<_> = book.silences().collect();
        let scopes: Vec<_> = book.scopes(Source::Process).collect();
        format!("{}\n{silences:#?}\n{scopes:#?}\n{:#?}", records.concat(), book.round(Source::Process))
    })
}

/// The words of a history, oldest first.
pub(crate) async fn history(findings: &Findings, number: u32) -> Vec<&'static str> {
    let entries = findings.history(&[fingerprint(number).as_str()], 100).await.unwrap();
    entries.iter().rev().map(|entry| entry.event.as_str()).collect()
}

async fn keeps_everything(storage: &Storage) {
    let first = replica(storage).await;
    let fence = leads(&first, storage).await;
    first.silence(silence("s1", "ns-0", 3600), at(0)).await.unwrap();
    let all: Vec<u32> = (0..120).collect();
    first.take(batch((fence, 7), 10, &all, &[])).await.unwrap();
    first.end_round(round((fence, 7), 15)).await.unwrap();
    first.take(batch((fence, 8), 20, &[5], &[3, 4])).await.unwrap();
    let again = Some(Again { counts: 2 });
    // Late enough for the touch to be stored.
    first.take(Batch { again, ..batch((fence, 9), 90, &[], &[]) }).await.unwrap();
    first.end_round(round((fence, 9), 95)).await.unwrap();
    let note = Note {
        fingerprint: fingerprint(1),
        at: at(96),
        response: "wasm_plugin".to_owned(),
        did: Did::Planned,
        object: "ns-1/keelwatch".to_owned(),
        reason: "critical".to_owned(),
    };
    first.note(vec![note.clone(), note]).await.unwrap();
    let follower = replica(storage).await;
    follower_agrees(&first, &follower, storage.is_shared());
    let second = replica(storage).await;
    let later = leads(&second, storage).await;
    assert!(later > fence);
    let late = second.take(batch((fence, 8), 100, &[1], &[])).await;
    assert!(matches!(late, Err(StoreError::Superseded(_))), "{late:?}");
    let stale = second.ask(|book| book.stale(book.get(&fingerprint(1)).unwrap()).unwrap().reason.clone());
    assert_eq!(stale, "not-looked-yet");
    second.take(batch((later, 1), 110, &[1, 3], &[])).await.unwrap();
    let told = second.ask(|book| {
        let record = book.get(&fingerprint(1)).unwrap();
        let looks: Vec<u64> = record.looks.iter().map(|look| look.round).collect();
        (record.count, record.last_seen, looks, book.stale(record).is_none())
    });
    assert_eq!(told, (4, at(110), vec![7], true));
    let ended = second.end_silence("s1", at(120)).await.unwrap();
    assert_eq!(ended.transitions.len(), 59);
    assert_eq!(history(&second, 1).await, ["opened", "response"]);
    assert_eq!(history(&second, 3).await, ["opened", "resolved", "reopened"]);
}

/// Looks that no touch has stored are known to the leader alone.
fn follower_agrees(leader: &Findings, follower: &Findings, is_shared: bool) {
    let without_looks = |text: String| {
        let lines = text.lines().map(|line| match (line.find(", looks: "), line.find("], rounds")) {
            (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to..]),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>()
    };
    if is_shared {
        assert_eq!(without_looks(known(follower)), without_looks(known(leader)));
    }
}

#[tokio::test]
async fn what_one_process_stored_the_next_one_knows_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    keeps_everything(&open(&of_file(folder.path())).await.unwrap()).await;
    keeps_everything(&open("sqlite::memory:").await.unwrap()).await;
}

#[tokio::test]
async fn what_one_process_stored_the_next_one_knows_in_postgres() {
    let Some(server) = Postgres::start() else { return };
    keeps_everything(&open(&server.url()).await.unwrap()).await;
}

/// Watchers resume within what is kept, whatever was forgotten.
async fn tells_what_happened(storage: &Storage) {
    let findings = replica(storage).await;
    let fence = leads(&findings, storage).await;
    let begun = findings.changes_after(None, 10).await.unwrap();
    findings.take(batch((fence, 1), 0, &[1, 2], &[])).await.unwrap();
    findings.take(batch((fence, 2), 10, &[2], &[1])).await.unwrap();
    let told = findings.changes_after(Some(begun.last), 2).await.unwrap();
    let rest = findings.changes_after(Some(told.last), 10).await.unwrap();
    let words: Vec<&str> = told.entries.iter().chain(&rest.entries).map(|entry| entry.event.as_str()).collect();
    assert_eq!((words, rest.last), (vec!["opened", "opened", "resolved"], begun.last + 3));
    let future = findings.changes_after(Some(rest.last + 1), 10).await.unwrap();
    assert_eq!((future.reset, future.last), (true, rest.last));
}

#[tokio::test]
async fn watchers_resume_on_both_databases() {
    tells_what_happened(&open("sqlite::memory:").await.unwrap()).await;
    let Some(server) = Postgres::start() else { return };
    tells_what_happened(&open(&server.url()).await.unwrap()).await;
}

/// One finding that comes and goes all the time, and fifty that come once and go.
async fn bounds_every_table(storage: &Storage) {
    let settings = Settings { history: 10, changes_kept: 500, ..Settings::default() };
    let findings = Findings::open(storage.clone(), &settings, Arc::new(ManualClock::default())).await.unwrap();
    let fence = leads(&findings, storage).await;
    let all: Vec<u32> = (10..60).collect();
    findings.take(batch((fence, 0), 0, &all, &[])).await.unwrap();
    findings.take(batch((fence, 1), 1, &[2], &all)).await.unwrap();
    for round in 0..600 {
        let seconds = i64::try_from(round).unwrap() * 2 + 2;
        let (seen, gone) = if round % 2 == 0 { (&[1, 2], [].as_slice()) } else { (&[2, 2], [1].as_slice()) };
        findings.take(batch((fence, round + 2), seconds, &seen[..2], gone)).await.unwrap();
    }
    let forgotten = Duration::from_secs(30 * 24 * 3600 + 2);
    let late = at(i64::try_from(forgotten.as_secs()).unwrap());
    let before = findings.changes_after(None, 1).await.unwrap().last;
    findings.pass(late).await.unwrap();
    findings.hourly(late).await.unwrap();
    // What is gone is gone from histories too, but for what watchers may resume from.
    assert_eq!(findings.ask(|book| book.records().count()), 2);
    assert!(findings.changes_after(Some(0), 1).await.unwrap().reset);
    let kept = findings.changes_after(Some(before - 500), 2000).await.unwrap();
    assert_eq!((kept.entries.len(), kept.reset), (500, false));
    let hours = findings.trend((at(0), late), &[Source::Process], &["ns-0".to_owned()]).await.unwrap();
    let counts: Vec<_> = hours.into_iter().map(|hour| hour.open).collect();
    assert_eq!(counts, [[(Severity::High, 1)]]);
    let next = findings.trend((at(0), at(3600)), &[], &[]).await.unwrap();
    assert_eq!(next, []);
}

#[tokio::test]
async fn every_table_is_bounded_on_both_databases() {
    bounds_every_table(&open("sqlite::memory:").await.unwrap()).await;
    let Some(server) = Postgres::start() else { return };
    bounds_every_table(&open(&server.url()).await.unwrap()).await;
}
