//! Every finding, and beside it what filters, orders and groups look at, side by side.
//!
//! Owns no decision: the book tells it what is, and views read it from one end to the other. A hundred thousand findings are ten
//! MiB of rows, which are read in two or three milliseconds whatever is asked; the records themselves lie all over the memory.
//! One index leads to both, and keeps no fingerprint of its own.
//!
//! ```text
//! Book::apply ─► put, touch, remove ─► open │ resolved: index ─► row  ─► Selection, summaries
//!                                                            └─► record
//! ```

mod text;
mod words;

use std::hash::BuildHasher as _;

use api::finding::{Owner, Source, State};
use api::{Fingerprint, Severity};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::record::Record;
pub(crate) use text::write as write_text;
use text::{Place, Texts};
pub(crate) use words::{Word, Words};

/// The columns of all findings.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    words: Words,
    texts: Texts,
    /// Open ones, silenced ones too. What is resolved may be many times as much, and is rarely asked for.
    open: Half,
    resolved: Half,
}

/// One finding.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) fingerprint: Fingerprint,
    /// Times in seconds since 1970.
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
    pub(crate) changed_at: i64,
    text: Place,
    pub(crate) rule: Word,
    pub(crate) namespace: Word,
    /// As `Deployment/shop/cart`.
    pub(crate) owner: Word,
    pub(crate) app: Word,
    pub(crate) node: Word,
    pub(crate) image: Word,
    pub(crate) kind: Word,
    pub(crate) scope: Word,
    pub(crate) source: Source,
    pub(crate) severity: Severity,
    pub(crate) state: State,
}

/// Findings with their rows, in no order.
#[derive(Debug, Default)]
struct Half {
    rows: Vec<Row>,
    /// Each in the place of its row.
    #[expect(
        clippy::vec_box,
        reason = "half a KiB each: a list that grows would copy them all, and keep room for as many"
    )]
    records: Vec<Box<Record>>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Columns {
    /// A finding is so from here on.
    pub(crate) fn put(&mut self, record: Record) {
        let is_open = record.is_open();
        let fingerprint = &record.told.fingerprint;
        let former = self.half_mut(!is_open).take(fingerprint).map(|(row, _)| row);
        let former = former.or_else(|| self.half_mut(is_open).row(fingerprint).cloned());
        let text = self.texts.put(former.as_ref().map(|row| row.text), &record);
        let row = Row::of(&record, text, &mut self.words);
        for word in former.iter().flat_map(Row::words) {
            self.words.release(word);
        }
        self.half_mut(is_open).put(row, record);
        self.tidy();
    }

    /// An open finding was seen again: `change` says what that makes of it.
    pub(crate) fn touch(&mut self, fingerprint: &Fingerprint, change: impl FnOnce(&mut Record)) {
        if let Some((row, record)) = self.open.get_mut(fingerprint) {
            change(record);
            row.last_seen = record.last_seen.as_second();
        }
    }

    /// A finding is no more.
    pub(crate) fn remove(&mut self, fingerprint: &Fingerprint) -> Option<Record> {
        let gone = self.resolved.take(fingerprint).or_else(|| self.open.take(fingerprint));
        let (row, record) = gone?;
        self.texts.drop(row.text);
        for word in row.words() {
            self.words.release(word);
        }
        self.tidy();
        Some(*record)
    }

    /// The finding of this fingerprint.
    pub(crate) fn get(&self, fingerprint: &Fingerprint) -> Option<&Record> {
        self.open.record(fingerprint).or_else(|| self.resolved.record(fingerprint))
    }

    /// All findings, in no order.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.open.records.iter().chain(&self.resolved.records).map(Box::as_ref)
    }

    /// How many findings there are.
    pub(crate) const fn len(&self) -> usize {
        self.open.rows.len() + self.resolved.rows.len()
    }

    /// The rows of these kinds, in no order.
    pub(crate) fn rows(&self, open: bool, resolved: bool) -> impl Iterator<Item = &Row> {
        let open = if open { self.open.rows.as_slice() } else { &[] };
        let resolved = if resolved { self.resolved.rows.as_slice() } else { &[] };
        open.iter().chain(resolved)
    }

    /// Whether there is anything resolved.
    pub(crate) const fn has_resolved(&self) -> bool {
        !self.resolved.rows.is_empty()
    }

    /// The row of a finding.
    pub(crate) fn row(&self, fingerprint: &Fingerprint) -> Option<&Row> {
        self.open.row(fingerprint).or_else(|| self.resolved.row(fingerprint))
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// What the text of a search is looked for in, in lower case.
    pub(crate) fn text(&self, row: &Row) -> &str {
        self.texts.get(row.text)
    }

    fn half_mut(&mut self, open: bool) -> &mut Half {
        if open { &mut self.open } else { &mut self.resolved }
    }

    fn tidy(&mut self) {
        let rows = self.open.rows.iter_mut().chain(&mut self.resolved.rows);
        self.texts.tidy(rows.map(|row| &mut row.text));
    }
}

