//! Findings, books and notifiers for tests.

use std::sync::Arc;
use std::time::Duration;

use api::finding::{App, Finding, Source, State, Subject};
use api::violation::SubjectKind;
use api::{Clock, Fingerprint, Severity, Time};
use findings::batch::{Batch, Belongs, Gone, Order, Sighting};
use findings::book::Group as Batches;
use findings::silence::{Match, Origin};
use findings::{Book, Facts, Findings, Limits, Plan, Silence, Told};
use jiff::Timestamp;
use kubeio::election::Election;
use kubeio::{Cluster, Place};
use runtime::clock::ManualClock;
use simcluster::SimCluster;
use storage::{Storage, Term};

use super::desk::{Desk, Orders};
use super::message::{Group, Happened, Item, Message};
use super::settings::{NotifierKind, NotifierSettings};
use crate::Lead;

const LIMITS: Limits = Limits {
    keep_resolved: Duration::from_hours(48),
    reopen_within: Duration::from_hours(24),
    touch_every: Duration::from_mins(1),
    max_findings: 100_000,
};

/// A moment, in seconds from the beginning of the manual clock.
pub(crate) fn at(seconds: i64) -> Time {
    Time::of(Timestamp::from_second(1_795_219_200 + seconds).unwrap())
}

pub(crate) fn fingerprint(number: u32) -> Fingerprint {
    Fingerprint::over(["process", &number.to_string()])
}

fn subject() -> Subject {
    let text = |text: &str| Some(text.into());
    Subject {
        kind: "process".into(),
        name: "xmrig".into(),
        namespace: text("ns-shop"),
        pod: text("cart-0"),
        pod_uid: text("uid-0"),
        container: None,
        node: text("worker-3"),
    }
}

/// A process of the app `cart` as its source tells it.
pub(crate) fn seen(number: u32) -> Sighting {
    told(number).into()
}

pub(crate) fn told(number: u32) -> Told {
    let app = Some(App { kind: SubjectKind::App, name: "cart".to_owned() });
    Told {
        fingerprint: fingerprint(number),
        rule: "miner-name".into(),
        severity: Severity::High,
        action: None,
        title: "xmrig runs".into(),
        description: "".into(),
        subject: subject(),
        belongs: Belongs { app, ..Belongs::default() }.into(),
        facts: Facts::default(),
        figures: Facts::default(),
        exemption: None,
    }
}

/// The same of another app.
pub(crate) fn seen_of(app: &str, number: u32) -> Sighting {
    let app = Some(App { kind: SubjectKind::App, name: app.to_owned() });
    Told { belongs: Belongs { app, ..Belongs::default() }.into(), ..told(number) }.into()
}

/// A finding as it is served.
pub(crate) fn finding(number: u32, severity: Severity) -> Finding {
    Finding {
        fingerprint: fingerprint(number),
        source: Source::Process,
        rule: "miner-name".to_owned(),
        severity,
        action: None,
        state: State::Open,
        stale: false,
        title: "xmrig runs".to_owned(),
        description: String::new(),
        subject: subject(),
        owner: None,
        app: None,
        image: None,
        first_seen: at(0),
        last_seen: at(0),
        changed_at: at(0),
        count: 1,
        reopened: 0,
        resolved_at: None,
        resolved_reason: None,
        stale_since: None,
        stale_reason: None,
        silence: None,
        evidence: Facts::default(),
    }
}

pub(crate) fn item(number: u32, severity: Severity) -> Item {
    Item { finding: finding(number, severity), episode: 1 }
}

pub(crate) fn resolved(number: u32) -> Item {
    let mut item = item(number, Severity::High);
    (item.finding.state, item.finding.resolved_at) = (State::Resolved, Some(at(60)));
    item
}

/// One finding whose process, title and pod are called so.
pub(crate) fn named(name: &str) -> Vec<Item> {
    let mut item = item(1, Severity::High);
    item.finding.subject.name = name.into();
    item.finding.title = name.to_owned();
    item.finding.subject.pod = Some(name.into());
    vec![item]
}

pub(crate) fn message(items: Vec<Item>) -> Message {
    let group = Group { source: Source::Process, namespace: "ns-shop".to_owned(), app: "cart".to_owned() };
    Message::of(Happened::Opened, group, items, &["ops"])
}

pub(crate) fn notifier(kind: NotifierKind) -> NotifierSettings {
    let url = "http://127.0.0.1:1/hook".to_owned();
    NotifierSettings { enabled: true, url, allow_loopback: true, ..NotifierSettings::new("ops", kind) }
}

pub(crate) fn lark() -> NotifierSettings {
    NotifierSettings { region: "hzh".to_owned(), ..notifier(NotifierKind::Lark) }
}

pub(crate) fn alertmanager() -> NotifierSettings {
    let urls = vec!["http://127.0.0.1:1".to_owned()];
    NotifierSettings { url: String::new(), urls, ..notifier(NotifierKind::Alertmanager) }
}

/// A book that is looked after.
pub(crate) struct Kept {
    pub(crate) book: Book,
    round: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { book: Book::new(LIMITS), round: 0 }
    }
}

