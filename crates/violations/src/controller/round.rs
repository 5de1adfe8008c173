//! One round: every node is asked once, and what it says is handed in.
//!
//! Owns how many requests are in flight, and when the round ends. What an answer is, `ask` says; what it changes, `hand_in`.
//!
//! ```text
//! queue ─► young, at most in_flight ─► answered ─► handed in, at most 64 at a time ─► heard
//!             └─ after 500 ms ─► waiting, at most 1,024 ─┘
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use runtime::shutdown::Stop;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::ask::{Answered, Manner, Question};
use super::budget::Budget;
use super::failure::Failure;
use super::hand_in::{Before, HandIn, Visit};
use super::lanes::Lanes;
use super::metrics::Counts;
use super::nodes::{Heard, Nodes};

/// Answers that are being stored. The store joins what waits together in one commit; while it is slow, no more is asked.
const HANDING_IN: usize = 64;

/// What a round needs besides the nodes.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) manner: Arc<Manner>,
    pub(crate) to: Arc<HandIn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Arc<Counts>,
    /// Number of the round.
    pub(crate) number: u64,
    pub(crate) in_flight: usize,
    /// What all bodies together may hold.
    pub(crate) budget: Budget,
    /// The round ends after this, whoever has not answered.
    pub(crate) longest: Duration,
}

/// A visit after the question, and what came of that.
type Asked = (Visit, Result<Answered, Failure>);

/// A round that runs.
struct Running<'a> {
    round: &'a Round,
    nodes: &'a mut Nodes,
    begun: Instant,
    asking: JoinSet<Asked>,
    /// Who each task asks.
    asked: HashMap<Id, (String, AbortHandle)>,
    lanes: Lanes<Id>,
    handing_in: JoinSet<(String, Heard)>,
}

impl Round {
    /// Asks them all. Whether every node has been asked and has answered; `None` if it was stopped.
    pub(crate) async fn run(&self, nodes: &mut Nodes, stop: &Stop) -> Option<bool> {
        let queue = nodes.to_ask();
        let running = Running {
            round: self,
            nodes,
            begun: Instant::now(),
            asking: JoinSet::new(),
            asked: HashMap::new(),
            lanes: Lanes::new(),
            handing_in: JoinSet::new(),
        };
        tokio::select! {
            () = stop.requested() => None,
            is_complete = running.until_the_end(queue) => Some(is_complete),
        }
    }
}

impl Running<'_> {
    async fn until_the_end(mut self, queue: Vec<String>) -> bool {
        let end = self.begun + self.round.longest;
        let mut queue = queue.into_iter();
        let mut is_complete = true;
        while queue.len() + self.asking.len() + self.handing_in.len() > 0 {
            while self.has_room()
                && let Some(node) = queue.next()
            {
                self.ask(node);
            }
            let ages = self.lanes.next_to_age().map_or(end, |age| (self.begun + age).min(end));
            tokio::select! {
                Some(asked) = self.asking.join_next_with_id(), if !self.asking.is_empty() => {
                    is_complete &= self.answered(asked);
                }
                Some(heard) = self.handing_in.join_next(), if !self.handing_in.is_empty() => {
                    is_complete &= self.handed_in(heard);
                }
                () = sleep_until(ages) => {
                    if Instant::now() >= end {
                        self.give_up().await;
                        return false;
                    }
                    is_complete &= self.age();
                }
            }
        }
        is_complete
    }

    fn has_room(&self) -> bool {
        self.lanes.young() < self.round.in_flight && self.handing_in.len() < HANDING_IN
    }

    fn ask(&mut self, name: String) {
        let Some(node) = self.nodes.ask(&name, self.round.number) else { return };
        let before = Before {
            passes: node.about().passes,
            absent: std::mem::take(&mut node.absent),
            settled: std::mem::take(&mut node.settled),
        };
        let question = Question { node: name.clone(), addresses: node.addresses.clone(), etag: node.etag.clone() };
        let mut visit = Visit::new(Arc::clone(&self.round.to), name.clone(), before);
        let (manner, clock, share) =
            (Arc::clone(&self.round.manner), Arc::clone(&self.round.clock), self.round.budget.share());
        let task = self.asking.spawn(async move {
            let answered = manner.ask(&question, clock.as_ref(), share, &mut visit).await;
            (visit, answered)
        });
        self.lanes.begin(self.begun.elapsed(), task.id());
        self.asked.insert(task.id(), (name, task));
    }

    /// Whether the node has answered.
    fn answered(&mut self, asked: Result<(Id, Asked), JoinError>) -> bool {
        let (id, answered) = match asked {
            Ok((id, answered)) => (id, Some(answered)),
            // It was aborted and is counted, or it panicked and has said nothing.
            Err(error) => (error.id(), None),
        };
        let Some((name, _)) = self.asked.remove(&id) else { return false };
        self.lanes.end(&id);
        match answered {
            Some((visit, Ok(answered))) => {
                self.round.counts.answered(answered.list.is_some());
                self.handing_in.spawn(async move { (name, visit.end(answered).await) });
                return true;
            }
            Some((visit, Err(failure))) => self.failed(&name, failure, Some(visit.back())),
            None => self.failed(&name, Failure::Malformed, None),
        }
        false
    }

    /// Whether it is stored.
    fn handed_in(&mut self, heard: Result<(String, Heard), JoinError>) -> bool {
        let Ok((name, heard)) = heard else { return false };
        let is_stored = heard.is_stored;
        self.nodes.heard(&name, heard);
        is_stored
    }

    /// Whether nobody had to go.
    fn age(&mut self) -> bool {
        let too_many = self.lanes.age(self.begun.elapsed());
        for id in &too_many {
            self.time_out(*id);
        }
        too_many.is_empty()
    }

    fn time_out(&mut self, id: Id) {
        if let Some((name, task)) = self.asked.remove(&id) {
            task.abort();
            self.failed(&name, Failure::Timeout, None);
        }
    }

    /// The time of the round is over: who has not answered was too slow. What was answered is stored first.
    async fn give_up(&mut self) {
        let left: Vec<Id> = self.asked.keys().copied().collect();
        for id in left {
            self.time_out(id);
        }
        while let Some(heard) = self.handing_in.join_next().await {
            self.handed_in(heard);
        }
    }

    fn failed(&mut self, name: &str, failure: Failure, before: Option<Before>) {
        self.round.counts.failed(failure);
        self.nodes.failed(name, failure, before);
    }
}
