//! Changes on their way to those who listen, and the last of them for those who come back.
//!
//! Owns sequence numbers, the history and the queues; all under the lock of the index, so that a number tells exactly what an
//! index had when it was read. What is written to a client is `stream`'s matter.

mod stream;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

pub(crate) use stream::{Start, stream};

use crate::app::AppRule;
use crate::filter::WatchFilter;
use crate::index::{Change, View};
use crate::json::{self, Detail};
use crate::uid::Uid;

// A change takes a subscriber some 20 µs to be written to its socket; a subscriber that is this far behind stands still. 256 of
// them hold 2 MiB of pointers; the texts they point to are shared.
const QUEUE: usize = 1024;

/// Everything about changes.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Of this process: the numbers of another mean nothing here.
    instance: Box<str>,
    /// The number of the last change.
    sequence: u64,
    /// The last changes, the newest at the end.
    history: VecDeque<Past>,
    capacity: usize,
    subscribers: HashMap<u64, Subscriber>,
    next: u64,
    dropped: Dropped,
}

/// Streams that were ended or refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Too slow.
    pub(crate) lag: u64,
    /// Too many.
    pub(crate) full: u64,
}

/// A change that is over. What the pod is now is asked of the index.
#[derive(Debug, Clone)]
struct Past {
    uid: Uid,
    verb: Verb,
    /// Whether a filter may have judged it otherwise before.
    refiltered: bool,
}

/// What a listener is told about a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Added,
    Modified,
    Deleted,
}

#[derive(Debug)]
struct Subscriber {
    filter: WatchFilter,
    queue: mpsc::Sender<Told>,
}

/// A change as one listener sees it.
#[derive(Debug, Clone)]
struct Told {
    verb: Verb,
    delta: Arc<Delta>,
}

/// A change, made once for all who listen.
#[derive(Debug)]
struct Delta {
    sequence: u64,
    at: Place,
    /// The pod as JSON.
    body: String,
}

/// Where a pod stands in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Uid,
}

/// A listener's end of a queue.
#[derive(Debug)]
pub(crate) struct Listener {
    id: u64,
    queue: mpsc::Receiver<Told>,
}

/// What one who comes back has missed: the first and last word about each pod.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    pods: VecDeque<MissedPod>,
    waiting: HashSet<Uid>,
}

#[derive(Debug)]
struct MissedPod {
    uid: Uid,
    was_added: bool,
    refiltered: bool,
}

impl Place {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self { namespace: view.namespace().into(), name: view.name().into(), uid: view.uid().clone() }
    }

    /// Before every pod of a namespace, and behind all that come earlier: no pod has an empty name.
    pub(crate) fn before_all_of(namespace: &str) -> Self {
        Self { namespace: namespace.into(), name: Box::default(), uid: Uid::Plain([0; 16]) }
    }
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
        }
    }
}

impl Feed {
    pub(crate) fn new(instance: String, capacity: usize) -> Self {
        Self {
            instance: instance.into(),
            sequence: 0,
            history: VecDeque::new(),
            capacity,
            subscribers: HashMap::new(),
            next: 0,
            dropped: Dropped::default(),
        }
    }

    /// Takes a change, and tells it to whom it concerns.
    pub(crate) fn publish(&mut self, change: Change<'_>, rule: &AppRule) {
        self.sequence += 1;
        let (verb, view, before) = match change {
            Change::Added(view) => (Verb::Added, view, None),
            Change::Modified { before, after } => (Verb::Modified, after, Some(before)),
            Change::Deleted(view) => (Verb::Deleted, view, None),
        };
        self.remember(verb, &view, before.as_ref());
        let mut delta: Option<Arc<Delta>> = None;
        let sequence = self.sequence;
        let mut slow = Vec::new();
        for (&id, subscriber) in &self.subscribers {
            let Some(verb) = subscriber.filter.verb(verb, &view, before.as_ref()) else { continue };
            let made =
                || Arc::new(Delta { sequence, at: Place::of(&view), body: json::pod(&view, Detail::Full(rule)) });
            let delta = Arc::clone(delta.get_or_insert_with(made));
            match subscriber.queue.try_send(Told { verb, delta }) {
                Err(TrySendError::Full(_)) => {
                    self.dropped.lag += 1;
                    slow.push(id);
                }
                // A stream that is being dropped takes itself out.
                Ok(()) | Err(TrySendError::Closed(_)) => {}
            }
        }
        // Its queue ends; the stream says why when it has sent what is left.
        for id in &slow {
            self.subscribers.remove(id);
        }
    }

    /// A new listener, unless there are `most` of them.
    pub(crate) fn subscribe(&mut self, filter: WatchFilter, most: usize) -> Option<Listener> {
        if self.subscribers.len() >= most {
            self.dropped.full += 1;
            return None;
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        let id = self.next;
        self.next += 1;
        self.subscribers.insert(id, Subscriber { filter, queue: sender });
        Some(Listener { id, queue })
    }

    pub(crate) fn unsubscribe(&mut self, id: u64) {
        self.subscribers.remove(&id);
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.len()
    }

    /// The number of the last change.
    #[cfg(test)]
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) const fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// What has happened since the change of this id; `None` if that is not known any more.
    pub(crate) fn missed_since(&self, id: &str) -> Option<Missed> {
        let (instance, sequence) = id.rsplit_once('-')?;
        let sequence: u64 = sequence.parse().ok()?;
        let first = self.sequence - self.history.len() as u64;
        if instance != &*self.instance || !(first..=self.sequence).contains(&sequence) {
            return None;
        }
        let skip = usize::try_from(sequence - first).expect("a part of a history in memory");
        let mut missed = Missed::default();
        let mut places: HashMap<&Uid, usize> = HashMap::new();
        for past in self.history.range(skip..) {
            if let Some(&at) = places.get(&past.uid) {
                missed.pods[at].refiltered |= past.refiltered;
                continue;
            }
            places.insert(&past.uid, missed.pods.len());
            missed.waiting.insert(past.uid.clone());
            let Past { uid, verb, refiltered } = past.clone();
            missed.pods.push_back(MissedPod { uid, was_added: verb == Verb::Added, refiltered });
        }
        Some(missed)
    }

    fn id(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.instance)
    }

    fn remember(&mut self, verb: Verb, view: &View<'_>, before: Option<&View<'_>>) {
        if self.capacity == 0 {
            return;
        }
        if self.history.len() == self.capacity {
            self.history.pop_front();
        }
        let refiltered = before.is_some_and(|before| !before.is_placed_or_labeled_like(view));
        self.history.push_back(Past { uid: view.uid().clone(), verb, refiltered });
    }
}
