//! What the text of a search is looked for in: a lower-case text a finding, all of them side by side.
//!
//! A search reads them in one go. As a text of its own each would cost an allocation, and a search a cache miss.

use crate::record::Record;

/// The texts of all findings, in blocks that never move: one text of them all would be copied whenever it grows.
#[derive(Debug, Default)]
pub(super) struct Texts {
    blocks: Vec<String>,
    /// Bytes of all texts, and of those that are not used any more.
    bytes: usize,
    unused: usize,
}

/// Where the text of a finding is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    block: u32,
    begin: u32,
    bytes: u32,
}

/// Bytes of a block; a longer text has one of its own.
const BLOCK_BYTES: usize = 256 << 10;

/// Unused texts stay until there are so many bytes of them, and more than of used ones.
const UNUSED_BYTES: usize = 64 << 10;

/// Stands between the parts of a text. Nobody looks for it.
const BETWEEN: char = '\n';

impl Texts {
    /// The text of `record`; in the place of its former one if that is the same.
    pub(super) fn put(&mut self, former: Option<Place>, record: &Record) -> Place {
        let mut text = String::new();
        write(record, &mut text);
        if let Some(former) = former {
            if self.get(former) == text {
                return former;
            }
            self.drop(former);
        }
        self.add(&text)
    }

    /// A text is not used any more.
    pub(super) fn drop(&mut self, place: Place) {
        self.unused += place.bytes as usize;
    }

    pub(super) fn get(&self, Place { block, begin, bytes }: Place) -> &str {
        &self.blocks[block as usize][begin as usize..][..bytes as usize]
    }

    /// Moves the texts that are used together, if there are many that are not.
    pub(super) fn tidy<'a>(&mut self, used: impl Iterator<Item = &'a mut Place>) {
        if self.unused < UNUSED_BYTES || self.unused * 2 < self.bytes {
            return;
        }
        let mut tidied = Self::default();
        for place in used {
            *place = tidied.add(self.get(*place));
        }
        *self = tidied;
    }

    fn add(&mut self, text: &str) -> Place {
        let has_room = |block: &String| block.capacity() - block.len() >= text.len();
        if !self.blocks.last().is_some_and(has_room) {
            self.blocks.push(String::with_capacity(text.len().max(BLOCK_BYTES)));
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        let small = |number: usize| u32::try_from(number).expect("a text is less than 4 GiB");
        let place = Place { block: small(number), begin: small(block.len()), bytes: small(text.len()) };
        block.push_str(text);
        self.bytes += text.len();
        place
    }

    /// Memory of all texts.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.blocks.iter().map(String::capacity).sum()
    }
}

/// Title, rule and the names of the subject, in lower case.
pub(crate) fn write(record: &Record, into: &mut String) {
    let subject = &record.told.subject;
    let named = [&subject.namespace, &subject.pod, &subject.container, &subject.node];
    let parts = [&*record.told.title, &record.told.rule, &subject.name];
    for part in parts.into_iter().chain(named.into_iter().flatten().map(Box::as_ref)) {
        if part.is_ascii() {
            let begin = into.len();
            into.push_str(part);
            into[begin..].make_ascii_lowercase();
        } else {
            into.push_str(&part.to_lowercase());
        }
        into.push(BETWEEN);
    }
}
