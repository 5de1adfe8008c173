//! How much of a node was looked at: without it, "no finding" means nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// The answer of `GET /api/v1/coverage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Name of the node.
    pub node: String,
    /// When watching began.
    pub since: Time,
    /// Effective pause between two passes, in seconds.
    pub interval_s: f64,
    /// The last pass that ended; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_pass: Option<PassCoverage>,
    /// Difference of `processes` in `/proc/stat` over the last interval; counts threads too, so it bounds from above
    /// what was missed.
    pub forks_since_last_pass: u64,
    /// What became of exec events.
    pub exec_events: ExecCoverage,
}

/// What one pass saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassCoverage {
    /// When the pass started.
    pub started: Time,
    /// Wall time of the pass, in milliseconds.
    pub took_ms: f64,
    /// CPU time of the pass, in milliseconds.
    pub cpu_ms: f64,
    /// Processes listed, without kernel threads and this program itself.
    pub seen: u64,
    /// Processes seen for the first time.
    pub new: u64,
    /// Processes of which nothing could be read.
    pub unreadable: u64,
    /// Processes that ended while they were read.
    pub exited: u64,
    /// Processes whose executable link may not be read.
    pub exe_unreadable: u64,
    /// Processes that are told apart by a held descriptor.
    pub held: u64,
    /// Processes beyond the limit of descriptors, told apart by their start time.
    pub by_stat: u64,
    /// Command lines longer than `processes.cmdline_bytes`.
    pub cut: u64,
    /// False if the tree is not the host's: pid 2 is not `kthreadd`.
    pub host_view: bool,
}

/// What became of exec events since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExecCoverage {
    /// Where the events come from.
    pub source: ExecSource,
    /// Events received and not skipped.
    pub seen: u64,
    /// Events whose process could be read.
    pub read: u64,
    /// Events whose process had ended before it could be read.
    pub exited: u64,
    /// Events left to the next pass because the CPU budget was empty.
    pub skipped: u64,
    /// Events lost, by the gaps in the sequence of each CPU.
    pub lost: u64,
}

/// Where exec events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecSource {
    /// Exec events are not asked for.
    #[default]
    Off,
    /// The kernel's process connector delivers.
    Connector,
    /// The process connector was asked for and does not deliver; passes go on.
    Failing,
}
