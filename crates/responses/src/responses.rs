//! The handle of this room: what every replica has, and what the leader does with it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Clock;
use arc_swap::ArcSwap;
use findings::Findings;
use kubeio::Cluster;
use kubeio::election::Leading;
use pods::Pods;
use runtime::metrics::Registry;
use runtime::probes::Check;
use runtime::shutdown::Stop;
use storage::Storage;
use tokio::sync::watch;

use crate::Lead;
use crate::metrics::{self, Counts};
use crate::notify::Notify;
use crate::protected::Protected;
use crate::routing::Routing;
use crate::settings::Settings;
use crate::sweep::{Sweeper, View};

/// A changed finding starts a sweep this much later, so that what changes together is looked at together.
const SETTLE: Duration = Duration::from_millis(500);

/// Between the end of a sweep and the start of the next, whatever changes.
const PAUSE: Duration = Duration::from_secs(1);

/// Responses to findings. Clones are of the same.
#[derive(Debug, Clone)]
pub struct Responses(Arc<Shared>);

/// What this room is made of.
#[derive(Clone)]
pub struct Parts {
    /// What is wrong.
    pub findings: Findings,
    /// Whose pods are.
    pub pods: Pods,
    /// Where what was done is kept.
    pub storage: Storage,
    /// Where it is done; without a cluster, only messages are sent.
    pub cluster: Option<Cluster>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Name of this process, for people: its pod or host.
    pub reporter: String,
}

/// What settings of other sections say of messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// `cluster.name`; "" if it has none.
    pub cluster: String,
    /// `listen.external_url`; "" leaves out links.
    pub external_url: String,
}

/// What clones share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) parts: Parts,
    pub(crate) settings: ArcSwap<Settings>,
    pub(crate) around: ArcSwap<Around>,
    pub(crate) routing: Routing,
    pub(crate) counts: Counts,
    pub(crate) notify: Notify,
    /// Counts changes of the settings.
    reloads: watch::Sender<u64>,
    view: Mutex<Arc<View>>,
    /// The proof of the leadership that goes on.
    leading: Mutex<Option<Lead>>,
}

impl Responses {
    /// Responses that nobody carries out yet.
    pub fn new(settings: &Settings, around: &Around, parts: Parts) -> Self {
        Self(Arc::new(Shared {
            settings: ArcSwap::from_pointee(settings.clone()),
            around: ArcSwap::from_pointee(around.clone()),
            routing: Routing::default(),
            counts: Counts::default(),
            notify: Notify::new(settings, around, &parts),
            reloads: watch::Sender::default(),
            view: Mutex::default(),
            leading: Mutex::default(),
            parts,
        }))
    }

    /// Watches what a response needs while it is enabled, until `stop`. Every replica. Called once, within a tokio runtime.
    pub fn start(&self, stop: &Stop) {
        let (shared, stop) = (Arc::clone(&self.0), stop.clone());
        tokio::spawn(async move {
            let mut reloads = shared.reloads.subscribe();
            loop {
                match &shared.parts.cluster {
                    Some(cluster) if shared.settings.load().wasm_plugin.enabled => shared.routing.watch(cluster),
                    _ => shared.routing.forget(),
                }
                tokio::select! {
                    () = stop.requested() => break,
                    changed = reloads.changed() => if changed.is_err() { break },
                }
            }
            shared.routing.forget();
        });
    }

    /// Acts while this process leads. Returns at `stop`, or when the lead has ended, also if another has begun in its place.
    pub async fn run(&self, lead: Lead, stop: Stop) {
        let Some(mut sweeper) = Sweeper::begin(Arc::clone(&self.0), lead.clone(), stop.clone()) else { return };
        self.0.lead(Some(lead.clone()));
        let sweeps = async {
            let mut wakes = self.0.parts.findings.wakes();
            let mut reloads = self.0.reloads.subscribe();
            loop {
                wakes.mark_unchanged();
                reloads.mark_unchanged();
                // It is not broken off at the stop: what was written is to be remembered.
                if sweeper.sweep().await.is_err() || stop.is_requested() {
                    return;
                }
                let every = self.0.settings.load().every;
                let woken = async {
                    tokio::time::sleep(PAUSE).await;
                    tokio::select! {
                        _ = wakes.changed() => {}
                        _ = reloads.changed() => {}
                        () = tokio::time::sleep(every.saturating_sub(PAUSE)) => return,
                    }
                    tokio::time::sleep(SETTLE).await;
                };
                tokio::select! {
                    () = stop.requested() => return,
                    () = woken => {}
                }
            }
        };
        let (stopper, end) = Stop::channel();
        let sweeps = async {
            sweeps.await;
            stopper.stop();
        };
        // Boxed, for they are large and whoever calls this holds them.
        tokio::join!(Box::pin(sweeps), Box::pin(self.0.notify.run(lead, end)));
        self.0.lead(None);
        self.0.show(View::default());
    }

    /// Takes changed settings.
    pub fn apply(&self, settings: &Settings, around: &Around) {
        self.0.settings.store(Arc::new(settings.clone()));
        self.0.around.store(Arc::new(around.clone()));
        self.0.notify.apply(settings, around);
        self.0.reloads.send_modify(|reloads| *reloads = reloads.wrapping_add(1));
    }

    /// For readiness: a warning while something that is enabled cannot be done.
    pub fn check(&self) -> Check {
        let view = self.view();
        let missing =
            view.missing.iter().map(|(response, _)| format!("the cluster knows no {}", response.resource().kind));
        let mut told: Vec<String> = missing.collect();
        if let Check::Warn(why) | Check::Fail(why) = self.0.routing.check() {
            told.push(why);
        }
        if told.is_empty() { Check::Ok } else { Check::Warn(told.join("; ")) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The last sweep.
    pub(crate) fn view(&self) -> Arc<View> {
        self.0.view()
    }
}

/// Serves the figures of responses and of their messages.
pub fn register(responses: &Responses, registry: &mut Registry) {
    metrics::register(responses, registry);
    responses.0.notify.register(registry);
}

impl Shared {
    /// Namespaces that no response touches.
    pub(crate) fn protected(&self, settings: &Settings) -> Protected {
        let release = self.parts.cluster.as_ref().map_or("", Cluster::namespace);
        Protected::new(&settings.protected_namespaces, release)
    }

    /// The last sweep.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows a sweep.
    pub(crate) fn show(&self, view: View) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// The proof, if this process leads.
    pub(crate) fn proof(&self) -> Option<Leading> {
        self.leading.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.proof()
    }

    fn lead(&self, lead: Option<Lead>) {
        *self.leading.lock().unwrap_or_else(PoisonError::into_inner) = lead;
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("cluster", &self.cluster)
            .field("reporter", &self.reporter)
            .finish_non_exhaustive()
    }
}
