//! Whether the server goes on from what is known; pure.
//!
//! Owns the version to go on from, and the doubt in it. A store that was restored from a backup goes on at a lower version. Its server
//! accepts a watch from a version that it has not reached, and until it has says nothing in it, not even bookmarks: what happens
//! meanwhile would be lost.

use std::time::Duration;

/// So long in watches that were accepted and brought nothing is no accident. A connection that died is opened again after half of it, and
/// bookmarks come about every minute.
const SUSPICIOUS: Duration = Duration::from_mins(5);

/// Some servers send no bookmarks, and silence is all there is to hear. It is believed for twice as long after each list that it was not
/// worth, up to this.
const BELIEVED: Duration = Duration::from_mins(80);

/// What is known of one server's history.
#[derive(Debug)]
pub(super) struct History {
    version: String,
    /// Where the open watch goes on from.
    opened_at: String,
    /// Since when the open watch brings nothing, monotonic; `None` if it has brought something or none is open.
    silent_since: Option<Duration>,
    /// Silence in accepted watches since something was heard.
    silence: Duration,
    /// How much of it is believed.
    believed: Duration,
}

impl History {
    pub(super) const fn new() -> Self {
        Self {
            version: String::new(),
            opened_at: String::new(),
            silent_since: None,
            silence: Duration::ZERO,
            believed: SUSPICIOUS,
        }
    }

    /// The version to go on from.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// A complete list stands at `version`. Returns the version that was known before if that is not of this history.
    pub(super) fn listed(&mut self, version: String) -> Option<String> {
        let former = std::mem::replace(&mut self.version, version);
        let went_back = is_before(&self.version, &former);
        if went_back {
            self.believed = SUSPICIOUS;
        } else if self.is_doubtful() {
            self.believed = self.believed.saturating_mul(2).min(BELIEVED);
        }
        self.silence = Duration::ZERO;
        went_back.then_some(former)
    }

    /// The server has accepted to go on.
    pub(super) fn opened(&mut self, now: Duration) {
        self.opened_at.clone_from(&self.version);
        self.silent_since = Some(now);
    }

    /// The open watch has brought something. Returns whether it goes on from what is known.
    pub(super) fn heard(&mut self, newest: Option<&str>) -> bool {
        self.silent_since = None;
        self.silence = Duration::ZERO;
        let Some(newest) = newest else { return true };
        if is_before(newest, &self.opened_at) {
            return false;
        }
        newest.clone_into(&mut self.version);
        true
    }

    /// The server speaks even if nothing happens: that it is silent means something.
    pub(super) const fn bookmarked(&mut self) {
        self.believed = SUSPICIOUS;
    }

    /// The open watch is over. Returns whether it is doubtful that the server has reached the version.
    pub(super) fn ended(&mut self, now: Duration) -> bool {
        if let Some(since) = self.silent_since.take() {
            self.silence += now.saturating_sub(since);
        }
        self.is_doubtful()
    }

    fn is_doubtful(&self) -> bool {
        self.silence >= self.believed
    }
}

/// Versions that are no numbers cannot be compared.
fn is_before(version: &str, known: &str) -> bool {
    let number = |version: &str| version.parse::<u64>().ok();
    matches!((number(version), number(known)), (Some(version), Some(known)) if version < known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed_at(version: &str) -> History {
        let mut history = History::new();
        history.listed(version.to_owned());
        history
    }

    /// How long the server may be silent in watches of 150 s until that is doubtful.
    fn believed(history: &mut History) -> Duration {
        let watch = Duration::from_secs(150);
        for watches in 1.. {
            history.opened(Duration::ZERO);
            if history.ended(watch) {
                return watch * watches;
            }
        }
        unreachable!("an endless loop has ended")
    }

    #[test]
    fn a_version_goes_on_if_it_is_not_below_the_one_that_the_watch_was_opened_at() {
        let mut history = listed_at("100");
        history.opened(Duration::ZERO);
        let heard = ["100", "99", "1000", "odd"].map(|version| history.heard(Some(version)));
        assert_eq!((heard, history.heard(None), history.version()), ([true, false, true, true], true, "odd"));
    }

    #[test]
    fn a_list_below_what_is_known_says_that_history_went_back() {
        let mut history = listed_at("100");
        let former = ["100", "99", "250", "odd", "9"].map(|version| history.listed(version.to_owned()));
        assert_eq!(former, [None, Some("100".to_owned()), None, None, None]);
    }

    #[test]
    fn anything_that_is_heard_ends_the_doubt() {
        let mut history = listed_at("100");
        history.opened(Duration::ZERO);
        assert!(!history.ended(Duration::from_secs(299)));
        history.opened(Duration::ZERO);
        history.heard(None);
        assert!(!history.ended(Duration::from_mins(10)));
        assert_eq!(believed(&mut history), SUSPICIOUS);
    }

    #[test]
    fn silence_is_believed_longer_after_lists_that_it_was_not_worth_until_a_bookmark() {
        let mut history = listed_at("100");
        let minutes: Vec<u64> = (0..6)
            .map(|_| {
                let believed = believed(&mut history);
                history.listed("100".to_owned());
                believed.as_secs() / 60
            })
            .collect();
        assert_eq!(minutes, [5, 10, 20, 40, 80, 80]);
        history.bookmarked();
        assert_eq!(believed(&mut history), SUSPICIOUS);
    }
}
