//! Who is told of writes.
//!
//! Owns the queues. What a watch answers beside events is `watch`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::change::{Change, Event};
use crate::selector::Selection;

/// Events that may wait for one watcher. A client that is this far behind resumes faster than it catches up; at about
/// 100 bytes an event, objects being shared, a full queue takes 1 MB.
const QUEUE: usize = 10_000;

/// The open watches, by table.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    by_table: BTreeMap<Arc<str>, Vec<Watcher>>,
}

#[derive(Debug)]
struct Watcher {
    selection: Selection,
    /// Events up to this version are known or were asked to be left out.
    after: u64,
    queue: mpsc::Sender<Event>,
}

impl Watchers {
    /// A queue of what happens to `selection` of `table` after version `after`. It ends if it gets full.
    pub(crate) fn open(&mut self, table: &Arc<str>, selection: Selection, after: u64) -> mpsc::Receiver<Event> {
        let (queue, events) = mpsc::channel(QUEUE);
        self.by_table.entry(Arc::clone(table)).or_default().push(Watcher { selection, after, queue });
        events
    }

    pub(crate) fn tell(&mut self, change: &Change) {
        if let Some(watchers) = self.by_table.get_mut(&change.table) {
            watchers.retain(|watcher| watcher.tell(change));
        }
    }

    /// Ends every watch of a table.
    pub(crate) fn close(&mut self, table: &str) {
        self.by_table.remove(table);
    }

    /// Ends every watch.
    pub(crate) fn close_all(&mut self) {
        self.by_table.clear();
    }

    /// Open watches by table.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let open = |watchers: &Vec<Watcher>| watchers.iter().filter(|watcher| !watcher.queue.is_closed()).count();
        self.by_table.iter().map(move |(table, watchers)| (&**table, open(watchers)))
    }
}

impl Watcher {
    /// Whether the watch stays open.
    fn tell(&self, change: &Change) -> bool {
        if change.version <= self.after {
            return !self.queue.is_closed();
        }
        match change.event(&self.selection) {
            Some(event) => self.queue.try_send(event).is_ok(),
            None => !self.queue.is_closed(),
        }
    }
}
