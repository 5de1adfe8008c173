//! One process as `scan` tells it, and its JSON form.
//!
//! Owns the verdict words and the fields beyond those of a violation. `replay` reads this form again.

use std::sync::Arc;

use api::violation::Flag;
use api::{Severity, Time, Violation};
use processes::matches::Match;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use violations::record::{Sightings, record};

/// One process and how it was judged.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) word: Word,
    pub(crate) violation: Violation,
    pub(crate) found: Arc<Match>,
}

/// How a process was judged, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    Match,
    Exempt,
    Clean,
}

/// What a line has beyond the record of a violation.
#[derive(Serialize)]
struct Beyond<'a> {
    verdict: Word,
    comm: &'a str,
    argv: &'a [String],
    exe: &'a str,
    flags: &'a [Flag],
    cgroup: &'a str,
    start_ticks: u64,
    boot_id: &'a str,
    cut: bool,
}

/// Fields that say what matched: a process that nothing matches has none of them.
const OF_A_MATCH: [&str; 7] = ["regex", "status", "severity", "rule", "rules", "action", "fingerprint"];

impl Item {
    pub(crate) fn new(word: Word, found: Arc<Match>, node: &str) -> Self {
        let seen = Time::of(found.seen);
        let violation = record(&found, node, Sightings { first: seen, last: seen, count: 1 });
        Self { word, violation, found }
    }

    /// The process as one line of JSON has it.
    pub(crate) fn line(&self) -> Map<String, Value> {
        let Match { identity, boot_id, comm, argv, exe, flags, cgroup, cut, .. } = self.found.as_ref();
        let beyond = Beyond {
            verdict: self.word,
            comm,
            argv,
            exe,
            flags,
            cgroup,
            start_ticks: identity.start_ticks,
            boot_id,
            cut: *cut,
        };
        let mut line = object(&self.violation);
        line.extend(object(&beyond));
        match self.word {
            Word::Match | Word::Exempt => {}
            Word::Clean => line.retain(|key, _| !OF_A_MATCH.contains(&key.as_str())),
        }
        line
    }

    /// Whether this makes a scan fail that fails from `level` on.
    pub(crate) fn fails(&self, level: Severity) -> bool {
        self.word == Word::Match && self.violation.severity >= level
    }
}

impl Word {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Exempt => "exempt",
            Self::Clean => "clean",
        }
    }
}

/// The worst first, then by pid; what is exempt and what is clean comes last.
pub(crate) fn sort(items: &mut [Item]) {
    items.sort_by_key(|item| (item.word, std::cmp::Reverse(item.violation.severity), item.violation.pid));
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        other => panic!("a record is an object, not {other:?}"),
    }
}
