//! The queue of one notifier: takes what is due from the outbox, has it delivered, and stores what became of it.
//!
//! Owns the order of these steps. A message is taken off only after it was delivered, so a death in between sends it once more, with the
//! same identity; and leadership is asked before each attempt.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use findings::event::Did;
use runtime::shutdown::Stop;
use storage::Fence;
use tracing::{info, warn};

use super::answer::Outcome;
use super::desk::{Desk, Fate, Orders};
use super::message::Message;
use super::outbox::{Next, Waiting};
use super::pace::{self, Meter};
use super::settings::NotifierSettings;
use super::tables;
use crate::Lead;

/// How long a queue that is asked to stop waits for the answer to what it sent.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// How long a queue waits for a database that fails.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);

/// The queue of one notifier.
pub(crate) struct Queue<D> {
    desk: Arc<Desk>,
    lead: Lead,
    name: String,
    deliver: D,
    meter: Meter,
    /// Attempts in a row that say that the receiver is down, and when it is asked again.
    down: u32,
    asks_again: Duration,
    /// What became of a message and could not be stored yet.
    unsettled: Option<(Taken, Fate)>,
}

/// A message as it was taken from the outbox.
#[derive(Debug)]
struct Taken {
    number: i64,
    /// Its identity; none if it cannot be read. Numbers come again once another leader has emptied the outbox.
    id: Option<String>,
    /// The leader's number under which the outbox was read.
    read_as: Fence,
}

/// The way to a receiver.
pub(crate) trait Deliver: Send {
    /// Makes one attempt.
    fn deliver(
        &mut self,
        lead: &Lead,
        settings: &NotifierSettings,
        orders: &Orders,
        message: &Message,
    ) -> impl Future<Output = Outcome> + Send;
}

/// What is to happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another step, at once.
    On,
    /// Another step at this time, monotonic, or when something changes.
    At(Duration),
    /// Another step when something changes.
    Rest,
    /// None: the notifier is off or gone.
    Over,
    /// None: this process does not lead any more.
    NotLeading,
}

impl<D: Deliver> Queue<D> {
    pub(crate) fn new(desk: Arc<Desk>, lead: Lead, name: String, deliver: D) -> Self {
        let meter = Meter::new();
        Self { desk, lead, name, deliver, meter, down: 0, asks_again: Duration::ZERO, unsettled: None }
    }

    /// Sends until the notifier is off, the lead has ended, or `stop`; tells whether this process still leads.
    pub(crate) async fn run(mut self, stop: Stop) -> bool {
        let (mut orders, mut news) = (self.desk.orders.subscribe(), self.desk.news.subscribe());
        loop {
            orders.mark_unchanged();
            news.mark_unchanged();
            let patience = async {
                stop.requested().await;
                tokio::time::sleep(LAST_ANSWER).await;
            };
            let next = tokio::select! {
                next = self.step() => next,
                () = patience => return true,
            };
            let until = match next {
                Step::On => Duration::ZERO,
                Step::At(at) => at.saturating_sub(self.desk.clock.monotonic()),
                Step::Rest => Duration::MAX,
                Step::Over => return true,
                Step::NotLeading => return false,
            };
            if stop.is_requested() {
                return true;
            }
            if until.is_zero() {
                continue;
            }
            tokio::select! {
                () = stop.requested() => return true,
                () = tokio::time::sleep(until) => {}
                // An error says that nothing can change any more, which is the end of the process.
                changed = orders.changed() => if changed.is_err() { return true },
                changed = news.changed() => if changed.is_err() { return true },
            }
        }
    }

    /// One attempt at most.
    pub(crate) async fn step(&mut self) -> Step {
        let orders = self.desk.orders();
        let Some(settings) = orders.of(&self.name) else { return Step::Over };
        let now = self.desk.clock.monotonic();
        let read_as = match self.desk.recall(&self.lead).await {
            Ok(read_as) => read_as,
            Err(failure) => return self.rest(&failure, "failed to read the outbox"),
        };
        if let Some((taken, fate)) = self.unsettled.take() {
            return self.settle_again(taken, fate, read_as).await;
        }
        self.meter.limit(settings.kind, settings.rate);
        let free = self.meter.free_at().max(self.asks_again);
        let number = match self.desk.next(&self.name) {
            Next::Empty => return Step::Rest,
            Next::At(at) => return Step::At(at.max(free)),
            Next::Try(number) => number,
        };
        let Some(waiting) = self.desk.outbox().get(number).cloned() else { return Step::On };
        let outdated = outdated(&waiting, settings, self.desk.now());
        if outdated.is_none() && free > now {
            return Step::At(free);
        }
        let taken =
            |message: Option<&Message>| Taken { number, id: message.map(|message| message.id.clone()), read_as };
        let message = match (tables::body(&self.desk.storage, number).await, outdated) {
            (Ok(Some(message)), None) => message,
            (Ok(Some(message)), Some(why)) => {
                return self.bury(taken(Some(&message)), why, Some(&message)).await;
            }
            // What cannot be understood must not hold up its group for ever.
            (Err(storage::Failure::Damaged(_)), Some(why)) => return self.bury(taken(None), why, None).await,
            (Ok(None), _) => {
                self.desk.outbox().remove(&[number]);
                return Step::On;
            }
            (Err(failure), _) => return self.rest(&failure, "failed to read a message"),
        };
        if self.lead.proof().is_none() {
            return Step::NotLeading;
        }
        self.meter.count(now);
        let outcome = self.deliver.deliver(&self.lead, settings, &orders, &message).await;
        self.judge(taken(Some(&message)), &waiting, &message, outcome).await
    }

