//! The task of the leader: it decides by the book, stores, and makes the book what was stored.
//!
//! Owns the order of changes and what becomes of a failure. Deciding is `book`'s, rows are `tables`'.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use api::{Fingerprint, Time};
use storage::{Failure, Fence, Term};
use tokio::sync::{mpsc, oneshot};

use crate::batch::Batch;
use crate::book::{Book, Group, Leadership};
use crate::event::{Event, Note};
use crate::findings::{Done, Inner, Pen, StoreError};
use crate::plan::Plan;
use crate::round::Round;
use crate::tables::{self, Numbers};

mod notes;
mod silences;

/// Changes that may be stored in one transaction; more would make the first of them wait for the last.
const GROUP: usize = 1024;

/// Sightings of one group: at a few KiB each, some ten MiB that are written at once.
const SIGHTINGS: usize = 10_000;

/// How often the same thing is decided again because another leader wrote in between. Leaders change within seconds at best.
const ATTEMPTS: usize = 3;

/// Something to be decided by the book as it is when its turn comes.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) what: What,
    pub(crate) done: oneshot::Sender<Result<Done, StoreError>>,
}

#[derive(Debug)]
pub(crate) enum What {
    Batch(Box<Batch>),
    Round(Box<Round>),
    Notes(Vec<Note>),
    /// About what, when, what.
    Entry(String, Time, Event),
    /// Somebody began or ended a silence.
    Silences(Time),
    /// Silences of the settings, and whatever does not fit its silence.
    Settle,
    Pass(Time),
}

/// The task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Held while a change is made, so that the task ends with those who could ask it.
    inner: Weak<Inner>,
    term: Arc<Term>,
    /// The number under which the book was read; none if it is to be read again before anything is decided.
    fence: Option<Fence>,
    /// So many changes are stored one by one: one of them was refused together with others.
    alone: usize,
    /// What each response did last to each object of a finding.
    responses: HashMap<Fingerprint, Vec<Event>>,
}

/// What was decided about one batch.
type Decided = Result<Plan, StoreError>;

impl Writer {
    pub(crate) fn new(inner: &Arc<Inner>, term: Arc<Term>) -> Self {
        Self { inner: Arc::downgrade(inner), term, fence: None, alone: 0, responses: HashMap::new() }
    }

    /// Makes the book what was stored, under the number of this term.
    pub(crate) async fn recall(&mut self, inner: &Inner, pen: &mut Pen) -> Result<(), Failure> {
        self.fence = None;
        self.responses.clear();
        let fence = self.term.fence();
        let mut state = tables::state(&inner.storage).await?;
        let mut read = None;
        if !pen.is_stored || pen.at != state {
            let loaded = inner.load().await?;
            state = loaded.state;
            read = Some(loaded.book);
        }
        let lead = Leadership { fence: fence.number(), since: inner.now() };
        let begins = state.fence != lead.fence;
        if begins {
            self.term.write_as(fence, tables::led(lead, state.into())).await?;
            state = state.led(lead);
        }
        inner.change_book(|book| {
            if let Some(read) = read {
                *book = read;
            }
            if begins {
                book.lead(lead);
            }
        });
        *pen = Pen { at: state, is_stored: true };
        inner.knows(&pen.at);
        self.fence = Some(fence);
        inner.set_unsettled(true);
        Ok(())
    }

    /// Makes changes until nobody is left who could ask for one, or another term has begun.
    pub(crate) async fn run(mut self, mut waiting: mpsc::Receiver<Change>) {
        let mut queue = VecDeque::new();
        loop {
            if queue.is_empty() {
                let Some(change) = waiting.recv().await else { return };
                queue.push_back(change);
            }
            while queue.len() < GROUP {
                let Ok(change) = waiting.try_recv() else { break };
                queue.push_back(change);
            }
            let Some(inner) = self.inner.upgrade() else { return };
            let mut pen = inner.pen.lock().await;
            self.step(&inner, &mut pen, &mut queue).await;
        }
    }

    async fn step(&mut self, inner: &Inner, pen: &mut Pen, queue: &mut VecDeque<Change>) {
        let leads = inner.term().is_some_and(|term| Arc::ptr_eq(&term, &self.term));
        if !leads {
            queue.drain(..).for_each(|change| answer(change, Err(StoreError::NotLeading)));
            return;
        }
        let made = match queue.front().map(|change| &change.what) {
            Some(What::Batch(_)) => self.batches(inner, pen, queue).await,
            Some(what) => vec![self.single(inner, pen, what).await],
            None => Vec::new(),
        };
        for done in made {
            if let Some(change) = queue.pop_front() {
                if let What::Batch(batch) = &change.what {
                    inner.counts.batch(batch.source, &done);
                }
                answer(change, done);
            }
        }
    }

    /// Stores the batches in front of the queue that can be stored together, and tells what became of each.
    async fn batches(
        &mut self,
        inner: &Inner,
        pen: &mut Pen,
        queue: &VecDeque<Change>,
    ) -> Vec<Result<Done, StoreError>> {
        let mut failed = StoreError::NotLeading;
        let mut asked = 1;
        for _ in 0..ATTEMPTS {
            if let Err(failure) = self.know(inner, pen).await {
                failed = failure.into();
                continue;
            }
            let most = if self.alone > 0 { 1 } else { GROUP };
            let decided = inner.ask(|book| decide(book, queue, most));
            asked = decided.len();
            let (plans, refused) = sorted(decided);
            match self.store(inner, pen, plans).await {
                Ok(done) => {
                    self.alone = self.alone.saturating_sub(asked);
                    return merged(done, refused);
                }
                Err(Failure::Refused(_)) if asked > 1 => self.alone = asked,
                Err(failure @ Failure::Fenced { .. }) => failed = failure.into(),
                Err(failure) => {
                    self.alone = self.alone.saturating_sub(asked);
                    failed = failure.into();
                    break;
                }
            }
        }
        vec![Err(failed); asked]
    }

