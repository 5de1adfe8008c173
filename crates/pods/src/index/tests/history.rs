//! Complete lists of a server whose store was restored from a backup, and of one that is only a little behind.

use super::*;

/// An index that knows `a` and `b` of one history, at versions up to 105.
fn told() -> Told {
    let mut told = Told::new();
    told.relist([&pod("a", "a").version(103).phase("Failed"), &pod("b", "b-new").version(105)]);
    told.changes();
    told
}

#[test]
fn a_complete_list_of_a_history_that_went_back_is_the_truth() {
    let mut told = told();
    told.relist([&pod("a", "a").version(88).phase("Running"), &pod("b", "b-old").version(80)]);
    assert_eq!(told.changes(), ["~a", "-b-new", "+b-old"]);
    assert_eq!(
        (told.full("a").phase, told.uid("b-new"), told.name("b")),
        ("Running".into(), "b-new deleted".into(), "b-old".into())
    );
    told.seen(&pod("a", "a").version(89).phase("Succeeded"));
    assert_eq!((told.full("a").phase, told.changes()), ("Succeeded".into(), vec!["~a".to_owned()]));
}

#[test]
fn a_pod_that_was_deleted_after_the_backup_lives_again() {
    let mut told = told();
    told.gone(&pod("a", "a").version(104));
    told.relist([&pod("a", "a").version(88), &pod("b", "b-new").version(105)]);
    assert_eq!((told.changes(), told.uid("a")), (vec!["-a".to_owned(), "+a".to_owned()], "a".to_owned()));
}

#[test]
fn a_streamed_list_that_begins_a_little_behind_raises_and_changes_nobody() {
    let mut told = told();
    told.gone(&pod("c", "c").version(104));
    told.index.begin();
    let behind = [pod("a", "a").version(95), pod("b", "b-old").version(90), pod("c", "c").version(93)];
    assert_eq!(behind.map(|pod| told.seen(&pod)), [Applied::Disputed, Applied::Disputed, Applied::Added]);
    told.seen(&pod("a", "a").version(103).phase("Failed"));
    told.gone(&pod("b", "b-old").version(96));
    told.seen(&pod("b", "b-new").version(105));
    told.gone(&pod("c", "c").version(104));
    assert_eq!(told.index.end(told.now, &mut |_| panic!("nothing changed")), []);
    assert_eq!([told.name("a"), told.name("b"), told.uid("b-old")], ["a", "b-new", "none"]);
}

#[test]
fn a_list_that_breaks_off_says_nothing_against_what_is_known() {
    let mut told = told();
    told.index.begin();
    told.seen(&pod("a", "a").version(88).phase("Running"));
    told.index.break_off();
    assert_eq!(told.seen(&pod("a", "a").version(89).phase("Running")), Applied::Unchanged);
    assert_eq!((told.full("a").phase, told.changes()), ("Failed".into(), vec![]));
}

#[test]
fn more_disputed_states_than_may_wait_are_taken_at_once() {
    let mut told = Told::new();
    let pods = |version| (0..5000).map(move |at| pod(&format!("p-{at:04}"), &format!("u{at:04}")).version(version));
    told.relist(&pods(100).collect::<Vec<_>>());
    told.changes();
    told.index.begin();
    let applied: Vec<Applied> = pods(50).map(|pod| told.seen(&pod.phase("Failed"))).collect();
    let waiting = applied.iter().filter(|applied| **applied == Applied::Disputed).count();
    let settled = told.index.end(told.now, &mut |_| {});
    assert_eq!((waiting, settled, told.changes().len()), (4096, vec![Applied::Modified; 4096], 904));
}

#[test]
fn what_follows_a_state_that_could_not_be_read_is_newer_in_any_history() {
    let mut told = told();
    told.index.begin();
    told.index.unreadable("shop", "a");
    told.index.end(told.now, &mut |_| {});
    told.seen(&pod("a", "a-new").version(42));
    assert_eq!((told.name("a"), told.uid("a")), ("a-new".to_owned(), "a deleted".to_owned()));
}
