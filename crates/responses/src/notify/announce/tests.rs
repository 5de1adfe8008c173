//! When something is told, and when not.

use std::collections::BTreeSet;

use api::Severity;
use api::finding::Subject;
use findings::{Sighting, Told};

use super::*;
use crate::notify::fixture::{Kept, at, fingerprint, notifier, seen, seen_of, told};

/// One notifier and what it has told.
struct Teller {
    kept: Kept,
    memory: ToldBook,
    notifier: NotifierSettings,
}

/// A message in short: what happened, which findings in which state, and how many more.
type Short = (&'static str, Vec<(u32, &'static str)>, u64);

impl Teller {
    fn by(notifier: NotifierSettings) -> Self {
        let mut this = Self { kept: Kept::default(), memory: ToldBook::default(), notifier };
        assert_eq!(this.tell(0), []);
        this
    }

    /// A webhook that waits for nobody.
    fn at_once() -> Self {
        Self::by(NotifierSettings { group_wait: Duration::ZERO, ..notifier(NotifierKind::Webhook) })
    }

    fn tell(&mut self, seconds: i64) -> Vec<Short> {
        let decision = decide(&self.kept.book, &self.memory, std::slice::from_ref(&self.notifier), at(seconds));
        self.memory.apply(&decision.changes);
        decision.messages.iter().map(|(_, message)| short(message)).collect()
    }
}

fn short(message: &Message) -> Short {
    let number = |item: &Item| (0..1000).find(|number| fingerprint(*number) == item.finding.fingerprint).unwrap();
    let items = message.items.iter().map(|item| (number(item), item.finding.state.as_str())).collect();
    (message.event.as_str(), items, message.more)
}

fn opened(numbers: &[u32]) -> Short {
    ("opened", numbers.iter().map(|number| (*number, "open")).collect(), 0)
}

fn resolved(numbers: &[u32]) -> Short {
    ("resolved", numbers.iter().map(|number| (*number, "resolved")).collect(), 0)
}

#[test]
fn a_finding_is_told_once_when_it_opens_and_once_when_it_ends() {
    let mut teller = Teller::at_once();
    teller.kept.look(10, vec![seen(1)], &[]);
    assert_eq!((teller.tell(10), teller.tell(20)), (vec![opened(&[1])], vec![]));
    teller.kept.look(30, vec![], &[1]);
    assert_eq!((teller.tell(30), teller.tell(40)), (vec![resolved(&[1])], vec![]));
    teller.kept.look(4000, vec![seen(1)], &[]);
    assert_eq!((teller.tell(4000), teller.tell(4010)), (vec![opened(&[1])], vec![]));
}

#[test]
fn the_first_finding_of_a_group_waits_for_others() {
    let mut teller = Teller::by(notifier(NotifierKind::Lark));
    teller.kept.look(10, vec![seen(1)], &[]);
    assert_eq!(teller.tell(10), []);
    teller.kept.look(30, vec![seen(2), seen_of("shop", 3)], &[]);
    assert_eq!((teller.tell(30), teller.tell(39)), (vec![], vec![]));
    assert_eq!((teller.tell(39), teller.tell(40)), (vec![], vec![opened(&[1, 2])]));
    assert_eq!((teller.tell(59), teller.tell(60)), (vec![], vec![opened(&[3])]));
    teller.kept.look(70, vec![], &[1]);
    teller.kept.look(80, vec![], &[2]);
    assert_eq!((teller.tell(99), teller.tell(100)), (vec![], vec![resolved(&[1, 2])]));
}

#[test]
fn what_opened_and_ended_between_two_sweeps_is_told_once() {
    for send_resolved in [true, false] {
        let mut teller = Teller::at_once();
        teller.notifier.send_resolved = send_resolved;
        teller.kept.look(10, vec![seen(1)], &[]);
        teller.kept.look(20, vec![], &[1]);
        let once = vec![("opened", vec![(1, "resolved")], 0)];
        assert_eq!((teller.tell(30), teller.tell(60)), (once, vec![]));
    }
}

