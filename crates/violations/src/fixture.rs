//! Matches and pods for tests, and a clock that they move.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::coverage::{ExecCoverage, PassCoverage};
use api::violation::{Evidence, ExemptScope, Flag, Parent, SubjectKind};
use api::{Action, Clock, ContainerId, PodUid, Severity, Time, Violation};
use jiff::Timestamp;
use pods::PodFacts;
use pods::facts::{App, ContainerFacts, Owner, RuntimeId};
use processes::Identity;
use processes::cgroup::{Candidate, Outcome, Place};
use processes::matches::{Counters, Event, Match, Outcome as PassOutcome, PassReport};
use processes::rules::{Pack, RuleSet, RuleText};

use crate::attribution::PodIndex;
use crate::node::{About, Node};
use crate::record::Sightings;
use crate::settings::NodeSettings;
use crate::store::Moment;

pub(crate) const NODE: &str = "worker-3";
pub(crate) const BOOT: &str = "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11";
pub(crate) const UID: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

/// This many seconds after an arbitrary start, on both clocks.
pub(crate) fn at(second: u64) -> Moment {
    let start: Timestamp = "2026-11-21T04:30:00Z".parse().unwrap();
    Moment { wall: Time::of(start + Duration::from_secs(second)), monotonic: Duration::from_secs(second) }
}

/// The match of the contract's test vector.
pub(crate) fn in_pod() -> Match {
    Match { place: place(&[(UID, "4f1c")]), ..on_host() }
}

/// A cgroup that names these, outermost first: a pod uid and 4 digits that a container id repeats, `""` for none.
pub(crate) fn place(candidates: &[(&str, &str)]) -> Place {
    let candidate = |(uid, digits): &(&str, &str)| Candidate {
        pod_uid: uid.parse().ok(),
        container_id: digits.repeat(16).parse().ok(),
    };
    Place { candidates: candidates.iter().map(candidate).collect(), nested: false, outcome: Outcome::Candidate }
}

/// The pod of [`in_pod`]: `cart-0` with the containers `web` and `log`.
pub(crate) fn cart() -> PodFacts {
    let container = |name: &str, digits: &str, image: &str| ContainerFacts {
        name: name.into(),
        id: RuntimeId::of(&digits.repeat(16)),
        previous_id: RuntimeId::default(),
        image: format!("ghcr.io/acme/{image}:1.2").into(),
        image_id: format!("ghcr.io/acme/{image}@sha256:{}", "9b2f".repeat(16)).into(),
    };
    PodFacts {
        uid: UID.to_owned(),
        namespace: "ns-shop".into(),
        name: "cart-0".to_owned(),
        node: NODE.into(),
        labels: [("app", "cart")].into_iter().collect(),
        namespace_labels: Some(Arc::new([("team", "shop")].into_iter().collect())),
        app: App { kind: SubjectKind::App, name: "cart".to_owned() },
        owner: Owner {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            name: "cart".to_owned(),
            uid: "22222222-1a3e-41ec-a00b-e2dcc77431cb".to_owned(),
            resolved: true,
        },
        containers: vec![container("web", "4f1c", "cart"), container("log", "aaaa", "log")],
        deleted: false,
    }
}

/// The record of a match that was seen once, while nobody knew pods.
pub(crate) fn record(found: &Match) -> Violation {
    let seen = Time::of(found.seen);
    crate::record::record(found, NODE, Sightings { first: seen, last: seen, count: 1 })
}

/// The pod of [`worst`] whose names are as long as they get, and one of them longer.
pub(crate) fn worst_pod() -> PodFacts {
    let mut pod = cart();
    pod.namespace = "n".repeat(63).into();
    pod.name = "p".repeat(253);
    pod.app.name = "\"".repeat(1000);
    pod.containers[0].name = "c".repeat(63).into();
    pod
}

/// A scope of an exemption, from its keys.
pub(crate) fn scope(keys: serde_json::Value) -> ExemptScope {
    let serde_json::Value::Object(mut keys) = keys else { panic!("a scope has keys") };
    keys.entry("reason").or_insert_with(|| "ordered".into());
    serde_json::from_value(keys.into()).unwrap()
}

/// A pods index that knows what it was told.
#[derive(Debug, Default)]
pub(crate) struct Index {
    is_synced: AtomicBool,
    pods: Mutex<Vec<PodFacts>>,
}

impl Index {
    /// One that knows all pods, and these are all.
    pub(crate) fn of(pods: impl IntoIterator<Item = PodFacts>) -> Arc<Self> {
        Arc::new(Self { is_synced: AtomicBool::new(true), pods: Mutex::new(pods.into_iter().collect()) })
    }

    /// One that knows these, and others are still to come.
    pub(crate) fn not_synced(pods: impl IntoIterator<Item = PodFacts>) -> Arc<Self> {
        let index = Self::of(pods);
        index.is_synced.store(false, Ordering::Relaxed);
        index
    }

    /// From now on these are all pods.
    pub(crate) fn set(&self, pods: impl IntoIterator<Item = PodFacts>) {
        *self.pods.lock().unwrap() = pods.into_iter().collect();
    }

    fn find(&self, is_it: impl Fn(&PodFacts) -> bool) -> Option<PodFacts> {
        self.pods.lock().unwrap().iter().find(|pod| is_it(pod)).cloned()
    }
}

impl PodIndex for Index {
    fn is_synced(&self) -> bool {
        self.is_synced.load(Ordering::Relaxed)
    }

