//! What the text of a search is looked for in: a lower-case text a finding, all of them side by side.
//!
//! A search reads them in one go. As a text of its own each would cost an allocation, and a search a cache miss.

use std::ops::Range;

use crate::record::Record;

/// The texts of all findings.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: String,
    /// Bytes of texts that are not used any more.
    unused: usize,
}

/// Where the text of a finding is.
pub(super) type Place = Range<usize>;

/// Unused texts stay until there are so many bytes of them, and more than of used ones.
const UNUSED_BYTES: usize = 64 << 10;

/// Stands between the parts of a text. Nobody looks for it.
const BETWEEN: char = '\n';

impl Texts {
    /// The text of `record`; in the place of its former one if that is the same.
    pub(super) fn put(&mut self, former: Option<Place>, record: &Record) -> Place {
        let begin = self.all.len();
        write(record, &mut self.all);
        let place = begin..self.all.len();
        if let Some(former) = former {
            if self.all[former.clone()] == self.all[place.clone()] {
                self.all.truncate(begin);
                return former;
            }
            self.drop(&former);
        }
        place
    }

    /// A text is not used any more.
    pub(super) fn drop(&mut self, place: &Place) {
        self.unused += place.len();
    }

    pub(super) fn get(&self, place: &Place) -> &str {
        &self.all[place.clone()]
    }

    /// Moves the texts that are used together, if there are many that are not.
    pub(super) fn tidy<'a>(&mut self, used: impl Iterator<Item = &'a mut Place>) {
        if self.unused < UNUSED_BYTES || self.unused * 2 < self.all.len() {
            return;
        }
        let mut all = String::with_capacity(self.all.len() - self.unused);
        for place in used {
            let begin = all.len();
            all.push_str(&self.all[place.clone()]);
            *place = begin..all.len();
        }
        *self = Self { all, unused: 0 };
    }
}

impl Texts {
    /// Memory of all texts.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity()
    }
}

/// Title, rule and the names of the subject, in lower case.
pub(crate) fn write(record: &Record, into: &mut String) {
    let subject = &record.told.subject;
    let named = [&subject.namespace, &subject.pod, &subject.container, &subject.node];
    let parts = [record.told.title.as_str(), &record.told.rule, &subject.name];
    for part in parts.into_iter().chain(named.into_iter().flatten().map(String::as_str)) {
        if part.is_ascii() {
            into.extend(part.chars().map(|sign| sign.to_ascii_lowercase()));
        } else {
            into.push_str(&part.to_lowercase());
        }
        into.push(BETWEEN);
    }
}
