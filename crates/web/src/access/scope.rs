//! What a token may do, and what a route asks for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A right that a token has and a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Every GET; look-ups and validations by POST.
    Read,
    /// Whatever executes, changes or sends.
    Write,
    /// Only the heartbeat of an agent.
    Beat,
    /// Pushed configuration and debug routes; includes every other scope.
    Admin,
}

impl Scope {
    /// Whether a token of this scope may use a route that needs `other`.
    pub(crate) fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Write => matches!(other, Self::Write | Self::Read),
            Self::Read => other == Self::Read,
            Self::Beat => other == Self::Beat,
        }
    }

    /// The word used in settings and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Beat => "beat",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_includes_all_write_includes_read_and_beat_stands_alone() {
        let all = [Scope::Read, Scope::Write, Scope::Beat, Scope::Admin];
        let included = |scope: Scope| all.into_iter().filter(|other| scope.includes(*other)).collect::<Vec<_>>();
        assert_eq!(included(Scope::Read), [Scope::Read]);
        assert_eq!(included(Scope::Write), [Scope::Read, Scope::Write]);
        assert_eq!(included(Scope::Beat), [Scope::Beat]);
        assert_eq!(included(Scope::Admin), all);
    }
}