#[test]
fn another_process_of_the_same_rule_and_app_is_told_with_the_next_message() {
    let mut teller = Teller::at_once();
    teller.kept.look(10, vec![seen(1)], &[]);
    assert_eq!(teller.tell(10), [opened(&[1])]);
    teller.kept.look(100, vec![seen(2), seen_of("shop", 9)], &[1]);
    assert_eq!(teller.tell(100), [opened(&[9]), resolved(&[1])]);
    teller.kept.look(200, vec![seen(3)], &[2]);
    assert_eq!((teller.tell(200), teller.tell(3609)), (vec![], vec![]));
    assert_eq!(teller.tell(3610), [("opened", vec![(3, "open"), (2, "resolved")], 0)]);
    teller.kept.look(3700, vec![seen(4), Told { rule: "miner-args".into(), ..told(5) }.into()], &[]);
    assert_eq!(teller.tell(3700), [opened(&[4, 5])]);
}

#[test]
fn processes_of_hosts_are_held_by_host() {
    let of_host = |node: &str, number| {
        let subject = Subject { namespace: None, pod: None, node: Some(node.into()), ..told(number).subject };
        Sighting::from(Told { subject, belongs: findings::batch::Belongs::default().into(), ..told(number) })
    };
    let mut teller = Teller::at_once();
    teller.kept.look(10, vec![of_host("a", 1)], &[]);
    assert_eq!(teller.tell(10), [opened(&[1])]);
    teller.kept.look(20, vec![of_host("a", 2)], &[]);
    assert_eq!(teller.tell(20), []);
    teller.kept.look(30, vec![of_host("b", 3)], &[]);
    assert_eq!(teller.tell(30), [opened(&[2, 3])]);
}

#[test]
fn an_open_finding_is_told_again_and_a_silenced_one_is_not() {
    let day = 24 * 3600;
    let mut teller = Teller::at_once();
    teller.kept.look(0, vec![seen(1)], &[]);
    assert_eq!(teller.tell(0), [opened(&[1])]);
    let again = || vec![("repeated", vec![(1, "open")], 0)];
    assert_eq!((teller.tell(day - 1), teller.tell(day), teller.tell(day + 1)), (vec![], again(), vec![]));
    teller.kept.silence("s1", day + 10, 9 * day);
    assert_eq!(teller.tell(3 * day), []);
    teller.kept.end_silence("s1", 4 * day);
    assert_eq!(teller.tell(4 * day), [opened(&[1])]);
    teller.notifier.repeat_every = Duration::ZERO;
    assert_eq!(teller.tell(9 * day), []);
}

#[test]
fn the_end_of_a_silence_is_told_at_once_as_an_opening() {
    let mut teller = Teller::at_once();
    teller.kept.look(0, vec![seen(1)], &[]);
    assert_eq!(teller.tell(0), [opened(&[1])]);
    teller.kept.silence("s1", 10, 600);
    assert_eq!(teller.tell(20), []);
    teller.kept.pass(600);
    assert_eq!((teller.tell(600), teller.tell(610)), (vec![opened(&[1])], vec![]));
}

#[test]
fn what_was_silenced_when_it_ended_was_never_told_and_its_end_is_not_either() {
    let mut teller = Teller::at_once();
    teller.kept.silence("s1", 5, 600);
    teller.kept.look(10, vec![seen(1)], &[]);
    teller.kept.look(20, vec![seen(2)], &[1]);
    assert_eq!(teller.tell(30), []);
    teller.kept.look(40, vec![], &[2]);
    assert_eq!(teller.tell(50), []);
    teller.kept.end_silence("s1", 60);
    assert_eq!(teller.tell(70), []);
}

#[test]
fn who_begins_to_tell_tells_what_is_open_and_not_what_has_ended() {
    let mut teller = Teller::at_once();
    teller.notifier.enabled = false;
    assert_eq!(teller.tell(0), []);
    teller.kept.look(10, vec![seen(1), seen(2)], &[]);
    teller.kept.look(20, vec![], &[1]);
    assert_eq!(teller.tell(30), []);
    teller.notifier.enabled = true;
    assert_eq!(teller.tell(40), [opened(&[2])]);
}

