//! The settings of a cluster as a file states them: the section `demo.cluster`.
//!
//! Owns keys, defaults, ranges and what they say of each other. What they mean is `settings`'.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;
use crate::fault_text::FaultText;
use crate::population::Sizes;
use crate::schema::DEFINITIONS;
use crate::settings::{Offer, Pace, Settings};
use crate::user::{Bearers, Denied, User};

/// A simulated cluster.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-applies" = "start"))]
pub struct Section {
    /// Seed of everything that looks random; the same seed and sizes make the same cluster.
    #[schemars(extend("x-applies" = "start"))]
    pub seed: u64,
    /// Nodes.
    #[schemars(range(max = 5_000), extend("x-applies" = "start"))]
    pub nodes: u32,
    /// Pods.
    #[schemars(range(max = 200_000), extend("x-applies" = "start"))]
    pub pods: u32,
    /// Namespaces of tenants.
    #[schemars(range(min = 1, max = 10_000), extend("x-applies" = "start"))]
    pub namespaces: u32,
    /// Digests of images, chosen with a long tail.
    #[schemars(range(min = 1, max = 20_000), extend("x-applies" = "start"))]
    pub images: u32,
    /// Share of the nodes that are arm64.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-applies" = "start"))]
    pub arm64: f64,
    /// Changes of pods per second.
    #[schemars(range(max = 20_000), extend("x-applies" = "start"))]
    pub churn: u32,
    /// Whether it moves by itself, or by steps only.
    #[schemars(extend("x-applies" = "start"))]
    pub pace: Pace,
    /// What `/version` says.
    #[schemars(regex(pattern = r"^v1\.[0-9]{1,3}\.[0-9]{1,3}$"), extend("x-applies" = "start"))]
    pub version: String,
    /// Whether `sendInitialEvents` is taken; else it is answered 422, as by some servers.
    #[schemars(extend("x-applies" = "start"))]
    pub streaming_lists: bool,
    /// How often watches that ask for it get a bookmark.
    #[serde(with = "duration")]
    #[schemars(
        with = "duration::DurationText",
        extend("x-min" = "1s", "x-max" = "10m", "x-applies" = "start")
    )]
    pub bookmark_every: Duration,
    /// Events that watches can resume from; what is older is 410.
    #[schemars(range(max = 1_000_000), extend("x-applies" = "start"))]
    pub watch_history: usize,
    /// Life of a continue token.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationText", extend("x-min" = "0s", "x-max" = "1h", "x-applies" = "start"))]
    pub continue_ttl: Duration,
    /// Whether `/apis/metrics.k8s.io` is served.
    #[schemars(extend("x-applies" = "start"))]
    pub metrics_api: bool,
    /// Definitions that are registered at the start, by plural.
    #[schemars(extend("x-applies" = "start"))]
    pub crds: Vec<String>,
    /// Who a bearer token is; without any, everybody is an administrator.
    #[schemars(extend("x-applies" = "start", "x-secret" = true))]
    pub tokens: BTreeMap<String, Bearer>,
    /// What is answered 403.
    #[schemars(extend("x-applies" = "start"))]
    pub deny: Vec<Denied>,
    /// What goes wrong.
    #[schemars(extend("x-applies" = "start"))]
    pub faults: Vec<FaultText>,
    /// The server's clock against that of this machine, from -24h to 24h.
    #[serde(with = "duration::signed")]
    #[schemars(with = "String", regex(pattern = r"^[+-]?[0-9]+(ms|s|m|h|d)$"), extend("x-applies" = "start"))]
    pub clock_skew: SignedDuration,
    /// Whether `/_sim/*` is served.
    #[schemars(extend("x-applies" = "start"))]
    pub control: bool,
}

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// Name of the user.
    pub user: String,
    /// For example `system:masters`.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// The largest skew of the clock.
const MOST_SKEW: SignedDuration = SignedDuration::from_hours(24);

impl Default for Section {
    fn default() -> Self {
        let (sizes, settings) = (Sizes::default(), Settings::default());
        Self {
            seed: settings.seed,
            nodes: sizes.nodes,
            pods: sizes.pods,
            namespaces: sizes.namespaces,
            images: sizes.images,
            arm64: sizes.arm64,
            churn: settings.churn,
            pace: settings.pace,
            version: settings.version,
            streaming_lists: true,
            bookmark_every: settings.bookmark_every,
            watch_history: settings.watch_history,
            continue_ttl: settings.continue_ttl,
            metrics_api: true,
            crds: definitions().map(str::to_owned).collect(),
            tokens: BTreeMap::new(),
            deny: Vec::new(),
            faults: Vec::new(),
            clock_skew: SignedDuration::ZERO,
            control: false,
        }
    }
}

fn definitions() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().map(|definition| definition.name)
}

