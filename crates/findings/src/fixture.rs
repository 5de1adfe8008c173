//! Sightings, batches and a book that is stored and restored, for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use api::finding::{Source, Subject};
use api::{Fingerprint, Severity, Time};
use jiff::Timestamp;

use crate::batch::{Again, Batch, Belongs, Gone, Order, Sighting, Told};
use crate::book::{Book, Group, Leadership, Limits, Stored, Superseded};
use crate::plan::{Keep, Plan};
use crate::record::Record;
use crate::round::{Freshness, Round, RoundState, Scope, ScopeLook};
use crate::silence::{Match, Origin, Silence};
use api::Facts;

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
    told(number).into()
}

pub(crate) fn told(number: u32) -> Told {
    Told {
        fingerprint: fingerprint(number),
        rule: "miner-name".into(),
        severity: Severity::High,
        action: None,
        title: "xmrig runs".into(),
        description: "".into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: Some(format!("ns-{}", number % 2).into()),
            pod: None,
            pod_uid: None,
            container: None,
            node: Some("worker-3".into()),
        },
        belongs: Belongs::default().into(),
        facts: Facts::default(),
        figures: Facts::default(),
        exemption: None,
    }
}

pub(crate) fn silence(id: &str, namespace: &str, until: Time) -> Silence {
    let matches = Match { namespace: Some(namespace.parse().unwrap()), ..Match::default() };
    Silence {
        id: id.to_owned(),
        owner: "ops".to_owned(),
        reason: "known".to_owned(),
        until,
        matches,
        created_by: "alice".to_owned(),
        created_at: at(0),
        origin: Origin::Api,
        ended: None,
    }
}

/// The end of a round of a scope of its own kind.
pub(crate) fn round(order: Order, seconds: i64, scopes: &[(&str, Freshness)]) -> Round {
    let look = |(scope, freshness): &(&str, Freshness)| {
        let (scope, freshness) = ((*scope).to_owned(), freshness.clone());
        ScopeLook { scope, freshness, detail: Facts::default() }
    };
    let scopes = scopes.iter().map(look).collect();
    let (source, at) = (Source::Process, at(seconds));
    Round { source, order, at, scopes, complete: true, suspect: false, gaps: Vec::new() }
}

/// A book, what was stored of it, and its history.
pub(crate) struct Kept {
    pub(crate) book: Book,
    pub(crate) history: BTreeMap<Fingerprint, Vec<String>>,
    pub(crate) order: Order,
    pub(crate) source: Source,
    records: BTreeMap<Fingerprint, Record>,
    silences: BTreeMap<String, Silence>,
    scopes: BTreeMap<String, Scope>,
    rounds: Vec<RoundState>,
}

impl Kept {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            book: Book::new(limits),
            history: BTreeMap::new(),
            order: Order { fence: 1, round: 0 },
            source: Source::Process,
            records: BTreeMap::new(),
            silences: BTreeMap::new(),
            scopes: BTreeMap::new(),
            rounds: Vec::new(),
        }
    }

    /// The next round of the scope.
    pub(crate) fn look(&mut self, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Plan {
        self.order.round += 1;
        self.round(self.order.round, seconds, seen, gone).unwrap()
    }

    /// The next round of the scope, whose answer says that all is as it was.
    pub(crate) fn again(&mut self, seconds: i64) -> Plan {
        self.order.round += 1;
        let batch = Batch { again: Some(Again { counts: 1 }), ..self.batch(self.order, seconds) };
        self.take(&batch).unwrap()
    }

    pub(crate) fn round(
        &mut self,
        round: u64,
        seconds: i64,
        seen: Vec<Sighting>,
        gone: &[u32],
    ) -> Result<Plan, Superseded> {
        let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "gone".to_owned() });
        let order = Order { round, ..self.order };
        self.take(&Batch { seen, gone: gone.collect(), ..self.batch(order, seconds) })
    }

    /// The end of the round of the last look.
    pub(crate) fn end(&mut self, seconds: i64, freshness: Freshness) -> Plan {
        let round = Round { source: self.source, ..round(self.order, seconds, &[("worker-3", freshness)]) };
        let plan = self.book.end_round(round).unwrap();
        self.store(plan)
    }

    pub(crate) fn batch(&self, order: Order, seconds: i64) -> Batch {
        Batch {
            source: self.source,
            scope: "worker-3".to_owned(),
            order,
            at: at(seconds),
            seen: Vec::new(),
            gone: Vec::new(),
            again: None,
        }
    }

    fn take(&mut self, batch: &Batch) -> Result<Plan, Superseded> {
        let plan = self.book.take(batch, &mut Group::default())?;
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
            record.looks = touch.looks.clone();
        }
        self.silences.extend(plan.begun.iter().map(|silence| (silence.id.clone(), silence.clone())));
        for (id, at) in &plan.ended {
            self.silences.get_mut(id).unwrap().ended = Some(*at);
        }
        for transition in &plan.transitions {
            let word = transition.event.as_str().to_owned();
            self.history.entry(transition.fingerprint.clone()).or_default().push(word);
        }
        if plan.stores() {
            let looked = plan.looked.iter().chain(plan.round.iter().flat_map(|round| &round.scopes));
            self.scopes.extend(looked.map(|scope| (scope.name.to_string(), scope.clone())));
        }
        if let Some(round) = &plan.round {
            for name in &round.dropped {
                drop(self.scopes.remove(name));
            }
            self.rounds = vec![round.state.clone()];
        }
        self.book.apply(plan.clone());
        plan
    }

    /// The process dies, and another begins from what was stored.
    pub(crate) fn restart(&mut self, limits: Limits, seconds: i64) {
        self.order.fence += 1;
        let stored = Stored {
            records: self.records.values().cloned().collect(),
            silences: self.silences.values().cloned().collect(),
            scopes: self.scopes.values().cloned().collect(),
            rounds: self.rounds.clone(),
            lead: Some(Leadership { fence: self.order.fence, since: at(seconds) }),
        };
        self.book = Book::restored(limits, stored, 0);
    }

    pub(crate) fn record(&self, number: u32) -> &Record {
        self.book.get(&fingerprint(number)).unwrap()
    }

    pub(crate) fn history(&self, number: u32) -> Vec<&str> {
        self.history.get(&fingerprint(number)).into_iter().flatten().map(String::as_str).collect()
    }
}
