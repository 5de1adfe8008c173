//! What an observer is told, and what a watch is asked to do.
//!
//! Owns the words between a watch and the index that stands on it.

use std::time::Duration;

/// What happened, in the order in which it did.
///
/// ```text
/// Listing ─► Seen … Seen ─► Listed        what was neither Seen nor Unreadable since Listing is gone
///               └────────► ListFailed     nothing is gone; another Listing follows
/// then Seen, Deleted, Bookmark, until the next Listing
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<K> {
    /// A complete list begins.
    Listing {
        /// Why.
        reason: Relist,
    },
    /// It exists: from a list, ADDED or MODIFIED. It may be older than what is known, or the same.
    Seen(K),
    /// It is gone; this is its last state.
    Deleted(K),
    /// It exists, but not in a shape that is understood. Counted and logged here; what was known of it stays, and is stale. Texts
    /// are empty where not even they could be read.
    Unreadable {
        /// Namespace, or "".
        namespace: String,
        /// Name, or "".
        name: String,
    },
    /// The list is complete.
    Listed {
        /// How it was taken.
        mode: ListMode,
        /// Since the list began.
        took: Duration,
    },
    /// The list broke off: nothing that was not seen is gone.
    ListFailed,
    /// Nothing happened, and that is known up to now.
    Bookmark,
}

/// Why a complete list is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relist {
    /// Nothing is known yet.
    Start,
    /// The server has forgotten the version to go on from, or to list on from.
    Expired,
    /// A list broke off, a deletion could not be read, or the server does not go on from what is known.
    Broken,
    /// [`super::Watch::relist`] asked for it.
    Settings,
}

/// How a list was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListMode {
    /// As the first events of a watch.
    Streaming,
    /// Page by page.
    Paged,
}

/// Who is told. It decides what a watch costs others: it is called on the watch's own task and must not wait.
pub trait Observer<K>: Send + 'static {
    /// Takes what one piece of input brought, never empty. An index takes its lock once for all of it.
    fn observe(&mut self, batch: Vec<Event<K>>);
}

/// Which objects are watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Field selector, for example `spec.nodeName=node-1`; "" for all.
    pub fields: String,
    /// Label selector; "" for all.
    pub labels: String,
    /// Only this namespace; `None` for all, and for kinds that have none.
    pub namespace: Option<String>,
}

/// How complete lists are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchSettings {
    /// In which way.
    pub list: List,
    /// Objects per page.
    pub page_size: u32,
}

/// In which way complete lists are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum List {
    /// Streaming; paged if the server does not know how, or is silent for a minute.
    #[default]
    Auto,
    /// Streaming only.
    Streaming,
    /// Paged only.
    Paged,
}

/// How much is known, and how old it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The last resourceVersion that was heard of; "" before the first.
    pub version: String,
    /// Since the last event, bookmark or list page, by the monotonic clock; `None` before the first.
    pub age: Option<Duration>,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { list: List::Auto, page_size: 500 }
    }
}
