//! What announcing and sending share: the outbox, what was told, the settings in force, and figures.
//!
//! Owns that memory and table say the same: what is decided becomes true once it is stored, and is read again when it is not known
//! whether it was.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{Clock, Fingerprint, Time};
use findings::event::Did;
use findings::{Findings, Note};
use kubeio::Cluster;
use storage::{Failure, Fence, Storage, Write};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::announce::{self, Decision};
use super::message::Message;
use super::outbox::{Next, Outbox, Waiting};
use super::settings::{NotifierKind, NotifierSettings};
use super::tables;
use super::tally::Tally;
use super::told::ToldBook;
use crate::{Around, Lead};

/// Everything that one time of leading shares.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) findings: Findings,
    pub(crate) storage: Storage,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who reports Events: this pod or host.
    pub(crate) reporter: String,
    pub(crate) tally: Tally,
    /// Settings in force. Queues look at them before each attempt.
    pub(crate) orders: watch::Sender<Arc<Orders>>,
    /// Changes when messages were put into the outbox.
    pub(crate) news: watch::Sender<u64>,
    outbox: Mutex<Outbox>,
    told: tokio::sync::Mutex<Option<Known>>,
}

/// What is to be told to whom.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Orders {
    /// Whether nothing is sent.
    pub(crate) dry_run: bool,
    /// Who is told.
    pub(crate) notifiers: Vec<NotifierSettings>,
    /// What settings of other sections say.
    pub(crate) around: Around,
}

/// What was told, as it was read or written under a number.
#[derive(Debug)]
struct Known {
    fence: Fence,
    told: ToldBook,
}

/// What became of a message, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was delivered.
    Delivered,
    /// It is tried again then, monotonic.
    Again(Duration, String),
    /// It is given up.
    Dead(Time, String),
}

impl Orders {
    /// A notifier that is told now.
    pub(crate) fn of(&self, name: &str) -> Option<&NotifierSettings> {
        self.notifiers.iter().find(|notifier| notifier.name == name && notifier.enabled && !self.dry_run)
    }
}

impl Desk {
    pub(crate) fn new(
        (findings, storage): (Findings, Storage),
        cluster: Option<Cluster>,
        clock: Arc<dyn Clock>,
        reporter: String,
        orders: Orders,
    ) -> Self {
        Self {
            findings,
            storage,
            cluster,
            clock,
            reporter,
            tally: Tally::default(),
            orders: watch::Sender::new(Arc::new(orders)),
            news: watch::Sender::new(0),
            outbox: Mutex::default(),
            told: tokio::sync::Mutex::default(),
        }
    }

