//! Random batches, rounds, silences, restarts and clock jumps leave the book equal to a model of the table of lives.

mod life;

use std::collections::BTreeMap;

use api::finding::{Source, State};
use api::{Severity, Time};
use proptest::prelude::*;

use self::life::{Life, see};
use super::Book;
use crate::batch::{Sighting, Told};
use crate::fixture::{HOUR, Kept, LIMITS, at, fingerprint, sighting, silence, told};
use crate::round::{Freshness, LOOKS};

/// Findings of the model.
const FINDINGS: u32 = 5;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A look: how far the clock moves, what is seen with which severity, what is gone.
    Look {
        moves: i64,
        seen: BTreeMap<u32, Severity>,
        gone: Vec<u32>,
    },
    /// An answer that all is as it was.
    Again {
        moves: i64,
    },
    /// A look whose round is older than the last one.
    Late {
        seen: Vec<u32>,
        gone: Vec<u32>,
    },
    /// The end of a round that the scope answered in, or did not.
    End {
        moves: i64,
        answers: bool,
    },
    Silence {
        namespace: u32,
        lasts: i64,
    },
    EndSilence {
        number: usize,
    },
    Pass {
        moves: i64,
    },
    Restart,
}

/// What the scope is: fresh, or stale since a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Unknown,
    Fresh,
    Silent(i64),
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: i64,
    lives: BTreeMap<u32, Life>,
    /// Id, namespace, until, ended.
    silences: Vec<(String, u32, i64, bool)>,
    /// The round that is under way, and whether it has ended.
    round: u64,
    is_ended: bool,
    scope: Scope,
    stored_scope: Scope,
    /// When the present leader began, if nothing was looked at since.
    not_looked: Option<i64>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let (lives, silences) = (BTreeMap::new(), Vec::new());
        let (scope, stored_scope) = (Scope::Unknown, Scope::Unknown);
        Self { now: 0, lives, silences, round: 0, is_ended: true, scope, stored_scope, not_looked: None }
    }

    fn holding(&self, number: u32, at: i64) -> impl Iterator<Item = &String> {
        let mut ids: Vec<&String> =
            self.silences.iter().filter(|s| s.1 == number % 2 && at < s.2 && !s.3).map(|s| &s.0).collect();
        ids.sort();
        ids.into_iter()
    }

    fn next_silence(&self, number: u32, at: i64, held: Option<&String>) -> Option<String> {
        held.filter(|held| self.holding(number, at).any(|id| id == *held)).or(self.holding(number, at).next()).cloned()
    }

    /// What is in the database after a look that stored something.
    fn looked(&mut self, before: &BTreeMap<u32, Life>) {
        self.scope = Scope::Fresh;
        self.not_looked = None;
        let stored = |lives: &BTreeMap<u32, Life>| -> Vec<_> {
            lives.values().map(|life| (life.stored.clone(), life.history.len())).collect()
        };
        if stored(before) != stored(&self.lives) {
            self.stored_scope = Scope::Fresh;
        }
    }

    fn look(&mut self, seen: &BTreeMap<u32, Severity>, gone: &[u32]) {
        let before = self.lives.clone();
        self.round += 1;
        self.is_ended = false;
        for (number, severity) in seen {
            let held = self.lives.get(number).and_then(|life| life.silence.clone());
            let silence = self.next_silence(*number, self.now, held.as_ref());
            let known = self.lives.remove(number);
            let mut life = see(known, (self.now, *severity), silence);
            life.seen = self.round;
            self.lives.insert(*number, life);
        }
        for number in gone.iter().filter(|number| !seen.contains_key(number)) {
            if let Some(life) = self.lives.get_mut(number).filter(|life| life.state != State::Resolved) {
                life.state = State::Resolved;
                life.resolved = self.now.max(life.last);
                life.silence = None;
                life.store();
                life.history.push("resolved");
            }
        }
        self.looked(&before);
    }

    fn again(&mut self) {
        let before = self.lives.clone();
        self.round += 1;
        self.is_ended = false;
        for life in self.lives.values_mut().filter(|life| life.state != State::Resolved) {
            (life.last, life.count, life.seen) = (life.last.max(self.now), life.count + 1, self.round);
            if life.last - life.stored.0 >= 60 {
                life.store();
            }
        }
        self.looked(&before);
    }

    fn end(&mut self, answers: bool) {
        self.round += u64::from(self.is_ended);
        self.is_ended = true;
        self.not_looked = None;
        if answers {
            self.scope = Scope::Fresh;
            for life in self.lives.values_mut().filter(|life| life.state != State::Resolved && life.seen == self.round)
            {
                life.looks.push(self.round);
                let from = life.looks.len().saturating_sub(LOOKS);
                life.looks.drain(..from);
            }
        } else {
            self.scope = match self.scope {
                Scope::Silent(since) if since < self.now => Scope::Silent(since),
                _ => Scope::Silent(self.now),
            };
        }
        self.stored_scope = self.scope;
    }

    fn silence(&mut self, namespace: u32, lasts: i64) -> String {
        let id = format!("s{:03}", self.silences.len());
        self.silences.push((id.clone(), namespace, self.now + lasts, false));
        // Those that are muted already stay with the silence they have.
        for (_, life) in self.lives.iter_mut().filter(|(number, _)| **number % 2 == namespace) {
            if life.state == State::Open {
                life.mute(Some(id.clone()));
            }
        }
        id
    }

    /// What a silence that ended held gets the one that holds for it then.
    fn end_silence(&mut self, index: usize, at: i64) {
        let id = self.silences[index].0.clone();
        self.silences[index].3 = true;
        for number in 0..FINDINGS {
            if self.lives.get(&number).is_some_and(|life| life.silence.as_ref() == Some(&id)) {
                let next = self.next_silence(number, at, Some(&id));
                self.lives.get_mut(&number).unwrap().mute(next);
            }
        }
    }

    fn pass(&mut self) {
        let now = self.now;
        let over: Vec<usize> =
            (0..self.silences.len()).filter(|n| !self.silences[*n].3 && self.silences[*n].2 <= now).collect();
        for index in &over {
            self.silences[*index].3 = true;
        }
        for index in over {
            self.end_silence(index, self.silences[index].2);
        }
        self.lives.retain(|_, life| life.state != State::Resolved || now - life.resolved < 48 * HOUR);
        // They are listed for thirty days after they ended; nothing here lasts so long.
    }

    pub(crate) fn restart(&mut self) {
        for life in self.lives.values_mut() {
            let (last, count, looks) = life.stored.clone();
            (life.last, life.count, life.looks, life.seen) = (last, count, looks, 0);
        }
        self.scope = self.stored_scope;
        self.not_looked = Some(self.now);
        self.is_ended = true;
    }

    /// Who comes to lead puts right what does not fit its silence.
    pub(crate) fn settle(&mut self) {
        for number in 0..FINDINGS {
            let Some(life) = self.lives.get(&number).filter(|life| life.state != State::Resolved) else { continue };
            let next = self.next_silence(number, self.now, life.silence.as_ref());
            if next != life.silence {
                self.lives.get_mut(&number).unwrap().mute(next);
            }
        }
    }

    /// Makes it happen, and says which silence an operation means.
    pub(crate) fn run(&mut self, op: &Op) -> Option<String> {
        match op {
            Op::Look { moves, .. } | Op::Again { moves } | Op::End { moves, .. } | Op::Pass { moves } => {
                self.now += moves;
            }
            Op::Late { .. } | Op::Silence { .. } | Op::EndSilence { .. } | Op::Restart => {}
        }
        match op {
            Op::Look { seen, gone, .. } => self.look(seen, gone),
            Op::Again { .. } => self.again(),
            Op::Late { .. } => self.look(&BTreeMap::new(), &[]),
            Op::End { answers, .. } => self.end(*answers),
            Op::Silence { namespace, lasts } => return Some(self.silence(*namespace, *lasts)),
            Op::EndSilence { number } => {
                let (id, .., ended) = self.silences.get(*number)?.clone();
                if ended {
                    return None;
                }
                self.end_silence(*number, self.now);
                return Some(id);
            }
            Op::Pass { .. } => self.pass(),
            Op::Restart => self.restart(),
        }
        None
    }

    /// What a book is to say of each finding.
    pub(crate) fn expected(&self) -> Vec<Option<Shown>> {
        let stale = match (self.not_looked, self.scope) {
            (Some(since), _) | (None, Scope::Silent(since)) => Some(at(since)),
            (None, Scope::Fresh | Scope::Unknown) => None,
        };
        let shown = |life: &Life| Shown {
            state: life.state,
            severity: life.severity,
            times: [at(life.first), at(life.last)],
            numbers: [life.count, life.reopened, life.episode],
            silence: life.silence.clone(),
            looks: life.looks.clone(),
            stale,
        };
        (0..FINDINGS).map(|number| self.lives.get(&number).map(shown)).collect()
    }

    pub(crate) const fn round(&self) -> u64 {
        self.round
    }

    pub(crate) fn history(&self, number: u32) -> Vec<&'static str> {
        self.lives.get(&number).map_or_else(Vec::new, |life| life.history.clone())
    }
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Low, Severity::High])
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let seen = || prop::collection::btree_map(0..FINDINGS, severity(), 0..4);
    let numbers = || prop::collection::vec(0..FINDINGS, 0..3);
    let moves = || prop_oneof![6 => 0..90_i64, 1 => -600..0_i64, 1 => 20 * HOUR..30 * HOUR];
    prop_oneof![
        8 => (moves(), seen(), numbers()).prop_map(|(moves, seen, gone)| Op::Look { moves, seen, gone }),
        2 => moves().prop_map(|moves| Op::Again { moves }),
        1 => (numbers(), numbers()).prop_map(|(seen, gone)| Op::Late { seen, gone }),
        5 => (0..30_i64, prop::bool::weighted(0.8)).prop_map(|(moves, answers)| Op::End { moves, answers }),
        2 => (0..2_u32, 1..40 * HOUR).prop_map(|(namespace, lasts)| Op::Silence { namespace, lasts }),
        1 => (0..8_usize).prop_map(|number| Op::EndSilence { number }),
        2 => moves().prop_map(|moves| Op::Pass { moves }),
        1 => Just(Op::Restart),
    ]
}

