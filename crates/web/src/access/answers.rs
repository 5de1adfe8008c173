//! Answers that are remembered for a time, each question asked once at a time.
//!
//! Owns the memory only. A crate for caches would bring a clock of its own, which tests could not move, and ten more
//! crates for what a map and a queue do.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Clock;
use tokio::sync::OnceCell;

/// Answers to questions `Q`, at most so many.
#[derive(Debug)]
pub(super) struct Answers<Q, A> {
    most: usize,
    known: Mutex<Known<Q, A>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Known<Q, A> {
    by_question: HashMap<Q, Arc<Asked<A>>>,
    /// Questions in the order in which they came; the oldest goes first when there are too many.
    by_age: VecDeque<Q>,
}

/// One question: being asked until the cell is set, then an answer and the moment when it is forgotten.
type Asked<A> = OnceCell<(A, Duration)>;

impl<Q: Clone + Eq + Hash, A: Clone> Answers<Q, A> {
    pub(super) fn new(most: usize, clock: Arc<dyn Clock>) -> Self {
        let known = Known { by_question: HashMap::new(), by_age: VecDeque::new() };
        Self { most, known: Mutex::new(known), clock }
    }

    /// The answer to `question`: the one that is remembered, the one that is on its way, or else that of `ask`, which
    /// says how long to remember it. One that is not to be remembered still goes to all who wait for it.
    pub(super) async fn get(&self, question: Q, ask: impl Future<Output = (A, Duration)>) -> A {
        let asked = self.entry(question);
        let asking = async {
            let (answer, remember) = ask.await;
            (answer, self.clock.monotonic() + remember)
        };
        // If whoever asks is dropped, the next who waits asks.
        let (answer, _) = asked.get_or_init(|| asking).await;
        answer.clone()
    }

    /// Forgets everything. Who waits for an answer gets it, and nobody else.
    pub(super) fn clear(&self) {
        let mut known = self.known();
        known.by_question.clear();
        known.by_age.clear();
    }

    fn entry(&self, question: Q) -> Arc<Asked<A>> {
        let now = self.clock.monotonic();
        let mut known = self.known();
        if let Some(asked) = known.by_question.get_mut(&question) {
            if asked.get().is_some_and(|(_, until)| *until <= now) {
                *asked = Arc::default();
            }
            return Arc::clone(asked);
        }
        if known.by_question.len() >= self.most
            && let Some(oldest) = known.by_age.pop_front()
        {
            known.by_question.remove(&oldest);
        }
        let asked: Arc<Asked<A>> = Arc::default();
        known.by_question.insert(question.clone(), Arc::clone(&asked));
        known.by_age.push_back(question);
        asked
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<Q, A>> {
        // Nothing panics while it is held.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use runtime::clock::ManualClock;

    use super::*;

    struct Asking {
        clock: Arc<ManualClock>,
        answers: Answers<u32, u32>,
        asked: AtomicU32,
    }

    impl Asking {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::default());
            Self { clock: clock.clone(), answers: Answers::new(3, clock), asked: AtomicU32::new(0) }
        }

        /// The answer says the how manieth question it was, and is remembered for ten seconds.
        async fn ask(&self, question: u32) -> u32 {
            let ask = async {
                tokio::task::yield_now().await;
                (1 + self.asked.fetch_add(1, Ordering::Relaxed), Duration::from_secs(10))
            };
            self.answers.get(question, ask).await
        }
    }

    #[tokio::test]
    async fn an_answer_is_remembered_for_its_time() {
        let asking = Asking::new();
        assert_eq!((asking.ask(7).await, asking.ask(7).await), (1, 1));
        asking.clock.advance(Duration::from_secs(10));
        assert_eq!(asking.ask(7).await, 2);
        asking.answers.clear();
        assert_eq!(asking.ask(7).await, 3);
    }

    #[tokio::test]
    async fn who_asks_the_same_at_the_same_time_shares_the_answer() {
        let asking = Asking::new();
        let (first, other, second) = tokio::join!(asking.ask(7), asking.ask(8), asking.ask(7));
        assert_eq!((first, first + other, asking.asked.into_inner()), (second, 3, 2));
    }

    #[tokio::test]
    async fn a_question_whose_asker_has_gone_is_asked_by_the_next() {
        let asking = Asking::new();
        let mut gone = Box::pin(asking.ask(7));
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(gone.as_mut().poll(cx).is_pending())).await);
        let waiting = asking.ask(7);
        drop(gone);
        assert_eq!(waiting.await, 1);
    }

    #[tokio::test]
    async fn the_oldest_question_makes_room() {
        let asking = Asking::new();
        for question in [1, 2, 3, 4] {
            asking.ask(question).await;
        }
        assert_eq!(asking.ask(2).await, 2);
        assert_eq!(asking.ask(1).await, 5);
        assert_eq!(asking.answers.known().by_question.len(), 3);
    }
}
