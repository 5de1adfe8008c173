//! The index: what exists, what has ceased to lately, and every key to it. Pure and synchronous.
//!
//! Owns the three verbs: `apply` (it exists, in this state), `delete` (it is gone), and `begin`/`end` around a complete list,
//! which is `reset` without a second set in memory. Each tells what changed. There is one writer.
//!
//! ```text
//! pods ───────────► apply, delete, begin … end ─► Change (added, modified, deleted)
//! ReplicaSets, Jobs ─► owners ───────────────────► Change (modified)
//!                         ask ◄── uid, configuration hash, address, container, name
//!                        page ◄── filter, in order
//! ```

mod disputed;
mod keys;
mod lookup;
mod namespaces;
mod order;
mod owned;
pub(crate) mod owners;
mod page;
mod postings;
pub(crate) mod record;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod texts;
mod tombstones;
mod view;

use kubeio::objects;

use disputed::{Disputed, Older};
use keys::{Keys, compare};
pub(crate) use lookup::{By, Found, Key};
use namespaces::Namespaces;
pub(crate) use page::{Page, Walk};
use record::{Caps, Record, Shared};
use tombstones::Tombstones;
pub(crate) use tombstones::{Keep, Moment};
pub(crate) use view::View;

/// All pods.
#[derive(Debug)]
pub(crate) struct Index {
    shared: Shared,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    keys: Keys,
    namespaces: Namespaces,
    tombstones: Tombstones,
    disputed: Disputed,
    caps: Caps,
    /// The complete list that is going on or was the last.
    list: u32,
    live: usize,
    heap_bytes: usize,
}

/// A pod that is known.
#[derive(Debug)]
struct Slot {
    record: Record,
    /// The resourceVersion as a number, as Kubernetes allows since 1.35; 0 if it is none.
    version: u64,
    life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live {
        seen_in: u32,
        /// Its last state could not be read.
        is_stale: bool,
    },
    Dead(Moment),
}

/// What is known of a pod, and the live pod that has its name, if that is another one.
type Rivals = [Option<u32>; 2];

/// What happened to a pod that is known or was.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Added(View<'a>),
    Modified { before: View<'a>, after: View<'a> },
    Deleted(View<'a>),
}

/// Who is told of changes.
pub(crate) type Tell<'a> = dyn FnMut(Change<'_>) + 'a;

/// What became of an observed state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Applied {
    Added,
    Modified,
    /// Nothing that is served differs, or the state is older than the known one.
    Unchanged,
    /// It is older than what is known, in a complete list: the end of the list says what becomes of it.
    Disputed,
    /// It has no uid, namespace or name.
    Nameless,
}

impl Index {
    pub(crate) fn new(caps: Caps, keep: Keep) -> Self {
        Self {
            shared: Shared::default(),
            slots: Vec::new(),
            free: Vec::new(),
            keys: Keys::default(),
            namespaces: Namespaces::default(),
            tombstones: Tombstones::new(keep),
            disputed: Disputed::default(),
            caps,
            list: 0,
            live: 0,
            heap_bytes: 0,
        }
    }

    /// A pod exists, in this state.
    pub(crate) fn apply(&mut self, pod: &objects::Pod, now: Moment, tell: &mut Tell<'_>) -> Applied {
        let objects::PodMetadata { uid, namespace, name, resource_version, .. } = &pod.metadata;
        if [uid, namespace, name].iter().any(|text| text.is_empty()) {
            return Applied::Nameless;
        }
        let version = version_of(resource_version);
        let rivals = self.rivals(&pod.metadata);
        if rivals.iter().flatten().any(|&slot| self.seems_late(version, self.slot(slot))) {
            match self.disputed.older(pod) {
                Older::Ignored => return Applied::Unchanged,
                Older::Waits => return Applied::Disputed,
                Older::Counts => {}
            }
        }
        self.disputed.settle(namespace, name);
        self.take(pod, rivals, now, tell)
    }