    async fn single(&mut self, inner: &Inner, pen: &mut Pen, what: &What) -> Result<Done, StoreError> {
        let mut failed = StoreError::NotLeading;
        for _ in 0..ATTEMPTS {
            let made = match self.know(inner, pen).await {
                Ok(()) => self.make(inner, pen, what).await,
                Err(failure) => Err(failure.into()),
            };
            match made {
                Err(StoreError::Unavailable(failure @ Failure::Fenced { .. })) => failed = failure.into(),
                made => return made,
            }
        }
        Err(failed)
    }

    async fn make(&mut self, inner: &Inner, pen: &mut Pen, what: &What) -> Result<Done, StoreError> {
        let plan = match what {
            What::Batch(batch) => inner.ask(|book| book.take(batch, &mut Group::default()))?,
            What::Round(round) => inner.ask(|book| book.end_round(Round::clone(round)))?,
            What::Pass(now) => {
                inner.change_book(Book::sweep);
                inner.ask(|book| book.pass(*now))
            }
            What::Notes(notes) => return self.notes(inner, pen, notes).await,
            What::Entry(about, time, event) => {
                return self.entries(inner, pen, &[(about.clone(), *time, event.clone())]).await;
            }
            What::Silences(now) => return self.silences(inner, pen, *now).await,
            What::Settle => return Ok(self.settle(inner, pen).await?),
        };
        Ok(self.one(inner, pen, plan).await?)
    }

    async fn one(&mut self, inner: &Inner, pen: &mut Pen, plan: Plan) -> Result<Done, Failure> {
        Ok(self.store(inner, pen, vec![plan]).await?.pop().unwrap_or_default())
    }

    /// Reads what was stored if it is not known what that is.
    async fn know(&mut self, inner: &Inner, pen: &mut Pen) -> Result<(), Failure> {
        if self.fence.is_none() {
            self.recall(inner, pen).await?;
            self.settle(inner, pen).await?;
        }
        Ok(())
    }

    /// Stores plans of one group in one transaction, and makes them true.
    async fn store(&mut self, inner: &Inner, pen: &mut Pen, plans: Vec<Plan>) -> Result<Vec<Done>, Failure> {
        let numbers = Numbers::from(pen.at);
        let write = tables::write_of(&plans, numbers);
        if !write.is_empty() {
            self.write(write).await?;
            pen.at.moved(numbers.after(&plans));
            pen.at.silences += i64::from(plans.iter().any(Plan::changes_silences));
        }
        let wakes = plans.iter().any(|plan| plan.round.is_some() || !plan.transitions.is_empty());
        pen.is_stored = false;
        let mut done = Vec::with_capacity(plans.len());
        inner.change_book(|book| {
            for plan in plans {
                inner.counts.transitions(&plan, book);
                done.push(Done { transitions: plan.transitions.clone(), refused: plan.refused.clone() });
                book.apply(plan);
            }
        });
        inner.knows(&pen.at);
        if wakes {
            inner.wake();
        }
        Ok(done)
    }

    async fn write(&mut self, write: storage::Write) -> Result<(), Failure> {
        let fence = self.fence.ok_or(Failure::NotLeading)?;
        let written = self.term.write_as(fence, write).await;
        if written.as_ref().is_err_and(is_doubtful) {
            self.fence = None;
        }
        written.map(drop)
    }
}

/// Decides the batches in front of the queue, up to the first one that touches what another one does.
fn decide(book: &Book, queue: &VecDeque<Change>, most: usize) -> Vec<Decided> {
    let mut group = Group::default();
    let mut decided = Vec::new();
    let mut sightings = 0;
    for change in queue.iter().take(most) {
        let What::Batch(batch) = &change.what else { break };
        sightings += batch.seen.len();
        if !decided.is_empty() && (sightings > SIGHTINGS || !book.admits(&group, batch)) {
            break;
        }
        decided.push(book.take(batch, &mut group).map_err(StoreError::from));
    }
    decided
}

/// The plans, and where in the order others were refused.
fn sorted(decided: Vec<Decided>) -> (Vec<Plan>, Vec<Option<StoreError>>) {
    let mut plans = Vec::with_capacity(decided.len());
    let mut refused = Vec::with_capacity(decided.len());
    for one in decided {
        match one {
            Ok(plan) => {
                plans.push(plan);
                refused.push(None);
            }
            Err(error) => refused.push(Some(error)),
        }
    }
    (plans, refused)
}

fn merged(done: Vec<Done>, refused: Vec<Option<StoreError>>) -> Vec<Result<Done, StoreError>> {
    let mut done = done.into_iter();
    refused.into_iter().map(|refused| refused.map_or_else(|| Ok(done.next().unwrap_or_default()), Err)).collect()
}

/// Whether it is not known what was stored, by this process or by another.
const fn is_doubtful(failure: &Failure) -> bool {
    match failure {
        Failure::Full(_) | Failure::ReadOnly(_) | Failure::Locked(_) => false,
        Failure::Connection(_)
        | Failure::Timeout(_)
        | Failure::Io(_)
        | Failure::Damaged(_)
        | Failure::Refused(_)
        | Failure::Fenced { .. }
        | Failure::NotLeading => true,
    }
}

fn answer(change: Change, done: Result<Done, StoreError>) {
    // Whoever gave up waiting will look again.
    drop(change.done.send(done));
}
