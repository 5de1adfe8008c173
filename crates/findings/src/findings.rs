//! The findings of a running process: everybody reads the book, and who leads changes it.
//!
//! Owns the handle. The task that decides and stores is `writer`'s, what other replicas stored comes by `follow`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use api::finding::Source;
use api::{Clock, Severity, Time};
use runtime::probes::Check;
use storage::{Failure, Storage, Term};
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::Batch;
use crate::book::{Book, Leadership, Superseded};
use crate::event::{Entry, Event, Note, Transition};
use crate::metrics::Counts;
use crate::plan::Refused;
use crate::round::Round;
use crate::settings::Settings;
use crate::silence::Silence;
use crate::tables::{self, Loaded, State};
use crate::writer::{Change, What, Writer};

/// Changes that wait while a group is stored. 5,000 nodes tell in one round; a batch without changes is decided in
/// microseconds, and whoever finds this full waits.
const WAITING: usize = 1024;

/// Findings of a running process, on the leader and on followers. Clones share them.
#[derive(Clone)]
pub struct Findings {
    pub(crate) inner: Arc<Inner>,
}

/// What clones share.
pub(crate) struct Inner {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Counts,
    book: RwLock<Book>,
    settings: RwLock<Arc<Settings>>,
    lead: Mutex<Option<Lead>>,
    /// Held by whoever makes the book another: the writer for each change, a follower for what it read.
    pub(crate) pen: tokio::sync::Mutex<Pen>,
    /// Number of the last entry whose effect is in the book. What was stored after it is not told yet: whoever hears of it asks
    /// the book.
    known_to: AtomicI64,
    wakes: watch::Sender<u64>,
    watchers: AtomicUsize,
    /// Sources that this process has.
    pub(crate) expected: Mutex<BTreeSet<Source>>,
    /// Whether silences may be other than the settings say.
    unsettled: AtomicBool,
    /// Why what is served may be old; none while all is well.
    pub(crate) trouble: Mutex<Option<String>>,
}

/// Where the book stands against the store.
#[derive(Debug)]
pub(crate) struct Pen {
    /// Where the store was when the book was made so.
    pub(crate) at: State,
    /// Whether the book holds nothing but what was stored then. Whoever leads also knows touches that are not stored yet.
    pub(crate) is_stored: bool,
}

#[derive(Debug)]
struct Lead {
    term: Arc<Term>,
    changes: mpsc::Sender<Change>,
}

/// Why a change was not made. Nothing of it was, unless the store cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A later batch of the same scope has been taken.
    #[error(transparent)]
    Superseded(#[from] Superseded),
    /// It could not be stored.
    #[error("failed to store what was found")]
    Unavailable(#[source] Failure),
    /// Another replica leads, or nobody does.
    #[error("this process does not lead")]
    NotLeading,
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotLeading => Self::NotLeading,
            failure => Self::Unavailable(failure),
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// What happened, in order.
    pub transitions: Vec<Transition>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// Entries that a watcher has not seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// In order; entries that are no transitions too.
    pub entries: Vec<Entry>,
    /// Number up to which this tells everything.
    pub last: i64,
    /// The number asked for is older than what is kept, or of the future: begin anew.
    pub reset: bool,
}

/// Open findings at one full hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// When.
    pub at: Time,
    /// How many of each severity; what is not there is 0.
    pub open: Vec<(Severity, u64)>,
}

/// Somebody who watches; counted until this is dropped.
#[derive(Debug)]
pub struct Watcher(Findings);

