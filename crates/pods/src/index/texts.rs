//! Texts that repeat, each kept once and counted: the last user frees it.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A text that is kept in [`Texts`]. Two are equal exactly if their texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(u32);

impl Text {
    /// What stands for it where numbers are kept.
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    /// The text that [`Text::number`] was of.
    pub(super) const fn of(number: u32) -> Self {
        Self(number)
    }
}

/// All texts that repeat.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    entries: Vec<Entry>,
    free: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// Shared with answers, which may outlive the entry. Empty while the entry is free.
    text: Arc<str>,
    uses: u32,
}

/// Two counters and what the allocator adds.
const OVERHEAD_BYTES: usize = 24;

impl Text {
    /// The empty text, which is not counted.
    pub(crate) const EMPTY: Self = Self(u32::MAX);

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == Self::EMPTY.0
    }

    /// As a key of postings.
    pub(crate) const fn id(self) -> u32 {
        self.0
    }
}

impl Texts {
    /// Keeps `text`, once more if it is known.
    pub(crate) fn intern(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::EMPTY;
        }
        let hash = self.hasher.hash_one(text);
        if let Some(&id) = self.table.find(hash, |&id| &*self.entries[id as usize].text == text) {
            self.entries[id as usize].uses += 1;
            return Text(id);
        }
        let entry = Entry { text: text.into(), uses: 1 };
        self.bytes += text.len() + OVERHEAD_BYTES;
        let id = if let Some(id) = self.free.pop() {
            self.entries[id as usize] = entry;
            id
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 texts fit in memory")
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hash, id, |&id| hasher.hash_one(&*entries[id as usize].text));
        Text(id)
    }

    /// One user less; the last one frees the text.
    pub(crate) fn release(&mut self, text: Text) {
        if text.is_empty() {
            return;
        }
        let entry = &mut self.entries[text.0 as usize];
        entry.uses -= 1;
        if entry.uses > 0 {
            return;
        }
        let freed = std::mem::replace(&mut entry.text, "".into());
        self.bytes -= freed.len() + OVERHEAD_BYTES;
        if let Ok(found) = self.table.find_entry(self.hasher.hash_one(&*freed), |&id| id == text.0) {
            found.remove();
        }
        self.free.push(text.0);
    }

    /// The text itself.
    pub(crate) fn get(&self, text: Text) -> &str {
        if text.is_empty() { "" } else { &self.entries[text.0 as usize].text }
    }

    /// The text itself, for keeps.
    pub(crate) fn shared(&self, text: Text) -> Arc<str> {
        if text.is_empty() { Arc::default() } else { Arc::clone(&self.entries[text.0 as usize].text) }
    }

    /// The kept text that reads `text`.
    pub(crate) fn find(&self, text: &str) -> Option<Text> {
        if text.is_empty() {
            return Some(Text::EMPTY);
        }
        let found = self.table.find(self.hasher.hash_one(text), |&id| &*self.entries[id as usize].text == text);
        found.map(|&id| Text(id))
    }

    /// How many texts are kept.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.table.len()
    }

    /// Memory in bytes, as far as it is known.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
            + self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<u32>()
            + self.table.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_until_its_last_user_leaves() {
        let mut texts = Texts::default();
        let [first, again, other] = ["shop", "shop", "cart"].map(|text| texts.intern(text));
        assert_eq!((first == again, first == other, texts.count()), (true, false, 2));
        texts.release(first);
        assert_eq!((texts.get(again), texts.find("shop")), ("shop", Some(again)));
        texts.release(again);
        texts.release(other);
        assert_eq!((texts.count(), texts.find("shop"), texts.bytes), (0, None, 0));
    }

    #[test]
    fn the_empty_text_costs_nothing() {
        let mut texts = Texts::default();
        let empty = texts.intern("");
        assert_eq!((empty.is_empty(), texts.get(empty), texts.count()), (true, "", 0));
    }
}