impl Kept {
    /// The next round of the node.
    pub(crate) fn look(&mut self, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Plan {
        self.round += 1;
        let batch = batch(self.round, seconds, seen, gone);
        let plan = self.book.take(&batch, &mut Batches::default()).unwrap();
        self.apply(plan)
    }

    /// A silence of everything.
    pub(crate) fn silence(&mut self, id: &str, from: i64, until: i64) -> Plan {
        let plan = self.book.silence(silence(id, from, until), at(from));
        self.apply(plan)
    }

    pub(crate) fn end_silence(&mut self, id: &str, seconds: i64) -> Plan {
        let plan = self.book.end_silence(id, at(seconds));
        self.apply(plan)
    }

    /// What the time alone does.
    pub(crate) fn pass(&mut self, seconds: i64) -> Plan {
        let plan = self.book.pass(at(seconds));
        self.apply(plan)
    }

    fn apply(&mut self, plan: Plan) -> Plan {
        self.book.apply(plan.clone());
        plan
    }
}

pub(crate) fn batch(round: u64, seconds: i64, seen: Vec<Sighting>, gone: &[u32]) -> Batch {
    let gone = gone.iter().map(|number| Gone { fingerprint: fingerprint(*number), reason: "process-gone".to_owned() });
    Batch {
        source: Source::Process,
        scope: "worker-3".to_owned(),
        order: Order { fence: 1, round },
        at: at(seconds),
        seen,
        gone: gone.collect(),
        again: None,
    }
}

fn silence(id: &str, from: i64, until: i64) -> Silence {
    Silence {
        id: id.to_owned(),
        owner: "ops".to_owned(),
        reason: "known".to_owned(),
        until: at(until),
        matches: Match { rule: Some("miner-*".parse().unwrap()), ..Match::default() },
        created_by: "alice".to_owned(),
        created_at: at(from),
        origin: Origin::Api,
        ended: None,
    }
}

/// A desk over a database of its own, with a clock that is moved by hand.
pub(crate) struct Office {
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Arc<ManualClock>,
    storage: Storage,
    folder: Arc<tempfile::TempDir>,
}

impl Office {
    pub(crate) async fn open(notifiers: Vec<NotifierSettings>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::default());
        let url = format!("sqlite:{}", folder.path().join("kw.db").display());
        let settings = storage::Settings { url, ..storage::Settings::default() };
        let storage = Storage::open(&settings, clock.clone()).await.unwrap();
        Self::over(storage, clock, folder, (notifiers, None)).await
    }

    /// One beside a simulated cluster.
    pub(crate) async fn over_cluster(notifiers: Vec<NotifierSettings>, sim: &SimCluster) -> Self {
        let Self { clock, storage, folder, .. } = Self::open(Vec::new()).await;
        let place = Place {
            server: "http://simcluster".to_owned(),
            namespace: "keelwatch".to_owned(),
            release: "keelwatch".to_owned(),
            requests_per_second: 1000,
            seed: 7,
        };
        let cluster = Cluster::over(sim.service(), place, clock.clone(), &kubeio::Metrics::default());
        Self::over(storage, clock, folder, (notifiers, Some(cluster))).await
    }

    /// Another process with the same database.
    pub(crate) async fn another(&self, notifiers: Vec<NotifierSettings>) -> Self {
        Self::over(self.storage.clone(), self.clock.clone(), self.folder.clone(), (notifiers, None)).await
    }

    async fn over(
        storage: Storage,
        clock: Arc<ManualClock>,
        folder: Arc<tempfile::TempDir>,
        (notifiers, cluster): (Vec<NotifierSettings>, Option<Cluster>),
    ) -> Self {
        let shared: Arc<dyn Clock> = clock.clone();
        let findings = Findings::open(storage.clone(), &findings::Settings::default(), shared.clone()).await.unwrap();
        let orders = Orders { notifiers, ..Orders::default() };
        let desk = Desk::new((findings, storage.clone()), cluster, shared, "keelwatch-0".to_owned(), orders);
        Self { desk: Arc::new(desk), clock, storage, folder }
    }

    /// This process leads from here on.
    pub(crate) async fn lead(&self) -> Lead {
        let election = Election::alone(self.clock.clone(), &kubeio::Metrics::default());
        let term = Arc::new(Term::begin(&self.storage, || true).await.unwrap());
        self.desk.findings.lead(term.clone()).await.unwrap();
        Lead { election, term }
    }

    /// The source looks once more.
    pub(crate) async fn look(&self, lead: &Lead, round: u64, seen: Vec<Sighting>, gone: &[u32]) {
        let seconds = self.desk.now().since(at(0)).as_secs();
        let mut batch = batch(round, seconds, seen, gone);
        batch.order.fence = lead.term.fence().number();
        self.desk.findings.take(batch).await.unwrap();
    }

    pub(crate) async fn announce(&self, lead: &Lead) {
        self.desk.announce(lead, self.desk.now()).await.unwrap();
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
