//! What answers change, decided without a book.

use api::violation::ResolvedReason;
use api::{Severity, Violation};
use findings::batch::Belongs;
use proptest::prelude::*;

use super::*;
use crate::fixture::{self, BOOT, NODE, at};

/// A process of this pid, seen last at this second.
fn record(pid: u32, second: u64) -> Judged {
    let violation = Violation { last_seen: at(second).wall, ..fixture::record(&fixture::process(pid, Severity::High)) };
    Judged { violation, belongs: Belongs::default(), is_exempt: false, placed_on: None, is_settled: true }
}

fn resolved(pid: u32) -> Judged {
    let mut record = record(pid, 10);
    record.violation.status = Status::Resolved;
    record.violation.resolved_reason = Some(ResolvedReason::RuleRemoved);
    record
}

fn id(pid: u32) -> Fingerprint {
    record(pid, 0).violation.fingerprint
}

fn held(by: &str, is_open: bool) -> Held {
    Held { by: by.into(), is_open, count: 31 }
}

/// What is known of pids, and what absence means.
struct World {
    held: HashMap<Fingerprint, Held>,
    absent: HashSet<Fingerprint>,
    settled: HashSet<Fingerprint>,
    absence: Absence,
}

impl World {
    fn with<const N: usize>(held: [(u32, Held); N]) -> Self {
        let held = held.into_iter().map(|(pid, held)| (id(pid), held)).collect();
        Self { held, absent: HashSet::new(), settled: HashSet::new(), absence: Absence::Gone }
    }

    fn digest(&self, records: impl IntoIterator<Item = Judged>) -> Digest {
        let Self { held, absent, settled, absence } = self;
        let known = Knowledge { node: NODE, boot: BOOT, held, absent, settled, absence: *absence };
        digest(records.into_iter().collect(), &known)
    }
}

