//! What the room hands out: matches with evidence, and the report of each pass.
//!
//! Owns the data only. `watch` fills it in, `violations` and `keelwatch scan` read it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::coverage::{ExecCoverage, PassCoverage};
use api::violation::{Evidence, ExemptScope, Flag};
use api::{Action, Severity};
use jiff::Timestamp;

use crate::cgroup::Place;
use crate::process::Identity;
use crate::rules::RuleSet;

/// One process that matches, with evidence. Every text is redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Who it is.
    pub identity: Identity,
    /// Boot id of the host, or its boot time if there is none.
    pub boot_id: String,
    /// The kernel's name of it, at most 15 bytes.
    pub comm: String,
    /// The name that matched; else the basename of the executable, of the first argument, or comm.
    pub process: String,
    /// Its arguments.
    pub argv: Vec<String>,
    /// Its arguments joined, cut to `evidence.cmdline_max`.
    pub cmdline: String,
    /// The command line was longer than `cmdline_bytes` and judged by its head.
    pub cut: bool,
    /// Path of the executable; empty if it cannot be read.
    pub exe: String,
    /// What is odd about the executable and the name.
    pub flags: Vec<Flag>,
    /// The cgroup file as read; empty if it cannot be read.
    pub cgroup: String,
    /// Which pod and container that names.
    pub place: Place,
    /// Text of the clause that matched, as the rule has it.
    pub regex: String,
    /// Severity of the primary rule.
    pub severity: Severity,
    /// Action of the primary rule.
    pub action: Action,
    /// Id of the primary rule.
    pub rule: String,
    /// Pack of the primary rule.
    pub pack: String,
    /// Ids of all rules that match, primary first.
    pub rules: Vec<String>,
    /// Scopes that exempt it if its pod is in one of them.
    pub exempt_if: Vec<ExemptScope>,
    /// What is known of the process.
    pub evidence: Evidence,
    /// When it was judged.
    pub seen: Timestamp,
}

/// What became of a process that used to match and still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cleared {
    /// The rule set changed, and no rule matches any more.
    RuleRemoved,
    /// An exemption covers it now.
    Exempt,
    /// It runs another program now, or shows other texts.
    Changed,
}

/// How a process was judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// No rule matches; its texts, if they are kept.
    Clean(Option<Arc<Match>>),
    /// Rules match.
    Match(Arc<Match>),
    /// Rules match, and an exemption that needs no pod covers all of them.
    Exempt(Arc<Match>),
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every process was read.
    Ok,
    /// Some could not be read.
    Partial,
    /// The directory could not be listed: no verdict changed, and absence from this pass says nothing.
    Failed,
}

/// What a pass found.
#[derive(Debug, Clone)]
pub struct PassReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Every process that matches now, whether new or not, by identity.
    pub matches: Vec<Arc<Match>>,
    /// Matches that an exemption covers, and clean processes if they are kept, by identity.
    pub others: Vec<Verdict>,
    /// Processes that are still there and match no more.
    pub cleared: Vec<(Arc<Match>, Cleared)>,
    /// What it saw.
    pub coverage: PassCoverage,
    /// Forks and threads since the last pass.
    pub forks: u64,
    /// What became of exec events since the start.
    pub exec_events: ExecCoverage,
    /// Effective interval: from the start of this pass to that of the next one, after the CPU budget.
    pub interval: Duration,
    /// Matches of rules whose `min_age` has not passed yet.
    pub too_young: usize,
    /// All counters since the start.
    pub counters: Counters,
    /// The set that judged.
    pub rules: Arc<RuleSet>,
}

/// Everything counted since the start; it only grows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counters {
    /// CPU of passes and events.
    pub cpu: Duration,
    /// Processes judged.
    pub analyzed: u64,
    /// Reads that failed.
    pub unread: Unread,
    /// Processes first seen by a pass.
    pub new_by_pass: u64,
    /// Processes first seen by an event.
    pub new_by_event: u64,
    /// The kernel's fork counter since the start.
    pub forks: u64,
    /// New matches by rule id.
    pub hits: BTreeMap<String, u64>,
    /// New matches by pack and severity of the primary rule.
    pub matches: BTreeMap<(String, Severity), u64>,
    /// Matches that an exemption removed, by pack of the primary rule.
    pub exempted: BTreeMap<String, u64>,
    /// Matches removed by each exemption of the active set, in its order.
    pub exemption_hits: Vec<u64>,
}

/// Processes that could not be read, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// They ended meanwhile.
    pub exited: u64,
    /// Reading is not permitted.
    pub forbidden: u64,
    /// The file was malformed or reading failed.
    pub io: u64,
    /// The read did not return.
    pub stuck: u64,
}

/// Whether the connector delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectorState {
    /// It delivers, into a receive buffer of this size.
    Listening {
        /// As the kernel counts it, which is twice what was asked for.
        buffer_bytes: usize,
    },
    /// It does not, and why; it is tried again every 30 s.
    Failing(String),
}

/// What the watch tells.
#[derive(Debug, Clone)]
pub enum Event {
    /// A pass begins.
    PassBegins,
    /// A pass ended.
    Pass(Box<PassReport>),
    /// An exec event showed a new match between two passes.
    Exec(Arc<Match>),
    /// The process connector began to deliver, or does not.
    Connector(ConnectorState),
}

impl Verdict {
    /// The process in words.
    pub fn words(&self) -> Option<&Arc<Match>> {
        match self {
            Self::Clean(words) => words.as_ref(),
            Self::Match(words) | Self::Exempt(words) => Some(words),
        }
    }
}
