//! The watches that fill the index, and whether they may.
//!
//! Owns which kinds are watched in which role, and the checks of readiness. How a watch lives is `kubeio`'s matter.

use std::time::Duration;

use kubeio::Cluster;
use kubeio::objects::{Job, Namespace, Pod, ReplicaSet};
use kubeio::watch::{List, Scope, Watch, WatchSettings, watch};
use runtime::probes::Check;
use runtime::shutdown::Stop;

use crate::observe::{ObserveMiddles, ObserveNamespaces, ObservePods};
use crate::pods::Pods;
use crate::settings::{self, Settings};

/// Whose pods are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// All pods.
    Controller,
    /// Those of the node of this name.
    Node(String),
}

/// The watches that run.
#[derive(Debug)]
pub(crate) struct Watches {
    pub(crate) pods: Watch,
    replica_sets: Watch,
    jobs: Watch,
    namespaces: Watch,
}

/// Starts the watches, each on a task of its own until `stop`. Called once, within a tokio runtime.
pub fn start(pods: &Pods, cluster: &Cluster, role: &Role, stop: &Stop) {
    let settings = pods.settings();
    let fields = match role {
        Role::Controller => String::new(),
        Role::Node(node) => format!("spec.nodeName={node}"),
    };
    let (all, taken) = (Scope::default, settings.watch());
    pods.set_watches(Watches {
        pods: watch::<Pod>(
            cluster,
            Scope { fields, ..Scope::default() },
            taken,
            ObservePods(pods.clone()),
            stop.clone(),
        ),
        replica_sets: watch::<ReplicaSet>(cluster, all(), taken, ObserveMiddles(pods.clone()), stop.clone()),
        jobs: watch::<Job>(cluster, all(), taken, ObserveMiddles(pods.clone()), stop.clone()),
        namespaces: watch::<Namespace>(cluster, all(), taken, ObserveNamespaces(pods.clone()), stop.clone()),
    });
}

/// How fresh what is known is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Freshness {
    /// The last resourceVersion.
    pub(crate) version: String,
    /// Since the last event, bookmark or list page; `None` before the first.
    pub(crate) age: Option<Duration>,
    pub(crate) is_stale: bool,
}

impl Pods {
    /// Whether the index can answer, for `/readyz`: not before the first complete list; if it is stale, as the settings say. A
    /// permission that is missing is told.
    pub fn check(&self) -> Check {
        let Some(watches) = self.watches() else {
            return Check::Fail("cache not synced: no pods are watched".to_owned());
        };
        let mut told: Vec<String> = Vec::new();
        let guessed = " (owners are guessed from names)";
        let all = [
            (&watches.pods, ""),
            (&watches.replica_sets, guessed),
            (&watches.jobs, guessed),
            (&watches.namespaces, " (exemptions by labels of namespaces do not hold)"),
        ];
        for (watch, so) in all {
            match watch.check() {
                Check::Ok => {}
                Check::Warn(why) => told.push(why + so),
                Check::Fail(why) => return Check::Fail(why),
            }
        }
        if !self.is_synced() {
            told.insert(0, "cache not synced".to_owned());
            return Check::Fail(told.join("; "));
        }
        let Freshness { age, is_stale, .. } = self.freshness();
        if is_stale {
            let age = age.map_or_else(|| "unknown".to_owned(), |age| format!("{} s", age.as_secs()));
            told.insert(0, format!("what is known is stale (age {age})"));
            if self.settings().unready_when_stale {
                return Check::Fail(told.join("; "));
            }
        }
        if told.is_empty() { Check::Ok } else { Check::Warn(told.join("; ")) }
    }

    /// How fresh the pods are.
    pub(crate) fn freshness(&self) -> Freshness {
        let known = self.watches().map(|watches| watches.pods.freshness()).unwrap_or_default();
        let is_stale = known.age.is_none_or(|age| age > self.settings().stale_after);
        Freshness { version: known.version, age: known.age, is_stale }
    }
}

impl Settings {
    const fn watch(&self) -> WatchSettings {
        let list = match self.list {
            settings::List::Auto => List::Auto,
            settings::List::Streaming => List::Streaming,
            settings::List::Paged => List::Paged,
        };
        WatchSettings { list, page_size: self.page_size }
    }
}

#[cfg(test)]
mod tests;
