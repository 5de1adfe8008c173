//! Findings as alerts of Alertmanager. Pure.
//!
//! Owns which findings are alerts now, their form, and what one server still has to be told. Grouping, repeating and silencing
//! them again is the receiver's.

use std::collections::HashMap;
use std::time::Duration;

use api::finding::{Finding, State};
use api::{Fingerprint, Time};
use findings::{Book, Record};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::settings::NotifierSettings;
use super::{announce, link};
use crate::Around;

/// Alerts of one POST.
pub(crate) const BATCH: usize = 256;

/// Open alerts are sent again after this.
pub(crate) const AGAIN: Duration = Duration::from_mins(1);

/// An alert that is not sent again for this long ends by itself: three times may fail.
const ENDS_AFTER: SignedDuration = SignedDuration::from_mins(4);

/// How long the end of an alert is told.
const TOLD_AFTER_END: SignedDuration = SignedDuration::from_mins(5);

/// One alert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    /// Of which finding, in which state.
    pub(crate) key: Key,
    /// Since when there is something to tell.
    pub(crate) since: Time,
    /// What is sent.
    pub(crate) body: Value,
}

/// A finding in one state of one opening.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which finding.
    pub(crate) fingerprint: Fingerprint,
    /// Which opening.
    pub(crate) episode: u64,
    /// Whether it has ended.
    pub(crate) is_over: bool,
}

/// What one server has been told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Delivered {
    at: HashMap<Key, Duration>,
}

/// The alerts there are now, the worst first, so that it is the least that waits.
pub(crate) fn alerts(book: &Book, settings: &NotifierSettings, around: &Around, now: Time) -> Vec<Alert> {
    of(book, book.records(), settings, around, now)
}

/// The alerts among these findings, the worst first.
pub(crate) fn of<'a>(
    book: &Book,
    records: impl Iterator<Item = &'a Record>,
    settings: &NotifierSettings,
    around: &Around,
    now: Time,
) -> Vec<Alert> {
    let mut records: Vec<&Record> = records.filter(|record| is_alert(book, record, settings, now)).collect();
    records.sort_by_key(|record| {
        (std::cmp::Reverse(record.told.severity), record.first_seen, record.told.fingerprint.clone())
    });
    records.into_iter().map(|record| alert(record, settings, around, now)).collect()
}

fn is_alert(book: &Book, record: &Record, settings: &NotifierSettings, now: Time) -> bool {
    let is_wanted = settings.sources.contains(&record.source)
        && record.told.severity >= settings.min_severity
        && settings.tells_of(record.told.subject.namespace.as_deref());
    let is_told = match record.state() {
        State::Open => true,
        State::Silenced => false,
        State::Resolved => {
            settings.send_resolved
                && now.since(record.changed_at) < TOLD_AFTER_END
                && !announce::was_silenced(book, record)
        }
    };
    is_wanted && is_told
}

fn alert(record: &Record, settings: &NotifierSettings, around: &Around, now: Time) -> Alert {
    let finding = record.finding(None);
    let ends_at = finding.resolved_at.map_or_else(|| later(now, ENDS_AFTER), Timestamp::from);
    let mut body = json!({
        "labels": labels(&finding, settings, around),
        "annotations": {"summary": finding.title, "description": finding.description},
        "startsAt": finding.first_seen,
        "endsAt": ends_at,
    });
    if let Some(link) = link::finding(around, &finding.fingerprint) {
        body["generatorURL"] = link.into();
    }
    let is_over = finding.state == State::Resolved;
    let key = Key { fingerprint: finding.fingerprint, episode: record.episode, is_over };
    Alert { key, since: record.changed_at, body }
}

