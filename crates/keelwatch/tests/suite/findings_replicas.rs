//! Findings on several replicas that share a PostgreSQL: what one stores, the others know.

use std::sync::Arc;
use std::time::Duration;

use findings::{Findings, StoreError};
use runtime::clock::ManualClock;
use runtime::shutdown::{Stop, Stopper};
use runtime::tasks::Tasks;
use storage::{Storage, Term};

use crate::findings::{at, batch, fingerprint, history, known, leads, replica, round, silence};
use crate::postgres::Postgres;
use crate::storage::open;

/// A replica that reads on until this is dropped.
struct Running {
    findings: Findings,
    storage: Storage,
    _stopper: Stopper,
    _tasks: Tasks,
}

impl Running {
    async fn start(server: &Postgres) -> Self {
        let storage = open(&server.url()).await.unwrap();
        let findings = replica(&storage).await;
        let (stopper, stop) = Stop::channel();
        let tasks = Tasks::new(Arc::new(ManualClock::default()), stop.clone(), 7);
        findings.start(&tasks, &stop);
        Self { findings, storage, _stopper: stopper, _tasks: tasks }
    }

    async fn leads(&self) -> i64 {
        leads(&self.findings, &self.storage).await
    }
}

/// Waits until a replica knows; a notification takes milliseconds, and a minute is for a slow machine.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .unwrap_or_else(|_| panic!("waited a minute for {what}"));
}

