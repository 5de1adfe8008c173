//! The parts of the node role, made and not yet running.

use std::sync::{Arc, Mutex, PoisonError};

use api::Clock;
use kubeio::Metrics;
use pods::Pods;
use processes::rules::RuleSet;
use processes::settings::ExecEvents;
use processes::{ConnectorState, Watch};
use runtime::metrics::Registry;
use runtime::probes::{Check, Checks};
use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::tasks::Tasks;
use tracing::error;
use violations::{About, Node};
use web::Server;

use super::reload::Judging;
use crate::role::Frame;
use crate::settings::Settings;
use crate::{cluster, rules};

/// Everything that the role is made of.
pub(super) struct Parts {
    pub(super) node: Node,
    pub(super) pods: Pods,
    /// What is counted of the cluster.
    pub(super) cluster: Metrics,
    pub(super) server: Server,
    pub(super) tasks: Tasks,
    pub(super) checks: Checks,
    pub(super) registry: Registry,
    pub(super) rules: RulesState,
    pub(super) judging: Judging,
    pub(super) watch: Watch,
    pub(super) connector: Connector,
}

/// Whether the rules of the settings were ever good, and what is wrong with them now. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct RulesState(Arc<Mutex<RulesCheck>>);

/// What the check `rules` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RulesCheck {
    /// The rules of the settings are active.
    Active,
    /// There has been no good set yet: the built-in packs run.
    NeverGood(Vec<String>),
    /// The last good set stays active.
    Refused(Vec<String>),
}

/// What the process connector said last. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Connector(Arc<Mutex<Option<ConnectorState>>>);

/// Descriptors for everything that is neither a process nor a connection to the API.
const RESERVED: usize = 512;

impl Parts {
    pub(super) fn new(live: &Live<Settings>, stop: &Stop, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let settings = live.current();
        let Frame { mut registry, tasks, server, checks } = Frame::new("node", live, stop, clock)?;
        let (set, rules) = first_rules(&settings.processes.rules);
        let watch = open(&settings, &set, clock)?;
        let about = About { name: settings.node_name(), boot_id: watch.boot_id().to_owned() };
        let node = Node::new(about, &settings.violations.node, settings.processes.every, &set, clock.clone());
        rules.tell(&node);
        violations::register(&node, &mut registry);
        let pods = Pods::new(&settings.pods, clock.clone());
        pods::register(&pods, &mut registry);
        let cluster = cluster::register(&mut registry);
        let connector = Connector(Arc::new(Mutex::new(None)));
        add_checks(&checks, &settings, (&node, &rules, &connector));
        let judging = Judging { settings: settings.processes.clone(), rules: set };
        Ok(Self { node, pods, cluster, server, tasks, checks, registry, rules, judging, watch, connector })
    }
}

/// The set of the settings, else the built-in packs: better some eyes than none.
fn first_rules(sources: &[String]) -> (Arc<RuleSet>, RulesState) {
    match rules::load(sources) {
        Ok(set) => (set, RulesState::new(RulesCheck::Active)),
        Err(refused) => {
            let errors = refused.errors;
            let first = errors.first().map_or("", String::as_str);
            error!(errors = errors.join("; "), "rules refused, the built-in packs hold: {first}");
            (Arc::new(RuleSet::builtin()), RulesState::new(RulesCheck::NeverGood(errors)))
        }
    }
}

fn open(settings: &Settings, rules: &Arc<RuleSet>, clock: &Arc<dyn Clock>) -> anyhow::Result<Watch> {
    let connections = usize::try_from(settings.listen.max_connections).unwrap_or(usize::MAX);
    let max_held = processes::raise_open_files(connections.saturating_mul(2).saturating_add(RESERVED));
    Ok(Watch::open(settings.processes.clone(), rules.clone(), max_held, clock.clone())?)
}

fn add_checks(checks: &Checks, settings: &Settings, (node, rules, connector): (&Node, &RulesState, &Connector)) {
    let node = node.clone();
    checks.add("first-pass", move || {
        if node.is_scanned() { Check::Ok } else { Check::Fail("the first pass has not ended yet".to_owned()) }
    });
    let rules = rules.clone();
    checks.add("rules", move || rules.check());
    if settings.processes.exec_events == ExecEvents::Connector {
        let connector = connector.clone();
        checks.add("exec-events", move || connector.check());
    }
}

impl RulesState {
    fn new(check: RulesCheck) -> Self {
        Self(Arc::new(Mutex::new(check)))
    }

    /// A good set is active.
    pub(super) fn loaded(&self) {
        self.set(RulesCheck::Active);
    }

    /// Whether the rules of the settings are the active ones.
    pub(super) fn is_active(&self) -> bool {
        self.get() == RulesCheck::Active
    }

    /// A set was refused. While there never was a good one, the node does not become ready.
    pub(super) fn refused(&self, errors: Vec<String>) {
        let never_good = matches!(self.get(), RulesCheck::NeverGood(_));
        self.set(if never_good { RulesCheck::NeverGood(errors) } else { RulesCheck::Refused(errors) });
    }

    fn check(&self) -> Check {
        match self.get() {
            RulesCheck::Active => Check::Ok,
            RulesCheck::NeverGood(errors) => Check::Fail(format!("the built-in packs hold: {}", errors.join("; "))),
            RulesCheck::Refused(errors) => Check::Warn(format!("the last good rules hold: {}", errors.join("; "))),
        }
    }

    /// Tells the node of a set that was refused at the start.
    fn tell(&self, node: &Node) {
        match self.get() {
            RulesCheck::Active => {}
            RulesCheck::NeverGood(errors) | RulesCheck::Refused(errors) => node.rules_refused(errors),
        }
    }

    fn get(&self) -> RulesCheck {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, check: RulesCheck) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = check;
    }
}

impl Connector {
    pub(super) fn said(&self, state: ConnectorState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    /// Never fatal: passes go on without events.
    fn check(&self) -> Check {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Check::Warn("the process connector has not answered yet".to_owned()),
            Some(ConnectorState::Listening { .. }) => Check::Ok,
            Some(ConnectorState::Failing(why)) => Check::Warn(format!("passes only: {why}")),
        }
    }
}
