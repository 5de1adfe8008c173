//! What each notifier has told of each finding.
//!
//! Owns the memory that keeps anything from being told twice, and what one decision changes of it. It is stored with the
//! messages in one transaction.

use std::collections::HashMap;

use api::{Fingerprint, Time};
use findings::Record;

/// What a notifier has told of one finding, of its latest opening that was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Which opening.
    pub(crate) episode: u64,
    /// When the life of the finding began: a finding that was forgotten and returns counts its openings anew.
    pub(crate) first_seen: Time,
    /// How often it had come back by then; the end of a silence does not count there.
    pub(crate) reopened: u64,
    /// When the opening was noticed: from here on others are waited for.
    pub(crate) noticed: Time,
    /// When it was told.
    pub(crate) opened: Option<Time>,
    /// When it was told again.
    pub(crate) repeated: Option<Time>,
    /// When its end was told, or left untold for good.
    pub(crate) resolved: Option<Time>,
}

/// What all notifiers have told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ToldBook {
    notifiers: HashMap<String, OfNotifier>,
}

/// What one notifier has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfNotifier {
    /// Since when it tells. What ended before is never told.
    pub(crate) since: Time,
    /// Whether it tells now.
    pub(crate) is_active: bool,
    told: HashMap<Fingerprint, Told>,
}

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Changes {
    /// Notifiers that began to tell, or ended to.
    pub(crate) notifiers: Vec<(String, Time, bool)>,
    /// Notifiers that are no more; all that they told goes.
    pub(crate) gone: Vec<String>,
    /// By notifier: what it has told of a finding from now on.
    pub(crate) told: Vec<(String, Fingerprint, Told)>,
    /// By notifier: findings that are no more.
    pub(crate) forgotten: Vec<(String, Fingerprint)>,
}

impl Told {
    /// An opening that is noticed now.
    pub(crate) const fn noticed(record: &Record, now: Time) -> Self {
        Self {
            episode: record.episode,
            first_seen: record.first_seen,
            reopened: record.reopened,
            noticed: now,
            opened: None,
            repeated: None,
            resolved: None,
        }
    }

    /// Whether this is about the opening that the finding is in, or was in last.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        self.episode == record.episode && self.first_seen == record.first_seen
    }

    /// Whether the finding opened since only because a silence ended.
    pub(crate) fn was_silenced(&self, record: &Record) -> bool {
        !self.is_of(record) && self.first_seen == record.first_seen && self.reopened == record.reopened
    }

    /// When the opening was told last.
    pub(crate) fn last(&self) -> Option<Time> {
        self.opened.max(self.repeated)
    }
}

impl ToldBook {
    /// What was stored: notifiers with the beginning of their telling and whether they tell, and what they told.
    pub(crate) fn restored(
        notifiers: impl IntoIterator<Item = (String, Time, bool)>,
        told: impl IntoIterator<Item = (String, Fingerprint, Told)>,
    ) -> Self {
        let mut book = Self::default();
        let (notifiers, told) = (notifiers.into_iter().collect(), told.into_iter().collect());
        book.apply(&Changes { notifiers, told, ..Changes::default() });
        book
    }

    /// The notifiers that have told something or may.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.notifiers.keys()
    }

    /// What a notifier has told.
    pub(crate) fn of(&self, notifier: &str) -> Option<&OfNotifier> {
        self.notifiers.get(notifier)
    }

    /// Makes changes true, once they are stored.
    pub(crate) fn apply(&mut self, changes: &Changes) {
        let Changes { notifiers, gone, told, forgotten } = changes;
        for name in gone {
            self.notifiers.remove(name);
        }
        for (name, since, is_active) in notifiers {
            let known = self.notifiers.entry(name.clone());
            let known = known.or_insert(OfNotifier { since: *since, is_active: false, told: HashMap::new() });
            (known.since, known.is_active) = (*since, *is_active);
        }
        for (name, fingerprint, told) in told {
            if let Some(known) = self.notifiers.get_mut(name) {
                known.told.insert(fingerprint.clone(), told.clone());
            }
        }
        for (name, fingerprint) in forgotten {
            if let Some(known) = self.notifiers.get_mut(name) {
                known.told.remove(fingerprint);
            }
        }
    }
}

impl OfNotifier {
    /// A notifier that begins to tell.
    pub(crate) fn beginning(now: Time) -> Self {
        Self { since: now, is_active: true, told: HashMap::new() }
    }

    /// What was told of a finding.
    pub(crate) fn get(&self, fingerprint: &Fingerprint) -> Option<&Told> {
        self.told.get(fingerprint)
    }

    /// Everything that something was told of.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = &Fingerprint> {
        self.told.keys()
    }
}
