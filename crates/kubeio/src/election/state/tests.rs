//! The decision, and a model of several candidates before one server.

use proptest::prelude::*;

use super::*;

const TIMES: Times =
    Times { duration: Duration::from_secs(15), renew: Duration::from_secs(10), retry: Duration::from_secs(2) };

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn record(holder: &str, mark: &str) -> Record {
    Record { holder: holder.to_owned(), lasts: at(15), mark: mark.to_owned() }
}

fn candidate() -> State {
    State::new("me".to_owned(), TIMES)
}

#[test]
fn a_lease_of_another_is_taken_duration_after_it_was_seen_to_change() {
    let mut state = candidate();
    state.saw(Some(record("other", "1")), at(100));
    state.saw(Some(record("other", "2")), at(102));
    state.saw(Some(record("other", "2")), at(110));
    assert_eq!([at(116), at(117)].map(|now| state.wish(now)), [Wish::Wait, Wish::Take]);
    assert_eq!((state.holder(at(116)), state.holder(at(117))), ("other", ""));
}

#[test]
fn a_proof_ends_renew_after_the_request_began() {
    let mut state = candidate();
    state.wrote(Wish::Take, record("me", "1"), at(100), at(104));
    assert_eq!([at(109), at(110)].map(|now| state.is_leader(now)), [true, false]);
}

#[test]
fn a_released_lease_is_taken_at_once() {
    let mut state = candidate();
    state.saw(Some(record("", "1")), at(100));
    assert_eq!(state.wish(at(100)), Wish::Take);
    state.wrote(Wish::Take, record("me", "2"), at(100), at(101));
    assert!(state.is_leader(at(101)));
}

#[test]
fn who_creates_a_missing_lease_leads_when_any_former_proof_has_ended() {
    let mut state = candidate();
    state.saw(None, at(100));
    assert_eq!(state.wish(at(100)), Wish::Create);
    state.wrote(Wish::Create, record("me", "1"), at(100), at(101));
    assert_eq!((state.is_leader(at(101)), state.rest(at(115), at(115))), (false, at(1)));
    state.wrote(Wish::Renew, record("me", "2"), at(108), at(109));
    assert_eq!([at(115), at(116)].map(|now| state.is_leader(now)), [false, true]);
}

#[test]
fn a_leader_whose_lease_is_deleted_makes_it_anew_and_one_whose_lease_is_taken_stops() {
    let mut state = candidate();
    state.wrote(Wish::Take, record("me", "1"), at(100), at(101));
    state.saw(None, at(102));
    assert_eq!((state.wish(at(102)), state.is_leader(at(102))), (Wish::Create, true));
    state.wrote(Wish::Create, record("me", "2"), at(102), at(103));
    assert!(state.is_leader(at(103)));
    state.saw(Some(record("other", "2")), at(103));
    assert_eq!((state.wish(at(103)), state.is_leader(at(103))), (Wish::Wait, false));
}

#[test]
fn a_lease_that_claims_to_last_longer_is_believed_up_to_five_minutes() {
    let mut state = candidate();
    state.saw(Some(Record { lasts: at(60), ..record("other", "1") }), at(100));
    assert_eq!([at(159), at(160)].map(|now| state.wish(now)), [Wish::Wait, Wish::Take]);
    state.saw(Some(Record { lasts: at(1_000_000), ..record("other", "2") }), at(200));
    assert_eq!(state.wish(at(500)), Wish::Take);
}

#[test]
fn a_candidate_looks_again_after_retry_or_when_the_lease_falls_free() {
    let mut state = candidate();
    state.saw(Some(record("other", "1")), at(100));
    assert_eq!([at(100), at(114)].map(|began| state.rest(began, began)), [at(2), at(1)]);
}

/// One server and several candidates. A request that is sent may arrive late or never, and so may its answer.
struct Model {
    now: u64,
    lease: Option<(Record, u64)>,
    versions: u64,
    candidates: Vec<Candidate>,
}

struct Candidate {
    state: State,
    /// Its monotonic clock began at another time than others'.
    offset: u64,
    known_version: u64,
    flight: Flight,
}

enum Flight {
    None,
    Asked,
    /// Before the answer, what it says was true at the server.
    Look {
        record: Option<(Record, u64)>,
    },
    Write {
        before: u64,
        version: u64,
        wish: Wish,
    },
    Wrote {
        before: u64,
        wish: Wish,
        result: Option<(Record, u64)>,
    },
}