    /// As [`Index::apply`], whatever the versions say.
    fn take(&mut self, pod: &objects::Pod, rivals: Rivals, now: Moment, tell: &mut Tell<'_>) -> Applied {
        let version = version_of(&pod.metadata.resource_version);
        let [known, namesake] = rivals;
        let record = Record::of(pod, &self.caps, &mut self.shared);
        // A name has one pod at a time: the other one is gone, whether its end was told or not.
        if let Some(namesake) = namesake {
            self.bury(namesake, now, tell);
        }
        match known {
            None => self.add(Slot { record, version, life: self.alive() }, tell),
            Some(slot) if self.is_live(slot) => self.change(slot, record, version, tell),
            Some(slot) => {
                self.remove(slot);
                self.add(Slot { record, version, life: self.alive() }, tell)
            }
        }
    }

    /// A pod is gone; `pod` is its last state. The uid decides: it never comes back, so that no version is too old.
    pub(crate) fn delete(&mut self, pod: &objects::Pod, now: Moment, tell: &mut Tell<'_>) -> bool {
        self.disputed.forget(&pod.metadata);
        let Some(slot) = self.slot_of_uid(&pod.metadata.uid).filter(|&slot| self.is_live(slot)) else { return false };
        let version = version_of(&pod.metadata.resource_version);
        let known = self.slot_mut(slot);
        known.version = known.version.max(version);
        self.bury(slot, now, tell);
        true
    }

    /// A complete list begins.
    pub(crate) fn begin(&mut self) {
        self.list = self.list.wrapping_add(1);
        self.disputed.begin();
    }

    /// The list breaks off: it says nothing of what was not in it, nor against what is known.
    pub(crate) fn break_off(&mut self) {
        drop(self.disputed.end());
    }

    /// A pod is in a state that could not be read: what is known of it stays.
    pub(crate) fn unreadable(&mut self, namespace: &str, name: &str) {
        self.disputed.settle(namespace, name);
        if let Some(slot) = self.live_of_name(namespace, name) {
            let seen_in = self.list;
            self.slot_mut(slot).life = Life::Live { seen_in, is_stale: true };
        }
    }

    /// The list is complete: what was not in it is gone. Returns what became of its disputed states.
    pub(crate) fn end(&mut self, now: Moment, tell: &mut Tell<'_>) -> Vec<Applied> {
        let disputed = self.disputed.end();
        let settled = disputed.map(|pod| self.take(&pod, self.rivals(&pod.metadata), now, tell)).collect();
        let list = self.list;
        let is_gone = |slot: &Slot| matches!(slot.life, Life::Live { seen_in, .. } if seen_in != list);
        let gone: Vec<u32> =
            (0..).zip(&self.slots).filter(|(_, slot)| slot.as_ref().is_some_and(is_gone)).map(|(at, _)| at).collect();
        for &slot in &gone {
            self.bury(slot, now, tell);
        }
        settled
    }

    /// What is kept of pods from now on; what is known is cut when it is seen again.
    pub(crate) fn set_caps(&mut self, caps: Caps) {
        self.caps = caps;
    }

