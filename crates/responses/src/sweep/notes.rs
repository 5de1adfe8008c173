//! What the histories of findings are told.
//!
//! Owns telling each thing once: what was told last of a finding by a response is remembered.

use std::collections::HashMap;

use api::{Fingerprint, Time};
use findings::Note;
use findings::event::Did;

use crate::ledger::{Changes, Item, Ledger, Stand};
use crate::plan::Step;
use crate::response::{Reason, Response, Skip};

/// Notes that wait, and what was told last: at most what is open and in force.
#[derive(Debug, Default)]
pub(super) struct Notes {
    waiting: Vec<(Response, Fingerprint, Said)>,
    last: HashMap<(Response, Fingerprint), Said>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    did: Did,
    object: String,
    reason: String,
}

/// What is remembered. When more was told, the least that can come of forgetting is that it is told once more.
const REMEMBERED: usize = 100_000;

impl Notes {
    /// A step was taken.
    pub(super) fn done(&mut self, step: &Step, ledger: &Ledger) {
        for (key, item) in &step.items {
            let before = ledger.items.get(key);
            match item {
                Some(item) if item.stand == Stand::InForce => {
                    self.all(step.response, item, Did::Applied, &step.detail);
                }
                Some(_) | None => {
                    if let Some(before) = before {
                        self.all(step.response, before, Did::Undone, &step.detail);
                    }
                }
            }
        }
    }

    /// Findings have come under something that is in force.
    pub(super) fn quiet(&mut self, changes: &Changes, ledger: &Ledger) {
        for (key, item) in &changes.items {
            let (Some(item), Some(before)) = (item, ledger.items.get(key)) else { continue };
            let is_new = |finding: &&Fingerprint| !before.findings.contains_key(*finding);
            for finding in item.findings.keys().filter(is_new) {
                self.say((key.0, finding), Did::Applied, &item.object, "in force already");
            }
        }
    }

    /// A step would be taken, if it were not a rehearsal. Says whether that is new of any finding.
    pub(super) fn planned(&mut self, step: &Step) -> bool {
        let detail = format!("{} {}", step.verb.as_str(), step.detail);
        let before = self.waiting.len();
        for finding in &step.findings {
            self.say((step.response, finding), Did::Planned, &step.object, &detail);
        }
        self.waiting.len() > before
    }

    /// Why nothing was done, where somebody may wonder.
    pub(super) fn refused(&mut self, skipped: &[Skip]) {
        for Skip { response, reason, findings, .. } in skipped.iter().filter(|skip| is_worth_telling(skip.reason)) {
            for finding in findings {
                self.say((*response, finding), Did::Refused, "", reason.as_str());
            }
        }
    }

    /// What is to be told now.
    pub(super) fn take(&mut self, now: Time) -> Vec<Note> {
        if self.last.len() > REMEMBERED {
            self.last.clear();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let note = |(response, fingerprint, Said { did, object, reason }): (Response, Fingerprint, Said)| Note {
            fingerprint,
            at: now,
            response: response.as_str().to_owned(),
            did,
            object,
            reason,
        };
        waiting.into_iter().map(note).collect()
    }

    fn all(&mut self, response: Response, item: &Item, did: Did, detail: &str) {
        for finding in item.findings.keys() {
            self.say((response, finding), did, &item.object, detail);
        }
    }

    fn say(&mut self, (response, finding): (Response, &Fingerprint), did: Did, object: &str, reason: &str) {
        let said = Said { did, object: object.to_owned(), reason: reason.to_owned() };
        let key: (Response, Fingerprint) = (response, finding.clone());
        if self.last.get(&key) != Some(&said) {
            self.waiting.push((response, finding.clone(), said.clone()));
            self.last.insert(key, said);
        }
    }
}

/// Reasons that settings say, or that pass by themselves, are shown and kept out of histories.
const fn is_worth_telling(reason: Reason) -> bool {
    match reason {
        Reason::Disabled
        | Reason::DryRun
        | Reason::BelowSeverity
        | Reason::RuleDoesNotAsk
        | Reason::Unresolved
        | Reason::Host
        | Reason::Unconfirmed
        | Reason::Stale
        | Reason::Silenced
        | Reason::PerSweepLimit
        | Reason::ActiveLimit => false,
        Reason::ProtectedNamespace
        | Reason::NoIngress
        | Reason::SharedIngress
        | Reason::ObjectFull
        | Reason::CrdMissing
        | Reason::NotOurs
        | Reason::Conflict
        | Reason::Forbidden
        | Reason::Invalid
        | Reason::NamespaceTerminating => true,
    }
}
