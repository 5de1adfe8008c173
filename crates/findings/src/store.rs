//! The book of a running process: one task decides, stores and applies; everybody reads.

use std::sync::{Arc, PoisonError, RwLock};

use api::{Clock, Time};
use storage::{Failure, Storage, Term};
use tokio::sync::{mpsc, oneshot};

use crate::batch::Batch;
use crate::book::{Book, Limits, Superseded};
use crate::event::Transition;
use crate::plan::{Plan, Refused};
use crate::silence::Silence;
use crate::tables;

/// Changes that wait while one is stored. A store takes about a thousand a second; a source that finds this full waits,
/// and its next sweep tells what this one could not.
const WAITING: usize = 256;

/// Findings of a running process. Clones share them.
#[derive(Debug, Clone)]
pub struct Findings {
    book: Arc<RwLock<Book>>,
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
    Unavailable(#[from] Failure),
    /// The process ends.
    #[error("the process is stopping")]
    Stopping,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// What happened, in order.
    pub transitions: Vec<Transition>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// Something to be decided by the book as it is when its turn comes.
#[derive(Debug)]
struct Change {
    what: What,
    done: oneshot::Sender<Result<Done, StoreError>>,
}

#[derive(Debug)]
enum What {
    Batch(Batch),
    Silence(Box<Silence>, Time),
    EndSilence(String, Time),
    Pass(Time),
    Trim(i64),
}

/// The task that writes.
#[derive(Debug)]
struct Writer {
    storage: Storage,
    term: Term,
    book: Arc<RwLock<Book>>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// Number of the last event that was stored; none if the store could not say what it did.
    last: Option<i64>,
}

impl Findings {
    /// Reads what was stored and writes on under `term`, for as long as anybody holds this.
    pub async fn open(storage: Storage, term: Term, limits: Limits, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let book = Arc::new(RwLock::new(Book::new(limits)));
        let mut writer = Writer { storage, term, book: book.clone(), limits, clock, last: None };
        writer.recall().await?;
        let (changes, waiting) = mpsc::channel(WAITING);
        tokio::spawn(writer.run(waiting));
        Ok(Self { book, changes })
    }

    /// Takes a batch: what it changed has been stored when this answers.
    pub async fn take(&self, batch: Batch) -> Result<Done, StoreError> {
        self.change(What::Batch(batch)).await
    }

    /// Begins a silence.
    pub async fn silence(&self, silence: Silence, at: Time) -> Result<Done, StoreError> {
        self.change(What::Silence(Box::new(silence), at)).await
    }

    /// Ends a silence; one that has ended changes nothing.
    pub async fn end_silence(&self, id: &str, at: Time) -> Result<Done, StoreError> {
        self.change(What::EndSilence(id.to_owned(), at)).await
    }

    /// Does what the time alone does: silences end, old findings go.
    pub async fn pass(&self, now: Time) -> Result<Done, StoreError> {
        self.change(What::Pass(now)).await
    }

    /// Cuts every history to its first entry and the latest, `keep` in all.
    pub async fn trim(&self, keep: i64) -> Result<Done, StoreError> {
        self.change(What::Trim(keep)).await
    }

    /// Asks the book. `question` must not wait: nothing is taken meanwhile.
    pub fn ask<T>(&self, question: impl FnOnce(&Book) -> T) -> T {
        question(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn change(&self, what: What) -> Result<Done, StoreError> {
        let (done, answer) = oneshot::channel();
        self.changes.send(Change { what, done }).await.map_err(|_| StoreError::Stopping)?;
        answer.await.unwrap_or(Err(StoreError::Stopping))
    }
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Change>) {
        while let Some(Change { what, done }) = waiting.recv().await {
            let changed = self.change(what).await;
            // Whoever gave up waiting will look again.
            drop(done.send(changed));
        }
    }

    async fn change(&mut self, what: What) -> Result<Done, StoreError> {
        if self.last.is_none() {
            self.recall().await?;
        }
        let plan = match what {
            What::Trim(keep) => {
                self.term.write(tables::trim(keep)).await?;
                return Ok(Done::default());
            }
            What::Batch(batch) => self.decide(|book| book.take(batch))?,
            What::Silence(silence, at) => self.decide(|book| book.silence(*silence, at)),
            What::EndSilence(id, at) => self.decide(|book| book.end_silence(&id, at)),
            What::Pass(now) => self.decide(|book| book.pass(now)),
        };
        self.store(plan).await
    }

    fn decide<T>(&self, by: impl FnOnce(&Book) -> T) -> T {
        by(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn store(&mut self, plan: Plan) -> Result<Done, StoreError> {
        let last = self.last.expect("the last number is known before anything is decided");
        let write = tables::write_of(&plan, last);
        if !write.is_empty() {
            // Until the store has answered, it is not known what it did. Whoever lost the lead does not know what the next one
            // did, either.
            self.last = None;
            self.term.write(write).await?;
            let events = i64::try_from(plan.transitions.len()).expect("a plan fits in memory");
            self.last = Some(last + events);
        }
        let done = Done { transitions: plan.transitions.clone(), refused: plan.refused.clone() };
        self.book.write().unwrap_or_else(PoisonError::into_inner).apply(plan);
        Ok(done)
    }

    /// Makes the book what was stored.
    async fn recall(&mut self) -> Result<(), Failure> {
        let tables::Stored { records, silences, looks, last } = tables::load(&self.storage).await?;
        let now = Time::of(self.clock.now());
        let book = Book::restored(self.limits, records, silences, looks, now);
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        self.last = Some(last);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