    /// Every live pod, in no order.
    pub(crate) fn live(&self) -> impl Iterator<Item = View<'_>> {
        self.slots.iter().flatten().filter(|slot| matches!(slot.life, Life::Live { .. })).map(|slot| self.view(slot))
    }

    /// How many pods exist.
    pub(crate) fn count(&self) -> usize {
        self.live
    }

    /// Memory in bytes, as far as it is known.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot>>()
            + self.free.capacity() * size_of::<u32>()
            + self.heap_bytes
            + self.keys.bytes()
            + self.shared.texts.bytes()
            + self.shared.owners.bytes()
    }

    /// Whether a state of this version is older than what is known. After a state that could not be read whatever comes is newer, but
    /// in a list, which may begin a little behind.
    fn seems_late(&self, version: u64, known: &Slot) -> bool {
        let is_next = matches!(known.life, Life::Live { is_stale: true, .. }) && !self.disputed.is_listing();
        // Versions that are no numbers cannot be compared.
        version != 0 && version < known.version && !is_next
    }

    fn rivals(&self, metadata: &objects::PodMetadata) -> Rivals {
        let known = self.slot_of_uid(&metadata.uid);
        let namesake = self.live_of_name(&metadata.namespace, &metadata.name).filter(|&slot| Some(slot) != known);
        [known, namesake]
    }

    fn add(&mut self, slot: Slot, tell: &mut Tell<'_>) -> Applied {
        self.heap_bytes += slot.record.heap_bytes();
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 pods fit in memory")
        });
        let (slots, shared) = (&self.slots, &self.shared);
        let stands = |known: u32| compare(&held(slots, known).record, &slot.record, shared);
        self.keys.add_identity(at, &slot.record, stands);
        self.keys.add_state(at, &slot.record, &self.shared);
        self.slots[at as usize] = Some(slot);
        self.live += 1;
        tell(Change::Added(self.view(self.slot(at))));
        Applied::Added
    }

    fn change(&mut self, at: u32, record: Record, version: u64, tell: &mut Tell<'_>) -> Applied {
        let life = self.alive();
        let known = self.slot_mut(at);
        let is_same = known.record == record && !matches!(known.life, Life::Live { is_stale: true, .. });
        (known.version, known.life) = (version, life);
        if is_same {
            record.release(&mut self.shared);
            return Applied::Unchanged;
        }
        let renamed = known.record.namespace != record.namespace || known.record.name() != record.name();
        if renamed {
            // No API server does this; whoever does must not leave a key behind.
            self.remove(at);
            return self.add(Slot { record, version, life }, tell);
        }
        self.heap_bytes += record.heap_bytes();
        let before = std::mem::replace(&mut self.slot_mut(at).record, record);
        self.heap_bytes -= before.heap_bytes();
        self.keys.remove_state(at, &before, &self.shared);
        let slot = held(&self.slots, at);
        self.keys.add_state(at, &slot.record, &self.shared);
        let former = View::new(&self.shared, &before, slot.version, life);
        tell(Change::Modified { before: former, after: self.view(slot) });
        before.release(&mut self.shared);
        Applied::Modified
    }

    /// A live pod becomes a tombstone.
    fn bury(&mut self, at: u32, now: Moment, tell: &mut Tell<'_>) {
        self.live -= 1;
        self.slot_mut(at).life = Life::Dead(now);
        tell(Change::Deleted(self.view(self.slot(at))));
        self.retire_namesakes(at);
        self.tombstones.push(at, now);
        self.expire(now);
    }

    /// Takes a slot out, whatever its life.
    fn remove(&mut self, at: u32) {
        let slot = self.slots[at as usize].take().expect("a slot that is named by a key is in use");
        let (slots, shared) = (&self.slots, &self.shared);
        // Its own place in the order is the only one that is empty.
        let stands = |known: u32| {
            let known = slots[known as usize].as_ref();
            known.map_or(std::cmp::Ordering::Equal, |known| compare(&known.record, &slot.record, shared))
        };
        self.keys.remove_identity(at, &slot.record, stands);
        self.keys.remove_state(at, &slot.record, &self.shared);
        match slot.life {
            Life::Live { .. } => self.live -= 1,
            Life::Dead(_) => self.tombstones.forget(),
        }
        self.heap_bytes -= slot.record.heap_bytes();
        slot.record.release(&mut self.shared);
        self.free.push(at);
    }

    const fn alive(&self) -> Life {
        Life::Live { seen_in: self.list, is_stale: false }
    }

    fn slot(&self, at: u32) -> &Slot {
        held(&self.slots, at)
    }

    fn slot_mut(&mut self, at: u32) -> &mut Slot {
        self.slots[at as usize].as_mut().expect("a slot that is named by a key is in use")
    }

    fn view<'a>(&'a self, slot: &'a Slot) -> View<'a> {
        View::new(&self.shared, &slot.record, slot.version, slot.life)
    }
}

fn held(slots: &[Option<Slot>], at: u32) -> &Slot {
    slots[at as usize].as_ref().expect("a slot that is named by a key is in use")
}

fn version_of(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}