impl Model {
    fn new(count: usize) -> Self {
        let candidate = |index: usize| Candidate {
            state: State::new(format!("c{index}"), TIMES),
            offset: 1_000 * u64::try_from(index).unwrap(),
            known_version: 0,
            flight: Flight::None,
        };
        Self { now: 0, lease: None, versions: 0, candidates: (0..count).map(candidate).collect() }
    }

    /// One thing happens to one candidate: a request is sent, arrives, or is answered; `is_lost` drops it.
    fn happen(&mut self, index: usize, is_lost: bool) {
        let Self { now, lease, versions, candidates } = self;
        let candidate = &mut candidates[index];
        let here = Duration::from_millis(*now + candidate.offset);
        let flight = std::mem::replace(&mut candidate.flight, Flight::None);
        candidate.flight = match flight {
            _ if is_lost => Flight::None,
            Flight::None => Flight::Asked,
            Flight::Asked => Flight::Look { record: lease.clone() },
            Flight::Look { record } => {
                candidate.known_version = record.as_ref().map_or(0, |(_, version)| *version);
                candidate.state.saw(record.map(|(record, _)| record), here);
                match candidate.state.wish(here) {
                    Wish::Wait => Flight::None,
                    wish => {
                        candidate.state.asks(wish, here);
                        Flight::Write { before: *now, version: candidate.known_version, wish }
                    }
                }
            }
            Flight::Write { before, version, wish } => {
                let current = lease.as_ref().map(|(_, version)| *version);
                let is_allowed = if wish == Wish::Create { current.is_none() } else { current == Some(version) };
                let result = is_allowed.then(|| {
                    *versions += 1;
                    let mark = versions.to_string();
                    let record = Record { holder: format!("c{index}"), lasts: TIMES.duration, mark };
                    *lease = Some((record.clone(), *versions));
                    (record, *versions)
                });
                Flight::Wrote { before, wish, result }
            }
            Flight::Wrote { before, wish, result } => {
                if let Some((record, _)) = result {
                    candidate.state.wrote(wish, record, Duration::from_millis(before + candidate.offset), here);
                }
                Flight::None
            }
        };
    }

    fn leaders(&self) -> usize {
        let leads =
            |candidate: &&Candidate| candidate.state.is_leader(Duration::from_millis(self.now + candidate.offset));
        self.candidates.iter().filter(leads).count()
    }
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    /// Milliseconds pass; whoever is not named meanwhile is paused or cut off.
    Pass(u64),
    Step(usize),
    /// What a candidate has in flight never arrives.
    Lose(usize),
    /// Somebody deletes the Lease by hand.
    Delete,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0u64..3_000).prop_map(Happening::Pass),
        1 => (3_000u64..20_000).prop_map(Happening::Pass),
        20 => (0usize..3).prop_map(Happening::Step),
        1 => (0usize..3).prop_map(Happening::Lose),
        1 => Just(Happening::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn there_are_never_two_proofs_at_once(happenings in prop::collection::vec(happening(), 1..300)) {
        let mut model = Model::new(3);
        // Whoever deletes it again and again within `duration` can have two: the Lease is all that there is.
        let mut deletions = 0;
        for happening in happenings {
            match happening {
                Happening::Pass(milliseconds) => model.now += milliseconds,
                Happening::Step(index) => model.happen(index, false),
                Happening::Lose(index) => model.happen(index, true),
                Happening::Delete if deletions == 0 && model.lease.is_some() => {
                    deletions += 1;
                    model.lease = None;
                }
                Happening::Delete => {}
            }
            prop_assert!(model.leaders() <= 1);
        }
    }

    #[test]
    fn somebody_leads_soon_after_a_leader_vanished(pauses in prop::collection::vec(50u64..400, 3)) {
        let mut model = Model::new(3);
        // All ask round and round until one leads; then that one is gone.
        let rounds = |model: &mut Model, gone: Option<usize>, limit: u64| {
            let deadline = model.now + limit;
            while model.now < deadline {
                for index in (0..3).filter(|index| Some(*index) != gone) {
                    model.now += pauses[index];
                    model.happen(index, false);
                }
                let here = |candidate: &Candidate| Duration::from_millis(model.now + candidate.offset);
                let leads = |index: &usize| model.candidates[*index].state.is_leader(here(&model.candidates[*index]));
                if let Some(leader) = (0..3).find(|index| Some(*index) != gone && leads(index)) {
                    return Some(leader);
                }
            }
            None
        };
        let first = rounds(&mut model, None, 30_000);
        prop_assert!(first.is_some());
        prop_assert!(rounds(&mut model, first, 25_000).is_some());
    }
}
