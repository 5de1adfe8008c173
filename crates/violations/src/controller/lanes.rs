//! Which requests are young, which have to wait, and which have waited too long.
//!
//! Owns the two lanes of a round, so that slow nodes delay nobody. Pure: times come in.

use std::collections::VecDeque;
use std::time::Duration;

/// An older request does not count as in flight any more.
pub(crate) const YOUNG: Duration = Duration::from_millis(500);

/// Old requests that may wait for their answers. Each holds a connection and one record at most: 1,024 × 64 KiB = 64 MiB, and
/// as a rule nothing.
const WAITING: usize = 1024;

/// Requests in flight, by who they are for.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    young: VecDeque<(Duration, T)>,
    waiting: VecDeque<T>,
}

impl<T: PartialEq> Lanes<T> {
    pub(crate) fn new() -> Self {
        Self { young: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// How many young ones there are.
    pub(crate) fn young(&self) -> usize {
        self.young.len()
    }

    /// A request begins.
    pub(crate) fn begin(&mut self, now: Duration, of: T) {
        self.young.push_back((now, of));
    }

    /// A request has ended.
    pub(crate) fn end(&mut self, of: &T) {
        if let Some(at) = self.young.iter().position(|(_, young)| young == of) {
            self.young.remove(at);
        } else if let Some(at) = self.waiting.iter().position(|waiting| waiting == of) {
            self.waiting.remove(at);
        }
    }

    /// When the next one is young no more.
    pub(crate) fn next_to_age(&self) -> Option<Duration> {
        self.young.front().map(|(begun, _)| *begun + YOUNG)
    }

    /// Moves the old ones to those that wait. Returns those that have waited longest and have no place there any more.
    pub(crate) fn age(&mut self, now: Duration) -> Vec<T> {
        while let Some((_, of)) = self.young.pop_front_if(|(begun, _)| *begun + YOUNG <= now) {
            self.waiting.push_back(of);
        }
        let too_many = self.waiting.len().saturating_sub(WAITING);
        self.waiting.drain(..too_many).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_that_gets_old_makes_room_for_another() {
        let mut lanes = Lanes::new();
        lanes.begin(Duration::ZERO, 'a');
        lanes.begin(SECOND / 4, 'b');
        assert_eq!((lanes.young(), lanes.next_to_age()), (2, Some(YOUNG)));
        assert_eq!((lanes.age(SECOND / 2), lanes.young()), (vec![], 1));
        lanes.end(&'b');
        lanes.end(&'a');
        assert_eq!((lanes.young(), lanes.waiting.len(), lanes.next_to_age()), (0, 0, None));
    }

    #[test]
    fn whoever_has_waited_longest_goes_when_there_are_too_many() {
        let mut lanes = Lanes::new();
        for number in 0..1027 {
            lanes.begin(Duration::ZERO, number);
        }
        assert_eq!(lanes.age(SECOND), [0, 1, 2]);
        lanes.end(&500);
        lanes.begin(SECOND, 2000);
        assert_eq!(lanes.age(2 * SECOND), Vec::<i32>::new());
    }
}
