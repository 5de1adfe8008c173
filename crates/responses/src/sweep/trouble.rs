//! What could not be written, and when it is tried again. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ledger::Key;
use crate::plan::Barred;
use crate::response::{Reason, Response};

/// What needs somebody to act is tried again this often.
const PATIENCE: Duration = Duration::from_mins(5);

/// After a failure of the server; doubled with each.
const FIRST_REST: Duration = Duration::from_secs(5);

/// Objects in trouble, some 200 bytes each.
const REMEMBERED: usize = 10_000;

/// Everything that could not be written. Times are monotonic.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    /// The cluster does not know the kind.
    missing: BTreeMap<Response, Duration>,
    objects: BTreeMap<Key, Trouble>,
}

#[derive(Debug)]
enum Trouble {
    /// Until then.
    Barred(Reason, Duration),
    /// Until something else is to be written.
    Form(Reason, String),
    /// The server failed; and how often in a row.
    Rests(u32, Duration),
}

impl Troubles {
    /// The cluster does not know what a response writes.
    pub(super) fn missing(&mut self, response: Response, now: Duration) {
        self.missing.insert(response, now + PATIENCE);
    }

    /// Whether the cluster did not know it lately.
    pub(super) fn is_missing(&self, response: Response, now: Duration) -> bool {
        self.missing.get(&response).is_some_and(|until| now < *until)
    }

    /// Somebody has to act first.
    pub(super) fn barred(&mut self, key: &Key, reason: Reason, now: Duration) {
        self.objects.insert(key.clone(), Trouble::Barred(reason, now + PATIENCE));
    }

    /// This form is not taken.
    pub(super) fn refused(&mut self, key: &Key, reason: Reason, hash: &str) {
        self.objects.insert(key.clone(), Trouble::Form(reason, hash.to_owned()));
    }

    /// The server could not do it; it may have said when to come back.
    pub(super) fn failed(&mut self, key: &Key, retry_after: Option<Duration>, now: Duration) {
        let before = match self.objects.get(key) {
            Some(Trouble::Rests(failures, _)) => *failures,
            _ => 0,
        };
        let rest = FIRST_REST.saturating_mul(1 << before.min(6)).min(PATIENCE).max(retry_after.unwrap_or_default());
        self.objects.insert(key.clone(), Trouble::Rests(before + 1, now + rest));
    }

    /// It was written.
    pub(super) fn done(&mut self, key: &Key) {
        self.objects.remove(key);
        self.missing.remove(&key.0);
    }

    /// Whether the server is left alone with this for now.
    pub(super) fn rests(&self, key: &Key, now: Duration) -> bool {
        matches!(self.objects.get(key), Some(Trouble::Rests(_, until)) if now < *until)
    }

    /// What is not tried now.
    pub(super) fn bars(&self, now: Duration) -> Barred {
        let missing = self.missing.iter().filter(|(_, until)| now < **until);
        let bar = |(key, trouble): (&Key, &Trouble)| match trouble {
            Trouble::Barred(reason, until) => (now < *until).then(|| (key.clone(), (*reason, None))),
            Trouble::Form(reason, hash) => Some((key.clone(), (*reason, Some(hash.clone())))),
            Trouble::Rests(..) => None,
        };
        Barred {
            responses: missing.map(|(response, _)| (*response, Reason::CrdMissing)).collect(),
            objects: self.objects.iter().filter_map(bar).collect(),
        }
    }

    /// Kinds that the cluster does not know, and how long until the next try.
    pub(super) fn missing_kinds(&self, now: Duration) -> Vec<(Response, Duration)> {
        self.missing.iter().map(|(response, until)| (*response, until.saturating_sub(now))).collect()
    }

    /// Forgets what was long ago. Of forms that are not taken so many are known that forgetting all of them costs one try each.
    pub(super) fn forget(&mut self, now: Duration) {
        let is_lately = |until: &Duration| now < *until + PATIENCE;
        self.missing.retain(|_, until| is_lately(until));
        self.objects.retain(|_, trouble| match trouble {
            Trouble::Barred(_, until) | Trouble::Rests(_, until) => is_lately(until),
            Trouble::Form(..) => true,
        });
        if self.objects.len() > REMEMBERED {
            self.objects.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn key() -> Key {
        (Response::Notification, "Notification/a/b".to_owned())
    }

    #[test]
    fn what_needs_somebody_is_tried_again_after_five_minutes() {
        let mut troubles = Troubles::default();
        troubles.barred(&key(), Reason::Forbidden, NOW);
        troubles.missing(Response::WasmPlugin, NOW);
        let at = |minutes| {
            let bars = troubles.bars(NOW + Duration::from_mins(minutes));
            (bars.objects.len(), bars.responses.len())
        };
        assert_eq!([at(0), at(4), at(5)], [(1, 1), (1, 1), (0, 0)]);
    }

    #[test]
    fn a_failing_server_is_left_alone_longer_each_time_and_as_long_as_it_says() {
        let mut troubles = Troubles::default();
        let mut rests = Vec::new();
        for retry_after in [None, None, Some(Duration::from_mins(1)), None] {
            troubles.failed(&key(), retry_after, NOW);
            rests.push((0..400).find(|after| !troubles.rests(&key(), NOW + Duration::from_secs(*after))));
        }
        assert_eq!(rests, [Some(5), Some(10), Some(60), Some(40)]);
        troubles.done(&key());
        assert!(!troubles.rests(&key(), NOW));
    }

    #[test]
    fn a_form_that_is_not_taken_is_barred_and_no_other() {
        let mut troubles = Troubles::default();
        troubles.refused(&key(), Reason::Invalid, "h");
        let bars = troubles.bars(NOW + Duration::from_hours(9));
        assert_eq!(bars.objects[&key()], (Reason::Invalid, Some("h".to_owned())));
    }
}