#[test]
fn only_what_is_wanted_is_told_but_whoever_heard_of_it_hears_of_its_end() {
    let low: Sighting = Told { severity: Severity::Low, ..told(1) }.into();
    let mut teller = Teller::at_once();
    teller.kept.look(0, vec![low.clone()], &[]);
    assert_eq!(teller.tell(0), []);
    teller.kept.look(10, vec![seen(1)], &[]);
    assert_eq!(teller.tell(10), [opened(&[1])]);
    teller.kept.look(20, vec![low], &[]);
    teller.kept.look(30, vec![], &[1]);
    assert_eq!(teller.tell(30), [resolved(&[1])]);
    teller.notifier.namespaces = vec!["other-*".to_owned()];
    teller.kept.look(40, vec![seen(2)], &[]);
    assert_eq!(teller.tell(40), []);
    (teller.notifier.namespaces, teller.notifier.sources) = (vec!["ns-*".to_owned()], vec![Source::Image]);
    assert_eq!(teller.tell(50), []);
}

#[test]
fn an_end_that_is_not_to_be_told_is_not_told_later_either() {
    let mut teller = Teller::at_once();
    teller.notifier.send_resolved = false;
    teller.kept.look(0, vec![seen(1)], &[]);
    assert_eq!(teller.tell(0), [opened(&[1])]);
    teller.kept.look(10, vec![], &[1]);
    assert_eq!(teller.tell(10), []);
    teller.notifier.send_resolved = true;
    assert_eq!(teller.tell(20), []);
}

#[test]
fn a_message_lists_twenty_and_counts_the_rest() {
    let mut teller = Teller::at_once();
    teller.kept.look(0, (0..50).map(seen).collect(), &[]);
    let messages = teller.tell(0);
    assert_eq!((messages.len(), messages[0].1.len(), messages[0].2), (1, 20, 30));
    assert_eq!(teller.tell(10), []);
}

#[test]
fn events_are_told_one_by_one_a_hundred_in_one_sweep() {
    let mut teller = Teller::by(notifier(NotifierKind::Event));
    teller.kept.look(0, (0..150).map(seen).collect(), &[]);
    let [first, second, third] = [0, 30, 60].map(|seconds| teller.tell(seconds));
    assert_eq!((first.len(), second.len(), third.len()), (100, 50, 0));
    let all: BTreeSet<Short> = first.into_iter().chain(second).collect();
    assert_eq!(all, (0..150).map(|number| opened(&[number])).collect());
}

#[test]
fn events_are_repeated_hourly_at_most() {
    let mut teller = Teller::by(notifier(NotifierKind::Event));
    teller.notifier.repeat_every = Duration::from_mins(5);
    teller.kept.look(0, vec![seen(1)], &[]);
    assert_eq!(teller.tell(0), [opened(&[1])]);
    let again = vec![("repeated", vec![(1, "open")], 0)];
    assert_eq!((teller.tell(3599), teller.tell(3600)), (vec![], again));
}

#[test]
fn what_is_gone_is_forgotten() {
    let week = 7 * 24 * 3600;
    let mut teller = Teller::at_once();
    teller.kept.look(0, vec![seen(1)], &[]);
    teller.tell(0);
    teller.kept.look(10, vec![], &[1]);
    teller.tell(10);
    teller.kept.pass(week);
    teller.tell(week);
    assert_eq!(teller.memory.of("ops").unwrap().fingerprints().count(), 0);
    teller.kept.look(week + 1, vec![seen(1)], &[]);
    assert_eq!(teller.tell(week + 1), [opened(&[1])]);
    let none = decide(&teller.kept.book, &teller.memory, &[], at(week + 2));
    assert_eq!((none.changes.gone, none.messages.len()), (vec!["ops".to_owned()], 0));
}

#[test]
fn a_rehearsal_says_all_that_is_open_and_changes_nothing() {
    let mut teller = Teller::at_once();
    teller.kept.look(0, vec![seen(1), seen_of("shop", 2), seen(3)], &[]);
    teller.tell(0);
    teller.kept.look(10, vec![], &[3]);
    let book = &teller.kept.book;
    let all: Vec<&Record> = book.records().collect();
    let messages = rehearse(book, &all, &teller.notifier, at(20));
    assert_eq!(messages.iter().map(short).collect::<Vec<_>>(), [opened(&[1]), opened(&[2])]);
}
