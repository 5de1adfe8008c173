//! Sightings, batches and a book that is stored and restored, for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use api::finding::{Source, Subject};
use api::{Fingerprint, Severity, Time};
use jiff::Timestamp;
use serde_json::Map;

use crate::batch::{Batch, Belongs, Gone, Order, Sighting};
use crate::book::{Book, Limits, Superseded};
use crate::plan::{Keep, Looked, Plan};
use crate::record::Record;
use crate::silence::{Match, Silence};

pub(crate) const HOUR: i64 = 3600;

pub(crate) const LIMITS: Limits = Limits {
    keep_resolved: Duration::from_hours(48),
    reopen_within: Duration::from_hours(24),
    touch_every: Duration::from_mins(1),
    max_findings: 1000,
};

/// A moment, in seconds from a beginning.
pub(crate) fn at(seconds: i64) -> Time {
    Time::of(Timestamp::from_second(1_795_219_200 + seconds).unwrap())
}

pub(crate) fn fingerprint(number: u32) -> Fingerprint {
    Fingerprint::over(["process", &number.to_string()])
}

pub(crate) fn sighting(number: u32) -> Sighting {
    Sighting {
        fingerprint: fingerprint(number),
        rule: "miner-name".to_owned(),
        severity: Severity::High,
        action: None,
        title: "xmrig runs".to_owned(),
        description: String::new(),
        subject: Subject {
            kind: "process".to_owned(),
            name: "xmrig".to_owned(),
            namespace: Some(format!("ns-{}", number % 2)),
            pod: None,
            pod_uid: None,
            container: None,
            node: Some("worker-3".to_owned()),
        },
        belongs: Belongs::default(),
        facts: Map::new(),
        figures: Map::new(),
        count: None,
        exemption: None,
    }
}

pub(crate) fn silence(id: &str, namespace: &str, until: Time) -> Silence {
    let matches = Match { namespace: Some(namespace.parse().unwrap()), ..Match::default() };
    Silence { id: id.to_owned(), owner: "ops".to_owned(), reason: "known".to_owned(), until, matches, ended: None }
}

/// A book, what was stored of it, and its history.
pub(crate) struct Kept {
    pub(crate) book: Book,
    pub(crate) history: BTreeMap<Fingerprint, Vec<String>>,
    round: u64,
    records: BTreeMap<Fingerprint, Record>,
    silences: BTreeMap<String, Silence>,
    look: Option<Looked>,
}

impl Kept {
    pub(crate) fn new(limits: Limits) -> Self {
        let (records, silences, history) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { book: Book::new(limits), history, round: 0, records, silences, look: None }
    }

    /// The next round of the scope.
    pub(crate) fn look(&mut self, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Plan {
        self.round += 1;
        self.round(self.round, seconds, seen, gone).unwrap()
    }

    pub(crate) fn round(
        &mut self,
        round: u64,
        seconds: i64,
        seen: Vec<Sighting>,
        gone: &[u32],
    ) -> Result<Plan, Superseded> {
        let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "gone".to_owned() });
        let plan = self.book.take(Batch {
            source: Source::Process,
            scope: "worker-3".to_owned(),
            order: Order { fence: 1, round },
            at: at(seconds),
            seen,
            gone: gone.collect(),
        })?;
        Ok(self.store(plan))
    }

    /// Stores a plan as a database would, and makes it true.
    pub(crate) fn store(&mut self, plan: Plan) -> Plan {
        for forgotten in &plan.forgotten {
            self.records.remove(forgotten);
            self.history.remove(forgotten);
        }
        self.records.extend(plan.records.iter().map(|record| (record.told.fingerprint.clone(), record.clone())));
        for touch in plan.touches.iter().filter(|touch| touch.keep == Keep::Stored) {
            let record = self.records.get_mut(&touch.fingerprint).unwrap();
            (record.last_seen, record.count, record.touched) = (touch.last_seen, touch.count, touch.last_seen);
        }
        self.silences.extend(plan.begun.iter().map(|silence| (silence.id.clone(), silence.clone())));
        for (id, at) in &plan.ended {
            self.silences.get_mut(id).unwrap().ended = Some(*at);
        }
        for transition in &plan.transitions {
            let word = transition.event.as_str().to_owned();
            self.history.entry(transition.fingerprint.clone()).or_default().push(word);
        }
        self.look = plan.looked.clone().or(self.look.take());
        self.book.apply(plan.clone());
        plan
    }

    /// The process dies, and another begins from what was stored.
    pub(crate) fn restart(&mut self, limits: Limits, seconds: i64) {
        let (records, silences) = (self.records.values().cloned(), self.silences.values().cloned());
        self.book = Book::restored(limits, records, silences, self.look.clone(), at(seconds));
    }

    pub(crate) fn record(&self, number: u32) -> &Record {
        self.book.get(&fingerprint(number)).unwrap()
    }

    pub(crate) fn history(&self, number: u32) -> Vec<&str> {
        self.history.get(&fingerprint(number)).into_iter().flatten().map(String::as_str).collect()
    }
}