    /// The settings in force.
    pub(crate) fn orders(&self) -> Arc<Orders> {
        Arc::clone(&self.orders.borrow())
    }

    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        Time::of(self.clock.now())
    }

    /// Reads what was stored, once for each number of a leader; tells under which number the outbox was read.
    pub(crate) async fn recall(&self, lead: &Lead) -> Result<Fence, Failure> {
        let mut known = self.told.lock().await;
        self.known(&mut known, lead).await.map(|known| known.fence)
    }

    /// Forgets what another leader goes on with.
    pub(crate) async fn forget(&self) {
        *self.told.lock().await = None;
        *self.outbox() = Outbox::default();
    }

    /// Decides what is to be told now, and puts it into the outbox.
    pub(crate) async fn announce(&self, lead: &Lead, now: Time) -> Result<(), Failure> {
        let orders = self.orders();
        if orders.dry_run {
            return Ok(());
        }
        let mut known = self.told.lock().await;
        let Known { fence, told } = self.known(&mut known, lead).await?;
        let decision = self.findings.ask(|book| announce::decide(book, told, &orders.notifiers, now));
        let (write, mut new, gone) = self.planned(&decision, &orders, now);
        if write.is_empty() {
            return Ok(());
        }
        if let Err(failure) = lead.term.write_as(*fence, write).await {
            // Whether it was stored is read before the next decision.
            *known = None;
            return Err(failure);
        }
        told.apply(&decision.changes);
        for (notifier, message) in &decision.messages {
            debug!(
                notifier,
                id = message.id,
                event = message.event.as_str(),
                findings = message.count(),
                "message written"
            );
        }
        new.retain(|number, waiting| {
            let is_lost = gone.crowded_out.contains(number);
            if is_lost {
                self.tally.dropped(&waiting.notifier);
            }
            !is_lost
        });
        let mut outbox = self.outbox();
        outbox.put(new);
        for notifier in outbox.remove(&gone.crowded_out) {
            self.tally.dropped(&notifier);
        }
        outbox.remove(&gone.outdated);
        drop(outbox);
        if !gone.crowded_out.is_empty() {
            warn!(
                dropped = gone.crowded_out.len(),
                "the outbox is full: the oldest messages of the lowest severity are lost"
            );
        }
        self.news.send_modify(|news| *news += 1);
        Ok(())
    }

    async fn known<'a>(&self, known: &'a mut Option<Known>, lead: &Lead) -> Result<&'a mut Known, Failure> {
        let fence = lead.term.fence();
        if known.as_ref().is_none_or(|known| known.fence != fence) {
            let (told, outbox) = tables::load(&self.storage).await?;
            *self.outbox() = outbox;
            *known = Some(Known { fence, told });
        }
        Ok(known.as_mut().expect("it was read above"))
    }

    /// A decision as one write, with the messages that it brings and those that it takes away.
    fn planned(&self, decision: &Decision, orders: &Orders, now: Time) -> (Write, BTreeMap<i64, Waiting>, Gone) {
        let outbox = self.outbox();
        let is_event = |name: &str| orders.of(name).is_some_and(|notifier| notifier.kind == NotifierKind::Event);
        let waiting = |(name, message): &(String, Message)| waiting((name, is_event(name)), message, now);
        let waiting = decision.messages.iter().map(waiting);
        let new: BTreeMap<i64, Waiting> = (outbox.next_number()..).zip(waiting).collect();
        let has_queue = |notifier: &&NotifierSettings| notifier.kind != NotifierKind::Alertmanager;
        let names: HashSet<&str> =
            orders.notifiers.iter().filter(has_queue).map(|notifier| notifier.name.as_str()).collect();
        let mut outdated = outbox.outdated(now);
        outdated.extend(outbox.of_others(&names));
        let gone = Gone { crowded_out: outbox.crowded_out(&new), outdated };
        drop(outbox);
        let mut write = Write::new();
        write.extend(tables::told(&decision.changes));
        let kept = new.iter().zip(&decision.messages).filter(|((number, _), _)| !gone.crowded_out.contains(number));
        write.extend(kept.map(|((number, waiting), (_, message))| tables::insert(*number, waiting, message)));
        let old = gone.crowded_out.iter().filter(|number| !new.contains_key(number)).chain(&gone.outdated);
        write.extend(old.map(|number| tables::delete(*number)));
        (write, new, gone)
    }

    /// What a notifier's queue can do now.
    pub(crate) fn next(&self, notifier: &str) -> Next {
        self.outbox().next(notifier, self.clock.monotonic())
    }

    /// Stores what became of a message, then makes it true here. `read_as` is the number under which it was read: later, another
    /// message may have its place.
    pub(crate) async fn settle(
        &self,
        (lead, read_as): (&Lead, Fence),
        number: i64,
        fate: &Fate,
    ) -> Result<(), Failure> {
        let statement = match fate {
            Fate::Delivered => tables::delete(number),
            Fate::Again(_, why) => tables::failed(number, why),
            Fate::Dead(at, why) => tables::died(number, *at, why),
        };
        lead.term.write_as(read_as, Write::new().then(statement)).await?;
        let mut outbox = self.outbox();
        match fate {
            Fate::Delivered => drop(outbox.remove(&[number])),
            Fate::Again(due, why) => outbox.failed(number, *due, why),
            Fate::Dead(at, why) => outbox.died(number, *at, why),
        }
        Ok(())
    }

    /// Adds to the histories of findings what became of a message. A history with a gap is no reason to tell anything twice.
    pub(crate) async fn note<'a>(
        &self,
        notifier: &str,
        about: impl Iterator<Item = &'a Fingerprint>,
        (did, object, reason): (Did, &str, &str),
    ) {
        let at = self.now();
        let note = |fingerprint: &Fingerprint| Note {
            fingerprint: fingerprint.clone(),
            at,
            response: notifier.to_owned(),
            did,
            object: object.to_owned(),
            reason: reason.to_owned(),
        };
        if let Err(error) = self.findings.note(about.map(note).collect()).await {
            debug!(notifier, %error, "the histories do not say what became of a message");
        }
    }

    /// How many messages of each notifier wait, and more.
    pub(crate) fn figures(&self) -> HashMap<String, super::outbox::Figures> {
        let outbox = self.outbox();
        let orders = self.orders();
        orders.notifiers.iter().map(|notifier| (notifier.name.clone(), outbox.figures(&notifier.name))).collect()
    }
}

/// Messages that a decision takes away.
struct Gone {
    /// For want of room; new ones may be among them.
    crowded_out: Vec<i64>,
    /// Dead for long, or for nobody.
    outdated: Vec<i64>,
}

fn waiting((notifier, is_event): (&str, bool), message: &Message, now: Time) -> Waiting {
    let group = &message.group;
    // Events stand each by itself: only the end of a finding must not overtake its beginning.
    let alone = message.items.first().filter(|_| is_event).map_or("", |item| item.finding.fingerprint.as_str());
    Waiting {
        notifier: notifier.to_owned(),
        group: format!("{}/{}/{}/{alone}", group.source, group.namespace, group.app),
        severity: message.severity(),
        created: now,
        attempts: 0,
        due: Duration::ZERO,
        error: None,
    }
}
