//! Pods that have ceased to exist lately: they stay answerable by every key that no live pod holds.
//!
//! Owns how long: they leave by age, then by number.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Index, Life, keys};

/// A moment in whole seconds, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// Since 1970.
    pub(crate) wall: u32,
    /// Since an arbitrary start; never goes back.
    pub(crate) monotonic: u32,
}

/// How long deleted pods are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) age: Duration,
    pub(crate) number: usize,
}

/// Deleted pods in the order of their deaths.
#[derive(Debug)]
pub(super) struct Tombstones {
    /// Slot and death. A pod that turned out to live has left its entry behind.
    queue: VecDeque<(u32, Moment)>,
    count: usize,
    keep: Keep,
}

impl Moment {
    /// Seconds since `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> u32 {
        self.monotonic.saturating_sub(earlier.monotonic)
    }
}

impl Keep {
    pub(crate) const fn is_over(self, died: Moment, now: Moment) -> bool {
        now.since(died) as u64 >= self.age.as_secs()
    }
}

impl Tombstones {
    pub(super) const fn new(keep: Keep) -> Self {
        Self { queue: VecDeque::new(), count: 0, keep }
    }

    pub(super) fn push(&mut self, slot: u32, now: Moment) {
        self.queue.push_back((slot, now));
        self.count += 1;
    }

    /// One has left its slot.
    pub(super) const fn forget(&mut self) {
        self.count -= 1;
    }
}

impl Index {
    /// How long deleted pods are kept from now on.
    pub(crate) fn set_keep(&mut self, keep: Keep, now: Moment) {
        self.tombstones.keep = keep;
        self.expire(now);
    }

    /// Forgets the deleted pods whose time is over.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some(&(slot, died)) = self.tombstones.queue.front() {
            let is_due = self.tombstones.keep.is_over(died, now) || self.tombstones.count > self.tombstones.keep.number;
            let is_left = !self.is_tombstone(slot, died);
            if !is_due && !is_left {
                return;
            }
            self.tombstones.queue.pop_front();
            if !is_left {
                self.remove(slot);
            }
        }
    }

    /// How many deleted pods can be asked for.
    pub(crate) fn tombstones(&self, now: Moment) -> usize {
        let keep = self.tombstones.keep;
        let over = self.tombstones.queue.iter().take_while(|(_, died)| keep.is_over(*died, now));
        self.tombstones.count - over.filter(|&&(slot, died)| self.is_tombstone(slot, died)).count()
    }

    pub(super) fn can_be_asked(&self, died: Moment, now: Moment) -> bool {
        !self.tombstones.keep.is_over(died, now)
    }

    /// Of all dead pods that had a name, a configuration hash or an address, the last one answers. A name that is used again every
    /// second would have its keys crowded otherwise.
    pub(super) fn retire_namesakes(&mut self, at: u32) {
        let record = &self.slot(at).record;
        let name = self.keys.name_hash(record);
        let is_namesake =
            |other: &super::Slot| other.record.namespace == record.namespace && other.record.name() == record.name();
        let mut names: Vec<(u32, u64)> = Vec::new();
        names.extend(self.dead(self.keys.names.get(name), at, is_namesake).map(|slot| (slot, name)));
        let mut hashes: Vec<(u32, u64)> = Vec::new();
        if let Some(hash) = record.config_hash() {
            let key = self.keys.hash(hash.wanted());
            let same = self.dead(self.keys.hashes.get(key), at, |other| other.record.config_hash() == Some(hash));
            hashes.extend(same.map(|slot| (slot, key)));
        }
        let mut addresses: Vec<(u32, u64)> = Vec::new();
        for address in keys::held(record, &self.shared).filter(|_| !record.host_network) {
            let key = self.keys.hash(address);
            let holds = |other: &super::Slot| other.record.addresses().any(|held| held == address);
            addresses.extend(self.dead(self.keys.addresses.get(key), at, holds).map(|slot| (slot, key)));
        }
        for (slot, hash) in names {
            self.keys.names.remove(hash, slot);
        }
        for (slot, hash) in hashes {
            self.keys.hashes.remove(hash, slot);
        }
        for (slot, hash) in addresses {
            self.keys.addresses.remove(hash, slot);
        }
    }

    fn dead(
        &self,
        slots: impl Iterator<Item = u32>,
        but: u32,
        is_same: impl Fn(&super::Slot) -> bool,
    ) -> impl Iterator<Item = u32> {
        slots.filter(move |&slot| {
            let other = self.slot(slot);
            slot != but && matches!(other.life, Life::Dead(_)) && is_same(other)
        })
    }

    fn is_tombstone(&self, slot: u32, died: Moment) -> bool {
        matches!(self.slots[slot as usize].as_ref().map(|slot| slot.life), Some(Life::Dead(moment)) if moment == died)
    }
}
