//! What clients of the collection are answered.
//!
//! Owns the wire forms of its routes; the command line reads them too.

use api::{Time, Violation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The violations of all nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ViolationList {
    /// Sorted by namespace, pod, process, pid and rule; never null.
    pub violations: Vec<CollectedViolation>,
    /// When the last collection ended; null before the first.
    pub update_time: Option<Time>,
    /// Violations that the query selects, on all pages.
    pub total_count: usize,
    /// How fresh what is known of the nodes is.
    pub nodes: NodeCounts,
    /// Where the next page goes on; only there if more follows.
    #[serde(rename = "continue", default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// A violation as it is known of its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CollectedViolation {
    /// The record.
    #[serde(flatten)]
    pub violation: Violation,
    /// Whether its node could not be looked at lately.
    pub stale: bool,
}

/// Nodes by how fresh what is known of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NodeCounts {
    /// All nodes.
    pub total: u64,
    /// They answered in the last collection, and their passes are not overdue.
    pub fresh: u64,
    /// They answered once, and not now.
    pub stale: u64,
    /// They have never answered.
    pub failed: u64,
}

/// Every node that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeList {
    /// Sorted by name.
    pub items: Vec<NodeRow>,
    /// How many.
    pub count: usize,
}

/// What is known of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// Where it is asked; empty while it is missing from the Service.
    pub address: String,
    /// How fresh what is known of it is.
    pub state: NodeState,
    /// Why it is not fresh: `timeout`, `refused`, `status-503`, `unauthorized`, `too-large`, `malformed`, `pass-overdue`,
    /// `missing`, `not-asked`, `not-looked-yet`, `not-stored` or `disabled`; empty if it is.
    pub reason: String,
    /// When it answered last; null if it never did.
    pub last_answer: Option<Time>,
    /// When its last completed pass ended, by its own clock; null if it does not say.
    pub last_pass: Option<Time>,
    /// Open violations.
    pub violations: u64,
    /// Violations that it left out for want of room.
    pub truncated: u64,
    /// Revision of its rules; empty if it does not say.
    pub rules: String,
    /// Boot id of its host; empty if it does not say.
    pub boot: String,
    /// Requests in a row that failed.
    pub failures: u32,
    /// Since when it is missing from the Service; only there if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Time>,
}

/// How fresh what is known of a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It answered in the last collection, and its passes are not overdue.
    Fresh,
    /// It answered once, and not now.
    Stale,
    /// It has never answered.
    Failed,
}

/// Whether a collection was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectAnswer {
    /// Whether it was.
    pub started: bool,
    /// Why not; only there if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl NodeState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Stale, Self::Failed];

    /// The word used on the wire and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}
