//! A finding as it is kept: what its source told, and its life.

use std::sync::Arc;

use api::Time;
use api::finding::{Finding, Source, State};

use crate::batch::{Belongs, Told};
use crate::event::Field;
use crate::round::Looks;

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Who found it.
    pub source: Source,
    /// Where its source saw it last.
    pub scope: Arc<str>,
    /// What its source told last.
    pub told: Told,
    /// When this life of it began.
    pub first_seen: Time,
    /// When it was last seen; never goes back.
    pub last_seen: Time,
    /// When it last went through a transition.
    pub changed_at: Time,
    /// How often it was seen.
    pub count: u64,
    /// How often it came back soon after it had been resolved.
    pub reopened: u64,
    /// How often it began to matter: openings, reopenings and ends of a silence.
    pub episode: u64,
    /// Where it is in its life.
    pub life: Life,
    /// Ends of the last rounds that saw it.
    pub looks: Looks,
    /// Rounds of its scope that its count knows of; for sources whose rounds count.
    pub rounds: u64,
    /// What last seen was when it was last stored, and the count with it.
    pub touched: Time,
}

/// Where a finding is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It was there at the last look; perhaps a silence or an exemption of this id holds.
    Open {
        /// Its id.
        silence: Option<Box<str>>,
    },
    /// It was gone at the last look.
    Resolved {
        /// Since when.
        at: Time,
        /// Why, in the source's words.
        reason: Box<str>,
    },
}

/// Why nobody could look lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Since when.
    pub since: Time,
    /// Why, as a word.
    pub reason: String,
}

impl Record {
    /// Where it is in its life.
    pub const fn state(&self) -> State {
        match self.life {
            Life::Open { silence: None } => State::Open,
            Life::Open { silence: Some(_) } => State::Silenced,
            Life::Resolved { .. } => State::Resolved,
        }
    }

    /// Whether it was there at the last look, silenced or not.
    pub const fn is_open(&self) -> bool {
        matches!(self.life, Life::Open { .. })
    }

    /// Id of the silence or exemption that holds.
    pub fn silence(&self) -> Option<&str> {
        match &self.life {
            Life::Open { silence } => silence.as_deref(),
            Life::Resolved { .. } => None,
        }
    }

    /// The wire form; `stale` is what is known of its scope.
    pub fn finding(&self, stale: Option<&Stale>) -> Finding {
        let Belongs { owner, app, image } = Belongs::clone(&self.told.belongs);
        let (resolved_at, resolved_reason) = match &self.life {
            Life::Open { .. } => (None, None),
            Life::Resolved { at, reason } => (Some(*at), Some(reason.as_ref().to_owned())),
        };
        // What is resolved was looked at then, and nobody looks again.
        let stale = stale.filter(|_| resolved_at.is_none());
        Finding {
            fingerprint: self.told.fingerprint.clone(),
            source: self.source,
            rule: self.told.rule.as_ref().to_owned(),
            severity: self.told.severity,
            action: self.told.action,
            state: self.state(),
            stale: stale.is_some(),
            title: self.told.title.as_ref().to_owned(),
            description: self.told.description.as_ref().to_owned(),
            subject: self.told.subject.clone(),
            owner,
            app,
            image,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            changed_at: self.changed_at,
            count: self.count,
            reopened: self.reopened,
            resolved_at,
            resolved_reason,
            stale_since: stale.map(|stale| stale.since),
            stale_reason: stale.map(|stale| stale.reason.clone()),
            silence: self.silence().map(str::to_owned),
            evidence: self.told.facts.with(&self.told.figures),
        }
    }

    /// In what `now` is another finding to a reader; sorted.
    pub(crate) fn differences(&self, now: &Told) -> Vec<Field> {
        // A new field fails to build here until it is known whether it is a change.
        let Told {
            fingerprint: _,
            rule,
            severity,
            action,
            title,
            description,
            subject,
            belongs: _,
            facts,
            figures: _,
            exemption: _,
        } = &self.told;
        let compared = [
            (Field::Action, *action == now.action),
            (Field::Description, *description == now.description),
            (Field::Evidence, *facts == now.facts),
            (Field::Rule, *rule == now.rule),
            (Field::Severity, *severity == now.severity),
            (Field::Subject, *subject == now.subject),
            (Field::Title, *title == now.title),
        ];
        compared.into_iter().filter(|(_, equal)| !equal).map(|(field, _)| field).collect()
    }
}