impl Findings {
    /// Reads what was stored. This process only reads, and writes silences, until it leads.
    pub async fn open(storage: Storage, settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let Loaded { mut book, state } = tables::load(&storage, settings.limits(), 0).await?;
        if !storage.is_shared() {
            // Nobody else can have looked since the last process ended.
            book.lead(Leadership { fence: i64::MAX, since: Time::of(clock.now()) });
        }
        let inner = Inner {
            storage,
            clock,
            counts: Counts::default(),
            book: RwLock::new(book),
            settings: RwLock::new(Arc::new(settings.clone())),
            lead: Mutex::default(),
            pen: tokio::sync::Mutex::new(Pen { at: state, is_stored: true }),
            known_to: AtomicI64::new(state.number),
            wakes: watch::Sender::new(0),
            watchers: AtomicUsize::new(0),
            expected: Mutex::default(),
            unsettled: AtomicBool::new(true),
            trouble: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// From here on this process writes, under `term`. What was stored is read again unless it is known, and nothing counts as
    /// looked at. It ends when the term does, or with another call.
    pub async fn lead(&self, term: Arc<Term>) -> Result<(), Failure> {
        let mut pen = self.inner.pen.lock().await;
        // Whoever held the pen under a former term finds that it does not lead.
        self.inner.set_lead(None);
        let mut writer = Writer::new(&self.inner, term.clone());
        writer.recall(&self.inner, &mut pen).await?;
        let (changes, waiting) = mpsc::channel(WAITING);
        self.inner.set_lead(Some(Lead { term, changes }));
        drop(pen);
        tokio::spawn(writer.run(waiting));
        // If the store is away already, the next pass does it.
        drop(self.change(What::Settle).await);
        Ok(())
    }

    /// Number of the term under which this process writes; none if it does not lead.
    pub fn fence(&self) -> Option<i64> {
        self.inner.term().map(|term| term.fence().number())
    }

    /// Takes a batch: what it changed has been stored when this answers. Batches of several scopes that wait are stored together.
    pub async fn take(&self, batch: Batch) -> Result<Done, StoreError> {
        self.change(What::Batch(Box::new(batch))).await
    }

    /// Ends a round: how fresh each of its scopes is is stored, and those who wait for `wakes` look.
    pub async fn end_round(&self, round: Round) -> Result<(), StoreError> {
        self.change(What::Round(Box::new(round))).await.map(drop)
    }

    /// Adds what responses did to the histories. What a response did last to the same object is not added again, and nothing is
    /// added to a finding that is not known.
    pub async fn note(&self, notes: Vec<Note>) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        self.change(What::Notes(notes)).await.map(drop)
    }

    /// Adds the scan of an image to its history.
    pub async fn scanned(&self, digest: String, at: Time, outcome: String) -> Result<(), StoreError> {
        self.change(What::Entry(digest, at, Event::Scanned { outcome })).await.map(drop)
    }

    /// How many silences hold, whichever replica began them.
    pub(crate) async fn silences_in_force(&self, at: Time) -> Result<usize, Failure> {
        tables::in_force(&self.inner.storage, at).await
    }

    /// Begins a silence, on any replica. What it changes is done when this answers if this process leads, else soon.
    pub async fn silence(&self, silence: Silence, at: Time) -> Result<Done, StoreError> {
        self.inner.storage.write(tables::silenced(&silence)).await?;
        self.hear(at).await
    }

    /// Ends a silence, on any replica; one that has ended changes nothing.
    pub async fn end_silence(&self, id: &str, at: Time) -> Result<Done, StoreError> {
        self.inner.storage.write(tables::unsilenced(id, at)).await?;
        self.hear(at).await
    }

    /// Asks the book. `question` must not wait: nothing is taken meanwhile.
    pub fn ask<T>(&self, question: impl FnOnce(&Book) -> T) -> T {
        self.inner.ask(question)
    }

    /// Changes with every transition and every end of a round, on every replica.
    pub fn wakes(&self) -> watch::Receiver<u64> {
        self.inner.wakes.subscribe()
    }

    /// Takes over other settings while the process runs.
    pub fn apply(&self, settings: &Settings) {
        *self.inner.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings.clone());
        self.inner.change_book(|book| book.limit(settings.limits()));
        self.inner.set_unsettled(true);
        if let Some(changes) = self.inner.changes() {
            let (done, _) = oneshot::channel();
            // If too many changes wait, the next pass does it.
            let _ = changes.try_send(Change { what: What::Settle, done });
        }
    }

