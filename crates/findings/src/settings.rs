//! The `findings` section of the settings.
//!
//! Owns keys, defaults and ranges. Loading and reloading them is `runtime`'s job.

use std::collections::BTreeSet;
use std::time::Duration;

use api::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::book::Limits;
use crate::silence::{self, Match};

/// How long and how many findings are kept, and which are silenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a resolved finding is kept; then it and its history go.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1h", "x-max" = "8760h"))]
    pub keep_resolved: Duration,
    /// All findings, resolved ones too. When they are so many, the oldest resolved go first, then new ones of the lowest severity
    /// are refused, counted and shown in coverage.
    #[schemars(range(min = 1000, max = 5_000_000))]
    pub max_findings: usize,
    /// Entries of the history of a finding; the first and the latest stay.
    #[schemars(range(min = 10, max = 1000))]
    pub history: usize,
    /// A finding that returns within this goes on, with its first seen.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "720h"))]
    pub reopen_within: Duration,
    /// Last seen and count of an unchanged finding are written no more often.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "10s", "x-max" = "10m"))]
    pub touch_every: Duration,
    /// Changes that watchers can resume from.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub changes_kept: usize,
    /// How long hourly counts are kept.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "24h", "x-max" = "8760h"))]
    pub trend_kept: Duration,
    /// Silences that hold as long as they stand here.
    #[schemars(length(max = 1000))]
    pub silences: Vec<SilenceSetting>,
}

/// A silence of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceSetting {
    /// Its id.
    #[schemars(length(min = 1, max = 63))]
    pub id: String,
    /// Who decided it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends, at most 366 days ahead.
    pub until: Time,
    /// What it mutes: at least one key besides `source`; values are exact or end in one `*`.
    #[serde(rename = "match")]
    pub matches: Match,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep_resolved: Duration::from_hours(720),
            max_findings: 2_000_000,
            history: 100,
            reopen_within: Duration::from_hours(24),
            touch_every: Duration::from_mins(1),
            changes_kept: 100_000,
            trend_kept: Duration::from_hours(2160),
            silences: Vec::new(),
        }
    }
}

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut ids = BTreeSet::new();
        for (place, silence) in self.silences.iter().enumerate() {
            let SilenceSetting { id, owner, reason, until, matches } = silence;
            let at = |(path, text)| (format!("silences[{place}].{path}"), text);
            if !ids.insert(id) {
                faults.push(at(("id".to_owned(), format!("`{id}` is the id of another one (accepted: each id once)"))));
            }
            faults.extend(silence::faults(owner, reason, Some(*until), matches, None).into_iter().map(at));
        }
        faults
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            keep_resolved: self.keep_resolved,
            reopen_within: self.reopen_within,
            touch_every: self.touch_every,
            max_findings: self.max_findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn a_silence_of_the_settings_needs_an_id_of_its_own_a_reason_and_a_bound() {
        let text =
            r#"{"id":"s1","owner":"ops","reason":" ","until":"2026-12-01T00:00:00Z","match":{"source":"process"}}"#;
        let silence: SilenceSetting = serde_json::from_str(text).unwrap();
        let settings = Settings { silences: vec![silence.clone(), silence], ..Settings::default() };
        let paths: Vec<String> = settings.check().into_iter().map(|(path, _)| path).collect();
        let one = |place: usize| [format!("silences[{place}].reason"), format!("silences[{place}].match")];
        assert_eq!(paths, [one(0).as_slice(), &["silences[1].id".to_owned()], &one(1)].concat());
    }
}
