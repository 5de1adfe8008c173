//! Texts that many findings share, by a small number each.

use std::sync::Arc;

// Eight questions a finding: with the hash of `std` they are a tenth of a start.
use hashbrown::HashMap;

/// The number of a text; `NONE` of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Word(u32);

/// All texts that are in use.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Text and uses by number less one; free ones have no use.
    entries: Vec<(Arc<str>, u32)>,
    free: Vec<Word>,
    numbers: HashMap<Arc<str>, Word>,
}

impl Word {
    /// No text.
    pub(crate) const NONE: Self = Self(0);

    fn place(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }
}

impl Words {
    /// The number of `text`, one use more.
    pub(crate) fn keep(&mut self, text: Option<&str>) -> Word {
        let Some(text) = text else { return Word::NONE };
        if let Some(word) = self.numbers.get(text) {
            self.entries[word.place().expect("a text has a number")].1 += 1;
            return *word;
        }
        let text: Arc<str> = text.into();
        let entry = (text.clone(), 1);
        let word = if let Some(free) = self.free.pop() {
            self.entries[free.place().expect("a text has a number")] = entry;
            free
        } else {
            self.entries.push(entry);
            Word(u32::try_from(self.entries.len()).expect("fewer than 2^32 texts fit in memory"))
        };
        self.numbers.insert(text, word);
        word
    }

    /// One use less; a text without a use goes.
    pub(crate) fn release(&mut self, word: Word) {
        let Some(place) = word.place() else { return };
        let (text, uses) = &mut self.entries[place];
        *uses -= 1;
        if *uses == 0 {
            self.numbers.remove(text);
            *text = Arc::default();
            self.free.push(word);
        }
    }

    /// The number of a text that is in use.
    pub(crate) fn find(&self, text: &str) -> Option<Word> {
        self.numbers.get(text).copied()
    }

    /// The texts in use that begin so.
    pub(crate) fn beginning(&self, prefix: &str) -> impl Iterator<Item = Word> {
        self.numbers.iter().filter(move |(text, _)| text.starts_with(prefix)).map(|(_, word)| *word)
    }

    /// The text of a number.
    pub(crate) fn get(&self, word: Word) -> Option<&str> {
        word.place().map(|place| &*self.entries[place].0)
    }

    /// How many texts are in use.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}
