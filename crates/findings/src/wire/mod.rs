//! What the routes of findings take and answer.
//!
//! Owns the forms; that of a finding itself is `api`'s. The command line reads them.

mod coverage;
mod silence;

use api::finding::{Finding, Owner};
use api::{Fingerprint, Severity, Time};
use pods::wire::Pod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use coverage::{Coverage, LastRound, Refusals, ScopeCounts, ScopeState, SourceCoverage, Staleness};
pub use silence::{NewSilence, SilenceList, SilenceState, SilenceTrial, SilenceView};

use crate::event::{Did, Field};

/// A page of findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingList {
    /// The findings of this page, in the order that was asked for.
    pub items: Vec<Finding>,
    /// What asks for the next page; left out on the last one.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Findings that match the filters, on all pages.
    pub count: u64,
    /// The same by severity.
    pub by_severity: BySeverity,
    /// The same by source.
    pub by_source: BySource,
    /// When the last round of the sources that were asked ended; null before the first.
    pub as_of: Option<Time>,
    /// Whether all that these sources look at was looked at: if not, a finding may be missing. The coverage says why.
    pub complete: bool,
}

/// Numbers by severity; all four are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct BySeverity {
    /// Worth knowing.
    pub low: u64,
    /// Worth a look today.
    pub medium: u64,
    /// Worth a look now.
    pub high: u64,
    /// Incidents.
    pub critical: u64,
}

/// Numbers by source; all four are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct BySource {
    /// Processes on nodes.
    pub process: u64,
    /// Workloads.
    pub workload: u64,
    /// Images.
    pub image: u64,
    /// Inspections.
    pub inspection: u64,
}

/// One finding, with all that is known around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingView {
    /// The finding.
    pub finding: Finding,
    /// The pod of its subject, also after its death as long as it is remembered; null if there is none.
    pub pod: Option<Pod>,
    /// Whose it is; null if that is not known.
    pub owner: Option<OwnerView>,
    /// The image of its subject; null if that is not known.
    pub image: Option<ImageView>,
    /// Silences that hold and mean it.
    pub silences: Vec<SilenceView>,
    /// The exemption that covers it; null if none does.
    pub exemption: Option<ExemptionView>,
    /// Up to 50 others of the same owner or image: open ones first, the worst first.
    pub related: Vec<Finding>,
    /// What happened to it, to these others and to the pods of the owner, newest first, at most 200 entries.
    pub timeline: Vec<Happened>,
    /// Why the timeline lacks the histories of findings; left out if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline_lacks: Option<String>,
}

/// A top-level workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerView {
    /// Its name.
    #[serde(flatten)]
    pub owner: Owner,
    /// Its pods that exist.
    pub pods: usize,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageView {
    /// Its digest.
    pub digest: String,
    /// How pods refer to it, sorted.
    pub names: Vec<String>,
}

/// An exemption of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExemptionView {
    /// Its id.
    pub id: String,
    /// Who decided it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends; null if it does not.
    pub until: Option<Time>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    /// When.
    pub at: Time,
    /// To which finding; left out if to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// It was seen for the first time, or for the first time since long.
    Opened,
    /// It is another than before.
    Changed {
        /// In what.
        fields: Vec<Field>,
    },
    /// Its source looked and it was gone.
    Resolved {
        /// Why, in the source's words.
        reason: String,
    },
    /// It came back soon.
    Reopened,
    /// A silence or an exemption holds from here on.
    Silenced {
        /// Its id.
        silence: String,
    },
    /// None holds any more.
    Unsilenced {
        /// Id of the one that held.
        silence: String,
    },
    /// A response acted, would have acted or was refused.
    Response {
        /// Which: `wasm_plugin`, `notification`, `namespace_label` or the name of a notifier.
        response: String,
        /// What it did.
        did: Did,
        /// The object that was written, or whom was told.
        object: String,
        /// Why.
        reason: String,
    },
    /// The image was scanned.
    Scanned {
        /// What came of it.
        outcome: String,
    },
    /// A pod of the owner was made.
    PodBorn {
        /// Its name.
        pod: String,
        /// Its uid.
        pod_uid: String,
        /// The node it is placed on; empty before.
        node: String,
    },
    /// A pod of the owner ceased to exist.
    PodDied {
        /// Its name.
        pod: String,
        /// Its uid.
        pod_uid: String,
        /// The node it was placed on.
        node: String,
    },
}

/// Findings in groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// What they are grouped by.
    pub by: GroupBy,
    /// The groups, those with the most findings of the highest severity first.
    pub items: Vec<SummaryGroup>,
    /// How many groups there are; more than `items` if `limit` cut them.
    pub count: usize,
    /// Findings in all groups, by severity.
    pub by_severity: BySeverity,
    /// When the last round of the sources that were asked ended; null before the first.
    pub as_of: Option<Time>,
    /// Whether all that these sources look at was looked at.
    pub complete: bool,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryGroup {
    /// What its findings have in common; null for those that have no such thing.
    pub value: Option<String>,
    /// How many they are.
    pub count: u64,
    /// The same by severity.
    pub by_severity: BySeverity,
}

/// What findings are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// Namespace of the subject.
    Namespace,
    /// Top-level workload, as `Deployment/shop/cart`.
    Owner,
    /// Id of the rule or code of the detector.
    Rule,
    /// Who found it.
    Source,
    /// Node of the subject.
    Node,
    /// Name of the app or devbox.
    App,
}

/// Open findings over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Seconds from one item to the next where nothing is missing.
    pub step_s: u64,
    /// One for each moment at which findings were counted, oldest first. Where nobody counted there is none.
    pub items: Vec<TrendPoint>,
}

/// Open findings at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendPoint {
    /// When.
    pub at: Time,
    /// How many there were.
    pub count: u64,
    /// The same by severity.
    pub by_severity: BySeverity,
}

impl BySeverity {
    /// The number of a severity.
    pub const fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Low => self.low,
            Severity::Medium => self.medium,
            Severity::High => self.high,
            Severity::Critical => self.critical,
        }
    }

    /// Of all severities together.
    pub const fn all(&self) -> u64 {
        self.low + self.medium + self.high + self.critical
    }
}

impl From<[u64; 4]> for BySeverity {
    /// In the order of `Severity::ALL`.
    fn from([low, medium, high, critical]: [u64; 4]) -> Self {
        Self { low, medium, high, critical }
    }
}

impl From<[u64; 4]> for BySource {
    /// In the order of `Source::ALL`.
    fn from([process, workload, image, inspection]: [u64; 4]) -> Self {
        Self { process, workload, image, inspection }
    }
}
