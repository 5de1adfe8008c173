//! Which Ingresses lead to an app: from its pods over Services to Ingresses.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kubeio::objects::Pairs;

use crate::response::{AppKey, Reason};

/// Namespaces with something to block, by name.
pub(crate) type Ground = BTreeMap<String, Neighborhood>;

/// A Service and the labels that it selects by.
pub(crate) type NamedSelector = (Arc<str>, Arc<Pairs>);

/// An Ingress and the Services that it sends requests to.
pub(crate) type NamedBackends = (Arc<str>, Arc<[Box<str>]>);

/// Pods of a namespace, and the ways to them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Neighborhood {
    /// Live ones, and those that are gone and have a finding.
    pub(crate) pods: Vec<PodLabels>,
    /// Selectors by name; without those that select nothing.
    pub(crate) services: Vec<NamedSelector>,
    /// Names of Services by name.
    pub(crate) ingresses: Vec<NamedBackends>,
}

/// A pod as Services see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodLabels {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) app: AppKey,
    pub(crate) labels: Vec<(Arc<str>, Arc<str>)>,
    /// Whether it is gone: then it is served no more, but its app was.
    pub(crate) is_gone: bool,
}

/// The ways to one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ways {
    /// Ingresses of this app alone, or of others that violate too; sorted.
    pub(super) own: Vec<String>,
    /// Ingresses that serve an app without findings.
    pub(super) shared: Vec<String>,
}

/// What is known of a namespace while its apps are looked at.
#[derive(Debug)]
pub(super) struct Map<'a> {
    pods: &'a [PodLabels],
    /// Ingresses by Service.
    routes: HashMap<&'a str, Vec<&'a str>>,
    /// Services that an Ingress names and that select pods, by the first label of their selector.
    services: HashMap<(&'a str, &'a str), Vec<(&'a str, &'a Pairs)>>,
    /// Ingresses that serve an app without findings.
    shared: HashSet<&'a str>,
}

impl<'a> Map<'a> {
    pub(super) fn of(namespace: &str, ground: &'a Neighborhood, violating: &BTreeSet<(String, AppKey)>) -> Self {
        let Neighborhood { pods, services, ingresses } = ground;
        let mut routes: HashMap<&str, Vec<&str>> = HashMap::new();
        for (ingress, names) in ingresses {
            for name in &**names {
                routes.entry(name).or_default().push(ingress);
            }
        }
        let mut by_label: HashMap<(&str, &str), Vec<(&str, &Pairs)>> = HashMap::new();
        for (name, selector) in services.iter().filter(|(name, _)| routes.contains_key(&**name)) {
            if let Some(first) = selector.iter().next() {
                by_label.entry(first).or_default().push((name, selector));
            }
        }
        let mut map = Self { pods, routes, services: by_label, shared: HashSet::new() };
        let clean = |pod: &&PodLabels| !pod.is_gone && !violating.contains(&(namespace.to_owned(), pod.app.clone()));
        let served = pods.iter().filter(clean).flat_map(|pod| map.ingresses_of(pod)).collect();
        map.shared = served;
        map
    }

    /// The ways to an app over pods that `is_meant`.
    pub(super) fn ways(&self, is_meant: impl Fn(&PodLabels) -> bool) -> Ways {
        let pods = self.pods.iter().filter(|pod| is_meant(pod));
        let all: BTreeSet<&str> = pods.flat_map(|pod| self.ingresses_of(pod)).collect();
        let (shared, own): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|ingress| self.shared.contains(ingress));
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Ways { own: owned(own), shared: owned(shared) }
    }

    fn ingresses_of<'b>(&'b self, pod: &'b PodLabels) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        let pairs = pod.labels.iter().map(|(key, value)| (&**key, &**value));
        let candidates = pairs.flat_map(|pair| self.services.get(&pair).into_iter().flatten());
        let selecting = candidates.filter(|(_, selector)| selector.iter().all(|pair| pod.has(pair)));
        selecting.flat_map(|(name, _)| self.routes.get(name).into_iter().flatten().copied())
    }
}

impl PodLabels {
    fn has(&self, (key, value): (&str, &str)) -> bool {
        self.labels.iter().any(|(known, has)| **known == *key && **has == *value)
    }
}

impl Ways {
    /// The Ingresses to block; why not, if there are none.
    pub(super) fn blocked(&self, allow_shared: bool) -> Result<Vec<String>, Reason> {
        let mut blocked = self.own.clone();
        if allow_shared {
            blocked.extend(self.shared.iter().cloned());
            blocked.sort_unstable();
        }
        match (blocked.is_empty(), self.shared.is_empty()) {
            (false, _) => Ok(blocked),
            (true, true) => Err(Reason::NoIngress),
            (true, false) => Err(Reason::SharedIngress),
        }
    }
}
