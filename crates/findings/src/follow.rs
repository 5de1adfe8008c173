//! What other replicas stored: a follower reads what changed, the leader hears of silences.
//!
//! Owns when the store is read. On SQLite there is no other process, and nothing to do.

use std::sync::PoisonError;
use std::time::Duration;

use runtime::shutdown::Stop;
use storage::{Failure, Listener};
use tracing::warn;

use crate::book::Book;
use crate::findings::{Findings, Inner, Pen, StoreError};
use crate::tables::{self, Later, Loaded};

/// A notification that was lost is noticed so much too late at most. One row is read each time.
const POLL: Duration = Duration::from_secs(5);

/// How long nobody listens after a failure.
const AGAIN: Duration = Duration::from_millis(500);

/// Reads what others stored until `stop`.
pub(crate) async fn follow(findings: Findings, stop: Stop) {
    let following = async {
        loop {
            match findings.inner.storage.listen(&[tables::CHANGED, tables::SILENCED]).await {
                Ok(None) => return,
                Ok(Some(listener)) => findings.read_on(listener).await,
                Err(failure) => findings.trouble(Some(&failure)),
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = stop.requested() => {}
        () = following => {}
    }
}

impl Findings {
    /// Reads whatever is told, until the connection is lost.
    async fn read_on(&self, mut listener: Listener) {
        loop {
            // What was told before anybody listened is read first.
            let read = self.catch_up().await;
            self.trouble(read.as_ref().err());
            if let Err(failure) = listener.heard(POLL).await {
                return self.trouble(Some(&failure));
            }
        }
    }

    /// Makes this replica know what was stored.
    pub(crate) async fn catch_up(&self) -> Result<(), Failure> {
        let inner = &self.inner;
        let mut pen = inner.pen.lock().await;
        let at = &mut pen.at;
        let state = tables::state(&inner.storage).await?;
        if inner.term().is_some() {
            if state.silences == at.silences {
                return Ok(());
            }
            drop(pen);
            return match self.hear(inner.now()).await {
                Err(StoreError::Unavailable(failure)) => Err(failure),
                Ok(_) | Err(StoreError::NotLeading | StoreError::Superseded(_)) => Ok(()),
            };
        }
        if state == *at {
            return Ok(());
        }
        if state.revision < at.revision || at.revision < state.forgotten_to {
            // Another database, or too much has been missed.
            return inner.read_all(&mut pen).await;
        }
        let later = tables::later(&inner.storage, at.revision).await?;
        let silences = if state.silences == at.silences { None } else { Some(tables::silences(&inner.storage).await?) };
        let wakes = state.number != at.number || !later.rounds.is_empty() || !later.forgotten.is_empty();
        inner.change_book(|book| {
            if (state.fence, state.led_at) != (at.fence, at.led_at)
                && let Some(lead) = state.lead()
            {
                book.lead(lead);
            }
            learn(book, later);
            if let Some(silences) = silences {
                book.recall_silences(silences);
            }
        });
        *at = state;
        inner.knows(at);
        if wakes {
            inner.wake();
        }
        Ok(())
    }

    fn trouble(&self, failure: Option<&Failure>) {
        let words = failure.map(|failure| format!("changes of other replicas cannot be read: {}", failure.in_words()));
        let mut trouble = self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(words)) = (&*trouble, &words) {
            warn!("{words}");
        }
        *trouble = words;
    }
}

impl Inner {
    async fn read_all(&self, pen: &mut Pen) -> Result<(), Failure> {
        let Loaded { book, state } = self.load().await?;
        self.change_book(|known| *known = book);
        *pen = Pen { at: state, is_stored: true };
        self.knows(&pen.at);
        self.wake();
        Ok(())
    }

    /// Everything that was stored, for the book of this process.
    pub(crate) async fn load(&self) -> Result<Loaded, Failure> {
        tables::load(&self.storage, self.settings().limits(), self.ask(Book::revision)).await
    }
}

fn learn(book: &mut Book, later: Later) {
    let Later { records, forgotten, scopes, rounds } = later;
    for scope in scopes {
        book.recall_scope(scope);
    }
    for (round, scopes) in rounds {
        book.recall_round(round, scopes);
    }
    for record in records {
        book.recall(record);
    }
    for fingerprint in &forgotten {
        book.forget(fingerprint);
    }
}
