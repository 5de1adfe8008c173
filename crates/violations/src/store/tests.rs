//! The store against the contract's event streams, and against a model that is too plain to be wrong.

use api::violation::Status;
use proptest::prelude::*;

use super::*;
use crate::fixture::{self, NODE, at};

const LIMITS: Limits = Limits { retain: Duration::from_mins(1), max_records: 5 };

fn store() -> Store {
    Store::new(NODE.to_owned(), LIMITS)
}

/// What a test looks at: pid, status and count of each record, by pid.
fn shown(store: &Store) -> Vec<(u32, Status, u64)> {
    let mut shown: Vec<_> =
        store.violations().map(|violation| (violation.pid, violation.status, violation.count)).collect();
    shown.sort_unstable_by_key(|(pid, ..)| *pid);
    shown
}

fn reasons(store: &Store) -> Vec<Option<ResolvedReason>> {
    store.violations().map(|violation| violation.resolved_reason).collect()
}

fn miner() -> Arc<Match> {
    fixture::process(1, Severity::Critical)
}

#[test]
fn a_process_absent_from_two_passes_resolves() {
    let (mut store, miner) = (store(), miner());
    for second in 1..=3 {
        store.pass(std::slice::from_ref(&miner), &[], at(second));
    }
    store.pass(&[], &[], at(4));
    assert_eq!(shown(&store), [(1, Status::Active, 3)]);
    store.pass(&[], &[], at(5));
    assert_eq!(shown(&store), [(1, Status::Resolved, 3)]);
    let violation = store.violations().next().unwrap();
    assert_eq!((violation.last_seen, violation.resolved_at), (at(3).wall, Some(at(5).wall)));
    assert_eq!(violation.resolved_reason, Some(ResolvedReason::ProcessGone));
}

#[test]
fn a_process_that_comes_back_after_one_absence_was_never_gone() {
    let (mut store, miner) = (store(), miner());
    for present in [true, false, true, false] {
        let matches: Vec<_> = present.then(|| Arc::clone(&miner)).into_iter().collect();
        store.pass(&matches, &[], at(1));
    }
    assert_eq!(shown(&store), [(1, Status::Active, 2)]);
}

#[test]
fn a_process_seen_only_by_an_event_opens_at_once_and_resolves_by_the_same_rule() {
    let mut store = store();
    store.event(&miner(), at(1));
    assert_eq!(shown(&store), [(1, Status::Active, 0)]);
    store.pass(&[], &[], at(2));
    store.pass(&[], &[], at(3));
    assert_eq!(shown(&store), [(1, Status::Resolved, 0)]);
}

#[test]
fn a_removed_rule_and_an_exemption_resolve_at_once() {
    for (why, reason) in
        [(Cleared::RuleRemoved, ResolvedReason::RuleRemoved), (Cleared::Exempt, ResolvedReason::Exempt)]
    {
        let (mut store, miner) = (store(), miner());
        store.pass(std::slice::from_ref(&miner), &[], at(1));
        store.pass(&[], &[(miner, why)], at(2));
        assert_eq!(reasons(&store), [Some(reason)]);
    }
}

