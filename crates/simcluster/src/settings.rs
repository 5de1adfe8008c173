//! How a cluster is set up.
//!
//! Owns the values and their defaults. Their form in a file is `section`'s.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::population;
use crate::user::{Bearers, Denied};

/// Whether the cluster moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// Pods start, watches get bookmarks, tokens expire as time passes.
    #[default]
    Auto,
    /// Nothing moves but by requests and steps.
    Manual,
}

/// Whether something is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is there.
    Offered,
    /// It is missing, as on some servers.
    Missing,
}

/// All settings of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Seed of uids, generated names, the population and random faults.
    pub seed: u64,
    /// Whether the cluster moves by itself.
    pub pace: Pace,
    /// Time at the start.
    pub starts_at: Timestamp,
    /// What `/version` says, for example `v1.36.2`.
    pub version: String,
    /// `sendInitialEvents`; where it is missing it is answered 422.
    pub streaming_lists: Offer,
    /// How often watches that ask for it get a bookmark.
    pub bookmark_every: Duration,
    /// Events that watches can resume from.
    pub watch_history: usize,
    /// Life of a continue token.
    pub continue_ttl: Duration,
    /// `/apis/metrics.k8s.io`.
    pub metrics_api: Offer,
    /// Who a bearer token is. Empty: everybody is an administrator.
    pub tokens: Bearers,
    /// What is answered 403.
    pub deny: Vec<Denied>,
    /// What is in the cluster at the start; its moment is that of the cluster.
    pub population: Option<population::Sizes>,
    /// Changes of pods per second: four in five are updates, the rest deletions with a creation.
    pub churn: u32,
    /// Definitions that are registered at the start, by plural; see [`crate::schema::DEFINITIONS`].
    pub crds: Vec<String>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The server's clock against that of the test.
    pub clock_skew: SignedDuration,
    /// `/_sim/*`.
    pub control: Offer,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 7,
            pace: Pace::Auto,
            starts_at: Timestamp::constant(1_767_225_600, 0),
            version: "v1.36.2".to_owned(),
            streaming_lists: Offer::Offered,
            bookmark_every: Duration::from_mins(1),
            watch_history: 100_000,
            continue_ttl: Duration::from_mins(5),
            metrics_api: Offer::Offered,
            tokens: Bearers::default(),
            deny: Vec::new(),
            population: None,
            churn: 0,
            crds: Vec::new(),
            faults: Vec::new(),
            clock_skew: SignedDuration::ZERO,
            control: Offer::Missing,
        }
    }
}
