//! From the hash of a key to the slots that may hold it.
//!
//! Owns hashes and slots only: whether a slot really holds the key is asked of the record. A key may have several slots.

use hashbrown::HashTable;

/// Slots by hash of one kind of key. The hash is kept, so that a table grows without looking at records.
#[derive(Debug, Default)]
pub(super) struct Table(HashTable<Entry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: u32,
    slot: u32,
}

impl Entry {
    const fn new(hash: u64, slot: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of a hash is a hash")]
        let hash = hash as u32;
        Self { hash, slot }
    }

    /// Both ends of what the table uses of a hash must differ.
    const fn spread(self) -> u64 {
        (self.hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Table {
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        let entry = Entry::new(hash, slot);
        self.0.insert_unique(entry.spread(), entry, |entry| entry.spread());
    }

    /// Nothing happens if it is not there.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let entry = Entry::new(hash, slot);
        if let Ok(found) = self.0.find_entry(entry.spread(), |other| *other == entry) {
            found.remove();
            // A cluster that shrinks gives back what it needed.
            if self.0.len() * 8 < self.0.capacity() && self.0.capacity() > 1024 {
                self.0.shrink_to(self.0.len() * 2, |entry| entry.spread());
            }
        }
    }

    /// The slots whose key has this hash.
    pub(super) fn get(&self, hash: u64) -> impl Iterator<Item = u32> {
        let wanted = Entry::new(hash, 0);
        self.0.iter_hash(wanted.spread()).filter(move |entry| entry.hash == wanted.hash).map(|entry| entry.slot)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.allocation_size()
    }
}