#[test]
fn a_process_that_shows_other_texts_resolves_like_one_that_is_gone() {
    let (mut store, miner) = (store(), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    store.pass(&[], &[(miner, Cleared::Changed)], at(2));
    assert_eq!(reasons(&store), [None]);
    store.pass(&[], &[], at(3));
    assert_eq!(reasons(&store), [Some(ResolvedReason::ProcessGone)]);
}

#[test]
fn a_resolved_record_whose_process_is_seen_again_is_open_again() {
    let (mut store, miner) = (store(), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    store.pass(&[], &[(Arc::clone(&miner), Cleared::Exempt)], at(2));
    store.pass(&[miner], &[], at(3));
    assert_eq!((shown(&store), reasons(&store)), (vec![(1, Status::Active, 2)], vec![None]));
    assert_eq!(store.tally().opened, BTreeMap::from([(Severity::Critical, 2)]));
}

#[test]
fn what_opens_and_what_resolves_is_told_once() {
    let (mut store, miner) = (store(), miner());
    let id = fingerprint(&miner, NODE);
    assert_eq!(store.event(&miner, at(1)), [Turn::Opened(id.clone())]);
    assert_eq!(store.pass(std::slice::from_ref(&miner), &[], at(2)), []);
    assert_eq!(store.pass(&[], &[(miner, Cleared::Exempt)], at(3)), [Turn::Resolved(id)]);
    assert_eq!(store.pass(&[], &[], at(4)), []);
}

#[test]
fn a_match_of_another_primary_rule_is_another_record() {
    let (mut store, miner) = (store(), miner());
    let by_pool = Arc::new(Match { rule: "miner-pool".to_owned(), ..Match::clone(&miner) });
    store.pass(&[miner], &[], at(1));
    store.pass(&[by_pool], &[], at(2));
    assert_eq!(store.violations().count(), 2);
}

#[test]
fn a_match_judged_anew_keeps_its_first_sighting_and_shows_its_new_texts() {
    let (mut store, miner) = (store(), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(3));
    let stable = store.version().stable;
    let renamed = Match { cmdline: "x".to_owned(), seen: at(9).wall.into(), ..Match::clone(&miner) };
    store.pass(&[Arc::new(renamed)], &[], at(9));
    let violation = store.violations().next().unwrap();
    assert_eq!((violation.cmdline.as_str(), violation.first_seen), ("x", Time::of(miner.seen)));
    assert_ne!(store.version().stable, stable);
}

#[test]
fn a_pass_with_nothing_new_moves_only_what_the_etag_leaves_out() {
    let (mut store, miner) = (store(), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    let before = store.version();
    store.pass(&[miner], &[], at(2));
    assert_eq!(store.version().stable, before.stable);
    assert_ne!(store.version().all, before.all);
}

#[test]
fn resolved_records_go_after_retain() {
    let (mut store, miner) = (store(), miner());
    store.pass(std::slice::from_ref(&miner), &[], at(1));
    store.pass(&[], &[(miner, Cleared::Exempt)], at(2));
    store.expire(Duration::from_secs(61));
    assert_eq!(store.violations().count(), 1);
    store.expire(Duration::from_secs(62));
    assert_eq!(store.violations().count(), 0);
}

#[test]
fn a_full_store_drops_the_oldest_resolved_record_first() {
    let mut store = store();
    for pid in [1, 2] {
        let gone = fixture::process(pid, Severity::Critical);
        store.event(&gone, at(u64::from(pid)));
        store.pass(&[], &[(gone, Cleared::Exempt)], at(u64::from(pid)));
    }
    let trifles: Vec<_> = (11..15).map(|pid| fixture::process(pid, Severity::Low)).collect();
    store.pass(&trifles, &[], at(3));
    let pids: Vec<u32> = shown(&store).into_iter().map(|(pid, ..)| pid).collect();
    assert_eq!((pids, store.left_out()), (vec![2, 11, 12, 13, 14], 0));
}

#[test]
fn a_full_store_of_open_records_drops_the_least_severe_and_counts_it_once() {
    let mut store = store();
    let mut matches: Vec<_> = (1..=4).map(|pid| fixture::process(pid, Severity::Medium)).collect();
    matches.push(fixture::process(5, Severity::Low));
    store.pass(&matches, &[], at(1));
    matches.push(fixture::process(6, Severity::High));
    for second in 2..=4 {
        store.pass(&matches, &[], at(second));
    }
    let pids: Vec<u32> = shown(&store).into_iter().map(|(pid, ..)| pid).collect();
    assert_eq!((pids, store.left_out(), store.tally().dropped), (vec![1, 2, 3, 4, 6], 1, 1));
}

#[test]
fn what_was_left_out_comes_in_when_there_is_room() {
    let mut store = store();
    let matches: Vec<_> = (1..=6).map(|pid| fixture::process(pid, Severity::Medium)).collect();
    store.pass(&matches, &[], at(1));
    assert_eq!(store.left_out(), 1);
    store.set_limits(Limits { max_records: 6, ..LIMITS });
    store.pass(&matches, &[], at(2));
    assert_eq!((store.left_out(), store.violations().count()), (0, 6));
}

#[test]
fn a_lower_limit_holds_from_the_next_pass() {
    let mut store = store();
    let matches: Vec<_> = (1..=5).map(|pid| fixture::process(pid, Severity::Medium)).collect();
    store.pass(&matches, &[], at(1));
    store.set_limits(Limits { max_records: 2, ..LIMITS });
    store.pass(&matches, &[], at(2));
    assert_eq!((store.left_out(), store.violations().count()), (3, 2));
}

/// What happens in a stream, told by pids 0..10; the severity follows from the pid.
#[derive(Debug, Clone)]
enum Happens {
    Pass { present: Vec<u32>, cleared: Option<(u32, Cleared)> },
    Event(u32),
    Wait(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let why = prop_oneof![Just(Cleared::RuleRemoved), Just(Cleared::Exempt), Just(Cleared::Changed)];
    prop_oneof![
        5 => (proptest::sample::subsequence((0..10).collect::<Vec<u32>>(), 0..10), proptest::option::of((0..10_u32, why)))
            .prop_map(|(mut present, cleared)| {
                present.retain(|pid| cleared.is_none_or(|(gone, _)| gone != *pid));
                Happens::Pass { present, cleared }
            }),
        2 => (0..10_u32).prop_map(Happens::Event),
        1 => (1..50_u64).prop_map(Happens::Wait),
    ]
}

/// One record of the model.
#[derive(Debug, Clone, PartialEq)]
struct Plain {
    id: Fingerprint,
    severity: Severity,
    first: Time,
    last: Time,
    count: u64,
    missed: u32,
    resolved: Option<(u64, ResolvedReason)>,
}

/// The contract's words, done record by record over a list.
#[derive(Debug, Default)]
struct Model {
    records: BTreeMap<u32, Plain>,
    left_out: Vec<u32>,
}

impl Model {
    fn happen(&mut self, what: &Happens, matches: &[Arc<Match>], second: u64) {
        self.records.retain(|_, record| record.resolved.is_none_or(|(at, _)| second - at < LIMITS.retain.as_secs()));
        match what {
            Happens::Pass { present, cleared } => {
                for (pid, record) in self.records.iter_mut().filter(|(_, record)| record.resolved.is_none()) {
                    record.missed += u32::from(!present.contains(pid));
                    let reason = match cleared {
                        Some((gone, Cleared::RuleRemoved)) if gone == pid => ResolvedReason::RuleRemoved,
                        Some((gone, Cleared::Exempt)) if gone == pid => ResolvedReason::Exempt,
                        _ if record.missed == 2 => ResolvedReason::ProcessGone,
                        _ => continue,
                    };
                    record.resolved = Some((second, reason));
                }
                self.left_out.clear();
                self.see(present, matches, 1, second);
            }
            Happens::Event(pid) => self.see(&[*pid], matches, 0, second),
            Happens::Wait(_) => {}
        }
    }

    fn see(&mut self, pids: &[u32], matches: &[Arc<Match>], passes: u64, second: u64) {
        for pid in pids {
            let found = &matches[*pid as usize];
            let last = at(second).wall;
            let (id, first) = (fingerprint(found, NODE), Time::of(found.seen));
            let new = Plain { id, severity: found.severity, first, last, count: 0, missed: 0, resolved: None };
            let record = self.records.entry(*pid).or_insert(new);
            *record = Plain { last, count: record.count + passes, missed: 0, resolved: None, ..record.clone() };
            self.left_out.retain(|out| out != pid);
        }
        while self.records.len() > LIMITS.max_records {
            let oldest_resolved = self
                .records
                .iter()
                .filter(|(_, r)| r.resolved.is_some())
                .min_by_key(|(_, r)| (r.resolved.map(|(at, _)| at), Reverse(r.id.clone())));
            let least = self.records.iter().min_by_key(|(_, r)| (r.severity, Reverse(r.first), Reverse(r.id.clone())));
            let (pid, record) = oldest_resolved.or(least).unwrap();
            let pid = *pid;
            if record.resolved.is_none() {
                self.left_out.push(pid);
            }
            self.records.remove(&pid);
        }
    }
}

/// Records as the store and the model both can tell them.
type Told = BTreeMap<u32, (Time, Time, u64, Option<ResolvedReason>)>;

proptest! {
    #[test]
    fn any_stream_of_events_leaves_what_the_model_says(stream in proptest::collection::vec(happens(), 1..60)) {
        let matches: Vec<Arc<Match>> =
            (0..10_usize).map(|pid| fixture::process(u32::try_from(pid).unwrap(), Severity::ALL[pid % 4])).collect();
        let (mut store, mut model, mut second) = (store(), Model::default(), 10);
        for what in &stream {
            second += 1;
            model.happen(what, &matches, second);
            match what {
                Happens::Pass { present, cleared } => {
                    let present: Vec<_> = present.iter().map(|pid| Arc::clone(&matches[*pid as usize])).collect();
                    let cleared: Vec<_> =
                        cleared.iter().map(|(pid, why)| (Arc::clone(&matches[*pid as usize]), *why)).collect();
                    drop(store.pass(&present, &cleared, at(second)));
                }
                Happens::Event(pid) => drop(store.event(&matches[*pid as usize], at(second))),
                Happens::Wait(seconds) => {
                    store.expire(Duration::from_secs(second));
                    second += seconds;
                }
            }
            let told: Told = store
                .violations()
                .map(|v| (v.pid, (v.first_seen, v.last_seen, v.count, v.resolved_reason)))
                .collect();
            let expected: Told = model
                .records
                .iter()
                .map(|(pid, r)| (*pid, (r.first, r.last, r.count, r.resolved.map(|(_, reason)| reason))))
                .collect();
            prop_assert_eq!(told, expected);
            prop_assert_eq!(store.left_out(), model.left_out.len());
        }
    }
}
