//! Findings, pods and ways to them, with defaults for everything that a test does not mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::finding::{App, Source, Subject};
use api::violation::SubjectKind;
use api::{Action, Fingerprint, Severity, Time};
use findings::batch::{Belongs, Order};
use findings::book::{Book, Limits, Stored};
use findings::record::{Life, Record};
use findings::round::{Look, Scope};
use findings::{Facts, Freshness, Sighting, Told};
use jiff::Timestamp;
use kubeio::objects::Pairs;
use serde_json::json;

use crate::ledger::{Changes, Ledger, Object};
use crate::plan::{self, Act, Barred, Causes, Ground, Input, Neighborhood, Plan, PodLabels, Undo};
use crate::protected::Protected;
use crate::response::{AppKey, Response};
use crate::select::{Judge, Selection};
use crate::settings::Settings;

const LIMITS: Limits = Limits {
    keep_resolved: Duration::from_hours(48),
    reopen_within: Duration::from_hours(24),
    touch_every: Duration::from_mins(1),
    max_findings: 100_000,
};

/// Which node does not answer.
pub(crate) const DEAF: &str = "worker-9";

/// A moment, in seconds from 2026-11-21T04:30:02Z.
pub(crate) fn at(seconds: i64) -> Time {
    Time::of(Timestamp::constant(1_795_235_402, 0).checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap())
}

pub(crate) fn fingerprint(number: u32) -> Fingerprint {
    Fingerprint::over(["process", &number.to_string()])
}

/// A confirmed finding of `xmrig` in `ns-shop/cart`, high, whose rule asks.
pub(crate) fn record(number: u32) -> Record {
    let look = |round: u64, seconds| Look { fence: 1, round, at: at(seconds) };
    Record {
        source: Source::Process,
        scope: "worker-1".into(),
        told: told(number),
        first_seen: at(0),
        last_seen: at(60),
        changed_at: at(0),
        count: 2,
        reopened: 0,
        episode: 1,
        life: Life::Open { silence: None },
        looks: Arc::new([look(1, 0), look(2, 60)]),
        rounds: 2,
        touched: at(60),
    }
}

pub(crate) fn sighting(number: u32) -> Sighting {
    told(number).into()
}

fn told(number: u32) -> Told {
    let app = App { kind: SubjectKind::App, name: "cart".to_owned() };
    let belongs = Belongs { app: Some(app), ..Belongs::default() };
    Told {
        fingerprint: fingerprint(number),
        rule: "miner-name".into(),
        severity: Severity::High,
        action: Some(Action::Respond),
        title: "xmrig runs in app cart".into(),
        description: "".into(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: Some("ns-shop".into()),
            pod: Some("cart-0".into()),
            pod_uid: Some("uid-cart-0".into()),
            container: None,
            node: Some("worker-1".into()),
        },
        belongs: belongs.into(),
        facts: facts("resolved"),
        figures: Facts::default(),
        exemption: None,
    }
}

fn facts(attribution: &str) -> Facts {
    json!({"attribution": attribution, "cmdline": "./xmrig"}).as_object().unwrap().clone().into()
}

/// What a test says of a finding.
pub(crate) trait Like: Sized {
    fn in_namespace(self, namespace: &str) -> Self;
    fn app(self, app: &str) -> Self;
    fn rule(self, rule: &str) -> Self;
    fn severity(self, severity: Severity) -> Self;
    fn reports(self) -> Self;
    fn attribution(self, word: &str) -> Self;
    fn silenced(self) -> Self;
    fn resolved(self, seconds: i64) -> Self;
    fn resolved_as(self, seconds: i64, reason: &str) -> Self;
    fn looks(self, looks: &[(u64, i64)]) -> Self;
    fn scope(self, scope: &str) -> Self;
    fn first_seen(self, seconds: i64) -> Self;
    fn process(self, name: &str) -> Self;
    fn episode(self, episode: u64) -> Self;
}

impl Like for Record {
    fn in_namespace(mut self, namespace: &str) -> Self {
        self.told.subject.namespace = Some(namespace.into());
        self
    }

    fn app(mut self, app: &str) -> Self {
        let kind = SubjectKind::App;
        self.told.belongs = Belongs { app: Some(App { kind, name: app.to_owned() }), ..Belongs::default() }.into();
        self.told.subject.pod = Some(format!("{app}-0").into());
        self.told.subject.pod_uid = Some(format!("uid-{app}-0").into());
        self
    }

    fn rule(mut self, rule: &str) -> Self {
        self.told.rule = rule.into();
        self
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.told.severity = severity;
        self
    }

    fn reports(mut self) -> Self {
        self.told.action = Some(Action::Report);
        self
    }

    fn attribution(mut self, word: &str) -> Self {
        self.told.facts = facts(word);
        self
    }

    fn silenced(mut self) -> Self {
        self.life = Life::Open { silence: Some("s".into()) };
        self
    }

    fn resolved(self, seconds: i64) -> Self {
        self.resolved_as(seconds, "process-gone")
    }

    fn resolved_as(mut self, seconds: i64, reason: &str) -> Self {
        self.life = Life::Resolved { at: at(seconds), reason: reason.into() };
        self
    }

    fn looks(mut self, looks: &[(u64, i64)]) -> Self {
        self.looks = looks.iter().map(|(round, seconds)| Look { fence: 1, round: *round, at: at(*seconds) }).collect();
        self
    }

    fn scope(mut self, scope: &str) -> Self {
        self.scope = scope.into();
        self
    }

    fn first_seen(mut self, seconds: i64) -> Self {
        self.first_seen = at(seconds);
        self
    }

    fn process(mut self, name: &str) -> Self {
        self.told.subject.name = name.into();
        self
    }