/// What was seen, as sightings.
pub(crate) fn sightings(seen: &BTreeMap<u32, Severity>) -> Vec<Sighting> {
    seen.iter().map(|(number, severity)| Told { severity: *severity, ..told(*number) }.into()).collect()
}

/// How a scope answers at the end of a round.
pub(crate) fn freshness(answers: bool, now: i64) -> Freshness {
    if answers { Freshness::Fresh } else { Freshness::Stale { since: at(now), reason: "silent".to_owned() } }
}

fn run(kept: &mut Kept, model: &mut Model, op: &Op) {
    let is_ended = model.is_ended;
    let id = model.run(op).unwrap_or_default();
    let now = model.now;
    match op {
        Op::Look { seen, gone, .. } => drop(kept.look(now, sightings(seen), gone)),
        Op::Again { .. } => drop(kept.again(now)),
        Op::Late { seen, gone } => {
            kept.look(now, Vec::new(), &[]);
            let seen = seen.iter().copied().map(sighting).collect();
            assert!(kept.round(0, now, seen, gone).is_err());
        }
        Op::End { answers, .. } => {
            kept.order.round += u64::from(is_ended);
            kept.end(now, freshness(*answers, now));
        }
        Op::Silence { namespace, lasts } => {
            let silence = silence(&id, &format!("ns-{namespace}"), at(now + lasts));
            let plan = kept.book.silence(silence, at(now));
            kept.store(plan);
        }
        Op::EndSilence { .. } => {
            let plan = kept.book.end_silence(&id, at(now));
            kept.store(plan);
        }
        Op::Pass { .. } => {
            let plan = kept.book.pass(at(now));
            kept.store(plan);
        }
        Op::Restart => kept.restart(LIMITS, now),
    }
}

