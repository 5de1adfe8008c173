//! Silences: findings that are muted until a date, by somebody, for a reason.

use api::Time;
use api::finding::Source;

use serde::{Deserialize, Serialize};

use crate::batch::Sighting;

/// A decision to mute findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// Who decided it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Time,
    /// What it mutes.
    pub matches: Match,
    /// When it ended; none while it holds.
    pub ended: Option<Time>,
}

/// What a silence mutes: every key that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Who found it.
    pub source: Option<Source>,
    /// Id of the rule.
    pub rule: Option<Pattern>,
    /// Namespace of the subject.
    pub namespace: Option<Pattern>,
    /// Owner, as `Deployment/shop/cart`.
    pub owner: Option<Pattern>,
    /// Name of the app or devbox.
    pub app: Option<Pattern>,
    /// Node of the subject.
    pub node: Option<Pattern>,
    /// Digest of the image.
    pub image: Option<Pattern>,
    /// Kind of the subject.
    pub kind: Option<Pattern>,
    /// Identity of the finding.
    pub fingerprint: Option<Pattern>,
}

/// A text, exact or with one trailing `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pattern {
    /// Exactly this.
    Exact(String),
    /// Everything that begins so; never empty.
    Prefix(String),
}

/// The text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern (accepted: an exact text, or one that ends in one `*` and has a sign before it)")]
pub struct InvalidPattern(String);

impl std::str::FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('*') {
            None if !text.is_empty() => Ok(Self::Exact(text.to_owned())),
            Some((prefix, "")) if !prefix.is_empty() => Ok(Self::Prefix(prefix.to_owned())),
            _ => Err(InvalidPattern(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        match pattern {
            Pattern::Exact(exact) => exact,
            Pattern::Prefix(prefix) => format!("{prefix}*"),
        }
    }
}

impl Pattern {
    /// Whether `text` is meant.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
        }
    }
}

impl Silence {
    /// Whether it holds at a time.
    pub fn holds(&self, at: Time) -> bool {
        self.ended.is_none() && at < self.until
    }
}

impl Match {
    /// Whether a finding is meant.
    pub fn matches(&self, source: Source, told: &Sighting) -> bool {
        let Self { source: of, rule, namespace, owner, app, node, image, kind, fingerprint } = self;
        let belongs = &told.belongs;
        let whole_owner =
            belongs.owner.as_ref().map(|owner| format!("{}/{}/{}", owner.kind, owner.namespace, owner.name));
        let keys = [
            (rule, Some(told.rule.as_str())),
            (namespace, told.subject.namespace.as_deref()),
            (owner, whole_owner.as_deref()),
            (app, belongs.app.as_ref().map(|app| app.name.as_str())),
            (node, told.subject.node.as_deref()),
            (image, belongs.image.as_deref()),
            (kind, Some(told.subject.kind.as_str())),
            (fingerprint, Some(told.fingerprint.as_str())),
        ];
        let holds = |(pattern, text): (&Option<Pattern>, Option<&str>)| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| pattern.matches(text)),
        };
        of.is_none_or(|of| of == source) && keys.into_iter().all(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_exact_or_ends_in_one_star_and_a_bare_star_is_refused() {
        let matches = |pattern: &str, text| pattern.parse::<Pattern>().map(|pattern| pattern.matches(text));
        assert_eq!(
            [matches("ns-*", "ns-a"), matches("ns-*", "ns"), matches("ns", "ns")],
            [Ok(true), Ok(false), Ok(true)]
        );
        for text in ["", "*", "*a", "a*b", "a**"] {
            assert_eq!(text.parse::<Pattern>(), Err(InvalidPattern(text.to_owned())));
        }
    }
}
