//! From a small number that stands for a key to the slots that have it, for keys that many slots share.

use std::collections::BTreeSet;

/// Pairs of key and slot in order.
#[derive(Debug, Default)]
pub(super) struct Postings(BTreeSet<(u32, u32)>);

/// A pair in a tree whose nodes are two thirds full.
const PAIR_BYTES: usize = 14;

impl Postings {
    pub(super) fn insert(&mut self, key: u32, slot: u32) {
        self.0.insert((key, slot));
    }

    pub(super) fn remove(&mut self, key: u32, slot: u32) {
        self.0.remove(&(key, slot));
    }

    /// The slots of `key`, sorted.
    pub(super) fn get(&self, key: u32) -> impl Iterator<Item = u32> {
        self.0.range((key, 0)..=(key, u32::MAX)).map(|&(_, slot)| slot)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * PAIR_BYTES
    }
}
