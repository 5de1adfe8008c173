//! Two leaders that take turns on one store are as one that begins again at each turn.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use runtime::clock::ManualClock;
use storage::{Storage, Term};

use super::*;
use crate::batch::{Again, Order};
use crate::book::model::{self, Model, Op};
use crate::fixture::{at, fingerprint, round, sighting, silence};

/// One of the two, with the order of its rounds.
struct Leader {
    findings: Findings,
    clock: Arc<ManualClock>,
}

impl Leader {
    async fn begin(storage: &Storage) -> Self {
        let clock = Arc::new(ManualClock::default());
        let settings = Settings { keep_resolved: crate::fixture::LIMITS.keep_resolved, ..Settings::default() };
        let findings = Findings::open(storage.clone(), &settings, clock.clone()).await.unwrap();
        findings.lead(Arc::new(Term::begin(storage, || true).await.unwrap())).await.unwrap();
        Self { findings, clock }
    }

    /// Comes to lead again: its first write is refused, and what the other one did is read.
    async fn takes_over(&self) {
        self.findings.scanned("sha256:0".to_owned(), at(0), "clean".to_owned()).await.unwrap();
    }

    async fn run(&self, op: &Op, (id, serial, now): (String, u64, i64)) {
        let order = Order { fence: self.findings.fence().unwrap(), round: serial };
        let batch = Batch {
            source: api::finding::Source::Process,
            scope: "worker-3".to_owned(),
            order,
            at: at(now),
            seen: Vec::new(),
            gone: Vec::new(),
            again: None,
        };
        match op {
            Op::Look { seen, gone, .. } => {
                let gone = gone.iter().map(|number| gone_of(*number)).collect();
                self.findings.take(Batch { seen: model::sightings(seen), gone, ..batch }).await.unwrap();
            }
            Op::Again { .. } => {
                self.findings.take(Batch { again: Some(Again { counts: 1 }), ..batch }).await.unwrap();
            }
            Op::Late { seen, .. } => {
                self.findings.take(batch.clone()).await.unwrap();
                let seen = seen.iter().copied().map(sighting).collect();
                let order = Order { round: 0, ..order };
                let late = self.findings.take(Batch { order, seen, ..batch }).await;
                assert!(matches!(late, Err(StoreError::Superseded(_))), "{late:?}");
            }
            Op::End { answers, .. } => {
                let ended = round(order, now, &[("worker-3", model::freshness(*answers, now))]);
                self.findings.end_round(ended).await.unwrap();
            }
            Op::Silence { namespace, lasts } => {
                let silence = silence(&id, &format!("ns-{namespace}"), at(now + lasts));
                self.findings.silence(silence, at(now)).await.unwrap();
            }
            Op::EndSilence { .. } => drop(self.findings.end_silence(&id, at(now)).await.unwrap()),
            Op::Pass { .. } => drop(self.findings.pass(at(now)).await.unwrap()),
            Op::Restart => {}
        }
    }
}

fn gone_of(number: u32) -> crate::batch::Gone {
    crate::batch::Gone { fingerprint: fingerprint(number), reason: "gone".to_owned() }
}

async fn take_turns(ops: Vec<(bool, Op)>) {
    let settings = storage::Settings { url: "sqlite::memory:".to_owned(), ..storage::Settings::default() };
    let storage = Storage::open(&settings, Arc::new(ManualClock::default())).await.unwrap();
    let leaders = [Leader::begin(&storage).await, Leader::begin(&storage).await];
    let mut model = Model::new();
    // The second has begun last.
    let mut present = 1;
    model.restart();
    for (turn, op) in ops {
        let next = usize::from(turn);
        if next != present || matches!(op, Op::Restart) {
            let next = if matches!(op, Op::Restart) { 1 - present } else { next };
            leaders[next].clock.set(jiff::Timestamp::from(at(model.now)));
            leaders[next].takes_over().await;
            model.restart();
            model.settle();
            present = next;
        }
        if matches!(op, Op::Restart) {
            continue;
        }
        let id = model.run(&op).unwrap_or_default();
        let now = model.now;
        leaders[present].clock.set(jiff::Timestamp::from(at(now)));
        leaders[present].run(&op, (id, model.round(), now)).await;
        let (shown, expected) = leaders[present].findings.ask(|book| (model::shown(book), model.expected()));
        assert_eq!(shown, expected, "after {op:?}");
    }
    for number in 0..5 {
        let entries = leaders[present].findings.history(&[fingerprint(number).as_str()], 1000).await.unwrap();
        let words: Vec<&str> = entries.iter().rev().map(|entry| entry.event.as_str()).collect();
        if !words.is_empty() && !model.history(number).is_empty() {
            assert!(words.ends_with(&model.history(number)), "{words:?} {:?}", model.history(number));
        }
    }
}

#[test]
fn two_leaders_that_take_turns_are_as_one_that_begins_again() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    let courses = prop::collection::vec((prop::bool::weighted(0.5), model::op()), 1..40);
    runner
        .run(&courses, |ops| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(take_turns(ops));
            Ok(())
        })
        .unwrap();
}
