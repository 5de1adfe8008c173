//! The figures `keelwatch_responses_messages_total` and `keelwatch_responses_outbox…`.
//!
//! Owns counting and names. The label `notifier` is a name of the settings, of which there are 32 at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Time;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use super::Notify;

/// What happened since the start, by notifier.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<String, Counts>>,
    backlogs: Mutex<BTreeMap<(String, usize), Backlog>>,
}

/// What happened to messages of one notifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    pub(crate) dropped: u64,
}

/// What one Alertmanager still has to be told: its queue is the findings themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Alerts that it was never told.
    pub(crate) untold: u64,
    /// Since when the oldest of them waits.
    pub(crate) oldest: Option<Time>,
    /// Why the last attempt failed, until one succeeds.
    pub(crate) error: Option<String>,
}

impl Tally {
    pub(crate) fn sent(&self, notifier: &str) {
        self.counts().entry(notifier.to_owned()).or_default().sent += 1;
    }

    pub(crate) fn failed(&self, notifier: &str) {
        self.counts().entry(notifier.to_owned()).or_default().failed += 1;
    }

    pub(crate) fn dead(&self, notifier: &str) {
        self.counts().entry(notifier.to_owned()).or_default().dead += 1;
    }

    pub(crate) fn dropped(&self, notifier: &str) {
        self.counts().entry(notifier.to_owned()).or_default().dropped += 1;
    }

    pub(crate) fn of(&self, notifier: &str) -> Counts {
        self.counts().get(notifier).copied().unwrap_or_default()
    }

    /// Says what the server at this place of a notifier's list still has to be told; nothing when it is asked no more.
    pub(crate) fn set_backlog(&self, notifier: &str, place: usize, backlog: Option<Backlog>) {
        let mut backlogs = self.backlogs();
        let key = (notifier.to_owned(), place);
        match backlog {
            Some(backlog) => drop(backlogs.insert(key, backlog)),
            None => drop(backlogs.remove(&key)),
        }
    }

    /// What all servers of a notifier together still have to be told.
    pub(crate) fn backlog(&self, notifier: &str) -> Backlog {
        let backlogs = self.backlogs();
        let of_this = backlogs.iter().filter(|((name, _), _)| name == notifier).map(|(_, backlog)| backlog);
        of_this.fold(Backlog::default(), |sum, one| Backlog {
            untold: sum.untold + one.untold,
            oldest: match (sum.oldest, one.oldest) {
                (Some(sum), Some(one)) => Some(sum.min(one)),
                (sum, one) => sum.or(one),
            },
            error: sum.error.or_else(|| one.error.clone()),
        })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlogs(&self) -> MutexGuard<'_, BTreeMap<(String, usize), Backlog>> {
        self.backlogs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the figures.
pub(crate) fn register(notify: &Notify, registry: &mut Registry) {
    let gauge = |name, help| Entry { name, kind: Kind::Gauge, labels: &["notifier"], help };
    let names = |notify: &Notify| -> Vec<String> {
        notify.desk.orders().notifiers.iter().map(|notifier| notifier.name.clone()).collect()
    };
    let of = |name: &str, value: f64| Sample { labels: vec![("notifier", name.to_owned())], value };
    let read = notify.clone();
    let entry = Entry {
        name: "keelwatch_responses_messages_total",
        kind: Kind::Counter,
        labels: &["notifier", "result"],
        help: "Messages that were sent, attempts that failed, messages that were given up",
    };
    registry.read_at_scrape(entry, move || {
        let samples = names(&read).into_iter().flat_map(|name| {
            let Counts { sent, failed, dead, dropped: _ } = read.desk.tally.of(&name);
            [("sent", sent), ("failed", failed), ("dead", dead)].map(|(result, count)| Sample {
                labels: vec![("notifier", name.clone()), ("result", result.to_owned())],
                value: number(count),
            })
        });
        samples.collect()
    });
    let read = notify.clone();
    registry.read_at_scrape(gauge("keelwatch_responses_outbox", "Messages that wait"), move || {
        read.messages().iter().map(|view| of(&view.notifier, number(view.pending))).collect()
    });
    let read = notify.clone();
    let entry = gauge("keelwatch_responses_outbox_oldest_age_seconds", "Age of the oldest message that waits");
    registry.read_at_scrape(entry, move || {
        read.messages().iter().map(|view| of(&view.notifier, number(view.oldest_age_s))).collect()
    });
    let read: Arc<super::desk::Desk> = Arc::clone(&notify.desk);
    let entry = Entry {
        name: "keelwatch_responses_outbox_dropped_total",
        kind: Kind::Counter,
        labels: &["notifier"],
        help: "Messages that were lost because the outbox was full",
    };
    let notifiers = notify.clone();
    registry.read_at_scrape(entry, move || {
        names(&notifiers).iter().map(|name| of(name, number(read.tally.of(name).dropped))).collect()
    });
}

/// No count comes near to what a double holds exactly.
#[expect(clippy::cast_precision_loss, reason = "2^53 messages take longer than anything runs")]
const fn number(count: u64) -> f64 {
    count as f64
}
