//! Random batches, silences, restarts and clock jumps leave the book equal to a model of the table of lives.

use std::collections::BTreeMap;

use api::finding::State;
use api::{Severity, Time};
use proptest::prelude::*;

use crate::batch::Sighting;
use crate::fixture::{HOUR, Kept, LIMITS, at, fingerprint, sighting, silence};

#[derive(Debug, Clone)]
enum Op {
    /// A look: how far the clock moves, what is seen with which severity, what is gone.
    Look {
        moves: i64,
        seen: BTreeMap<u32, Severity>,
        gone: Vec<u32>,
    },
    /// A look whose round is older than the last one.
    Late {
        seen: Vec<u32>,
        gone: Vec<u32>,
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

/// One finding, as the table says.
#[derive(Debug, Clone, PartialEq)]
struct Life {
    state: State,
    severity: Severity,
    first: i64,
    last: i64,
    count: u64,
    reopened: u64,
    resolved: i64,
    silence: Option<String>,
    /// Last seen and count in the database.
    stored: (i64, u64),
    history: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    lives: BTreeMap<u32, Life>,
    /// Id, namespace, until, ended.
    silences: Vec<(String, u32, i64, bool)>,
}

impl Model {
    fn holding(&self, number: u32, at: i64) -> impl Iterator<Item = &String> {
        let mut ids: Vec<&String> =
            self.silences.iter().filter(|s| s.1 == number % 2 && at < s.2 && !s.3).map(|s| &s.0).collect();
        ids.sort();
        ids.into_iter()
    }

    fn next_silence(&self, number: u32, at: i64, held: Option<&String>) -> Option<String> {
        held.filter(|held| self.holding(number, at).any(|id| id == *held)).or(self.holding(number, at).next()).cloned()
    }

    fn look(&mut self, seen: &BTreeMap<u32, Severity>, gone: &[u32]) {
        let now = self.now;
        for (number, severity) in seen {
            let known = self.lives.get(number).cloned();
            let held =
                known.as_ref().filter(|life| life.state != State::Resolved).and_then(|life| life.silence.clone());
            let silence = self.next_silence(*number, now, held.as_ref());
            let life = match known {
                None => begin(now, *severity, silence, Vec::new()),
                Some(life) if life.state == State::Resolved && now.max(life.resolved) - life.resolved >= 24 * HOUR => {
                    begin(now.max(life.resolved), *severity, silence, life.history)
                }
                Some(life) => goes_on(life, now, *severity, silence),
            };
            self.lives.insert(*number, life);
        }
        for number in gone.iter().filter(|number| !seen.contains_key(number)) {
            if let Some(life) = self.lives.get_mut(number).filter(|life| life.state != State::Resolved) {
                life.state = State::Resolved;
                life.resolved = now.max(life.last);
                life.silence = None;
                life.stored = (life.last, life.count);
                life.history.push("resolved");
            }
        }
    }

    /// Every open finding gets the silence that holds for it now.
    fn remute(&mut self, at: i64, only: impl Fn(&Life) -> bool) {
        let numbers: Vec<u32> = self.lives.keys().copied().collect();
        for number in numbers {
            let life = self.lives[&number].clone();
            if life.state == State::Resolved || !only(&life) {
                continue;
            }
            let next = self.next_silence(number, at, life.silence.as_ref());
            if next != life.silence {
                let life = self.lives.get_mut(&number).unwrap();
                life.history.push(if next.is_some() { "silenced" } else { "unsilenced" });
                life.state = if next.is_some() { State::Silenced } else { State::Open };
                life.silence = next;
                life.stored = (life.last, life.count);
            }
        }
    }

    fn end(&mut self, index: usize, at: i64) {
        let id = self.silences[index].0.clone();
        self.silences[index].3 = true;
        self.remute(at, |life| life.silence.as_ref() == Some(&id));
    }

    fn restart(&mut self) {
        for life in self.lives.values_mut() {
            (life.last, life.count) = life.stored;
        }
    }
}

fn begin(at: i64, severity: Severity, silence: Option<String>, mut history: Vec<&'static str>) -> Life {
    history.push("opened");
    let state = state_of(silence.as_ref(), &mut history);
    Life { state, severity, first: at, last: at, count: 1, reopened: 0, resolved: 0, silence, stored: (at, 1), history }
}

fn goes_on(mut life: Life, now: i64, severity: Severity, silence: Option<String>) -> Life {
    let at = now.max(life.last);
    life.count += 1;
    let before = life.history.len();
    if life.state == State::Resolved {
        life.last = at.max(life.resolved);
        life.reopened += 1;
        life.history.push("reopened");
        life.state = state_of(silence.as_ref(), &mut life.history);
    } else {
        life.last = at;
        if severity != life.severity {
            life.history.push("changed");
        }
        if silence != life.silence {
            life.history.push(if silence.is_some() { "silenced" } else { "unsilenced" });
            life.state = if silence.is_some() { State::Silenced } else { State::Open };
        }
    }
    (life.severity, life.silence) = (severity, silence);
    if life.history.len() > before || life.last - life.stored.0 >= 60 {
        life.stored = (life.last, life.count);
    }
    life
}

fn state_of(silence: Option<&String>, history: &mut Vec<&'static str>) -> State {
    if silence.is_none() {
        return State::Open;
    }
    history.push("silenced");
    State::Silenced
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Low, Severity::High])
}

