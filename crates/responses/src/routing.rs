//! Services and Ingresses of the cluster, as far as they lead requests to pods.
//!
//! Owns the index and its watches, which run only while apps are blocked by them.
//!
//! ```text
//! kubeio ─► Services, Ingresses ─► Table ─► Routing ─► Neighborhood of a namespace
//! ```

mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kubeio::objects::{Ingress, Pairs, Service};
use kubeio::watch::{Event, Observer, Scope, Watch, WatchSettings, watch};
use kubeio::{CallError, Cluster, Observed};
use runtime::probes::Check;
use runtime::shutdown::{Stop, Stopper};
use serde_json::Value;

use self::table::Table;
use crate::plan::{NamedBackends, NamedSelector, Neighborhood};

/// The ways to pods. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Selectors; of a Service that selects no pods an empty one.
    services: Table<Arc<Pairs>>,
    /// Names of Services.
    ingresses: Table<Arc<[Box<str>]>>,
    watches: Option<Watches>,
}

/// The watches while they run. They end when this is dropped.
#[derive(Debug)]
struct Watches {
    services: Watch,
    ingresses: Watch,
    _stopper: Stopper,
}

/// What a namespace has.
type Ways = (Vec<NamedSelector>, Vec<NamedBackends>);

struct ObserveServices(Routing);
struct ObserveIngresses(Routing);

impl Routing {
    /// Watches from here on, if it does not already. Within a tokio runtime.
    pub(crate) fn watch(&self, cluster: &Cluster) {
        let mut state = self.state();
        if state.watches.is_some() {
            return;
        }
        let (stopper, stop) = Stop::channel();
        let (scope, settings) = (Scope::default, WatchSettings::default());
        let services = watch::<Service>(cluster, scope(), settings, ObserveServices(self.clone()), stop.clone());
        let ingresses = watch::<Ingress>(cluster, scope(), settings, ObserveIngresses(self.clone()), stop);
        state.watches = Some(Watches { services, ingresses, _stopper: stopper });
    }

    /// Ends the watches, and forgets what they told.
    pub(crate) fn forget(&self) {
        let former = std::mem::take(&mut *self.state());
        drop(former);
    }

    /// What has not been listed whole yet.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let state = self.state();
        let tables = [(state.services.is_synced(), "services"), (state.ingresses.is_synced(), "ingresses")];
        tables.into_iter().filter(|(is_synced, _)| !is_synced).map(|(_, name)| name).collect()
    }

    /// Whether the server lets itself be watched.
    pub(crate) fn check(&self) -> Check {
        let state = self.state();
        let Some(Watches { services, ingresses, .. }) = &state.watches else { return Check::Ok };
        let told = [services.check(), ingresses.check()].into_iter().filter_map(|check| match check {
            Check::Ok => None,
            Check::Warn(why) | Check::Fail(why) => Some(why),
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { Check::Ok } else { Check::Warn(told.join("; ")) }
    }

    /// What leads to pods of a namespace; its pods are to be added.
    pub(crate) fn neighborhood(&self, namespace: &str) -> Neighborhood {
        let state = self.state();
        let services = state.services.of(namespace).filter(|(_, selector)| selector.iter().len() > 0);
        Neighborhood {
            pods: Vec::new(),
            services: services.map(|(name, selector)| (Arc::clone(name), Arc::clone(selector))).collect(),
            ingresses: state.ingresses.of(namespace).map(|(name, of)| (Arc::clone(name), Arc::clone(of))).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same, asked of the server: for a rehearsal while nothing is watched.
pub(crate) async fn ask(cluster: &Cluster, namespace: &str) -> Result<Neighborhood, CallError> {
    let (mut services, mut ingresses): Ways = Default::default();
    let mut take = |object: Value| {
        if let Ok(service) = serde_json::from_value::<Service>(object) {
            let selector = selector(&service);
            if selector.iter().len() > 0 {
                services.push((service.metadata.name.as_ref().into(), Arc::new(selector)));
            }
        }
    };
    cluster.survey(&Service::RESOURCE, Some(namespace), "", &mut take).await?;
    let mut take = |object: Value| {
        if let Ok(ingress) = serde_json::from_value::<Ingress>(object) {
            ingresses.push((ingress.metadata.name.as_ref().into(), backends(&ingress)));
        }
    };
    cluster.survey(&Ingress::RESOURCE, Some(namespace), "", &mut take).await?;
    Ok(Neighborhood { pods: Vec::new(), services, ingresses })
}

/// What selects its pods. A name of another place has none.
fn selector(service: &Service) -> Pairs {
    if &*service.spec.kind == "ExternalName" { Pairs::default() } else { service.spec.selector.clone() }
}

fn backends(ingress: &Ingress) -> Arc<[Box<str>]> {
    let names: BTreeSet<&str> = ingress.services().collect();
    names.into_iter().map(Into::into).collect()
}

impl Observer<Service> for ObserveServices {
    fn observe(&mut self, batch: Vec<Event<Service>>) {
        let mut state = self.0.state();
        for event in batch {
            state.services.take(event, |service| Arc::new(selector(service)));
        }
    }
}

impl Observer<Ingress> for ObserveIngresses {
    fn observe(&mut self, batch: Vec<Event<Ingress>>) {
        let mut state = self.0.state();
        for event in batch {
            state.ingresses.take(event, backends);
        }
    }
}
