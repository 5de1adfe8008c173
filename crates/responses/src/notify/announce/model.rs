//! Against a naive model: whatever happens to findings and silences, each opening is told once, each end is told once, and none
//! is lost.

use std::collections::{BTreeMap, BTreeSet};

use api::Fingerprint;
use findings::Event;
use proptest::prelude::*;

use super::*;
use crate::notify::fixture::{Kept, at, notifier, seen, seen_of};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// These processes are there, all others are gone.
    Look(BTreeSet<u32>),
    Silence,
    EndSilence,
    /// Seconds go by.
    Wait(i64),
    Sweep,
}

/// An opening of a finding.
type Opening = (Fingerprint, u64);

/// What is owed and what was told, by bookkeeping alone.
#[derive(Debug, Default)]
struct Model {
    /// The opening that each finding is in, if it is to be told.
    owed: BTreeMap<Fingerprint, u64>,
    opened: BTreeSet<Opening>,
    /// Ends that were told, or were told with their beginning.
    resolved: BTreeSet<Opening>,
}

impl Model {
    fn happened(&mut self, book: &Book, plan: &findings::Plan) {
        for transition in &plan.transitions {
            let fingerprint = &transition.fingerprint;
            let episode = book.get(fingerprint).unwrap().episode;
            match transition.event {
                Event::Opened | Event::Reopened | Event::Unsilenced { .. } => {
                    self.owed.insert(fingerprint.clone(), episode);
                }
                Event::Silenced { .. } => drop(self.owed.remove(fingerprint)),
                _ => {}
            }
        }
    }

    fn told(&mut self, message: &Message) -> Result<(), TestCaseError> {
        for item in &message.items {
            let opening = (item.finding.fingerprint.clone(), item.episode);
            let is_over = item.finding.state == State::Resolved;
            if message.event == Happened::Opened {
                prop_assert_eq!(self.owed.get(&opening.0), Some(&opening.1), "told what was not owed");
                self.owed.remove(&opening.0);
                prop_assert!(self.opened.insert(opening.clone()), "opening told twice");
            }
            if message.event == Happened::Resolved {
                prop_assert!(self.opened.contains(&opening), "an end without a beginning");
            }
            if message.event != Happened::Repeated && is_over {
                prop_assert!(self.resolved.insert(opening), "end told twice");
            }
        }
        Ok(())
    }
}

fn sighting(number: u32) -> findings::Sighting {
    if number < 4 { seen(number) } else { seen_of("shop", number) }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::btree_set(0_u32..6, 0..6).prop_map(Step::Look),
        1 => Just(Step::Silence),
        1 => Just(Step::EndSilence),
        3 => (1_i64..300).prop_map(Step::Wait),
        4 => Just(Step::Sweep),
    ]
}

struct Run {
    kept: Kept,
    told: ToldBook,
    model: Model,
    notifier: NotifierSettings,
    now: i64,
    swept: i64,
}

impl Run {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        // What comes in one second has no order that can be known later.
        self.now += 1;
        let plan = self.kept.pass(self.now);
        self.model.happened(&self.kept.book, &plan);
        let plan = match step {
            Step::Look(numbers) => {
                let gone: Vec<u32> = (0..6).filter(|number| !numbers.contains(number)).collect();
                self.kept.look(self.now, numbers.into_iter().map(sighting).collect(), &gone)
            }
            Step::Silence => self.kept.silence(&format!("s{}", self.now), self.now, self.now + 500),
            Step::EndSilence => {
                let Some(id) = self.kept.book.silences().find(|silence| silence.ended.is_none()).map(|s| s.id.clone())
                else {
                    return Ok(());
                };
                self.kept.end_silence(&id, self.now)
            }
            Step::Wait(seconds) => {
                self.now += seconds;
                let plan = self.kept.pass(self.now);
                self.model.happened(&self.kept.book, &plan);
                return if self.now - self.swept > 300 { self.sweep() } else { Ok(()) };
            }
            Step::Sweep => return self.sweep(),
        };
        self.model.happened(&self.kept.book, &plan);
        Ok(())
    }

    fn sweep(&mut self) -> Result<(), TestCaseError> {
        self.swept = self.now;
        let decision = decide(&self.kept.book, &self.told, std::slice::from_ref(&self.notifier), at(self.now));
        self.told.apply(&decision.changes);
        decision.messages.iter().try_for_each(|(_, message)| self.model.told(message))
    }

    /// Nothing happens for long.
    fn end(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..20 {
            self.step(Step::Wait(299))?;
            self.sweep()?;
        }
        prop_assert!(self.model.owed.is_empty(), "never told: {:?}", self.model.owed);
        for record in self.kept.book.records().filter(|record| record.state() == State::Resolved) {
            let opening = (record.told.fingerprint.clone(), record.episode);
            prop_assert_eq!(self.model.opened.contains(&opening), self.model.resolved.contains(&opening));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn nothing_is_told_twice_and_nothing_is_lost(
        steps in prop::collection::vec(step(), 1..60), wait in 0_u64..120, is_event in any::<bool>(),
    ) {
        let kind = if is_event { NotifierKind::Event } else { NotifierKind::Webhook };
        let notifier = NotifierSettings { group_wait: Duration::from_secs(wait), ..notifier(kind) };
        let (kept, told, model) = (Kept::default(), ToldBook::default(), Model::default());
        let mut run = Run { kept, told, model, notifier, now: 0, swept: 0 };
        run.sweep()?;
        for step in steps {
            run.step(step)?;
        }
        run.end()?;
    }
}
