//! A finding: something wrong at a subject, in the one form that every source, view and export shares.
//!
//! Owns the wire form only. The life of a finding is `findings`' job, what is found that of its source.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::violation::SubjectKind;
use crate::{Action, Facts, Fingerprint, Severity, Time};

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Identity, stable over rescans, restarts and replicas.
    pub fingerprint: Fingerprint,
    /// Who found it.
    pub source: Source,
    /// What it was judged by: id of a rule or code of a detector.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What its rule asks for; of source `process` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Where it is in its life.
    pub state: State,
    /// Whether its source could not look lately. Stale is not resolved.
    pub stale: bool,
    /// What is wrong, in one line.
    pub title: String,
    /// What is wrong and what to do, in a few sentences.
    pub description: String,
    /// What it is about.
    pub subject: Subject,
    /// Top-level workload of the subject's pod; null if there is none or it is not known.
    pub owner: Option<Owner>,
    /// The tenant's unit; null if there is none or it is not known.
    pub app: Option<App>,
    /// Digest of the image of the subject's container; null if there is none or it is not known.
    pub image: Option<String>,
    /// When this life of it began.
    pub first_seen: Time,
    /// When it was last seen.
    pub last_seen: Time,
    /// When it last opened, changed or ended.
    pub changed_at: Time,
    /// How often it was seen, as its source counts.
    pub count: u64,
    /// How often it came back soon after it had been resolved.
    pub reopened: u64,
    /// When it was resolved; null while it is open.
    pub resolved_at: Option<Time>,
    /// Why it was resolved, in its source's words; null while it is open.
    pub resolved_reason: Option<String>,
    /// Since when its source could not look; null while it does.
    pub stale_since: Option<Time>,
    /// Why its source could not look; null while it does.
    pub stale_reason: Option<String>,
    /// Id of the silence or exemption that holds; null if none does.
    pub silence: Option<String>,
    /// What its source knows about it, redacted, at most 16 KiB.
    pub evidence: Facts,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Processes on nodes.
    Process,
    /// Workloads, judged by detectors.
    Workload,
    /// Images and what is in them.
    Image,
    /// Inspection tasks.
    Inspection,
}

/// Where a finding is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was there when its source last looked.
    Open,
    /// Its source looked and it was gone.
    Resolved,
    /// It is open, and a silence or an exemption holds.
    Silenced,
}

/// What a finding is about; only the keys that apply are there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `process`, a Kubernetes kind, `image` or `inspection`.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Namespace that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Box<str>>,
    /// Name of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Box<str>>,
    /// Uid of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<Box<str>>,
    /// Name of its container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Box<str>>,
    /// Name of its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Box<str>>,
}

/// A top-level workload, as Kubernetes names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The tenant's unit: an app or a devbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// Which of the two.
    #[serde(rename = "type")]
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::Process, Self::Workload, Self::Image, Self::Inspection];

    /// The word used on the wire, in logs and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Workload => "workload",
            Self::Image => "image",
            Self::Inspection => "inspection",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Open, Self::Resolved, Self::Silenced];

    /// The word used on the wire, in logs and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Silenced => "silenced",
        }
    }
}
