//! What a source hands in: what it saw and what is gone, in one scope, at one time.

use std::sync::Arc;

use api::finding::{App, Owner, Source, Subject};
use api::{Action, Fingerprint, Severity, Time};
use serde::{Deserialize, Serialize};

use api::Facts;

/// One look of a source at one scope. It is taken whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Who looked.
    pub source: Source,
    /// What was looked at: a node, a kind, an image, an inspection.
    pub scope: String,
    /// Its place among the batches of this scope.
    pub order: Order,
    /// When it looked.
    pub at: Time,
    /// What was there.
    pub seen: Vec<Sighting>,
    /// What had been there and is not any more.
    pub gone: Vec<Gone>,
    /// All else that is open in this scope was seen again, unchanged: an answer that says so without naming it.
    pub again: Option<Again>,
}

/// What is open was seen again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// By how much each count grows.
    pub counts: u64,
}

/// The order of batches. Never the clock: it may step back, and that of two leaders differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Order {
    /// Number of the leader, from `Findings::fence` at the start of a round.
    pub fence: i64,
    /// Number of the round of its source.
    pub round: u64,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// What is told of it.
    pub told: Told,
    /// How often the source has seen it; none if each batch counts once.
    pub count: Option<u64>,
    /// When this life of it began, if its source knows: no later than the time of the batch.
    pub first_seen: Option<Time>,
}

/// What a source tells of a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Identity, as the source's contract says.
    pub fingerprint: Fingerprint,
    /// Id of its rule or code of its detector.
    pub rule: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// What its rule asks for; of source `process` only.
    pub action: Option<Action>,
    /// What is wrong, in one line.
    pub title: Box<str>,
    /// What is wrong and what to do.
    pub description: Arc<str>,
    /// What it is about.
    pub subject: Subject,
    /// Whose it is, as far as the source knows.
    pub belongs: Arc<Belongs>,
    /// Evidence that makes it another finding to a reader: a difference is a change.
    pub facts: Facts,
    /// Evidence that varies from look to look: samples, ages, lists of pods. Never a change.
    pub figures: Facts,
    /// The exemption that covers it.
    pub exemption: Option<Box<Exemption>>,
}

/// Seen once in its batch, since nobody knows when.
impl From<Told> for Sighting {
    fn from(told: Told) -> Self {
        Self { told, count: None, first_seen: None }
    }
}

/// Whose a subject is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Belongs {
    /// Top-level workload.
    pub owner: Option<Owner>,
    /// The tenant's unit.
    pub app: Option<App>,
    /// Digest of the image.
    pub image: Option<String>,
}

/// An exemption of a source; the finding counts as silenced while it is told with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// Its id, as a silence has one.
    pub id: String,
    /// Who decided it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends; its source tells then.
    pub until: Option<Time>,
}

/// One thing that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Identity.
    pub fingerprint: Fingerprint,
    /// Why, in the source's words, such as `process-gone`.
    pub reason: String,
}
