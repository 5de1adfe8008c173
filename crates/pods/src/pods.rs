//! The pods of the cluster, or of one node, as everybody asks for them.
//!
//! Owns the one lock around index and feed, which is never held across an await, and what is counted. The index decides.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use api::{Clock, ContainerId};
use arc_swap::ArcSwap;
use tokio::sync::watch;
use web::access::BasicAuth;

use crate::app::AppRule;
use crate::container::IdPrefix;
use crate::facts::{PodFacts, PodLabels};
use crate::feed::{Feed, Place};
use crate::index::{Change, Found, Index, Key, Moment};
use crate::metrics::Counts;
use crate::settings::Settings;
use crate::start::Watches;
use crate::uid::Wanted;

/// Every pod that is known. Clones are of the same index.
#[derive(Debug, Clone)]
pub struct Pods(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: RwLock<State>,
    settings: ArcSwap<Settings>,
    counts: Counts,
    former_user: BasicAuth,
    /// Once they run.
    watches: OnceLock<Watches>,
    /// Counts what was observed.
    changes: watch::Sender<u64>,
}

/// What the lock protects.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) index: Index,
    pub(crate) feed: Feed,
    pub(crate) rule: AppRule,
    /// Whether a complete list has been taken.
    pub(crate) is_synced: bool,
    clock: Arc<dyn Clock>,
}

impl Pods {
    /// An index without pods; [`crate::start`] fills it.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let instance = format!("{:x}", clock.now().as_nanosecond());
        let state = State {
            index: Index::new(settings.caps(), settings.keep()),
            feed: Feed::new(instance, settings.watch_history),
            rule: settings.app_rule(),
            is_synced: false,
            clock,
        };
        let pods = Self(Arc::new(Shared {
            state: RwLock::new(state),
            settings: ArcSwap::from_pointee(settings.clone()),
            counts: Counts::default(),
            former_user: BasicAuth::new(),
            watches: OnceLock::new(),
            changes: watch::Sender::default(),
        }));
        pods.set_former_user(settings);
        pods
    }

    /// Takes changed settings. Those that say what is kept of pods apply when the pods have been listed again.
    pub fn apply(&self, settings: &Settings) {
        let before = self.0.settings.swap(Arc::new(settings.clone()));
        self.set_former_user(settings);
        self.write(|state| {
            let now = state.now();
            state.index.set_keep(settings.keep(), now);
            state.set_rule(settings.app_rule());
            state.index.set_caps(settings.caps());
        });
        if before.caps() != settings.caps()
            && let Some(watches) = self.0.watches.get()
        {
            watches.pods.relist();
        }
    }

    /// The pod of this uid, or the static pod of this configuration hash. Live pods first, then those that ceased to exist lately;
    /// so do all look-ups.
    pub fn by_uid(&self, uid: &str) -> Option<PodFacts> {
        self.facts(&Key::Uid(Wanted::of(uid)))
    }

    /// The pod that has this container, or had it before it was started again.
    pub fn by_container(&self, id: &ContainerId) -> Option<PodFacts> {
        self.facts(&Key::Container(IdPrefix::whole(id)))
    }

    /// The pod that has this address. The address of a node is no pod's, whatever runs in its network.
    pub fn by_address(&self, address: IpAddr) -> Option<PodFacts> {
        self.facts(&Key::Address(address))
    }

    /// The pod of this name.
    pub fn by_name(&self, namespace: &str, name: &str) -> Option<PodFacts> {
        self.facts(&Key::Name { namespace: namespace.into(), name: name.into() })
    }

    /// The live pods of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<PodLabels> {
        self.read(|state| {
            let place = Place::before_all_of(namespace);
            let views = state.index.after(Some(&place)).take_while(|view| view.namespace() == namespace);
            views.filter(|view| view.died().is_none()).map(|view| PodLabels::of(&view, &state.rule)).collect()
        })
    }

    /// How many pods exist.
    pub fn count(&self) -> usize {
        self.read(|state| state.index.count())
    }

    /// Whether a complete list has been taken, so that a pod that is not known does not exist.
    pub fn is_synced(&self) -> bool {
        self.read(|state| state.is_synced)
    }

    /// Changes after each batch of events that may have changed an answer. It says that, and no more: who waits for a pod asks
    /// again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn facts(&self, key: &Key) -> Option<PodFacts> {
        self.read(|state| {
            let (by, found) = state.index.ask(key, state.now());
            self.0.counts.looked_up(by, &found);
            match found {
                Found::Live(view) | Found::Tombstone(view) => {
                    let labels = state.index.namespace_labels(view.namespace());
                    Some(PodFacts::of(&view, labels, &state.rule))
                }
                Found::Missing | Found::Ambiguous(_) => None,
            }
        })
    }

    fn set_former_user(&self, settings: &Settings) {
        let user = &settings.basic_auth;
        if user.username.is_empty() {
            self.0.former_user.clear();
        } else {
            self.0.former_user.set(&user.username, &user.password);
        }
    }

    pub(crate) fn former_user(&self) -> &BasicAuth {
        &self.0.former_user
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(crate) fn watches(&self) -> Option<&Watches> {
        self.0.watches.get()
    }

    pub(crate) fn set_watches(&self, watches: Watches) -> &Watches {
        self.0.watches.get_or_init(|| watches)
    }

    pub(crate) fn read<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn write<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = act(&mut self.0.state.write().unwrap_or_else(PoisonError::into_inner));
        self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        done
    }
}

impl State {
    pub(crate) fn now(&self) -> Moment {
        let wall = self.clock.now().as_second();
        let monotonic = self.clock.monotonic().as_secs();
        Moment {
            wall: u32::try_from(wall).unwrap_or_default(),
            monotonic: u32::try_from(monotonic).unwrap_or(u32::MAX),
        }
    }

    /// From now on other labels may name apps. Whoever listens is told of the pods that this concerns.
    fn set_rule(&mut self, rule: AppRule) {
        let before = std::mem::replace(&mut self.rule, rule);
        if before == self.rule {
            return;
        }
        let Self { index, feed, rule, .. } = self;
        for view in index.live().filter(|view| view.app(&before) != view.app(rule)) {
            feed.publish(Change::Modified { before: view, after: view }, rule);
        }
    }
}