impl Row {
    fn of(record: &Record, text: Place, words: &mut Words) -> Self {
        let (told, belongs) = (&record.told, &record.told.belongs);
        Self {
            fingerprint: told.fingerprint.clone(),
            first_seen: record.first_seen.as_second(),
            last_seen: record.last_seen.as_second(),
            changed_at: record.changed_at.as_second(),
            text,
            rule: words.keep(Some(&told.rule)),
            namespace: words.keep(told.subject.namespace.as_deref()),
            owner: words.keep(belongs.owner.as_ref().map(whole).as_deref()),
            app: words.keep(belongs.app.as_ref().map(|app| app.name.as_str())),
            node: words.keep(told.subject.node.as_deref()),
            image: words.keep(belongs.image.as_deref()),
            kind: words.keep(Some(&told.subject.kind)),
            scope: words.keep(Some(&record.scope)),
            source: record.source,
            severity: told.severity,
            state: record.state(),
        }
    }

    fn words(&self) -> [Word; 8] {
        let Self { rule, namespace, owner, app, node, image, kind, scope, .. } = self;
        [*rule, *namespace, *owner, *app, *node, *image, *kind, *scope]
    }
}

impl Half {
    fn place(&self, fingerprint: &Fingerprint) -> Option<usize> {
        let is_it = |place: &u32| self.rows[*place as usize].fingerprint == *fingerprint;
        self.places.find(self.hasher.hash_one(fingerprint), is_it).map(|place| *place as usize)
    }

    fn row(&self, fingerprint: &Fingerprint) -> Option<&Row> {
        self.place(fingerprint).map(|place| &self.rows[place])
    }

    fn record(&self, fingerprint: &Fingerprint) -> Option<&Record> {
        self.place(fingerprint).map(|place| &*self.records[place])
    }

    fn get_mut(&mut self, fingerprint: &Fingerprint) -> Option<(&mut Row, &mut Record)> {
        let place = self.place(fingerprint)?;
        Some((&mut self.rows[place], &mut self.records[place]))
    }

    fn put(&mut self, row: Row, record: Record) {
        if let Some((held_row, held)) = self.get_mut(&row.fingerprint) {
            (*held_row, *held) = (row, record);
            return;
        }
        let place = u32::try_from(self.rows.len()).expect("settings allow five million findings");
        let hash = self.hasher.hash_one(&row.fingerprint);
        self.rows.push(row);
        self.records.push(Box::new(record));
        let Self { rows, hasher, places, .. } = self;
        places.insert_unique(hash, place, |place| hasher.hash_one(&rows[*place as usize].fingerprint));
    }

    fn take(&mut self, fingerprint: &Fingerprint) -> Option<(Row, Box<Record>)> {
        let Self { rows, records, places, hasher } = self;
        let is_it = |place: &u32| rows[*place as usize].fingerprint == *fingerprint;
        let (place, _) = places.find_entry(hasher.hash_one(fingerprint), is_it).ok()?.remove();
        let (row, record) = (rows.swap_remove(place as usize), records.swap_remove(place as usize));
        // The last one stands in its place now.
        if let Some(moved) = rows.get(place as usize) {
            let is_last = |place: &u32| *place as usize == rows.len();
            let moved = places.find_mut(hasher.hash_one(&moved.fingerprint), is_last);
            *moved.expect("every row has a place") = place;
        }
        Some((row, record))
    }
}

/// An owner in one text, such as `Deployment/shop/cart`.
pub(crate) fn whole(owner: &Owner) -> String {
    format!("{}/{}/{}", owner.kind, owner.namespace, owner.name)
}

#[cfg(test)]
mod tests;
