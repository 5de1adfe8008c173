//! One rule of a set, after overrides.

use std::cmp::Reverse;
use std::time::Duration;

use api::{Action, Severity};

use super::clause::Matcher;
use super::examples::Examples;
use super::pack::Pack;

/// Index of a rule in [`RuleSet::rules`](super::RuleSet::rules) of the same set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub(super) u32);

/// One rule, after overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique in its set.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// What it finds; may be empty.
    pub description: String,
    /// Where it comes from.
    pub pack: Pack,
    /// How bad a match is.
    pub severity: Severity,
    /// What a match asks for.
    pub action: Action,
    /// Whether it is matched at all.
    pub enabled: bool,
    /// It waits until the process is that old.
    pub min_age: Duration,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where the knowledge comes from.
    pub references: Vec<String>,
    pub(super) matcher: Matcher,
    /// One of these executables; empty = any.
    pub(super) sha256: Vec<[u8; 32]>,
    pub(super) examples: Examples,
}

impl RuleIndex {
    /// Position in the rules of the set.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl Rule {
    /// Sorts matching rules: the primary one is the least.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        (Reverse(self.action), Reverse(self.severity))
    }
}