fn labels(finding: &Finding, settings: &NotifierSettings, around: &Around) -> Map<String, Value> {
    let subject = &finding.subject;
    let app = finding.app.as_ref().map(|app| app.name.as_str());
    let own = [
        ("alertname", Some("KeelwatchFinding")),
        ("source", Some(finding.source.as_str())),
        ("rule", Some(finding.rule.as_str())),
        ("severity", Some(finding.severity.as_str())),
        ("namespace", subject.namespace.as_deref()),
        ("app", app),
        ("kind", Some(&*subject.kind)),
        ("name", Some(&*subject.name)),
        ("fingerprint", Some(finding.fingerprint.as_str())),
        ("cluster", Some(around.cluster.as_str())),
    ];
    let given = settings.labels.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
    let all = own.into_iter().chain(given);
    let there = all.filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    there.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn later(now: Time, by: SignedDuration) -> Timestamp {
    Timestamp::from(now).checked_add(by).unwrap_or(Timestamp::MAX)
}

impl Delivered {
    /// Those that a server was never told, or too long ago; `now` is monotonic.
    pub(crate) fn due(&self, alerts: Vec<Alert>, now: Duration) -> Vec<Alert> {
        let is_due = |alert: &Alert| self.at.get(&alert.key).is_none_or(|at| now.saturating_sub(*at) >= AGAIN);
        alerts.into_iter().filter(is_due).collect()
    }

    /// Remembers what was delivered; tells what of it is news to the server.
    pub(crate) fn delivered(&mut self, keys: &[Key], now: Duration) -> Vec<Key> {
        keys.iter().filter(|key| self.at.insert((*key).clone(), now).is_none()).cloned().collect()
    }

    /// When the next is due that was told before.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.at.values().min().map(|at| *at + AGAIN)
    }

    /// Forgets what is no alert any more.
    pub(crate) fn retain(&mut self, alerts: &[Alert]) {
        let keys: std::collections::HashSet<&Key> = alerts.iter().map(|alert| &alert.key).collect();
        self.at.retain(|key, _| keys.contains(key));
    }

    /// Those that a server was never told: how many, and since when the oldest waits.
    pub(crate) fn untold(&self, alerts: &[Alert]) -> (u64, Option<Time>) {
        let untold = alerts.iter().filter(|alert| !self.at.contains_key(&alert.key));
        untold.fold((0, None), |(count, oldest): (u64, Option<Time>), alert| {
            (count + 1, Some(oldest.map_or(alert.since, |oldest| oldest.min(alert.since))))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api::Severity;

    use super::*;
    use crate::notify::fixture::{Kept, alertmanager, at, seen};

    fn around() -> Around {
        Around { cluster: "c1".to_owned(), external_url: "https://keelwatch.example".to_owned() }
    }

    fn bodies(kept: &Kept, settings: &NotifierSettings, seconds: i64) -> Vec<Value> {
        alerts(&kept.book, settings, &around(), at(seconds)).into_iter().map(|alert| alert.body).collect()
    }

    #[test]
    fn an_open_finding_ends_four_minutes_from_now_and_an_ended_one_when_it_ended() {
        let mut kept = Kept::default();
        kept.look(0, vec![seen(1)], &[]);
        let settings = NotifierSettings {
            labels: BTreeMap::from([("team".to_owned(), "ops".to_owned()), ("none".to_owned(), String::new())]),
            ..alertmanager()
        };
        let fingerprint = seen(1).told.fingerprint;
        let mut expected = json!({
            "labels": {
                "alertname": "KeelwatchFinding", "source": "process", "rule": "miner-name", "severity": "high",
                "namespace": "ns-shop", "app": "cart", "kind": "process", "name": "xmrig",
                "fingerprint": fingerprint, "cluster": "c1", "team": "ops",
            },
            "annotations": {"summary": "xmrig runs", "description": ""},
            "startsAt": at(0), "endsAt": at(100 + 240),
            "generatorURL": format!("https://keelwatch.example/findings/{fingerprint}"),
        });
        assert_eq!(bodies(&kept, &settings, 100), [expected.clone()]);
        kept.look(200, vec![], &[1]);
        expected["endsAt"] = json!(at(200));
        assert_eq!(
            (bodies(&kept, &settings, 200), bodies(&kept, &settings, 499)),
            (vec![expected.clone()], vec![expected])
        );
        assert_eq!(bodies(&kept, &settings, 500), [Value::Null; 0]);
        assert_eq!(bodies(&kept, &NotifierSettings { send_resolved: false, ..settings }, 200), [Value::Null; 0]);
    }

    #[test]
    fn what_is_silenced_or_not_wanted_is_no_alert() {
        let mut kept = Kept::default();
        kept.look(0, vec![seen(1)], &[]);
        let one = |settings: &NotifierSettings| bodies(&kept, settings, 0).len();
        assert_eq!(one(&alertmanager()), 1);
        assert_eq!(one(&NotifierSettings { min_severity: Severity::Critical, ..alertmanager() }), 0);
        assert_eq!(one(&NotifierSettings { namespaces: vec!["kube-*".to_owned()], ..alertmanager() }), 0);
        assert_eq!(one(&NotifierSettings { sources: vec![api::finding::Source::Image], ..alertmanager() }), 0);
        kept.silence("s1", 0, 3600);
        assert_eq!(bodies(&kept, &alertmanager(), 0).len(), 0);
        kept.look(60, vec![], &[1]);
        assert_eq!(bodies(&kept, &alertmanager(), 60).len(), 0, "its end is none either");
        kept.end_silence("s1", 120);
        assert_eq!(bodies(&kept, &alertmanager(), 120).len(), 0);
    }

    #[test]
    fn a_server_is_told_what_is_new_at_once_and_what_is_open_each_minute() {
        let mut kept = Kept::default();
        kept.look(0, vec![seen(1), seen(2)], &[]);
        let all = |kept: &Kept| alerts(&kept.book, &alertmanager(), &around(), at(0));
        let keys = |alerts: &[Alert]| alerts.iter().map(|alert| alert.key.clone()).collect::<Vec<_>>();
        let [none, soon, minute] = [0, 59, 60].map(Duration::from_secs);
        let mut delivered = Delivered::default();
        assert_eq!(delivered.untold(&all(&kept)), (2, Some(at(0))));
        let due = delivered.due(all(&kept), none);
        assert_eq!(delivered.delivered(&keys(&due), none), keys(&due));
        assert_eq!((delivered.due(all(&kept), soon).len(), delivered.due(all(&kept), minute).len()), (0, 2));
        kept.look(10, vec![], &[1]);
        let ended = delivered.due(all(&kept), soon);
        assert_eq!(ended.iter().map(|alert| alert.key.is_over).collect::<Vec<_>>(), [true]);
        assert_eq!(delivered.delivered(&keys(&ended), soon), keys(&ended));
        assert_eq!(delivered.delivered(&keys(&ended), minute), []);
        delivered.retain(&all(&kept));
        assert_eq!((delivered.at.len(), delivered.untold(&all(&kept))), (2, (0, None)));
    }
}
