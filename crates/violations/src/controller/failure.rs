//! Why a node could not be asked: one word for the node table, one for the metric.

use web::client::OutgoingError;

/// Why there is no answer of a node that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Failure {
    /// The time was over, or it waited so long that others needed its place.
    #[error("no answer in time")]
    Timeout,
    /// No connection came about.
    #[error("no connection")]
    Refused,
    /// It answered another status.
    #[error("it answered {0}")]
    Status(u16),
    /// It wants another credential.
    #[error("it wants another credential")]
    Unauthorized,
    /// It answered more than may be.
    #[error("it answered more than violations.controller.max_body")]
    TooLarge,
    /// It answered what is no list of records.
    #[error("it answered what is no list of violations")]
    Malformed,
}

impl Failure {
    /// Its label, and the word of the node table but for a status.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Status(_) => "status",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
        }
    }

    /// The word of the node table.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Status(code) => format!("status-{code}"),
            other => other.as_str().replace('_', "-"),
        }
    }
}

impl From<OutgoingError> for Failure {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Timeout => Self::Timeout,
            OutgoingError::Address | OutgoingError::Refused(_) | OutgoingError::Unreachable(_) => Self::Refused,
            OutgoingError::TooLarge(_) => Self::TooLarge,
            OutgoingError::Broken(_) => Self::Malformed,
        }
    }
}
