//! What happens in the life of a finding: the entries of its history, and what watchers hear.

use api::{Fingerprint, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// To which.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "event")]
pub enum Event {
    /// It was seen for the first time, or for the first time since long.
    Opened,
    /// It is another than before.
    Changed {
        /// In what, sorted.
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
    /// None holds any more; to those who are told, it opens now.
    Unsilenced {
        /// Id of the one that held.
        silence: String,
    },
    /// Something was done about it, or was not; its state is the same.
    Response {
        /// What acted: `wasm_plugin`, `notification`, `namespace_label` or the name of a notifier.
        response: String,
        /// What it did.
        did: Did,
        /// The object that was written, or whom was told.
        object: String,
        /// Why.
        reason: String,
    },
    /// The image was scanned; an entry of the image.
    Scanned {
        /// What came of it, in one line.
        outcome: String,
    },
}

/// What a response did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Did {
    /// It is in force.
    Applied,
    /// It is in force no more.
    Undone,
    /// It would be done, if responses did more than observe.
    Planned,
    /// It is not allowed.
    Refused,
    /// A message was delivered.
    Sent,
    /// A message was given up.
    Dead,
}

/// An entry of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place among all entries.
    pub number: i64,
    /// What it is about: a fingerprint, or the digest of an image.
    pub about: String,
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// Something that a response did about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which finding.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Time,
    /// What acted: `wasm_plugin`, `notification`, `namespace_label` or the name of a notifier.
    pub response: String,
    /// What it did.
    pub did: Did,
    /// The object that was written, or whom was told.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// What can change while a finding is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// What its rule asks for.
    Action,
    /// The sentences about it.
    Description,
    /// Its facts; figures are no change.
    Evidence,
    /// What it was judged by.
    Rule,
    /// How bad it is.
    Severity,
    /// Names of what it is about.
    Subject,
    /// The line about it.
    Title,
}

impl Event {
    /// Words of those that make a finding another one: what watchers are told, and what is counted.
    pub const TRANSITIONS: [&str; 6] = ["opened", "changed", "resolved", "reopened", "silenced", "unsilenced"];

    /// The word used on the wire and in metric labels.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed { .. } => "changed",
            Self::Resolved { .. } => "resolved",
            Self::Reopened => "reopened",
            Self::Silenced { .. } => "silenced",
            Self::Unsilenced { .. } => "unsilenced",
            Self::Response { .. } => "response",
            Self::Scanned { .. } => "scanned",
        }
    }
}
