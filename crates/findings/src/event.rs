//! What happens in the life of a finding: the entries of its history, and what watchers hear.

use api::{Fingerprint, Time};
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
}

/// What can change while a finding is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// What its rule asks for.
    Action,
    /// The sentences about it.
    Description,
    /// Its facts; figures are no change.
    Evidence,
    /// How bad it is.
    Severity,
    /// Names of what it is about.
    Subject,
    /// The line about it.
    Title,
}

impl Event {
    /// The word used on the wire and in metric labels.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed { .. } => "changed",
            Self::Resolved { .. } => "resolved",
            Self::Reopened => "reopened",
            Self::Silenced { .. } => "silenced",
            Self::Unsilenced { .. } => "unsilenced",
        }
    }
}
