//! From what the watches say to the index.
//!
//! Owns the meaning of their events, and how long the lock is held: for some events at a time, so that look-ups come in between.

use kubeio::objects::{Job, Namespace, OwnedMetadata, Pod, ReplicaSet};
use kubeio::watch::{Event, Observer};

use crate::index::Applied;
use crate::index::owners::Middle;
use crate::metrics::EventKind;
use crate::pods::{Pods, State};

// An event takes some 3 µs to be applied: look-ups wait at most half a millisecond.
const EVENTS_PER_LOCK: usize = 128;

/// Tells the index of pods.
#[derive(Debug)]
pub(crate) struct ObservePods(pub(crate) Pods);

/// Tells the index of objects between pods and their owners.
#[derive(Debug)]
pub(crate) struct ObserveMiddles(pub(crate) Pods);

/// Tells the index of labels of namespaces.
#[derive(Debug)]
pub(crate) struct ObserveNamespaces(pub(crate) Pods);

impl Observer<Pod> for ObservePods {
    fn observe(&mut self, batch: Vec<Event<Pod>>) {
        let pods = &self.0;
        in_pieces(pods, batch, |state, event| {
            let now = state.now();
            let State { index, feed, rule, is_synced, .. } = state;
            let mut deleted = 0;
            let mut tell = |change: crate::index::Change<'_>| {
                deleted += u64::from(matches!(change, crate::index::Change::Deleted(_)));
                feed.publish(change, rule);
            };
            let counts = pods.counts();
            let count = |applied| match applied {
                Applied::Added => counts.event(EventKind::Added, 1),
                Applied::Modified => counts.event(EventKind::Modified, 1),
                Applied::Unchanged => counts.event(EventKind::Unchanged, 1),
                Applied::Nameless => counts.undecodable(),
                // Counted when the list ends.
                Applied::Disputed => {}
            };
            match event {
                Event::Listing { reason } => {
                    counts.relisted(reason);
                    index.begin();
                }
                Event::Seen(pod) => count(index.apply(&pod, now, &mut tell)),
                Event::Deleted(pod) => {
                    if !index.delete(&pod, now, &mut tell) {
                        counts.event(EventKind::Unchanged, 1);
                    }
                }
                Event::Unreadable { namespace, name } => {
                    counts.undecodable();
                    index.unreadable(&namespace, &name);
                }
                Event::Listed { mode, took } => {
                    index.end(now, &mut tell).into_iter().for_each(count);
                    if !std::mem::replace(is_synced, true) {
                        counts.synced(mode, took);
                    }
                }
                Event::ListFailed => index.break_off(),
                Event::Bookmark => {
                    counts.event(EventKind::Bookmark, 1);
                    index.expire(now);
                }
            }
            counts.event(EventKind::Deleted, deleted);
        });
    }
}

impl Observer<ReplicaSet> for ObserveMiddles {
    fn observe(&mut self, batch: Vec<Event<ReplicaSet>>) {
        in_pieces(&self.0, batch, |state, event| {
            middle(state, Middle::ReplicaSet, event, |object: &ReplicaSet| &object.metadata);
        });
    }
}

impl Observer<Job> for ObserveMiddles {
    fn observe(&mut self, batch: Vec<Event<Job>>) {
        in_pieces(&self.0, batch, |state, event| {
            middle(state, Middle::Job, event, |object: &Job| &object.metadata);
        });
    }
}

impl Observer<Namespace> for ObserveNamespaces {
    fn observe(&mut self, batch: Vec<Event<Namespace>>) {
        in_pieces(&self.0, batch, |state, event| match event {
            Event::Listing { .. } => state.index.begin_namespaces(),
            Event::Seen(namespace) => {
                state.index.namespace_seen(&namespace.metadata.name, &namespace.metadata.labels);
            }
            Event::Deleted(namespace) => state.index.namespace_gone(&namespace.metadata.name),
            Event::Unreadable { name, .. } => state.index.namespace_unreadable(&name),
            Event::Listed { .. } => state.index.end_namespaces(),
            Event::ListFailed | Event::Bookmark => {}
        });
    }
}

fn middle<K>(state: &mut State, kind: Middle, event: Event<K>, metadata: impl Fn(&K) -> &OwnedMetadata) {
    let State { index, feed, rule, .. } = state;
    match event {
        Event::Listing { .. } => index.begin_middles(kind),
        Event::Seen(object) => {
            index.middle_seen(kind, metadata(&object), &mut |change| feed.publish(change, rule));
        }
        Event::Deleted(object) => index.middle_gone(kind, &metadata(&object).uid),
        Event::Unreadable { namespace, name } => index.middle_unreadable(kind, &namespace, &name),
        Event::Listed { .. } => index.end_middles(kind),
        Event::ListFailed | Event::Bookmark => {}
    }
}

fn in_pieces<K>(pods: &Pods, batch: Vec<Event<K>>, mut apply: impl FnMut(&mut State, Event<K>)) {
    let mut events = batch.into_iter();
    while events.len() > 0 {
        pods.write(|state| events.by_ref().take(EVENTS_PER_LOCK).for_each(|event| apply(state, event)));
    }
}