    fn episode(mut self, episode: u64) -> Self {
        self.episode = episode;
        self
    }
}

/// A book of these findings, in which one node does not answer.
pub(crate) fn book(records: &[Record]) -> Book {
    let stale = Freshness::Stale { since: at(0), reason: "timeout".to_owned() };
    let scope = |name: &str, freshness| Scope {
        source: Source::Process,
        name: name.into(),
        order: Order { fence: 1, round: 2 },
        looked_at: Some(at(60)),
        freshness,
        detail: Facts::default(),
        rounds: 2,
        looks: Arc::new([]),
    };
    let scopes = vec![scope("worker-1", Freshness::Fresh), scope(DEAF, stale)];
    Book::restored(LIMITS, Stored { records: records.to_vec(), scopes, ..Stored::default() }, 0)
}

/// Everything on, nothing held.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.wasm_plugin.enabled = true;
    settings.wasm_plugin.url = "oci://registry.example/plugins/custom-response:1.0.0".to_owned();
    settings.notification.enabled = true;
    settings.namespace_label.enabled = true;
    settings
}

/// A namespace whose apps have a Service and an Ingress each, of their name.
pub(crate) fn neighborhood(apps: &[&str]) -> Neighborhood {
    let mut ground = Neighborhood::default();
    for app in apps {
        ground.pods.push(pod(app));
        ground.services.push(service(app, &[("app", app)]));
        ground.ingresses.push(ingress(app, &[app]));
    }
    ground
}

/// The pod `APP-0`.
pub(crate) fn pod(app: &str) -> PodLabels {
    PodLabels {
        uid: format!("uid-{app}-0"),
        name: format!("{app}-0"),
        app: AppKey::new(SubjectKind::App, app),
        labels: vec![("app".into(), app.into()), ("tier".into(), "web".into())],
        is_gone: false,
    }
}

pub(crate) fn service(name: &str, selector: &[(&str, &str)]) -> (Arc<str>, Arc<Pairs>) {
    (name.into(), Arc::new(selector.iter().copied().collect()))
}

pub(crate) fn ingress(name: &str, services: &[&str]) -> (Arc<str>, Arc<[Box<str>]>) {
    (name.into(), services.iter().map(|service| (*service).into()).collect())
}

/// A sweep without a cluster: it plans, and takes every step as done.
#[derive(Debug, Clone)]
pub(crate) struct Dry {
    pub(crate) settings: Settings,
    pub(crate) ground: Ground,
    pub(crate) ledger: Ledger,
    pub(crate) barred: Barred,
    pub(crate) undo: Undo,
}

impl Dry {
    pub(crate) fn new() -> Self {
        Self {
            settings: settings(),
            ground: BTreeMap::from([("ns-shop".to_owned(), neighborhood(&["cart"]))]),
            ledger: Ledger::default(),
            barred: Barred::default(),
            undo: Undo::All,
        }
    }

    /// Only this response is on.
    pub(crate) fn only(response: Response) -> Self {
        let mut dry = Self::new();
        let Settings { wasm_plugin, notification, namespace_label, .. } = &mut dry.settings;
        for (of, enabled) in [
            (Response::WasmPlugin, &mut wasm_plugin.enabled),
            (Response::Notification, &mut notification.enabled),
            (Response::NamespaceLabel, &mut namespace_label.enabled),
        ] {
            *enabled = of == response;
        }
        dry
    }

    pub(crate) fn plan(&self, records: &[Record], seconds: i64) -> Plan {
        self.seen(&book(records), seconds).1
    }

    pub(crate) fn seen(&self, book: &Book, seconds: i64) -> (Causes, Plan) {
        let protected = Protected::new(&self.settings.protected_namespaces, "keelwatch");
        let in_force = self.ledger.in_force();
        let now = at(seconds);
        let judge = Judge { settings: &self.settings, protected: &protected, now, in_force: &in_force };
        let selection = Selection::of(book, judge, None);
        let findings = self.ledger.findings().into_iter();
        let causes: Causes = findings
            .map(|(response, finding)| {
                let cause = judge.cause(response, &finding, book);
                ((response, finding), cause)
            })
            .collect();
        let plan = plan::plan(Input {
            settings: &self.settings,
            selection: &selection,
            causes: &causes,
            ground: &self.ground,
            ledger: &self.ledger,
            barred: &self.barred,
            undo: self.undo,
            now,
        });
        (causes, plan)
    }

    /// Plans and takes every step, and says each in words.
    pub(crate) fn sweep(&mut self, records: &[Record], seconds: i64) -> Vec<String> {
        let plan = self.plan(records, seconds);
        let words = words(&plan);
        self.ledger.apply(&Changes { items: plan.quiet, objects: BTreeMap::new() });
        for step in plan.steps {
            let uid = format!("uid of {}", step.object);
            let object = match step.act {
                Act::Apply(_) => Some(Object { uid, hash: step.hash, observed: None }),
                Act::Delete | Act::Release => None,
            };
            let objects = BTreeMap::from([((step.response, step.object), object)]);
            self.ledger.apply(&Changes { objects, items: step.items });
        }
        words
    }
}

/// Steps in words.
pub(crate) fn words(plan: &Plan) -> Vec<String> {
    let word = |step: &plan::Step| format!("{} {}: {}", step.verb.as_str(), step.object, step.detail);
    plan.steps.iter().map(word).collect()
}

/// Skips in words, each once.
pub(crate) fn skips(plan: &Plan) -> Vec<String> {
    let word =
        |skip: &crate::response::Skip| format!("{} {}/{} {}", skip.response, skip.namespace, skip.app, skip.reason);
    plan.skipped.iter().map(word).collect::<BTreeSet<_>>().into_iter().collect()
}
