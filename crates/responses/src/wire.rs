//! What the routes of responses take and answer.
//!
//! Owns the forms, for server and client alike.

use api::{Fingerprint, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::notify::{MessagesView, PreviewedMessage};
pub use crate::response::{Reason, Response};

/// What is in force, what would be done, and why the rest is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// When it was looked at.
    pub as_of: Time,
    /// The process that leads: its pod or host.
    pub leader: String,
    /// Whether it writes.
    pub acting: bool,
    /// Whether nothing is written or sent at all, by the settings.
    pub dry_run: bool,
    /// Whether everything has been seen that acting needs.
    pub warm: bool,
    /// What is waited for.
    pub waiting_for: Vec<String>,
    /// What is in force.
    pub applied: Vec<Applied>,
    /// What would be written, and was not yet.
    pub planned: Vec<Planned>,
    /// Why nothing is done about other findings.
    pub skipped: Vec<Skipped>,
    /// Kinds that the cluster does not know.
    pub missing_crds: Vec<MissingCrd>,
    /// Messages of notifiers.
    pub messages: Vec<MessagesView>,
}

/// Something that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// By which response.
    pub response: Response,
    /// Where, such as `Namespace/ns-shop`.
    pub object: String,
    /// What, in words.
    pub detail: String,
    /// Why; none if it was found in the cluster and nobody knows.
    pub findings: Vec<Fingerprint>,
    /// Since when.
    pub since: Time,
    /// When it is taken back, if nothing changes; null while a finding is open.
    pub undo_after: Option<Time>,
}

/// A write that has not come about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// By which response.
    pub response: Response,
    /// Whether it is done or taken back.
    pub verb: Verb,
    /// Where.
    pub object: String,
    /// What, in words.
    pub detail: String,
    /// Why.
    pub findings: Vec<Fingerprint>,
}

/// Whether something is done or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// It is done.
    Apply,
    /// It is taken back.
    Undo,
}

/// Findings that nothing is done about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// By which response.
    pub response: Response,
    /// Their namespace; empty for those of none.
    pub namespace: String,
    /// Their app; empty if it is not known.
    pub app: String,
    /// Which.
    pub findings: Vec<Fingerprint>,
    /// Why.
    pub reason: Reason,
}

/// A kind that the cluster does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingCrd {
    /// Such as `Notification`.
    pub kind: String,
    /// Its API group.
    pub group: String,
    /// When it is tried again.
    pub next_try: Time,
}

/// Which part of the overview is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverviewFilter {
    /// Only this response.
    pub response: Option<Response>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Of what is skipped only this reason.
    pub reason: Option<Reason>,
}

/// What is to be rehearsed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreviewAsk {
    /// The section `responses` of settings, literally: no variables, and no other files than the running settings name. Left out:
    /// the running settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
    /// Only these findings. Left out: all that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Fingerprint>>,
    /// Whether the API server checks each object, storing none.
    pub server_dry_run: bool,
}

/// What would be done. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// Objects that would be written.
    pub plan: Vec<PreviewedWrite>,
    /// Findings that nothing would be done about.
    pub skipped: Vec<Skipped>,
    /// Messages that would be sent.
    pub messages: Vec<PreviewedMessage>,
}

/// An object that would be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewedWrite {
    /// By which response.
    pub response: Response,
    /// Whether it would be done or taken back.
    pub verb: Verb,
    /// Which object.
    pub object: String,
    /// The fields that would be set; secrets as `***`. Empty for what would be deleted.
    pub manifest: Map<String, Value>,
    /// Why.
    pub findings: Vec<Fingerprint>,
    /// What the API server says against it; left out if nothing, or if it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
