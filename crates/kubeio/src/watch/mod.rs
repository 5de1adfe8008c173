//! One watch per kind: every object of a scope, and every change of it, told to one observer in order.
//!
//! Owns lists, resuming, fallback, pace and the age of what is known. What an object means is the observer's.
//!
//! ```text
//! Start ─► list ─► follow ─► follow ─► …          pace      when to ask again
//!           ▲  │ broke         │ 410, relist()    decode    what bytes say
//!           └──┴───────────────┘ history doubted  framing   where a line ends
//!                                                 history   whether the server goes on from what is known
//! ```

mod decode;
mod digest;
mod event;
mod framing;
mod history;
mod list;
mod pace;
mod run;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use runtime::probes::Check;
use runtime::shutdown::Stop;

pub use self::event::{Event, Freshness, List, ListMode, Observer, Relist, Scope, WatchSettings};
use self::run::Run;
pub(crate) use self::shared::Shared;
use crate::cluster::Cluster;
use crate::resource::Observed;

/// The handle of a watch. Clones are of the same watch; it goes on without them.
#[derive(Debug, Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

/// Why a watch was opened again; a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    /// The server ended it, as it does after some minutes.
    Ended,
    /// The server has forgotten the version.
    Expired,
    /// The connection broke.
    Broken,
    /// The server answered an error.
    Refused,
    /// Nothing came for too long.
    Silent,
    /// What came is no event of this API.
    Garbled,
}

impl Restart {
    pub(crate) const ALL: [Self; 6] =
        [Self::Ended, Self::Expired, Self::Broken, Self::Refused, Self::Silent, Self::Garbled];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Garbled => "garbled",
        }
    }
}

/// Watches a kind on a task of its own until `stop`. Whatever the server does, it goes on. Called within a tokio runtime.
pub fn watch<K: Observed>(
    cluster: &Cluster,
    scope: Scope,
    settings: WatchSettings,
    observer: impl Observer<K>,
    stop: Stop,
) -> Watch {
    let shared = Arc::new(Shared::new(K::RESOURCE, Arc::clone(cluster.clock())));
    cluster.metrics().watching(&shared);
    let run = Run::new(cluster.clone(), scope, settings, observer, Arc::clone(&shared));
    let ends = Ends(Arc::clone(&shared));
    tokio::spawn(async move {
        // Told even if an observer panics: then readiness says so.
        let _ends = ends;
        tokio::select! {
            () = stop.requested() => {}
            never = run.for_ever() => match never {},
        }
    });
    Watch { shared }
}

impl Watch {
    /// How much is known, and how old it is.
    pub fn freshness(&self) -> Freshness {
        self.shared.freshness()
    }

    /// Asks for a complete list, because what is kept of objects has changed. It comes in the background, at most once a minute and
    /// not sooner than 30 s after another; asking twice before that is asking once.
    pub fn relist(&self) {
        self.shared.ask_for_list();
    }

    /// Whether the server lets itself be watched, with the reason in words if not: a warning, because what is known can still be
    /// served.
    pub fn check(&self) -> Check {
        self.shared.check()
    }
}

struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.ended();
    }
}
