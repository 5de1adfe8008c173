//! A message: what is told of one group at one time, before it has the form of a receiver.
//!
//! Owns its parts, their bounds and its identity. When there is something to tell is decided by `announce`, how it looks by
//! the module of each type.

use std::cmp::Reverse;

use api::finding::{Finding, Source, State};
use api::{Fingerprint, Severity, Time};
use findings::Record;
use findings::record::Stale;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Findings that a message lists; the rest is counted.
pub(crate) const LISTED: usize = 20;

/// Evidence that a finding takes along, as JSON. With names and sentences a finding is some 4 KiB at worst and 1 KiB as a
/// rule, so a message is 80 KiB at worst, and the 10,000 that may wait are 800 MiB at worst and 10 MiB as a rule.
const EVIDENCE_BYTES: usize = 2 << 10;

/// Findings beyond those that are listed whose history says that they were told, 34 bytes each.
const NAMED: usize = 500;

/// What is told of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// What happened.
    pub(crate) event: Happened,
    /// Identity, the same for every attempt to deliver it.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) group: Group,
    /// What it is about, the worst first.
    pub(crate) items: Vec<Item>,
    /// How many it is about besides.
    pub(crate) more: u64,
    /// Some of those, for their histories.
    pub(crate) others: Vec<Fingerprint>,
}

/// What a message says has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Happened {
    /// Findings opened; some may have ended since.
    Opened,
    /// Findings are still open.
    Repeated,
    /// Findings ended.
    Resolved,
}

/// Findings that are told together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Who found them.
    pub(crate) source: Source,
    /// Their namespace; "" if they are in none.
    pub(crate) namespace: String,
    /// Their app, or else their owner as `Deployment/cart`; "" if they have neither.
    pub(crate) app: String,
}

/// One finding of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// The finding as it was then, with as much of its evidence as fits.
    pub(crate) finding: Finding,
    /// Which of its openings this is.
    pub(crate) episode: u64,
}

impl Message {
    /// A message of these findings, in any order; there is at least one. `seed` makes its identity differ from that of others
    /// with the same findings.
    pub(crate) fn of(event: Happened, group: Group, mut items: Vec<Item>, seed: &[&str]) -> Self {
        items.sort_by_cached_key(|item| {
            let Item { finding, episode: _ } = item;
            let is_over = finding.state == State::Resolved;
            (Reverse(finding.severity), is_over, finding.first_seen, finding.fingerprint.clone())
        });
        let id = identity(event, &group, &items, seed);
        let rest = items.split_off(items.len().min(LISTED));
        let others = rest.iter().take(NAMED).map(|item| item.finding.fingerprint.clone()).collect();
        Self { event, id, group, items, more: rest.len() as u64, others }
    }

    /// The worst of its findings.
    pub(crate) fn severity(&self) -> Severity {
        self.items.first().map_or(Severity::Low, |item| item.finding.severity)
    }

    /// All findings that are named in it, also those that are only counted.
    pub(crate) fn about(&self) -> impl Iterator<Item = &Fingerprint> {
        self.items.iter().map(|item| &item.finding.fingerprint).chain(&self.others)
    }

    /// How many findings it is about.
    pub(crate) fn count(&self) -> u64 {
        self.items.len() as u64 + self.more
    }

    /// What receivers get that understand JSON.
    pub(crate) fn body(&self, cluster: &str, sent_at: Time) -> Value {
        let Self { event, id, group, items, more, others: _ } = self;
        let findings: Vec<&Finding> = items.iter().map(|item| &item.finding).collect();
        serde_json::json!({
            "event": event.as_str(),
            "id": id,
            "group": group,
            "findings": findings,
            "more": more,
            "cluster": cluster,
            "sent_at": sent_at,
        })
    }
}

impl Happened {
    /// The word used on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }
}

impl Group {
    /// The group that a finding is told in.
    pub(crate) fn of(record: &Record) -> Self {
        let belongs = &record.told.belongs;
        let owner = || belongs.owner.as_ref().map(|owner| format!("{}/{}", owner.kind, owner.name));
        let app = belongs.app.as_ref().map(|app| app.name.clone()).or_else(owner);
        let namespace = record.told.subject.namespace.as_deref().unwrap_or_default().to_owned();
        Self { source: record.source, namespace, app: app.unwrap_or_default() }
    }

    /// Where it is, for people: namespace and app as far as there are any.
    pub(crate) fn place(&self) -> String {
        match (self.namespace.as_str(), self.app.as_str()) {
            ("", "") => "the cluster".to_owned(),
            (place, "") | ("", place) => place.to_owned(),
            (namespace, app) => format!("{namespace}/{app}"),
        }
    }
}

