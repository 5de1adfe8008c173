//! The violations of all nodes as clients ask for them: a view of findings.
//!
//! Owns filters, order, pages and the tag of an answer. Records come from `sighting`.

use std::fmt::Write;

use api::finding::{Source, State};
use api::violation::SubjectKind;
use api::{Severity, Violation};
use findings::{Book, Record};
use schemars::JsonSchema;
use serde::Deserialize;
use web::page::{Bound, bad};
use web::{Fault, WeakEtag};

use super::sighting::violation;
use super::table;
use super::wire::{CollectedViolation, NodeCounts, ViolationList};

/// Violations on a page at most; without `limit` all are answered.
const LIMIT: usize = 50_000;

/// Which violations; every filter that is given must hold, and of one that is given several times any.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// `open` (default), `resolved`, `silenced` or `all`.
    state: Wanted,
    /// Of these namespaces; an empty one for violations of no known pod.
    namespace: Vec<String>,
    /// Of these severities.
    severity: Vec<Severity>,
    /// That one of these rules matches.
    rule: Vec<String>,
    /// On these nodes.
    node: Vec<String>,
    /// Of this kind of unit: `app` or `devbox`.
    #[serde(rename = "type")]
    kind: Vec<SubjectKind>,
    /// Of apps, devboxes or nodes of these names.
    name: Vec<String>,
    /// Violations on a page, 1 to 50000; all if it is not given.
    #[schemars(range(min = 1, max = 50000))]
    limit: Option<u32>,
    /// From the former page.
    r#continue: Option<String>,
}

/// Which states are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    #[default]
    Open,
    Resolved,
    Silenced,
    All,
}

/// A filter that has been checked.
#[derive(Debug)]
pub(crate) struct Checked {
    filter: Filter,
    limit: usize,
    bound: Bound,
    after: Option<Place>,
}

/// Where a violation stands in the list.
type Place = (String, String, String, u32, String, String);

impl Filter {
    /// Refuses a page that cannot be.
    pub(crate) fn check(self) -> Result<Checked, Fault> {
        let limit = match self.limit {
            None => usize::MAX,
            Some(limit) if (1..=LIMIT).contains(&(limit as usize)) => limit as usize,
            Some(limit) => {
                return Err(bad("limit", &format!("{limit} is out of range (accepted: 1 to {LIMIT})")));
            }
        };
        let bound = self.bound();
        let after = self.r#continue.as_deref().map(|text| place_in(bound, text)).transpose()?;
        Ok(Checked { filter: self, limit, bound, after })
    }

    /// What a `continue` is good for: these filters, whatever the size of pages.
    fn bound(&self) -> Bound {
        let Self { state, namespace, severity, rule, node, kind, name, limit: _, r#continue: _ } = self;
        let texts = [
            format!("{state:?}"),
            namespace.join("\0"),
            severity.iter().map(|severity| severity.as_str()).collect::<Vec<_>>().join("\0"),
            rule.join("\0"),
            node.join("\0"),
            format!("{kind:?}"),
            name.join("\0"),
        ];
        Bound::of(texts.iter().map(String::as_str))
    }

    /// What can be said before a record is made of it.
    fn selects(&self, record: &Record) -> bool {
        let Self { state, namespace, severity, node, .. } = self;
        let subject = &record.told.subject;
        let is_wanted = match (state, record.state()) {
            (Wanted::All, _)
            | (Wanted::Open, State::Open)
            | (Wanted::Silenced, State::Silenced)
            | (Wanted::Resolved, State::Resolved) => true,
            (Wanted::Open | Wanted::Silenced | Wanted::Resolved, _) => false,
        };
        let is_of = |wanted: &[String], has: Option<&str>| {
            wanted.is_empty() || wanted.iter().any(|one| *one == has.unwrap_or_default())
        };
        record.source == Source::Process
            && is_wanted
            && is_of(namespace, subject.namespace.as_deref())
            && is_of(node, subject.node.as_deref())
            && (severity.is_empty() || severity.contains(&record.told.severity))
    }

    fn selects_violation(&self, violation: &Violation) -> bool {
        let Self { rule, kind, name, .. } = self;
        (rule.is_empty() || violation.rules.iter().chain([&violation.rule]).any(|one| rule.contains(one)))
            && (kind.is_empty() || kind.contains(&violation.kind))
            && (name.is_empty() || name.contains(&violation.name))
    }
}

impl Checked {
    /// The tag of the answer: the same while nothing but times and counts is another.
    pub(crate) fn etag(&self, book: &Book) -> WeakEtag {
        let mut selected: Vec<&Record> = book.records().filter(|record| self.filter.selects(record)).collect();
        selected.sort_unstable_by(|one, other| one.told.fingerprint.cmp(&other.told.fingerprint));
        let NodeCounts { total, fresh, stale, failed } = table::counts(book);
        let place = self.filter.r#continue.as_deref().unwrap_or_default();
        let mut said = format!("{:?} {} {place} {total} {fresh} {stale} {failed}", self.bound, self.limit);
        for record in selected {
            let is_stale = book.stale(record).is_some();
            let state = record.state();
            said.push_str(record.told.fingerprint.as_str());
            // Writing to a text cannot fail.
            let _ = write!(said, "{state:?}{is_stale}{}{}", record.changed_at, record.first_seen);
        }
        WeakEtag::of(said.as_bytes())
    }

    /// The answer.
    pub(crate) fn list(&self, book: &Book) -> ViolationList {
        let selected = book.records().filter(|record| self.filter.selects(record));
        let found = selected.filter_map(|record| {
            let violation = violation(record).filter(|violation| self.filter.selects_violation(violation))?;
            let stale = record.is_open() && book.stale(record).is_some();
            Some(CollectedViolation { violation, stale })
        });
        let mut violations: Vec<CollectedViolation> = found.collect();
        let total_count = violations.len();
        violations.sort_unstable_by(|one, other| key(&one.violation).cmp(&key(&other.violation)));
        if let Some(after) = &self.after {
            violations.retain(|one| key(&one.violation) > borrowed(after));
        }
        let has_more = violations.len() > self.limit;
        violations.truncate(self.limit);
        let more = violations.last().filter(|_| has_more).map(|last| self.write(&last.violation));
        let update_time = book.round(Source::Process).map(|round| round.at);
        ViolationList { violations, update_time, total_count, nodes: table::counts(book), more }
    }

    fn write(&self, last: &Violation) -> String {
        let (namespace, pod, process, pid, rule, fingerprint) = key(last);
        self.bound.write(&[namespace, pod, process, &pid.to_string(), rule, fingerprint])
    }
}

fn place_in(bound: Bound, text: &str) -> Result<Place, Fault> {
    let [namespace, pod, process, pid, rule, fingerprint] = bound.read(text)?;
    let pid = pid
        .parse()
        .map_err(|_| bad("continue", "this is not from a list (accepted: `continue` of the former page, as it is)"))?;
    Ok((namespace, pod, process, pid, rule, fingerprint))
}

fn key(violation: &Violation) -> (&str, &str, &str, u32, &str, &str) {
    let Violation { namespace, pod, process, pid, rule, fingerprint, .. } = violation;
    (namespace, pod, process, *pid, rule, fingerprint.as_str())
}

fn borrowed(place: &Place) -> (&str, &str, &str, u32, &str, &str) {
    let (namespace, pod, process, pid, rule, fingerprint) = place;
    (namespace, pod, process, *pid, rule, fingerprint)
}
