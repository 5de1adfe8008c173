//! The active rule set as `GET /api/v1/rules` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Action, Severity, Time};

/// The answer of `GET /api/v1/rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesAnswer {
    /// First 16 hex digits of SHA-256 of the set.
    pub revision: String,
    /// When this set became active.
    pub loaded_at: Time,
    /// Every rule of the set, by id.
    pub rules: Vec<RuleSummary>,
    /// Every exemption, in file order.
    pub exemptions: Vec<ExemptionSummary>,
    /// The last reload that was refused, until one succeeds.
    pub last_error: Option<RefusedReload>,
}

/// One rule and how often it hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSummary {
    /// Id, unique in the set.
    pub id: String,
    /// A built-in pack, `custom` or `legacy`.
    pub pack: String,
    /// Severity in force, after overrides.
    pub severity: Severity,
    /// Action in force, after overrides.
    pub action: Action,
    /// Whether the rule is matched at all.
    pub enabled: bool,
    /// New matches since the start.
    pub hits: u64,
}

/// One exemption and how often it applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExemptionSummary {
    /// Why it was granted.
    pub reason: String,
    /// When it ends; `null` = never.
    pub until: Option<Time>,
    /// True once `until` has passed; an expired exemption exempts nothing.
    pub expired: bool,
    /// Matches it removed since the start.
    pub hits: u64,
}

/// A reload that was refused: the set before it stays active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedReload {
    /// When it was refused.
    pub at: Time,
    /// Every error as `file:line:column: path: message`.
    pub errors: Vec<String>,
}