/// What a book says of one finding.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    state: State,
    severity: Severity,
    times: [Time; 2],
    /// Count, reopened, episode.
    numbers: [u64; 3],
    silence: Option<String>,
    looks: Vec<u64>,
    stale: Option<Time>,
}

pub(crate) fn shown(book: &Book) -> Vec<Option<Shown>> {
    let shown = |number| {
        let record = book.get(&fingerprint(number))?;
        Some(Shown {
            state: record.state(),
            severity: record.told.severity,
            times: [record.first_seen, record.last_seen],
            numbers: [record.count, record.reopened, record.episode],
            silence: record.silence().map(str::to_owned),
            looks: record.looks.iter().map(|look| look.round).collect(),
            stale: book.stale(record).map(|stale| stale.since),
        })
    };
    (0..FINDINGS).map(shown).collect()
}

/// What a book counts beside its findings is what they are.
fn tallies(book: &Book) {
    let all = || book.records().filter(|record| record.source == Source::Process);
    for (severity, state) in Severity::ALL.into_iter().flat_map(|severity| State::ALL.map(|state| (severity, state))) {
        let counted = all().filter(|record| record.told.severity == severity && record.state() == state).count();
        assert_eq!(book.tally().of(Source::Process, severity, state), counted);
    }
    let open = all().filter(|record| record.is_open()).count();
    assert_eq!(book.in_scope(Source::Process, "worker-3").count(), open);
}

proptest! {
    #[test]
    fn any_course_of_events_is_what_the_table_says(ops in prop::collection::vec(op(), 1..60)) {
        let (mut kept, mut model) = (Kept::new(LIMITS), Model::new());
        for op in ops {
            run(&mut kept, &mut model, &op);
            prop_assert_eq!(shown(&kept.book), model.expected(), "after {:?}", op);
            for number in 0..FINDINGS {
                prop_assert_eq!(kept.history(number), model.history(number), "finding {} after {:?}", number, op);
            }
            tallies(&kept.book);
        }
    }
}