    /// For readiness: a warning while changes of other replicas cannot be read. What the store meets is its own check.
    pub fn check(&self) -> Check {
        let trouble = self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone().map_or(Check::Ok, Check::Warn)
    }

    /// The latest entries about findings (by fingerprint) and images (by digest), newest first.
    pub async fn history(&self, about: &[&str], limit: usize) -> Result<Vec<Entry>, Failure> {
        tables::history(&self.inner.storage, about, limit).await
    }

    /// What happened after a number and is in the book, at most `limit` entries of it. With none, where changes are now.
    pub async fn changes_after(&self, number: Option<i64>, limit: usize) -> Result<Changes, Failure> {
        // Before the store is read: what is stored meanwhile is for the next time.
        let known_to = self.inner.known_to.load(Ordering::Acquire);
        let state = tables::state(&self.inner.storage).await?;
        match number {
            // Another replica may have told more than is known here by now.
            Some(number) if (state.trimmed_to..=state.number).contains(&number) => {
                let mut entries = tables::after(&self.inner.storage, number, limit).await?;
                entries.retain(|entry| entry.number <= known_to);
                let last = entries.last().map_or(number, |entry| entry.number);
                Ok(Changes { entries, last, reset: false })
            }
            known => Ok(Changes { entries: Vec::new(), last: known_to, reset: known.is_some() }),
        }
    }

    /// Counts as a watcher until the answer is dropped.
    pub fn watcher(&self) -> Watcher {
        self.inner.watchers.fetch_add(1, Ordering::Relaxed);
        Watcher(self.clone())
    }

    pub(crate) fn watchers(&self) -> usize {
        self.inner.watchers.load(Ordering::Relaxed)
    }

    /// Sees what was done to silences: on the leader with all that follows.
    pub(crate) async fn hear(&self, at: Time) -> Result<Done, StoreError> {
        match self.change(What::Silences(at)).await {
            Err(StoreError::NotLeading) => {
                let silences = tables::silences(&self.inner.storage).await?;
                self.inner.change_book(|book| book.recall_silences(silences));
                Ok(Done::default())
            }
            done => done,
        }
    }

    pub(crate) async fn change(&self, what: What) -> Result<Done, StoreError> {
        let changes = self.inner.changes().ok_or(StoreError::NotLeading)?;
        let (done, answer) = oneshot::channel();
        changes.send(Change { what, done }).await.map_err(|_| StoreError::NotLeading)?;
        answer.await.unwrap_or(Err(StoreError::NotLeading))
    }
}

impl Inner {
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Book) -> T) -> T {
        question(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change_book<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.book.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The book is what the store was then.
    pub(crate) fn knows(&self, state: &State) {
        self.known_to.store(state.number, Ordering::Release);
    }

    pub(crate) fn now(&self) -> Time {
        Time::of(self.clock.now())
    }

    pub(crate) fn set_unsettled(&self, unsettled: bool) {
        self.unsettled.store(unsettled, Ordering::Relaxed);
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled.load(Ordering::Relaxed)
    }

    pub(crate) fn wake(&self) {
        self.wakes.send_modify(|wakes| *wakes += 1);
    }

    /// The term under which this process writes, while it leads.
    pub(crate) fn term(&self) -> Option<Arc<Term>> {
        let lead = self.lead.lock().unwrap_or_else(PoisonError::into_inner);
        lead.as_ref().map(|lead| lead.term.clone()).filter(|term| term.leads())
    }

    fn changes(&self) -> Option<mpsc::Sender<Change>> {
        let lead = self.lead.lock().unwrap_or_else(PoisonError::into_inner);
        lead.as_ref().filter(|lead| lead.term.leads()).map(|lead| lead.changes.clone())
    }

    fn set_lead(&self, lead: Option<Lead>) {
        *self.lead.lock().unwrap_or_else(PoisonError::into_inner) = lead;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.inner.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lead = self.inner.lead.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Findings").field("lead", &*lead).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod turns;