/// Pids that are seen, that are gone and why, that are seen and gone, and whether an equal answer would bring nothing.
#[track_caller]
fn check(digest: &Digest, seen: &[u32], gone: &[(u32, &str)], gone_since: &[u32], is_whole: bool) {
    let sorted = |mut ids: Vec<Fingerprint>| {
        ids.sort();
        ids
    };
    let ids = |pids: &[u32]| sorted(pids.iter().copied().map(id).collect());
    let reasons = |gone: &[Gone]| {
        gone.iter()
            .map(|gone| (gone.fingerprint.clone(), gone.reason.clone()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(sorted(digest.seen.iter().map(|seen| seen.told.fingerprint.clone()).collect()), ids(seen), "seen");
    assert_eq!(reasons(&digest.gone), gone.iter().map(|(pid, why)| (id(*pid), (*why).to_owned())).collect(), "gone");
    assert_eq!(sorted(digest.gone_since.iter().map(|gone| gone.fingerprint.clone()).collect()), ids(gone_since));
    assert_eq!(digest.is_whole, is_whole);
}

#[test]
fn what_is_active_is_seen_and_what_is_not_listed_is_gone() {
    let digest = World::with([(2, held(NODE, true)), (3, held(NODE, true))]).digest([record(1, 5), record(2, 9)]);
    check(&digest, &[1, 2], &[(3, "process-gone")], &[], true);
    assert_eq!(digest.seen_at, Some(at(9).wall));
    let counts: HashSet<Option<u64>> = digest.seen.iter().map(|sighting| sighting.count).collect();
    assert_eq!(counts, [Some(1), Some(31)].into());
}

#[test]
fn absence_that_means_nothing_keeps_what_is_open() {
    let world = World { absence: Absence::Unknown, ..World::with([(1, held(NODE, true))]) };
    check(&world.digest([]), &[], &[], &[], false);
}

#[test]
fn absence_that_counts_the_second_time_is_remembered() {
    let mut world = World { absence: Absence::GoneTheSecondTime, ..World::with([(1, held(NODE, true))]) };
    let first = world.digest([]);
    check(&first, &[], &[], &[], false);
    world.absent = first.absent;
    check(&world.digest([]), &[], &[(1, "process-gone")], &[], true);
    check(&world.digest([record(1, 5)]), &[1], &[], &[], true);
}

#[test]
fn what_a_node_tells_as_resolved_is_gone_for_its_reason() {
    let world = World { absence: Absence::Unknown, ..World::with([(1, held(NODE, true))]) };
    check(&world.digest([resolved(1)]), &[], &[(1, "rule-removed")], &[], true);
}

#[test]
fn what_was_opened_and_resolved_between_two_rounds_is_told_once() {
    let mut world = World::with([]);
    let digest = world.digest([resolved(1)]);
    check(&digest, &[1], &[], &[1], true);
    world.settled = digest.settled;
    check(&world.digest([resolved(1)]), &[], &[], &[], true);
    check(&World::with([(1, held(NODE, false))]).digest([resolved(1)]), &[], &[], &[], true);
}

#[test]
fn what_was_resolved_and_is_active_is_seen_again() {
    check(&World::with([(1, held(NODE, false))]).digest([record(1, 5)]), &[1], &[], &[], true);
}

#[test]
fn a_record_that_comes_twice_is_the_one_that_was_seen_last() {
    for records in [[record(1, 5), record(1, 9)], [record(1, 9), record(1, 5)]] {
        let digest = World::with([]).digest(records);
        check(&digest, &[1], &[], &[], true);
        assert_eq!(digest.seen_at, Some(at(9).wall));
    }
}

#[test]
fn of_two_claims_the_one_that_the_index_names_wins_else_the_first() {
    let placed = |on: &str| Judged { placed_on: Some(on.into()), ..record(1, 5) };
    let world = World::with([(1, held("worker-4", true))]);
    let theirs = |record: Judged| world.digest([record]).duplicates == 1;
    assert_eq!(
        [record(1, 5), placed("worker-4"), placed("worker-5"), placed(NODE)].map(theirs),
        [true, true, true, false]
    );
    check(&world.digest([record(1, 5)]), &[], &[], &[], false);
    check(&world.digest([resolved(1)]), &[], &[], &[], false);
    check(&World::with([(1, held("worker-4", false))]).digest([record(1, 5)]), &[1], &[], &[], true);
}

#[test]
fn nobody_resolves_what_is_open_on_another_node() {
    let digest = World::with([(1, held("worker-4", true)), (2, held("worker-4", true))]).digest([resolved(1)]);
    check(&digest, &[], &[], &[], false);
}

#[test]
fn what_is_exempt_is_never_opened_and_resolves() {
    let exempt = |pid| Judged { is_exempt: true, is_settled: false, ..record(pid, 5) };
    check(&World::with([(1, held(NODE, true))]).digest([exempt(1), exempt(2)]), &[], &[(1, "exempt")], &[], false);
}

#[test]
fn while_anything_may_be_known_better_later_the_whole_answer_is_asked_for() {
    let unsettled = Judged { is_settled: false, ..record(1, 5) };
    check(&World::with([]).digest([unsettled, record(2, 5)]), &[1, 2], &[], &[], false);
}

/// One answer of one of two nodes: which pids it lists as active and as resolved, and what absence means.
#[derive(Debug, Clone)]
struct Said {
    node: usize,
    active: Vec<u32>,
    resolved: Vec<u32>,
    absence: Absence,
}

fn said() -> impl Strategy<Value = Said> {
    let absence = prop_oneof![Just(Absence::Gone), Just(Absence::GoneTheSecondTime), Just(Absence::Unknown)];
    let pids = || proptest::collection::vec(0..4u32, 0..4);
    (0..2usize, pids(), pids(), absence).prop_map(|(node, active, resolved, absence)| Said {
        node,
        active,
        resolved,
        absence,
    })
}

const NODES: [&str; 2] = [NODE, "worker-4"];

proptest! {
    /// Whatever two nodes say of the same processes: neither touches what the other holds, what a node lists is open, what it tells as
    /// resolved is not, and what it does not list is open exactly while absence has not counted.
    #[test]
    fn a_node_opens_and_resolves_what_is_its_own(answers in proptest::collection::vec(said(), 1..12)) {
        let mut held: HashMap<Fingerprint, Held> = HashMap::new();
        let mut absent = [HashSet::new(), HashSet::new()];
        for Said { node, active, resolved: ended, absence } in answers {
            let name = NODES[node];
            let before = held.clone();
            let open_on = |held: &HashMap<Fingerprint, Held>, name: &str| -> HashSet<Fingerprint> {
                held.iter().filter(|(_, held)| held.is_open && *held.by == *name).map(|(id, _)| id.clone()).collect()
            };
            let ended: Vec<u32> = ended.into_iter().filter(|pid| !active.contains(pid)).collect();
            let records = active.iter().map(|pid| record(*pid, 5)).chain(ended.iter().map(|pid| resolved(*pid)));
            let known = Knowledge { node: name, boot: BOOT, held: &held, absent: &absent[node], settled: &HashSet::new(), absence };
            let digest = digest(records.collect(), &known);
            for seen in &digest.seen {
                held.insert(seen.told.fingerprint.clone(), super::tests::held(name, true));
            }
            for gone in digest.gone.iter().chain(&digest.gone_since) {
                held.get_mut(&gone.fingerprint).unwrap().is_open = false;
            }
            let theirs = open_on(&before, NODES[1 - node]);
            prop_assert_eq!(&open_on(&held, NODES[1 - node]), &theirs);
            let listed: HashSet<Fingerprint> = active.iter().map(|pid| id(*pid)).filter(|id| !theirs.contains(id)).collect();
            let told: HashSet<Fingerprint> = ended.iter().map(|pid| id(*pid)).collect();
            let missed: HashSet<Fingerprint> = open_on(&before, name).into_iter().filter(|id| !listed.contains(id) && !told.contains(id)).collect();
            let stays = missed.into_iter().filter(|id| match absence {
                Absence::Gone => false,
                Absence::GoneTheSecondTime => !absent[node].contains(id),
                Absence::Unknown => true,
            });
            let expected: HashSet<Fingerprint> = listed.iter().cloned().chain(stays).collect();
            prop_assert_eq!(open_on(&held, name), expected);
            if digest.is_whole {
                prop_assert_eq!(open_on(&held, name), listed);
            }
            absent[node] = digest.absent;
        }
    }
}