    async fn judge(&mut self, taken: Taken, waiting: &Waiting, message: &Message, outcome: Outcome) -> Step {
        let (name, event) = (self.name.clone(), message.event.as_str());
        match outcome {
            Outcome::NotLeading => Step::NotLeading,
            Outcome::Delivered => {
                (self.down, self.asks_again) = (0, Duration::ZERO);
                self.desk.tally.sent(&name);
                info!(notifier = name, id = message.id, event, findings = message.count(), "message sent");
                let step = self.settle(taken, Fate::Delivered).await;
                self.desk.note(&name, message.about(), (Did::Sent, &message.id, event)).await;
                step
            }
            Outcome::Never { why } => self.bury(taken, why, Some(message)).await,
            Outcome::Again { why, after, is_down } => {
                self.desk.tally.failed(&name);
                warn!(notifier = name, id = message.id, attempt = waiting.attempts + 1, why, "message not sent yet");
                let now = self.desk.clock.monotonic();
                let due = now + pace::pause_after(after, waiting.attempts.saturating_add(1), &message.id);
                self.down = if is_down { self.down.saturating_add(1) } else { 0 };
                if is_down {
                    self.asks_again = now + pace::pause_after(after, self.down, &name);
                }
                self.settle(taken, Fate::Again(due, why)).await
            }
        }
    }

    /// Gives a message up.
    async fn bury(&mut self, taken: Taken, why: String, message: Option<&Message>) -> Step {
        self.desk.tally.dead(&self.name);
        warn!(notifier = self.name, message = taken.number, why, "message given up");
        let step = self.settle(taken, Fate::Dead(self.desk.now(), why.clone())).await;
        if let Some(message) = message {
            self.desk.note(&self.name, message.about(), (Did::Dead, &message.id, &why)).await;
        }
        step
    }

    /// Stores what became of a message. Until it is stored, nothing else is sent: it would be forgotten what was.
    async fn settle(&mut self, taken: Taken, fate: Fate) -> Step {
        match self.desk.settle((&self.lead, taken.read_as), taken.number, &fate).await {
            Ok(()) => Step::On,
            Err(storage::Failure::NotLeading) => Step::NotLeading,
            Err(failure) => {
                self.unsettled = Some((taken, fate));
                self.rest(&failure, "failed to store what became of a message")
            }
        }
    }

    /// The same once more. If another leader has stored something since, the message may be gone, and its number another's.
    async fn settle_again(&mut self, taken: Taken, fate: Fate, read_as: Fence) -> Step {
        if taken.read_as == read_as {
            return self.settle(taken, fate).await;
        }
        match tables::body(&self.desk.storage, taken.number).await {
            Ok(Some(message)) if taken.id.as_ref() == Some(&message.id) => {
                self.settle(Taken { read_as, ..taken }, fate).await
            }
            Ok(_) | Err(storage::Failure::Damaged(_)) => Step::On,
            Err(failure) => {
                self.unsettled = Some((taken, fate));
                self.rest(&failure, "failed to read a message")
            }
        }
    }

    fn rest(&self, failure: &storage::Failure, what: &str) -> Step {
        warn!(notifier = self.name, error = failure.in_words(), "{what}");
        Step::At(self.desk.clock.monotonic() + STORAGE_PAUSE)
    }
}

/// Why a message is too old to be sent.
fn outdated(waiting: &Waiting, settings: &NotifierSettings, now: api::Time) -> Option<String> {
    let age = Duration::try_from(now.since(waiting.created)).unwrap_or_default();
    let last = waiting.error.as_deref().unwrap_or("never tried");
    let max_age = document::duration::text(settings.max_age);
    (age >= settings.max_age).then(|| format!("not delivered within {max_age}: {last}"))
}

#[cfg(test)]
mod tests;
