//! One watcher's stream: what there is, what was missed, what happens.
//!
//! Owns the order in which these come without a gap. A finding that changes while all are being told is told again: each event has
//! the finding as it is, so that a client that keeps the last one has what is true.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::Stream;
use storage::Failure;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use web::events::Event;

use super::{Feed, PAUSE, PIECE, Told, Wish, told};
use crate::findings::Watcher;
use crate::walk::Walk;

/// How a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With all findings that match.
    Initial,
    /// With what happens from now on.
    Now,
    /// With what happened after this number. If that is not known any more, anew.
    After(i64),
}

enum Phase {
    Walk(Box<Walk>),
    CatchUp,
    Live,
}

struct Streaming {
    feed: Feed,
    wish: Wish,
    heard: broadcast::Receiver<Arc<Told>>,
    phase: Phase,
    /// Whether a client that must drop what it has is sent all findings.
    wants_initial: bool,
    out: VecDeque<Event>,
    /// Number of the last change that the client has seen or need not see.
    last: i64,
    _watcher: Watcher,
}

/// The events of a watcher. `wants_initial` is whether a client that must drop what it has is sent all findings.
pub(crate) async fn stream(
    feed: Feed,
    wish: Wish,
    start: Start,
    wants_initial: bool,
) -> Result<impl Stream<Item = Event> + Send, Failure> {
    let watcher = feed.0.findings.watcher();
    let heard = feed.listen();
    let last = feed.number().await?;
    let out = VecDeque::new();
    let mut streaming =
        Streaming { feed, wish, heard, phase: Phase::Live, wants_initial, out, last, _watcher: watcher };
    match start {
        Start::Initial => streaming.walk(),
        Start::Now => streaming.push_synced(),
        Start::After(number) => {
            streaming.last = number;
            streaming.phase = Phase::CatchUp;
        }
    }
    Ok(futures_util::stream::unfold(streaming, |mut streaming| async move {
        let event = streaming.next().await?;
        Some((event, streaming))
    }))
}

impl Streaming {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            match &mut self.phase {
                Phase::Walk(walk) => {
                    if let Some(findings) = walk.next(&self.feed.0.findings) {
                        self.out.extend(findings.iter().map(|finding| Event::new("opened", finding)));
                    } else {
                        self.phase = Phase::Live;
                        self.push_synced();
                    }
                }
                Phase::CatchUp => self.catch_up().await,
                Phase::Live => match self.heard.recv().await {
                    Ok(told) if told.follows_gap => self.phase = Phase::CatchUp,
                    Ok(told) => self.push(&told),
                    Err(RecvError::Lagged(_)) => self.phase = Phase::CatchUp,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn walk(&mut self) {
        self.phase = Phase::Walk(Box::new(Walk::new(self.wish.initial.clone())));
    }

    /// Reads what happened in the meantime.
    async fn catch_up(&mut self) {
        let findings = &self.feed.0.findings;
        match findings.changes_after(Some(self.last), PIECE).await {
            Ok(changes) if changes.reset => {
                self.out.push_back(Event::of_json("reset", "{}"));
                // Where changes are now; from there on the ring and the store tell them.
                self.last = changes.last;
                if self.wants_initial {
                    self.walk();
                } else {
                    self.phase = Phase::Live;
                    self.push_synced();
                }
            }
            Ok(changes) => {
                let is_over = changes.entries.len() < PIECE;
                for told in told(findings, changes.entries) {
                    self.push(&told);
                }
                if is_over {
                    self.phase = Phase::Live;
                }
            }
            // The feed says so in the log.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }

    fn push(&mut self, told: &Told) {
        if told.number <= self.last {
            return;
        }
        self.last = told.number;
        if let Some(body) = told.body.as_ref().filter(|body| self.wish.is_told(body)) {
            self.out.push_back(body.event.clone());
        }
    }

    fn push_synced(&mut self) {
        self.out.push_back(Event::of_json("synced", "{}").with_id(&self.last.to_string()));
    }
}
