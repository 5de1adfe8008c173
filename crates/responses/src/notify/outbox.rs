//! Messages that wait to be sent, and those that never will be. Pure: what is here is stored in the table `message` too.
//!
//! Owns their order and their bound. When an attempt is made is decided by `pace`, what became of it by `answer`.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use api::{Severity, Time};

/// Messages that may wait. With their texts on disk, one takes some 400 bytes here: 4 MiB in all.
pub(crate) const WAITING: usize = 10_000;

/// Dead messages that are kept, the latest. As many as may wait, for all may die at once.
pub(crate) const DEAD: usize = 10_000;

/// How long a dead message is kept and shown.
pub(crate) const DEAD_KEPT: Duration = Duration::from_hours(7 * 24);

/// All messages that are not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<i64, Waiting>,
    dead: BTreeMap<i64, Dead>,
    /// Number of the last message that there was.
    last: i64,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Who it is for.
    pub(crate) notifier: String,
    /// What must not overtake it: an end is told after its beginning.
    pub(crate) group: String,
    /// The worst that it tells.
    pub(crate) severity: Severity,
    /// When it was written.
    pub(crate) created: Time,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    /// When the next may be made, monotonic.
    pub(crate) due: Duration,
    /// Why the last one failed.
    pub(crate) error: Option<String>,
}

/// A message that is not tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    /// Who it was for.
    pub(crate) notifier: String,
    /// When it was given up.
    pub(crate) at: Time,
    /// Why.
    pub(crate) error: String,
}

/// What a notifier's queue can do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try this message.
    Try(i64),
    /// Nothing before this time, monotonic.
    At(Duration),
    /// Nothing.
    Empty,
}

/// What is shown of a notifier's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    /// Messages that wait.
    pub(crate) pending: u64,
    /// When the oldest of them was written.
    pub(crate) oldest: Option<Time>,
    /// Dead messages.
    pub(crate) dead: u64,
    /// Why the last attempt failed that failed: of a message that waits, or else of the last that died.
    pub(crate) error: Option<String>,
}

impl Outbox {
    /// What was stored.
    pub(crate) fn restored(waiting: BTreeMap<i64, Waiting>, dead: BTreeMap<i64, Dead>) -> Self {
        let last = |numbers: Option<&i64>| numbers.copied().unwrap_or_default();
        let last = last(waiting.keys().next_back()).max(last(dead.keys().next_back()));
        Self { waiting, dead, last }
    }

    /// The number of the next message.
    pub(crate) const fn next_number(&self) -> i64 {
        self.last + 1
    }

    /// A message that waits.
    pub(crate) fn get(&self, number: i64) -> Option<&Waiting> {
        self.waiting.get(&number)
    }

    /// What a notifier can try now: the oldest message that is due and whose group has no older one.
    pub(crate) fn next(&self, notifier: &str, now: Duration) -> Next {
        let mut groups = HashSet::new();
        let mut soonest: Option<Duration> = None;
        for (number, waiting) in self.waiting.iter().filter(|(_, waiting)| waiting.notifier == notifier) {
            if !groups.insert(waiting.group.as_str()) {
                continue;
            }
            if waiting.due <= now {
                return Next::Try(*number);
            }
            soonest = Some(soonest.map_or(waiting.due, |soonest| soonest.min(waiting.due)));
        }
        soonest.map_or(Next::Empty, Next::At)
    }

    /// For want of room for `new`: which go, the oldest of the lowest severity first. New ones may be among them.
    pub(crate) fn crowded_out(&self, new: &BTreeMap<i64, Waiting>) -> Vec<i64> {
        let over = (self.waiting.len() + new.len()).saturating_sub(WAITING);
        if over == 0 {
            return Vec::new();
        }
        let all = self.waiting.iter().chain(new);
        let mut all: Vec<(Severity, i64)> = all.map(|(number, waiting)| (waiting.severity, *number)).collect();
        all.sort_unstable();
        all.into_iter().take(over).map(|(_, number)| number).collect()
    }

    /// Messages of notifiers that are no more.
    pub(crate) fn of_others(&self, notifiers: &HashSet<&str>) -> Vec<i64> {
        let waiting = self.waiting.iter().map(|(number, waiting)| (number, &waiting.notifier));
        let dead = self.dead.iter().map(|(number, dead)| (number, &dead.notifier));
        waiting.chain(dead).filter(|(_, of)| !notifiers.contains(of.as_str())).map(|(number, _)| *number).collect()
    }

    /// Dead messages that are not kept any longer.
    pub(crate) fn outdated(&self, now: Time) -> Vec<i64> {
        let over = self.dead.len().saturating_sub(DEAD);
        let is_old = |dead: &Dead| now.since(dead.at) >= jiff::SignedDuration::try_from(DEAD_KEPT).unwrap_or_default();
        let numbered = self.dead.iter().enumerate();
        numbered.filter(|(place, (_, dead))| *place < over || is_old(dead)).map(|(_, (number, _))| *number).collect()
    }

    /// Takes messages in, once they are stored.
    pub(crate) fn put(&mut self, new: BTreeMap<i64, Waiting>) {
        self.last = new.keys().next_back().copied().unwrap_or_default().max(self.last);
        self.waiting.extend(new);
    }

