//! The watch of the nodes' Service.
//!
//! Owns which Service is watched, and the one lock around its slices. What they mean is `discovery`'s.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kubeio::Cluster;
use kubeio::objects::EndpointSlice;
use kubeio::watch::{Event, Observer, Scope, Watch, WatchSettings};
use runtime::probes::Check;
use runtime::shutdown::Stop;
use tokio::sync::watch;

use super::discovery::{Addresses, Slices};
use crate::settings::ControllerSettings;

/// The endpoints of the nodes' Service. Clones are of the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    /// Changes with each event.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    slices: Slices,
    watch: Option<Watch>,
    /// Number of the watch whose events count.
    number: u64,
}

/// Tells the slices of one watch.
#[derive(Debug)]
struct Observe {
    endpoints: Endpoints,
    number: u64,
}

/// Which Service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    namespace: String,
    name: String,
}

impl Endpoints {
    /// Watches the Service that the settings name, until `stop`; another one when they name another.
    pub(crate) async fn follow(self, cluster: Cluster, settings: watch::Receiver<Arc<ControllerSettings>>, stop: Stop) {
        tokio::select! {
            () = stop.requested() => {}
            never = self.watch_what_is_named(cluster, settings) => match never {},
        }
    }

    async fn watch_what_is_named(
        &self,
        cluster: Cluster,
        mut settings: watch::Receiver<Arc<ControllerSettings>>,
    ) -> Infallible {
        loop {
            let service = Service::of(&settings.borrow_and_update(), &cluster);
            // Dropping it ends the watch.
            let (_stopper, stop) = Stop::channel();
            self.begin(&cluster, &service, stop);
            while Service::of(&settings.borrow_and_update(), &cluster) == service {
                if settings.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    fn begin(&self, cluster: &Cluster, service: &Service, stop: Stop) {
        let number = {
            let mut known = self.known();
            *known = Known { number: known.number + 1, ..Known::default() };
            known.number
        };
        let Service { namespace, name } = service.clone();
        let scope = Scope {
            namespace: Some(namespace),
            labels: format!("kubernetes.io/service-name={name}"),
            ..Scope::default()
        };
        let observer = Observe { endpoints: self.clone(), number };
        let watch = kubeio::watch::watch(cluster, scope, WatchSettings::default(), observer, stop);
        self.known().watch = Some(watch);
    }

    /// Every node and where to ask it; none while no complete list has been taken.
    pub(crate) fn targets(&self) -> Option<BTreeMap<String, Addresses>> {
        let known = self.known();
        known.slices.is_synced().then(|| known.slices.targets())
    }

    /// Whether a complete list names nobody.
    pub(crate) fn are_none(&self) -> bool {
        let known = self.known();
        known.slices.is_synced() && known.slices.targets().is_empty()
    }

    /// Whether what is missing is missing: a complete list has been taken, and the watch goes on.
    pub(crate) fn is_sure(&self) -> bool {
        let known = self.known();
        known.slices.is_synced() && known.watch.as_ref().is_none_or(|watch| watch.check() == Check::Ok)
    }

    /// Returns when a complete list has been taken.
    pub(crate) async fn synced(&self) {
        let mut changes = self.0.changes.subscribe();
        while !self.known().slices.is_synced() {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What is wrong with the watch, in words.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let known = self.known();
        let is_new = (!known.slices.is_synced()).then(|| "endpoints are not synced".to_owned());
        let of_watch = match known.watch.as_ref().map(Watch::check) {
            Some(Check::Warn(why) | Check::Fail(why)) => Some(why),
            Some(Check::Ok) | None => None,
        };
        is_new.into_iter().chain(of_watch).collect()
    }

    fn take(&self, number: u64, batch: Vec<Event<EndpointSlice>>) {
        let mut known = self.known();
        // A watch that has been replaced may still tell something.
        if known.number == number {
            for event in batch {
                known.slices.take(event);
            }
        }
        drop(known);
        self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As if nothing had been told.
    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.known().slices = Slices::default();
    }

    /// As if a watch had told these.
    #[cfg(test)]
    pub(crate) fn told(&self, batch: Vec<Event<EndpointSlice>>) {
        let number = self.known().number;
        self.take(number, batch);
    }
}

impl Service {
    fn of(settings: &ControllerSettings, cluster: &Cluster) -> Self {
        let named = Some(settings.namespace.clone()).filter(|namespace| !namespace.is_empty());
        let namespace = named.unwrap_or_else(|| cluster.namespace().to_owned());
        Self { namespace, name: settings.service_name.clone() }
    }
}

impl Observer<EndpointSlice> for Observe {
    fn observe(&mut self, batch: Vec<Event<EndpointSlice>>) {
        self.endpoints.take(self.number, batch);
    }
}