impl Item {
    /// A finding as it is now.
    pub(crate) fn of(record: &Record, stale: Option<&Stale>) -> Self {
        let mut finding = record.finding(stale);
        if finding.evidence.as_str().len() > EVIDENCE_BYTES {
            finding.evidence = fitting(finding.evidence.map()).into();
        }
        Self { finding, episode: record.episode }
    }
}

/// As many entries as fit, the smallest first, in their order.
fn fitting(evidence: Map<String, Value>) -> Map<String, Value> {
    let mut sizes: Vec<usize> = evidence.iter().map(|(key, value)| entry_bytes(key, value)).collect();
    if sizes.iter().sum::<usize>() <= EVIDENCE_BYTES {
        return evidence;
    }
    sizes.sort_unstable();
    let mut sum = 0;
    let fit = sizes.into_iter().take_while(|size| {
        sum += size;
        sum <= EVIDENCE_BYTES
    });
    let largest = fit.last().unwrap_or_default();
    let mut left = EVIDENCE_BYTES;
    let fits = |(key, value): &(String, Value)| {
        let bytes = entry_bytes(key, value);
        let fits = bytes <= largest && bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    };
    evidence.into_iter().filter(fits).collect()
}

fn entry_bytes(key: &str, value: &Value) -> usize {
    key.len() + value.to_string().len()
}

/// The same for the same findings in the same state, whoever leads.
fn identity(event: Happened, group: &Group, items: &[Item], seed: &[&str]) -> String {
    let mut fields = vec![event.as_str(), group.source.as_str(), &group.namespace, &group.app];
    fields.extend(seed);
    let episodes: Vec<String> = items.iter().map(|item| item.episode.to_string()).collect();
    for (item, episode) in items.iter().zip(&episodes) {
        fields.extend([item.finding.fingerprint.as_str(), episode]);
    }
    Fingerprint::over(fields).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::fixture::{finding, item};

    fn group() -> Group {
        Group { source: Source::Process, namespace: "ns-shop".to_owned(), app: "cart".to_owned() }
    }

    #[test]
    fn a_message_lists_twenty_the_worst_first_and_counts_the_rest() {
        let severity = |number: u32| if number == 30 { Severity::Critical } else { Severity::Medium };
        let items: Vec<Item> = (0..40).map(|number| item(number, severity(number))).collect();
        let message = Message::of(Happened::Opened, group(), items, &[]);
        assert_eq!((message.items.len(), message.more, message.others.len()), (20, 20, 20));
        assert_eq!((message.severity(), message.count()), (Severity::Critical, 40));
        assert_eq!(message.items[0].finding.fingerprint, finding(30, Severity::Low).fingerprint);
        assert_eq!(message.about().count(), 40);
    }

    #[test]
    fn the_identity_does_not_depend_on_the_order_and_differs_by_what_is_told() {
        let items = || vec![item(1, Severity::High), item(2, Severity::High)];
        let id = |event, items, seed: &[&str]| Message::of(event, group(), items, seed).id;
        let first = id(Happened::Opened, items(), &[]);
        assert_eq!(first, id(Happened::Opened, items().into_iter().rev().collect(), &[]));
        let others = [
            id(Happened::Resolved, items(), &[]),
            id(Happened::Opened, vec![item(1, Severity::High)], &[]),
            id(Happened::Opened, items(), &["2"]),
            id(Happened::Opened, items().into_iter().map(|item| Item { episode: 9, ..item }).collect(), &[]),
        ];
        assert!(others.iter().all(|other| *other != first), "{first} {others:?}");
    }

    #[test]
    fn large_evidence_is_left_out_and_small_evidence_stays() {
        let entry = |key: &str, bytes: usize| (key.to_owned(), Value::from("x".repeat(bytes)));
        let kept =
            |entries: Vec<(String, Value)>| fitting(entries.into_iter().collect()).keys().cloned().collect::<Vec<_>>();
        assert_eq!(kept(vec![entry("cmdline", 1500), entry("pid", 10)]), ["cmdline", "pid"]);
        assert_eq!(kept(vec![entry("cmdline", 2100), entry("pid", 10)]), ["pid"]);
        assert_eq!(kept(vec![entry("a", 1200), entry("b", 1100), entry("pid", 10)]), ["b", "pid"]);
    }

    #[test]
    fn a_place_is_as_exact_as_it_can_be() {
        let place = |namespace: &str, app: &str| {
            Group { namespace: namespace.to_owned(), app: app.to_owned(), ..group() }.place()
        };
        assert_eq!([place("a", "b"), place("a", ""), place("", "")], ["a/b", "a", "the cluster"]);
    }
}
