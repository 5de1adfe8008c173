//! How a task does, as `/debug/tasks` shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// How a task does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TaskState {
    /// What it is called.
    pub name: &'static str,
    /// What it does now.
    pub phase: Phase,
    /// Time between the starts of two runs, in seconds.
    pub period_s: f64,
    /// How long the current run has taken, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_s: Option<f64>,
    /// When it runs next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Timestamp>,
    /// The last run that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRun>,
    /// Runs that ended.
    pub runs: u64,
    /// Those of them that failed, panics included.
    pub failures: u64,
    /// How often it was made anew after a panic.
    pub restarts: u64,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It waits for its next run.
    Waiting,
    /// It runs.
    Running,
    /// It hangs: `/livez` fails.
    Wedged,
    /// It runs no more.
    Ended,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LastRun {
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did its work; this is its report.
    Report(Value),
    /// It achieved nothing, for this reason.
    Error(String),
}
