//! The cluster behind its handles: state, clock, faults, counters.
//!
//! Owns what lives as long as the cluster does, and stepping. Clients come through `http`; Rust code through `sim`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::access::Answers;
use crate::clock::{SimClock, seconds};
use crate::definition;
use crate::fault::Faults;
use crate::metrics::Metrics;
use crate::motion;
use crate::requests::Requests;
use crate::settings::{Pace, Settings};
use crate::state::State;
use crate::status::Status;
use crate::store::Key;
use crate::write::{Part, Run, Validation, Write};

/// A cluster. Shared by everything that answers for it.
#[derive(Debug)]
pub(crate) struct Cluster {
    state: Mutex<State>,
    pub(crate) settings: Settings,
    pub(crate) clock: SimClock,
    pub(crate) faults: Faults,
    pub(crate) answers: Answers,
    pub(crate) requests: Requests,
    pub(crate) metrics: Metrics,
    /// Told after writes: something may be due.
    pub(crate) stirred: Notify,
    /// Where it is served, once it is.
    pub(crate) address: Mutex<String>,
}

/// How big a cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Current resourceVersion.
    pub version: u64,
    /// Bytes of the stored encodings.
    pub bytes: usize,
    /// Objects by resource.
    pub objects: BTreeMap<String, usize>,
    /// Open watches by resource.
    pub watchers: BTreeMap<String, usize>,
}

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let mut state = State::new(settings.seed, settings.watch_history, settings.pace);
        let origin = settings.starts_at.saturating_add(settings.clock_skew).unwrap_or(settings.starts_at);
        found(&mut state, origin);
        Arc::new(Self {
            state: Mutex::new(state),
            clock: SimClock::new(origin, settings.pace),
            faults: Faults::new(settings.faults.clone(), settings.seed),
            answers: Answers::new(settings.tokens.clone(), settings.deny.clone()),
            requests: Requests::default(),
            metrics: Metrics::new(),
            stirred: Notify::new(),
            address: Mutex::new("10.99.0.1:6443".to_owned()),
            settings,
        })
    }

    /// The state. A writer that panicked left whole objects: the store changes in one step.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bookmark_every(&self) -> Duration {
        self.settings.bookmark_every
    }

    pub(crate) fn address(&self) -> String {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_address(&self, address: &str) {
        address.clone_into(&mut self.address.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets time pass: everything that is due within `by` happens, in order of time, kind and name.
    pub(crate) fn step(&self, by: Duration) -> usize {
        let until = later(self.clock.now(), by);
        let mut moved = 0;
        loop {
            let mut state = self.state();
            let Some(due) = state.agenda.next_due(until) else { break };
            let ahead = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
            self.clock.advance(ahead);
            moved += motion::move_due(&mut state, due);
        }
        let rest = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
        self.clock.advance(rest);
        moved
    }

    /// Does what is due by now, as long as the clock goes.
    pub(crate) async fn move_by_itself(&self) {
        loop {
            let stirred = self.stirred.notified();
            if !self.clock.goes() {
                stirred.await;
                continue;
            }
            let next = {
                let mut state = self.state();
                let now = self.clock.now();
                motion::move_due(&mut state, now);
                state.agenda.next_due(Timestamp::MAX)
            };
            match next {
                Some(next) => tokio::select! {
                    () = self.clock.sleep_until(next) => {}
                    () = stirred => {}
                },
                None => stirred.await,
            }
        }
    }

    /// A write of the cluster itself, or of a test, to the object of `object`.
    pub(crate) fn put(&self, object: Value) -> Result<Value, Status> {
        let now = self.clock.now();
        let mut state = self.state();
        let stored = motion::put(&mut state, now, object)?;
        drop(state);
        self.stirred.notify_one();
        Ok(stored)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let state = self.state();
        let owned = |(name, count): (&str, usize)| (name.to_owned(), count);
        Sizes {
            version: state.store.version(),
            bytes: state.store.bytes(),
            objects: state.store.counts().map(owned).filter(|(_, count)| *count > 0).collect(),
            watchers: state.store.watchers.counts().map(owned).collect(),
        }
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.clock.set_pace(pace);
        self.state().pace = pace;
        self.stirred.notify_one();
    }
}

/// What every cluster begins with.
fn found(state: &mut State, at: Timestamp) {
    let kind = state.catalog.get("", "v1", "namespaces").cloned().expect("every cluster has namespaces");
    for name in NAMESPACES {
        let write = Write {
            kind: Arc::clone(&kind),
            key: Key::new("", name),
            part: Part::Whole,
            manager: "kube-apiserver".to_owned(),
            run: Run::Real,
            validation: Validation::Ignore,
            at,
        };
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        state.create(&write, object).expect("the first namespaces are valid");
    }
    register_services(state, at);
    state.store.forget();
}

/// The groups are listed as APIServices, as the aggregator of real servers does.
fn register_services(state: &mut State, at: Timestamp) {
    let kind = state.catalog.get("apiregistration.k8s.io", "v1", "apiservices").cloned().expect("it is built in");
    let groups: Vec<(String, String)> = {
        let groups = state.catalog.groups();
        let pairs = groups.iter().flat_map(|(group, versions)| versions.iter().map(move |version| (*group, *version)));
        pairs.map(|(group, version)| (group.to_owned(), version.to_owned())).collect()
    };
    for (group, version) in groups {
        let uid = state.random.uid();
        let object = json!({
            "metadata": {
                "name": format!("{version}.{group}"), "uid": uid, "creationTimestamp": seconds(at),
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            },
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 17_000, "versionPriority": 1},
            "status": {"conditions": [{
                "type": "Available", "status": "True", "lastTransitionTime": seconds(at), "reason": "Local",
                "message": "Local APIServices are always available",
            }]},
        });
        state.keep(at, &kind, &object);
    }
    debug_assert!(state.store.table(definition::TABLE).is_none());
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
