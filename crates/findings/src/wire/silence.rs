//! Silences, as they are asked for and served.

use std::collections::BTreeMap;

use api::Time;
use api::finding::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::silence::{Match, Origin};

/// A silence that is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewSilence {
    /// Who decided it; required.
    pub owner: String,
    /// Why; required.
    pub reason: String,
    /// When it ends, RFC 3339, at most 366 days ahead; required.
    pub until: String,
    /// What it mutes: texts, exact or with one trailing `*`, by `source`, `rule`, `namespace`, `owner` (as `Deployment/shop/cart`),
    /// `app`, `node`, `image`, `kind`, `fingerprint`. All that are given must hold; one besides `source` is required.
    #[serde(rename = "match")]
    pub matches: BTreeMap<String, String>,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceView {
    /// Its id.
    pub id: String,
    /// Who decided it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Time,
    /// What it mutes.
    #[serde(rename = "match")]
    pub matches_what: Match,
    /// The name of the credential that asked for it.
    pub created_by: String,
    /// When it began.
    pub created_at: Time,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it holds.
    pub state: SilenceState,
    /// When it ended; null while it holds.
    pub ended_at: Option<Time>,
    /// Findings that are open and that it means; 0 of one that has ended.
    pub matches: u64,
}

/// Whether a silence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It holds.
    Active,
    /// It is over; kept for 30 days.
    Ended,
}

/// Silences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceList {
    /// The silences of this page, the newest first.
    pub items: Vec<SilenceView>,
    /// What asks for the next page; left out on the last one.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Silences in that state, on all pages.
    pub count: usize,
}

/// What a silence would do, of which nothing was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceTrial {
    /// The silence as it would be.
    pub silence: SilenceView,
    /// Findings that it would mute, the worst first, at most 100.
    pub would_silence: Vec<Finding>,
}
