//! Silences: findings that are muted until a date, by somebody, for a reason.

use api::Time;
use api::finding::{Owner, Source};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Belongs, Told};

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
    /// Who told it: the name of a token or user.
    pub created_by: String,
    /// When it began.
    pub created_at: Time,
    /// Where it comes from.
    pub origin: Origin,
    /// When it ended; none while it holds.
    pub ended: Option<Time>,
}

/// Where a silence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Somebody asked for it.
    Api,
    /// It stands in the settings, and goes with them.
    Settings,
}

/// What a silence mutes: every key that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Who found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Id of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub rule: Option<Pattern>,
    /// Namespace of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub namespace: Option<Pattern>,
    /// Owner, as `Deployment/shop/cart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub owner: Option<Pattern>,
    /// Name of the app or devbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub app: Option<Pattern>,
    /// Node of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub node: Option<Pattern>,
    /// Digest of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub image: Option<Pattern>,
    /// Kind of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub kind: Option<Pattern>,
    /// Identity of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
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

impl Origin {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Settings => "settings",
        }
    }
}

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
    /// Whether it names anything besides the source; without, it would mute everything.
    pub fn is_bounded(&self) -> bool {
        let Self { source: _, rule, namespace, owner, app, node, image, kind, fingerprint } = self;
        [rule, namespace, owner, app, node, image, kind, fingerprint].into_iter().any(Option::is_some)
    }

    /// Whether a finding is meant.
    pub fn matches(&self, source: Source, told: &Told) -> bool {
        let Self { source: of, rule, namespace, owner, app, node, image, kind, fingerprint } = self;
        let Belongs { owner: whose, app: unit, image: digest } = &*told.belongs;
        // Asked for each sighting and each silence: most end at the first key, and no text is made unless it is asked for.
        of.is_none_or(|of| of == source)
            && holds(namespace.as_ref(), told.subject.namespace.as_deref())
            && holds(rule.as_ref(), Some(&told.rule))
            && holds(node.as_ref(), told.subject.node.as_deref())
            && holds(app.as_ref(), unit.as_ref().map(|app| app.name.as_str()))
            && holds(image.as_ref(), digest.as_deref())
            && holds(kind.as_ref(), Some(&told.subject.kind))
            && holds(fingerprint.as_ref(), Some(told.fingerprint.as_str()))
            && owner.as_ref().is_none_or(|owner| whose.as_ref().is_some_and(|whose| owner.matches(&whole(whose))))
    }
}

fn holds(pattern: Option<&Pattern>, text: Option<&str>) -> bool {
    pattern.is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
}

/// `Deployment/shop/cart`.
fn whole(owner: &Owner) -> String {
    format!("{}/{}/{}", owner.kind, owner.namespace, owner.name)
}

/// Silences that are in force at a time: each is asked about each sighting, so that many cost a sighting some microseconds.
pub const MOST: usize = 2_000;

/// A silence lasts no longer.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Everything that is wrong with a silence, as (path, what is wrong): the same for those of the API and of the settings, which
/// have no `now`.
pub fn faults(
    owner: &str,
    reason: &str,
    until: Option<Time>,
    matches: &Match,
    now: Option<Time>,
) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, text: &str| faults.push((path.to_owned(), text.to_owned()));
    for (path, text) in [("owner", owner), ("reason", reason)] {
        if text.trim().is_empty() {
            fault(path, "is empty (accepted: a text)");
        } else if text.len() > TEXT_BYTES || text.contains('\0') {
            fault(path, "is too long or holds NUL (accepted: at most 1,000 bytes)");
        }
    }
    match (until, now) {
        (None, _) => fault("until", "is missing (accepted: a time at most 366 days ahead)"),
        (Some(until), Some(now)) if until <= now => fault("until", "is past (accepted: a time at most 366 days ahead)"),
        (Some(until), Some(now)) if until.since(now) > LONGEST => {
            fault("until", "is too far ahead (accepted: a time at most 366 days ahead)");
        }
        (Some(_), _) => {}
    }
    if !matches.is_bounded() {
        fault(
            "match",
            "names nothing but perhaps a source (accepted: at least one of rule, namespace, owner, app, node, image, kind, \
             fingerprint)",
        );
    }
    faults
}

/// Room for a few sentences; a thousand silences are a megabyte then.
const TEXT_BYTES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_given_must_hold_and_what_a_finding_has_not_holds_for_none() {
        use crate::fixture::told;
        let mut told = told(1);
        let owner = Owner {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "shop".to_owned(),
            name: "cart".to_owned(),
        };
        told.belongs = Belongs { owner: Some(owner), app: None, image: None }.into();
        let matches = |text: &str| {
            let matches: Match = serde_json::from_str(text).unwrap();
            matches.matches(Source::Process, &told)
        };
        let held = [
            r#"{"owner":"Deployment/shop/*","namespace":"ns-1"}"#,
            r#"{"source":"process","rule":"miner-*","kind":"process","node":"worker-3"}"#,
        ];
        let not = [
            r#"{"owner":"Deployment/shop/cart","namespace":"ns-0"}"#,
            r#"{"source":"image","rule":"miner-*"}"#,
            r#"{"app":"cart"}"#,
            r#"{"image":"sha256:*"}"#,
        ];
        assert_eq!((held.map(matches), not.map(matches)), ([true; 2], [false; 4]));
    }

    #[test]
    fn a_silence_needs_somebody_a_reason_an_end_and_a_bound() {
        let at = crate::fixture::at;
        let paths = |until, matches: &Match| -> Vec<String> {
            faults("", "known", until, matches, Some(at(0))).into_iter().map(|(path, _)| path).collect()
        };
        let bounded = Match { rule: Some("x".parse().unwrap()), ..Match::default() };
        let everything = Match { source: Some(Source::Process), ..Match::default() };
        assert_eq!(paths(None, &everything), ["owner", "until", "match"]);
        assert_eq!(paths(Some(at(0)), &bounded), ["owner", "until"]);
        assert_eq!(paths(Some(at(366 * 24 * 3600 + 1)), &bounded), ["owner", "until"]);
        assert_eq!(paths(Some(at(366 * 24 * 3600)), &bounded), ["owner"]);
    }

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
