//! The pods of Jobs while they run: whoever plays the container says how it ends.
//!
//! Owns the hook, the runs that go on, and their end when their pod goes. What an outcome does to the pod is `motion`'s.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use tokio::task::AbortHandle;

use crate::cluster::Cluster;
use crate::motion;
use crate::state::State;
use crate::store::{Key, text_at};

/// How a pod of a Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Succeed {
        /// Termination message.
        message: String,
    },
    /// Another exit code.
    Fail {
        /// Exit code.
        exit: i32,
        /// Termination message.
        message: String,
        /// For example `Error`.
        reason: String,
    },
    /// Killed for lack of memory.
    OutOfMemory,
    /// Moved off its node.
    Evict,
    /// The node is gone: the pod stays, terminating.
    LoseNode,
    /// It runs for ever.
    Hang,
    /// Job and pod are gone, as if somebody had deleted them by force.
    Vanish,
}

/// What the hook is told of a pod that runs.
#[derive(Debug, Clone)]
pub struct JobRun {
    /// The Job.
    pub job: Value,
    /// Its pod, running.
    pub pod: Value,
    /// The Secrets that the pod mounts or takes variables from.
    pub secrets: Vec<Value>,
}

type Ending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Decides how pods of Jobs end.
#[derive(Clone)]
pub(crate) struct Hook(pub(crate) Arc<dyn Fn(JobRun) -> Ending + Send + Sync>);

/// The runs that go on, by the uid of the pod.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<HashMap<Arc<str>, AbortHandle>>);

impl Default for Hook {
    /// Every pod succeeds at once.
    fn default() -> Self {
        Self(Arc::new(|_| Box::pin(std::future::ready(Outcome::Succeed { message: String::new() }))))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hook")
    }
}

impl Cluster {
    /// Plays the pods that began to run. What is decided at once is written at once; whether anything was.
    pub(crate) fn play(self: &Arc<Self>) -> bool {
        self.stop_gone();
        let begun = std::mem::take(&mut self.state().begun);
        let mut wrote = false;
        for key in begun {
            let Some((uid, run)) = describe(&self.state(), &key) else { continue };
            let mut ending = (self.hook.0)(run);
            // Outside the lock: the hook may ask the cluster.
            match ending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => {
                    motion::conclude(&mut self.state(), self.clock.now(), &key, &outcome);
                    wrote = true;
                }
                Poll::Pending => self.wait(uid, key, ending),
            }
        }
        wrote
    }

    fn wait(self: &Arc<Self>, uid: Arc<str>, key: Key, ending: Ending) {
        let cluster = Arc::clone(self);
        let task = tokio::spawn(async move {
            let outcome = ending.await;
            motion::conclude(&mut cluster.state(), cluster.clock.now(), &key, &outcome);
            cluster.stirred.notify_one();
        });
        self.runs.lock().insert(uid, task.abort_handle());
    }

    /// Ends the runs whose pods are gone.
    fn stop_gone(&self) {
        let state = self.state();
        self.runs.lock().retain(|uid, run| {
            let is_there = state.store.place(uid).is_some();
            if !is_there {
                run.abort();
            }
            is_there && !run.is_finished()
        });
    }
}

impl Runs {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all.
    pub(crate) fn stop(&self) {
        self.lock().drain().for_each(|(_, run)| run.abort());
    }
}

fn describe(state: &State, key: &Key) -> Option<(Arc<str>, JobRun)> {
    let entry = state.store.get("pods", key)?;
    let (table, owner) = entry.owners.iter().find_map(|uid| state.store.place(uid))?;
    let job = state.store.get(table, owner)?.decode();
    let pod = entry.decode();
    let names = secret_names(&pod);
    let secrets = names.iter().filter_map(|name| state.look_up("secrets", &key.namespace, name)).collect();
    Some((entry.uid.clone(), JobRun { job, pod, secrets }))
}

fn secret_names(pod: &Value) -> Vec<String> {
    let spec = &pod["spec"];
    let volumes = spec["volumes"].as_array().into_iter().flatten().map(|volume| text_at(volume, "secret.secretName"));
    let containers = spec["containers"].as_array().into_iter().flatten();
    let variables = containers.clone().flat_map(|container| container["env"].as_array().into_iter().flatten());
    let variables = variables.map(|variable| text_at(variable, "valueFrom.secretKeyRef.name"));
    let whole = containers.flat_map(|container| container["envFrom"].as_array().into_iter().flatten());
    let whole = whole.map(|source| text_at(source, "secretRef.name"));
    let mut names: Vec<String> =
        volumes.chain(variables).chain(whole).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
