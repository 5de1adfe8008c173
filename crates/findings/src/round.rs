//! Rounds of a source: what it meant to look at, how fresh each scope is, what it leaves out.

use std::sync::Arc;

use api::Time;
use api::finding::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::Order;
use api::Facts;

/// The end of a round of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Whose.
    pub source: Source,
    /// Its place among the rounds of this source; batches of the round have the same.
    pub order: Order,
    /// When it ended.
    pub at: Time,
    /// Everything that was to be looked at. A scope that is not named is not expected any more.
    pub scopes: Vec<ScopeLook>,
    /// Whether every scope was looked at, and everything there was told.
    pub complete: bool,
    /// Whether so much is gone at once that the source does not believe it.
    pub suspect: bool,
    /// What is left out, and why.
    pub gaps: Vec<Gap>,
}

/// One scope at the end of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeLook {
    /// Which.
    pub scope: String,
    /// Whether it was looked at.
    pub freshness: Freshness,
    /// What else its source shows of it, such as the row of a node; given back as it is.
    pub detail: Facts,
}

/// How fresh the findings of a scope are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Freshness {
    /// It was looked at in the last round.
    Fresh,
    /// It could be looked at once, and not lately.
    Stale {
        /// Since when.
        since: Time,
        /// Why, as a word.
        reason: String,
    },
    /// It was asked and has never answered.
    Failed {
        /// Why, as a word.
        reason: String,
    },
    /// Nobody has tried yet.
    Never,
}

/// Something that is switched off, skipped, exempted or refused, for coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
    /// How many of it.
    pub count: u64,
}

/// The end of a round that saw a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Number of the leader.
    pub fence: i64,
    /// Number of the round.
    pub round: u64,
    /// When it ended.
    pub at: Time,
}

/// The last looks, the latest last; shared by all findings that were seen in the same rounds.
pub type Looks = Arc<[Look]>;

/// Looks that are kept.
pub const LOOKS: usize = 10;

/// The last round of a source that ended, as every replica knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundState {
    /// Whose.
    pub source: Source,
    /// Its order.
    pub order: Order,
    /// When it ended.
    pub at: Time,
    /// Whether every scope was looked at, and everything there was told and taken.
    pub complete: bool,
    /// Whether its source does not believe it.
    pub suspect: bool,
    /// What is left out.
    pub gaps: Vec<Gap>,
    /// Whether the present leader ended it; if not, nothing has been looked at since it leads.
    pub current: bool,
}

/// What is known of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Whose.
    pub source: Source,
    /// Its name.
    pub name: Arc<str>,
    /// The last batch or round that was taken.
    pub order: Order,
    /// When it was last looked at.
    pub looked_at: Option<Time>,
    /// How fresh it is, as its source said.
    pub freshness: Freshness,
    /// What else its source shows of it.
    pub detail: Facts,
    /// Rounds that looked at it.
    pub rounds: u64,
    /// The last of them.
    pub looks: Looks,
}

impl Order {
    /// A round that ended.
    pub(crate) const fn look(self, at: Time) -> Look {
        Look { fence: self.fence, round: self.round, at }
    }
}

/// `looks` with one more; the oldest goes.
pub(crate) fn with_look(looks: &[Look], look: Look) -> Looks {
    let from = (looks.len() + 1).saturating_sub(LOOKS);
    looks.iter().skip(from).copied().chain([look]).collect()
}