fn op() -> impl Strategy<Value = Op> {
    let seen = || prop::collection::btree_map(0..5_u32, severity(), 0..4);
    let numbers = || prop::collection::vec(0..5_u32, 0..3);
    let moves = || prop_oneof![6 => 0..90_i64, 1 => -600..0_i64, 1 => 20 * HOUR..30 * HOUR];
    prop_oneof![
        8 => (moves(), seen(), numbers()).prop_map(|(moves, seen, gone)| Op::Look { moves, seen, gone }),
        1 => (numbers(), numbers()).prop_map(|(seen, gone)| Op::Late { seen, gone }),
        2 => (0..2_u32, 1..40 * HOUR).prop_map(|(namespace, lasts)| Op::Silence { namespace, lasts }),
        1 => (0..8_usize).prop_map(|number| Op::EndSilence { number }),
        2 => moves().prop_map(|moves| Op::Pass { moves }),
        1 => Just(Op::Restart),
    ]
}

fn run(kept: &mut Kept, model: &mut Model, op: Op) {
    match op {
        Op::Look { moves, seen, gone } => {
            model.now += moves;
            model.look(&seen, &gone);
            let of = |(number, severity): (u32, Severity)| Sighting { severity, ..sighting(number) };
            kept.look(model.now, seen.into_iter().map(of).collect(), &gone);
        }
        Op::Late { seen, gone } => {
            kept.look(model.now, Vec::new(), &[]);
            assert!(kept.round(0, model.now, seen.into_iter().map(sighting).collect(), &gone).is_err());
        }
        Op::Silence { namespace, lasts } => {
            let id = format!("s{:03}", model.silences.len());
            let until = model.now + lasts;
            model.silences.push((id.clone(), namespace, until, false));
            let now = model.now;
            // Those that are muted already stay with the silence they have.
            for (_, life) in model.lives.iter_mut().filter(|(number, _)| **number % 2 == namespace) {
                if life.state == State::Open {
                    (life.state, life.silence) = (State::Silenced, Some(id.clone()));
                    life.stored = (life.last, life.count);
                    life.history.push("silenced");
                }
            }
            let plan = kept.book.silence(silence(&id, &format!("ns-{namespace}"), at(until)), at(now));
            kept.store(plan);
        }
        Op::EndSilence { number } => {
            if let Some((id, _, _, false)) = model.silences.get(number).cloned() {
                model.end(number, model.now);
                let plan = kept.book.end_silence(&id, at(model.now));
                kept.store(plan);
            }
        }
        Op::Pass { moves } => {
            model.now += moves;
            pass(model);
            let plan = kept.book.pass(at(model.now));
            kept.store(plan);
        }
        Op::Restart => {
            model.restart();
            kept.restart(LIMITS, model.now);
        }
    }
}

fn pass(model: &mut Model) {
    let now = model.now;
    let over: Vec<usize> =
        (0..model.silences.len()).filter(|n| !model.silences[*n].3 && model.silences[*n].2 <= now).collect();
    let until: BTreeMap<String, i64> =
        over.iter().map(|index| (model.silences[*index].0.clone(), model.silences[*index].2)).collect();
    for index in &over {
        model.silences[*index].3 = true;
    }
    for (id, until) in &until {
        model.remute(*until, |life| life.silence.as_ref() == Some(id));
    }
    model.lives.retain(|_, life| life.state != State::Resolved || now - life.resolved < 48 * HOUR);
}

/// State, severity, first and last seen, count, reopened, silence, history.
type Shown = (State, Severity, [Time; 2], u64, u64, Option<String>, Vec<String>);

fn shown(kept: &Kept, number: u32) -> Option<Shown> {
    let record = kept.book.get(&fingerprint(number))?;
    let history = kept.history(number).into_iter().map(str::to_owned).collect();
    let times = [record.first_seen, record.last_seen];
    let silence = record.silence().map(str::to_owned);
    Some((record.state(), record.told.severity, times, record.count, record.reopened, silence, history))
}

proptest! {
    #[test]
    fn any_course_of_events_is_what_the_table_says(ops in prop::collection::vec(op(), 1..60)) {
        let (mut kept, mut model) = (Kept::new(LIMITS), Model::default());
        for op in ops {
            run(&mut kept, &mut model, op.clone());
            for number in 0..5 {
                let expected = model.lives.get(&number).map(|life| {
                    let history = life.history.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
                    let times = [at(life.first), at(life.last)];
                    (life.state, life.severity, times, life.count, life.reopened, life.silence.clone(), history)
                });
                prop_assert_eq!(shown(&kept, number), expected, "finding {} after {:?}", number, op);
            }
        }
    }
}