impl Section {
    /// What contradicts itself or cannot be, each with its key.
    pub fn check(&self) -> Vec<(String, String)> {
        let known: BTreeSet<&str> = definitions().collect();
        let unknown = self.crds.iter().enumerate().filter(|(_, name)| !known.contains(name.as_str()));
        let accepted = known.iter().copied().collect::<Vec<_>>().join(", ");
        let crds = unknown.map(|(nth, name)| {
            (format!("crds[{nth}]"), format!("there is no definition `{name}` (accepted: {accepted})"))
        });
        let faults = self.faults.iter().enumerate();
        let faults = faults.filter_map(|(nth, fault)| Some((format!("faults[{nth}]"), fault.fault().err()?)));
        let skew = (self.clock_skew.abs() > MOST_SKEW)
            .then(|| ("clock_skew".to_owned(), "is out of range (accepted: -24h to 24h)".to_owned()));
        crds.chain(faults).chain(skew).collect()
    }

    /// The settings of a cluster that starts at `now`. Faults that [`Section::check`] refuses are left out.
    pub fn settings(&self, now: Timestamp) -> Settings {
        let Self { nodes, pods, namespaces, images, arm64, .. } = *self;
        let offered = |is_offered| if is_offered { Offer::Offered } else { Offer::Missing };
        let bearer = |(token, bearer): (&String, &Bearer)| {
            (token.clone(), User { name: bearer.user.clone(), groups: bearer.groups.clone() })
        };
        Settings {
            seed: self.seed,
            pace: self.pace,
            starts_at: now,
            version: self.version.clone(),
            streaming_lists: offered(self.streaming_lists),
            bookmark_every: self.bookmark_every,
            watch_history: self.watch_history,
            continue_ttl: self.continue_ttl,
            metrics_api: offered(self.metrics_api),
            tokens: Bearers(self.tokens.iter().map(bearer).collect()),
            deny: self.deny.clone(),
            population: Some(Sizes { nodes, pods, namespaces, images, arm64, now }),
            churn: self.churn,
            crds: self.crds.clone(),
            faults: self.faults.iter().filter_map(|fault| fault.fault().ok()).collect(),
            clock_skew: self.clock_skew,
            control: offered(self.control),
        }
    }
}

impl fmt::Debug for Section {
    /// Without the tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Section").field("seed", &self.seed).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn an_empty_section_is_the_default_and_says_nothing_wrong() {
        let section: Section = from_value(json!({})).unwrap();
        assert_eq!((section.check(), &section), (Vec::new(), &Section::default()));
        assert_eq!(from_value::<Section>(to_value(&section).unwrap()).unwrap(), section);
    }

    #[test]
    fn every_key_reaches_the_settings() {
        let text = json!({
            "seed": 9, "nodes": 3, "pods": 40, "namespaces": 2, "images": 5, "arm64": 0.5, "churn": 7, "pace": "manual",
            "version": "v1.33.1", "streaming_lists": false, "bookmark_every": "5s", "watch_history": 10, "continue_ttl": "0s",
            "metrics_api": false, "crds": ["vmrules"], "tokens": {"t": {"user": "ada", "groups": ["ops"]}},
            "deny": [{"verb": "list", "resource": "secrets"}], "faults": [{"effect": "stall"}], "clock_skew": "-2h", "control": true,
        });
        let now = Timestamp::constant(1_795_233_600, 0);
        let settings = from_value::<Section>(text).unwrap().settings(now);
        let expected = Settings {
            seed: 9,
            pace: Pace::Manual,
            starts_at: now,
            version: "v1.33.1".to_owned(),
            streaming_lists: Offer::Missing,
            bookmark_every: Duration::from_secs(5),
            watch_history: 10,
            continue_ttl: Duration::ZERO,
            metrics_api: Offer::Missing,
            tokens: Bearers([("t".to_owned(), User { name: "ada".to_owned(), groups: vec!["ops".to_owned()] })].into()),
            deny: vec![Denied { verb: "list".to_owned(), resource: "secrets".to_owned(), namespace: "*".to_owned() }],
            population: Some(Sizes { nodes: 3, pods: 40, namespaces: 2, images: 5, arm64: 0.5, now }),
            churn: 7,
            crds: vec!["vmrules".to_owned()],
            faults: vec![crate::Fault::new(crate::Effect::Stall)],
            clock_skew: SignedDuration::from_hours(-2),
            control: Offer::Offered,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn what_cannot_be_is_told_with_its_key() {
        let text = json!({
            "crds": ["vmrules", "gadgets"], "faults": [{"effect": {"status": 200}}], "clock_skew": "25h",
        });
        let faults = from_value::<Section>(text).unwrap().check();
        let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["crds[1]", "faults[0]", "clock_skew"]);
    }

    #[test]
    fn tokens_are_not_shown() {
        let tokens = [("hush".to_owned(), Bearer::default())].into();
        assert!(!format!("{:?}", Section { tokens, ..Section::default() }).contains("hush"));
    }
}