async fn agrees(one: &Running, other: &Running) {
    until("the same answers", || known(&one.findings) == known(&other.findings)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_answers_what_the_leader_stored_within_a_second() {
    let Some(server) = Postgres::start() else { return };
    let (leader, follower) = (Running::start(&server).await, Running::start(&server).await);
    let fence = leader.leads().await;
    let mut wakes = follower.findings.wakes();
    leader.findings.take(batch((fence, 1), 0, &[1, 2, 3], &[])).await.unwrap();
    let began = tokio::time::Instant::now();
    wakes.wait_for(|_| known(&follower.findings).contains("cart-3")).await.unwrap();
    // A follower that only polls would take up to five.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    agrees(&leader, &follower).await;
    leader.findings.take(batch((fence, 2), 90, &[1, 2], &[3])).await.unwrap();
    agrees(&leader, &follower).await;
    leader.findings.end_round(round((fence, 2), 95)).await.unwrap();
    until("the round", || follower.findings.ask(|book| book.round(api::finding::Source::Process).is_some())).await;
    // A finding that is forgotten, and one that comes back although it was.
    leader.findings.pass(at(31 * 24 * 3600)).await.unwrap();
    until("nothing of 3", || follower.findings.ask(|book| book.get(&fingerprint(3)).is_none())).await;
    leader.findings.take(batch((fence, 3), 32 * 24 * 3600, &[1, 2, 3], &[])).await.unwrap();
    until("3 again", || follower.findings.ask(|book| book.get(&fingerprint(3)).is_some())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_that_a_follower_takes_is_in_force_on_the_leader() {
    let Some(server) = Postgres::start() else { return };
    let (leader, follower) = (Running::start(&server).await, Running::start(&server).await);
    let fence = leader.leads().await;
    leader.findings.take(batch((fence, 1), 0, &[1, 2], &[])).await.unwrap();
    let refused = follower.findings.take(batch((fence, 2), 0, &[1], &[])).await;
    assert_eq!(refused, Err(StoreError::NotLeading));
    follower.findings.silence(silence("s1", "ns-1", 3600), at(10)).await.unwrap();
    let muted = |of: &Running, number| {
        of.findings.ask(|book| book.get(&fingerprint(number)).is_some_and(|record| record.silence().is_some()))
    };
    until("it is silenced", || muted(&leader, 1) && muted(&follower, 1)).await;
    assert!(!muted(&leader, 2));
    follower.findings.end_silence("s1", at(20)).await.unwrap();
    until("it is not silenced", || !muted(&leader, 1) && !muted(&follower, 1)).await;
    agrees(&leader, &follower).await;
    assert_eq!(history(&follower.findings, 1).await, ["opened", "silenced", "unsilenced"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_leader_begins_with_nothing_looked_at_and_the_former_one_stores_nothing() {
    let Some(server) = Postgres::start() else { return };
    let (former, present) = (Running::start(&server).await, Running::start(&server).await);
    let proof = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = proof.clone();
    let leads = move || asked.load(std::sync::atomic::Ordering::Relaxed);
    let term = Arc::new(Term::begin(&former.storage, leads).await.unwrap());
    former.findings.lead(term.clone()).await.unwrap();
    let fence = former.findings.fence().unwrap();
    former.findings.take(batch((fence, 1), 0, &[1, 2], &[])).await.unwrap();
    former.findings.end_round(round((fence, 1), 5)).await.unwrap();
    let later = present.leads().await;
    // It has not heard of it, and its proof still holds: the database refuses its number, and it loses it right then.
    proof.store(false, std::sync::atomic::Ordering::Relaxed);
    let refused = former.findings.take(batch((fence, 2), 30, &[1, 2, 9], &[])).await;
    assert_eq!((refused, former.findings.fence()), (Err(StoreError::NotLeading), None));
    present.findings.take(batch((later, 1), 100, &[1, 2], &[])).await.unwrap();
    agrees(&present, &former).await;
    present.findings.end_round(round((later, 1), 105)).await.unwrap();
    let stale = |of: &Running| of.findings.ask(|book| book.stale(book.get(&fingerprint(1)).unwrap()).cloned());
    until("it is looked at", || stale(&former).is_none() && stale(&present).is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_writers_the_one_with_the_older_number_stores_nothing() {
    let Some(server) = Postgres::start() else { return };
    let (older, newer) = (Running::start(&server).await, Running::start(&server).await);
    let past = Term::begin(&older.storage, || true).await.unwrap().fence();
    let fence = newer.leads().await;
    let mut refused = 0;
    for number in 0..500_u32 {
        let stale = "INSERT INTO finding_entry (number, about, happened_at, event) VALUES ($1, 'old', 0, '{}')";
        let statement = storage::Statement::new(stale).bind(i64::from(number) + 1_000_000);
        let late = older.storage.write(storage::Write::new().then(statement).fenced(past));
        let present = newer.findings.take(batch((fence, u64::from(number)), 0, &[number], &[]));
        let (late, present) = tokio::join!(late, present);
        assert_eq!(present.unwrap().transitions.len(), 1);
        refused += usize::from(late.is_err());
    }
    let old = storage::Statement::new("SELECT count(*) FROM finding_entry WHERE about = 'old'");
    assert_eq!((refused, newer.storage.read(old).await.unwrap()[0].int(0)), (500, Ok(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_read_from_where_it_was_left() {
    let Some(mut server) = Postgres::start() else { return };
    let (leader, follower) = (Running::start(&server).await, Running::start(&server).await);
    let fence = leader.leads().await;
    leader.findings.take(batch((fence, 1), 0, &[1, 2], &[])).await.unwrap();
    agrees(&leader, &follower).await;
    server.stop();
    let lost = leader.findings.take(batch((fence, 2), 30, &[1], &[2])).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert_eq!(follower.findings.ask(|book| book.records().count()), 2);
    server.resume();
    let mut done = leader.findings.take(batch((fence, 3), 60, &[1], &[2])).await;
    while done.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        done = leader.findings.take(batch((fence, 3), 60, &[1], &[2])).await;
    }
    assert_eq!(done.unwrap().transitions.len(), 1);
    until("the resolution", || known(&follower.findings).contains("process-gone")).await;
    until("all is well", || follower.findings.check() == runtime::probes::Check::Ok).await;
}
