//! The cluster behind its handles: state, clock, faults, counters.
//!
//! Owns what lives as long as the cluster does, and stepping. Clients come through `http`; Rust code through `sim`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::access::Answers;
use crate::clock::SimClock;
use crate::fault::{Fault, Faults};
use crate::founding;
use crate::logs::LogHook;
use crate::metrics::Metrics;
use crate::motion;
use crate::requests::Requests;
use crate::runs::{Hook, Runs};
use crate::settings::{Pace, Settings};
use crate::state::State;
use crate::status::Status;
use crate::yaml::{self, YamlError};

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
    pub(crate) hook: Hook,
    pub(crate) logs: LogHook,
    pub(crate) runs: Runs,
    /// Until when nobody listens, told when an outage begins.
    pub(crate) outages: watch::Sender<Timestamp>,
    /// Told after writes: something may be due.
    pub(crate) stirred: Notify,
    /// Where it is served, once it is.
    pub(crate) address: Mutex<String>,
}

/// How big a cluster is, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Current resourceVersion.
    pub version: u64,
    /// Bytes of the stored encodings.
    pub bytes: usize,
    /// Objects by resource.
    pub objects: BTreeMap<String, usize>,
    /// Open watches by resource.
    pub watchers: BTreeMap<String, usize>,
}

/// Why documents were not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// They are no YAML.
    #[error("the documents cannot be read")]
    Text(#[source] YamlError),
    /// One of them is no object that can be stored; those before it were.
    #[error("document {0}: {1}")]
    Refused(usize, String),
}

/// What a cluster that moves by itself leaves between its moves.
const BREATH: Duration = Duration::from_millis(1);

impl Cluster {
    pub(crate) fn new(settings: Settings, hook: Hook, logs: LogHook) -> Arc<Self> {
        let mut state = State::new(settings.seed, settings.watch_history, settings.pace);
        let origin = settings.starts_at.saturating_add(settings.clock_skew).unwrap_or(settings.starts_at);
        founding::found(&mut state, &settings, origin);
        Arc::new(Self {
            state: Mutex::new(state),
            clock: SimClock::new(origin, settings.pace),
            faults: Faults::new(settings.faults.clone(), settings.seed),
            answers: Answers::new(settings.tokens.clone(), settings.deny.clone()),
            requests: Requests::default(),
            metrics: Metrics::new(),
            hook,
            logs,
            runs: Runs::default(),
            outages: watch::Sender::new(origin),
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
    pub(crate) fn step(self: &Arc<Self>, by: Duration) -> usize {
        let until = later(self.clock.now(), by);
        let mut moved = 0;
        loop {
            let mut state = self.state();
            let Some(due) = motion::next_due(&state, until) else { break };
            let ahead = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
            self.clock.advance(ahead);
            moved += motion::move_due(&mut state, due, motion::ALL);
            drop(state);
            self.play();
        }
        let rest = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
        self.clock.advance(rest);
        moved
    }

    /// Does what is due by now, as long as the clock goes.
    pub(crate) async fn move_by_itself(self: Arc<Self>) {
        loop {
            let stirred = self.stirred.notified();
            if !self.clock.goes() {
                stirred.await;
                continue;
            }
            let next = {
                let mut state = self.state();
                let now = self.clock.now();
                motion::move_due(&mut state, now, motion::FEW);
                motion::next_due(&state, Timestamp::MAX)
            };
            // Whoever waits for the state gets it, however late the cluster is.
            tokio::time::sleep(BREATH).await;
            if self.play() {
                continue;
            }
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

    /// Stores what YAML documents hold, one after another up to the first that cannot be stored.
    pub(crate) fn load(&self, documents: &[u8]) -> Result<usize, LoadError> {
        let documents = yaml::parse_all(documents).map_err(LoadError::Text)?;
        let mut stored = 0;
        for (document, nth) in documents.into_iter().zip(1..) {
            self.put(document).map_err(|status| LoadError::Refused(nth, status.message().to_owned()))?;
            stored = nth;
        }
        Ok(stored)
    }

    pub(crate) fn census(&self) -> Census {
        let state = self.state();
        let owned = |(name, count): (&str, usize)| (name.to_owned(), count);
        Census {
            version: state.store.version(),
            bytes: state.store.bytes(),
            objects: state.store.counts().map(owned).filter(|(_, count)| *count > 0).collect(),
            watchers: state.store.watchers.counts().map(owned).collect(),
        }
    }

    /// Sets what goes wrong. An outage among it begins now.
    pub(crate) fn set_faults(&self, faults: Vec<Fault>) {
        let outage = faults.iter().find_map(|fault| fault.effect.outage());
        self.faults.set(faults);
        if let Some(length) = outage {
            self.metrics.fault("down");
            self.state().store.watchers.close_all();
            self.outages.send_replace(later(self.clock.now(), length));
        }
    }

    /// Whether nobody listens now.
    pub(crate) fn is_down(&self) -> bool {
        self.clock.now() < *self.outages.borrow()
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.clock.set_pace(pace);
        self.state().pace = pace;
        self.stirred.notify_one();
    }
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