    /// Takes messages out that are delivered, or not kept; tells whose they were.
    pub(crate) fn remove(&mut self, numbers: &[i64]) -> Vec<String> {
        let removed = numbers.iter().filter_map(|number| {
            let dead = self.dead.remove(number).map(|dead| dead.notifier);
            self.waiting.remove(number).map(|waiting| waiting.notifier).or(dead)
        });
        removed.collect()
    }

    /// Remembers an attempt that failed.
    pub(crate) fn failed(&mut self, number: i64, due: Duration, error: &str) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.attempts = waiting.attempts.saturating_add(1);
            (waiting.due, waiting.error) = (due, Some(error.to_owned()));
        }
    }

    /// Gives a message up.
    pub(crate) fn died(&mut self, number: i64, at: Time, error: &str) {
        if let Some(Waiting { notifier, .. }) = self.waiting.remove(&number) {
            self.dead.insert(number, Dead { notifier, at, error: error.to_owned() });
        }
    }

    /// What is shown of a notifier's messages.
    pub(crate) fn figures(&self, notifier: &str) -> Figures {
        let mut figures = Figures::default();
        let mut latest = None;
        for dead in self.dead.values().filter(|dead| dead.notifier == notifier) {
            figures.dead += 1;
            if latest.is_none_or(|latest| latest <= dead.at) {
                latest = Some(dead.at);
                figures.error = Some(dead.error.clone());
            }
        }
        let mut fails = None;
        for waiting in self.waiting.values().filter(|waiting| waiting.notifier == notifier) {
            figures.pending += 1;
            figures.oldest = Some(figures.oldest.map_or(waiting.created, |oldest| oldest.min(waiting.created)));
            fails = waiting.error.clone().or(fails);
        }
        figures.error = fails.or(figures.error);
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::fixture::at;

    fn waiting(notifier: &str, group: &str, severity: Severity) -> Waiting {
        Waiting {
            notifier: notifier.to_owned(),
            group: group.to_owned(),
            severity,
            created: at(0),
            attempts: 0,
            due: Duration::ZERO,
            error: None,
        }
    }

    fn outbox(waiting: impl IntoIterator<Item = Waiting>) -> Outbox {
        Outbox::restored((1..).zip(waiting).collect(), BTreeMap::new())
    }

    #[test]
    fn a_message_that_fails_holds_up_its_group_and_nobody_else() {
        let messages = [("ops", "a"), ("ops", "a"), ("ops", "b"), ("dev", "a")];
        let mut outbox = outbox(messages.map(|(notifier, group)| waiting(notifier, group, Severity::High)));
        let soon = Duration::from_secs(5);
        assert_eq!(outbox.next("ops", Duration::ZERO), Next::Try(1));
        outbox.failed(1, soon, "503");
        assert_eq!(
            (outbox.next("ops", Duration::ZERO), outbox.next("dev", Duration::ZERO)),
            (Next::Try(3), Next::Try(4))
        );
        outbox.remove(&[3]);
        assert_eq!((outbox.next("ops", Duration::ZERO), outbox.next("ops", soon)), (Next::At(soon), Next::Try(1)));
        outbox.remove(&[1]);
        assert_eq!((outbox.next("ops", Duration::ZERO), outbox.next("none", soon)), (Next::Try(2), Next::Empty));
    }

    #[test]
    fn a_full_outbox_loses_the_oldest_of_the_lowest_severity() {
        let severity = |number: usize| if number.is_multiple_of(2) { Severity::Critical } else { Severity::Medium };
        let outbox = outbox((0..WAITING).map(|number| waiting("ops", "a", severity(number))));
        let new = |severities: &[Severity]| {
            let new = severities.iter().map(|severity| waiting("ops", "b", *severity));
            (outbox.next_number()..).zip(new).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(outbox.crowded_out(&new(&[Severity::High, Severity::High])), [2, 4]);
        assert_eq!(outbox.crowded_out(&new(&[Severity::Low])), [10_001]);
        assert_eq!(outbox.crowded_out(&new(&[])), [0; 0]);
    }

    #[test]
    fn what_is_dead_is_shown_for_seven_days() {
        let mut outbox = outbox(["ops", "ops"].map(|notifier| waiting(notifier, notifier, Severity::High)));
        outbox.died(1, at(0), "code 19021: sign match fail");
        outbox.failed(2, Duration::from_secs(5), "no answer in time");
        let figures = |error: &str, pending| {
            let oldest = (pending > 0).then(|| at(0));
            Figures { pending, oldest, dead: 1, error: Some(error.to_owned()) }
        };
        assert_eq!(outbox.figures("ops"), figures("no answer in time", 1));
        assert_eq!(outbox.remove(&[2]), ["ops"]);
        assert_eq!(outbox.figures("ops"), figures("code 19021: sign match fail", 0));
        let week = 7 * 24 * 3600;
        assert_eq!((outbox.outdated(at(week - 1)), outbox.outdated(at(week))), (vec![], vec![1]));
        assert_eq!(outbox.of_others(&HashSet::from(["dev"])), [1]);
    }

    #[test]
    fn numbers_go_on_where_they_were() {
        let mut outbox = outbox([waiting("ops", "a", Severity::Low)]);
        assert_eq!(outbox.next_number(), 2);
        outbox.put(BTreeMap::from([(2, waiting("ops", "a", Severity::Low))]));
        outbox.remove(&[1, 2]);
        assert_eq!(outbox.next_number(), 3);
    }
}
