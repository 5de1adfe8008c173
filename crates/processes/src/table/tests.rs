//! What the table remembers, and for how long.

use super::*;
use crate::look::Access;
use crate::process::Identity;

fn at(seconds: u64) -> Moment {
    Moment { now: Timestamp::UNIX_EPOCH, monotonic: Duration::from_secs(seconds) }
}

fn fresh(pid: u32, start_ticks: u64, shown: u64) -> Fresh {
    Fresh {
        identity: Identity { pid, start_ticks },
        parent: 1,
        cpu_ticks: 0,
        comm: b"sleep".to_vec(),
        cmdline: Vec::new(),
        exe: None,
        access: Access::default(),
        cut: false,
        shown: Shown(shown),
        held: None,
        inode: None,
    }
}

fn descriptor() -> Arc<OwnedFd> {
    Arc::new(std::fs::File::open("/dev/null").unwrap().into())
}

fn clean() -> Judged {
    Judged { verdict: Verdict::Clean(None), recheck: None, too_young: false }
}

fn met(table: &mut Table, pid: u32, moment: Moment) {
    let look = &table.looks_for(&[pid], moment)[0];
    table.met(look, None, moment);
}

#[test]
fn a_process_that_a_pass_does_not_meet_is_forgotten_with_its_descriptor() {
    let mut table = Table::new(10);
    table.begin_pass();
    table.remember(&Fresh { held: Some(descriptor()), ..fresh(7, 1, 1) }, clean(), at(0));
    table.end_pass();
    assert_eq!(table.census(), Census { present: 1, held: 1, ..Census::default() });
    table.begin_pass();
    table.end_pass();
    assert_eq!(table.census(), Census::default());
}

#[test]
fn a_process_that_cannot_be_read_stays_known() {
    let mut table = Table::new(10);
    table.begin_pass();
    table.remember(&fresh(7, 1, 1), clean(), at(0));
    table.begin_pass();
    table.met_unread(7);
    table.end_pass();
    assert_eq!(table.census().present, 1);
}

#[test]
fn another_start_time_is_another_process() {
    let mut table = Table::new(10);
    table.remember(&fresh(7, 1, 1), clean(), at(0));
    assert!(table.before(&fresh(7, 1, 1)).unwrap().same_texts);
    assert!(!table.before(&fresh(7, 1, 2)).unwrap().same_texts);
    assert!(table.before(&fresh(7, 2, 1)).is_none());
}

#[test]
fn descriptors_are_held_up_to_the_limit_and_given_back() {
    let mut table = Table::new(1);
    let hold = |table: &mut Table, pid| table.looks_for(&[pid], at(0))[0].hold;
    assert_eq!(hold(&mut table, 7), Hold::Yes);
    table.remember(&Fresh { held: Some(descriptor()), ..fresh(7, 1, 1) }, clean(), at(0));
    assert_eq!(hold(&mut table, 8), Hold::No);
    table.remember(&Fresh { held: None, ..fresh(7, 1, 2) }, clean(), at(0));
    assert_eq!(hold(&mut table, 8), Hold::No, "the descriptor of the same process is kept");
    table.forget(7);
    assert_eq!(hold(&mut table, 8), Hold::Yes);
}

#[test]
fn one_batch_does_not_take_more_descriptors_than_are_left() {
    let mut table = Table::new(2);
    let holds: Vec<Hold> = table.looks_for(&[7, 8, 9], at(0)).iter().map(|look| look.hold).collect();
    assert_eq!(holds, [Hold::Yes, Hold::Yes, Hold::No]);
}

#[test]
fn comm_is_compared_again_after_thirty_seconds() {
    let mut table = Table::new(1);
    table.remember(&fresh(7, 1, 1), clean(), at(100));
    let comm = |table: &mut Table, seconds| table.looks_for(&[7], at(seconds))[0].known.as_ref().unwrap().comm;
    assert_eq!(comm(&mut table, 129), Comm::Recent);
    assert_eq!(comm(&mut table, 130), Comm::Was(Comm::of(b"sleep")));
    met(&mut table, 7, at(130));
    assert_eq!(comm(&mut table, 131), Comm::Recent);
}

#[test]
fn new_rules_and_a_verdict_that_is_due_make_everything_be_read_again() {
    let mut table = Table::new(1);
    let due = Judged { recheck: Some(Timestamp::UNIX_EPOCH), ..clean() };
    table.remember(&fresh(7, 1, 1), due, at(0));
    table.remember(&fresh(8, 1, 1), clean(), at(0));
    let comm = |table: &mut Table, pid| table.looks_for(&[pid], at(0))[0].known.as_ref().unwrap().comm;
    assert_eq!([comm(&mut table, 7), comm(&mut table, 8)], [Comm::Forgotten, Comm::Recent]);
    table.doubt_everything();
    assert_eq!(comm(&mut table, 8), Comm::Forgotten);
}

#[test]
fn a_stuck_process_is_met_without_a_look_until_it_ends_or_its_time_has_passed() {
    let mut table = Table::new(1);
    table.begin_pass();
    table.remember(&fresh(7, 1, 1), clean(), at(0));
    table.set_stuck(7, Some(1), at(0));
    table.begin_pass();
    assert!(table.looks_for(&[7], at(1)).is_empty());
    table.end_pass();
    assert_eq!(table.census().present, 1);
    table.free_stuck(at(599), &[], |_| Some(1));
    assert!(table.looks_for(&[7], at(599)).is_empty());
    table.free_stuck(at(600), &[7], |_| Some(1));
    assert!(table.looks_for(&[7], at(600)).is_empty(), "a thread still waits for it");
    table.free_stuck(at(600), &[], |_| Some(1));
    assert!(!table.looks_for(&[7], at(600)).is_empty());
}

#[test]
fn a_pid_that_belongs_to_another_process_now_is_stuck_no_more() {
    let mut table = Table::new(1);
    table.set_stuck(7, Some(1), at(0));
    table.free_stuck(at(1), &[7], |_| Some(2));
    assert!(!table.looks_for(&[7], at(1)).is_empty());
}
