//! What was looked at, as it is served.

use api::Time;
use api::finding::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::round::Gap;

/// What was looked at: without it, "no finding" means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Whether nothing is missing: each source has ended a round under the present leader, believes it, and every scope is fresh.
    pub complete: bool,
    /// One for each source, also for one that has never looked.
    pub sources: Vec<SourceCoverage>,
    /// Whether there is no room for more findings: new ones of the lowest severity are refused.
    pub full: bool,
    /// What the process that answers has refused since its start.
    pub refused: Refusals,
}

/// Sightings that were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Refusals {
    /// There was no room, and nothing resolved to forget.
    pub full: u64,
    /// The evidence was larger than 16 KiB.
    pub evidence: u64,
    /// A batch named it twice, or a text of it held NUL.
    pub malformed: u64,
}

/// What one source looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCoverage {
    /// Which.
    pub source: Source,
    /// Whether nothing of it is missing.
    pub complete: bool,
    /// Whether this process has such a source at all.
    pub looks: bool,
    /// Its last round that ended; null before the first.
    pub last_round: Option<LastRound>,
    /// How many scopes are how fresh.
    pub scopes: ScopeCounts,
    /// When the scope was looked at that was looked at longest ago; null if none ever was.
    pub oldest_look: Option<Time>,
    /// Scopes that are not fresh, by name; at most 1000.
    pub not_fresh: Vec<ScopeState>,
    /// What is switched off, skipped, exempted or refused, and why.
    pub gaps: Vec<Gap>,
}

/// The last round of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRound {
    /// When it ended.
    pub ended_at: Time,
    /// Whether the present leader ended it; if not, nothing has been looked at since it leads.
    pub current: bool,
    /// Whether every scope was looked at, and everything there was told and taken.
    pub complete: bool,
    /// Whether so much was gone at once that the source does not believe it.
    pub suspect: bool,
}

/// How many scopes are how fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ScopeCounts {
    /// Looked at in the last round.
    pub fresh: usize,
    /// Looked at once, and not lately.
    pub stale: usize,
    /// Asked, and never answered.
    pub failed: usize,
    /// Not tried yet.
    pub never: usize,
}

/// A scope that is not fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeState {
    /// Its name: a node, a kind, an image, an inspection.
    pub scope: String,
    /// How fresh it is.
    pub state: Staleness,
    /// Why, as a word; left out if nobody has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was looked at last; null if it never was.
    pub last_look: Option<Time>,
}

/// How a scope is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Staleness {
    /// Looked at once, and not lately.
    Stale,
    /// Asked, and never answered.
    Failed,
    /// Not tried yet.
    Never,
}