    fn by_uid(&self, uid: &PodUid) -> Option<PodFacts> {
        self.find(|pod| pod.uid == uid.as_str())
    }

    fn by_container(&self, id: &ContainerId) -> Option<PodFacts> {
        self.find(|pod| pod.container(id.as_str()).is_some())
    }

    fn by_name(&self, namespace: &str, name: &str) -> Option<PodFacts> {
        self.find(|pod| *pod.namespace == *namespace && pod.name == name)
    }
}

/// The same process without a container.
pub(crate) fn on_host() -> Match {
    let seen = Timestamp::from(at(2).wall);
    Match {
        identity: Identity { pid: 41233, start_ticks: 8_123_456 },
        boot_id: BOOT.to_owned(),
        comm: "xmrig".to_owned(),
        process: "xmrig".to_owned(),
        argv: vec!["./xmrig".to_owned(), "-o".to_owned(), "stratum+tcp://pool.example:3333".to_owned()],
        cmdline: "./xmrig -o stratum+tcp://pool.example:3333".to_owned(),
        cut: false,
        exe: "/app/xmrig".to_owned(),
        flags: Vec::new(),
        cgroup: "0::/\n".to_owned(),
        place: Place { candidates: Vec::new(), nested: false, outcome: Outcome::Host },
        regex: "xmrig".to_owned(),
        severity: Severity::Critical,
        action: Action::Report,
        rule: "miner-name".to_owned(),
        pack: "miners".to_owned(),
        rules: vec!["miner-name".to_owned(), "miner-stratum".to_owned()],
        exempt_if: Vec::new(),
        evidence: Evidence {
            exe: "/app/xmrig".to_owned(),
            exe_flags: Vec::new(),
            comm_truncated: false,
            sha256: Some("9b".repeat(32)),
            sha256_skipped: None,
            uid: Some(1000),
            started_at: at(0).wall,
            cpu_seconds: 118.2,
            parents: vec![Parent { pid: 41200, name: "sh".to_owned(), started_at: at(0).wall }],
        },
        seen,
    }
}

/// Another process, of this severity.
pub(crate) fn process(pid: u32, severity: Severity) -> Arc<Match> {
    Arc::new(Match { identity: Identity { pid, start_ticks: 1 }, severity, ..on_host() })
}

/// A match whose every text is as long as it gets and doubled by escaping.
pub(crate) fn worst(pid: u32) -> Match {
    let parent = Parent { pid: u32::MAX, name: "\"".repeat(300), started_at: at(0).wall };
    let rules: Vec<String> = (0..40).map(|number| format!("{number:02}{}", "r".repeat(61))).collect();
    let found = in_pod();
    Match {
        identity: Identity { pid, start_ticks: u64::MAX },
        process: "\"".repeat(4096),
        cmdline: "\\".repeat(4096),
        regex: "\u{1}".repeat(1024),
        rule: rules[0].clone(),
        rules,
        evidence: Evidence {
            exe: "\"".repeat(4096),
            exe_flags: vec![Flag::Deleted, Flag::KernelThreadName],
            comm_truncated: true,
            parents: vec![parent; 16],
            cpu_seconds: 123_456_789.123_456,
            ..found.evidence
        },
        ..found
    }
}

/// A clock that stands still until it is moved; it shows [`at`] as many seconds.
#[derive(Debug, Default)]
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn advance_s(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed)).wall.into()
    }

    fn monotonic(&self) -> Duration {
        at(self.0.load(Ordering::Relaxed)).monotonic
    }
}

/// A node that has not been scanned, and its clock at second 2.
pub(crate) fn node() -> (Node, Arc<StillClock>) {
    let clock = Arc::new(StillClock::default());
    clock.advance_s(2);
    let about = About { name: NODE.to_owned(), boot_id: BOOT.to_owned() };
    let every = Duration::from_secs(2);
    (Node::new(about, &NodeSettings::default(), every, &RuleSet::builtin(), clock.clone()), clock)
}

/// A rule set of one file with these sections.
pub(crate) fn rules(sections: &str) -> RuleSet {
    let yaml = format!("version: 1\n{sections}\n");
    RuleSet::compile([RuleText { file: "rules.yaml".to_owned(), pack: Pack::Custom, yaml }]).unwrap()
}

/// A pass that ended like this and found these, with an interval of 2 s.
pub(crate) fn pass(outcome: PassOutcome, matches: Vec<Arc<Match>>) -> Event {
    pass_by(RuleSet::builtin(), outcome, matches)
}

/// The same, judged by these rules.
pub(crate) fn pass_by(rules: RuleSet, outcome: PassOutcome, matches: Vec<Arc<Match>>) -> Event {
    let coverage = PassCoverage {
        started: at(2).wall,
        took_ms: 6.4,
        cpu_ms: 5.9,
        seen: 612,
        new: 4,
        unreadable: 0,
        exited: 2,
        exe_unreadable: 600,
        held: 612,
        by_stat: 0,
        cut: 0,
        host_view: true,
    };
    Event::Pass(Box::new(PassReport {
        outcome,
        matches,
        others: Vec::new(),
        cleared: Vec::new(),
        coverage,
        forks: 41,
        exec_events: ExecCoverage::default(),
        interval: Duration::from_secs(2),
        too_young: 0,
        counters: Counters { hits: [("miner-name".to_owned(), 3)].into(), ..Counters::default() },
        rules: Arc::new(rules),
    }))
}
