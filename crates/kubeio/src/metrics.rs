//! What is counted of the cluster: requests, watches, leadership.
//!
//! Owns names and labels. Verbs, resources, codes and reasons are closed sets of this program, never texts of a tenant.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::cluster::Verb;
use crate::watch::{Restart, Shared};

/// The metrics of this room. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    requests: Family<[(&'static str, Text); 3], Counter>,
    restarts: Family<[(&'static str, &'static str); 2], Counter>,
    watches: Arc<Mutex<Vec<Weak<Shared>>>>,
    leader: Gauge,
    transitions: Counter,
}

/// A text of a label: most are constants, codes are numbers.
type Text = std::borrow::Cow<'static, str>;

impl Metrics {
    /// Has `registry` serve them.
    pub fn register(&self, registry: &mut Registry) {
        let Self { requests, restarts, watches, leader, transitions } = self;
        registry.register(
            "keelwatch_kube_requests_total",
            &["verb", "resource", "code"],
            "Requests to the API server; the code is `none` if there was no answer",
            requests.clone(),
        );
        let watches = Arc::clone(watches);
        registry.read_at_scrape(
            Entry {
                name: "keelwatch_kube_watch_age_seconds",
                kind: Kind::Gauge,
                labels: &["resource"],
                help: "Time since a watch last heard of anything, bookmarks included",
            },
            move || ages(&watches),
        );
        registry.register(
            "keelwatch_kube_watch_restarts_total",
            &["resource", "reason"],
            "Watches that were opened again, by why the former one ended",
            restarts.clone(),
        );
        registry.register("keelwatch_leader", &[], "1 if this process may write to the cluster", leader.clone());
        let help = "How often this process began or ceased to lead";
        registry.register("keelwatch_leader_transitions_total", &[], help, transitions.clone());
    }

    pub(crate) fn answered(&self, verb: Verb, resource: &'static str, code: Option<u16>) {
        let code = code.map_or(Text::Borrowed("none"), |code| Text::Owned(code.to_string()));
        let labels = [("verb", verb.name().into()), ("resource", resource.into()), ("code", code)];
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn watching(&self, watch: &Arc<Shared>) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| watch.strong_count() > 0);
        watches.push(Arc::downgrade(watch));
        drop(watches);
        for reason in Restart::ALL {
            self.restarts.get_or_create(&[("resource", watch.resource().plural), ("reason", reason.name())]).inc_by(0);
        }
    }

    pub(crate) fn restarted(&self, resource: &'static str, reason: Restart) {
        self.restarts.get_or_create(&[("resource", resource), ("reason", reason.name())]).inc();
    }

    /// Counts a change only: telling the same again is no transition.
    pub(crate) fn leads(&self, leads: bool) {
        let before = self.leader.set(i64::from(leads));
        if before != i64::from(leads) {
            self.transitions.inc();
        }
    }
}

fn ages(watches: &Mutex<Vec<Weak<Shared>>>) -> Vec<Sample> {
    let watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
    let age = |watch: &Weak<Shared>| {
        let watch = watch.upgrade()?;
        let value = watch.freshness().age?.as_secs_f64();
        Some(Sample { labels: vec![("resource", watch.resource().plural.to_owned())], value })
    };
    watches.iter().filter_map(age).collect()
}
