//! What filters, orders and groups look at, of every finding, side by side.
//!
//! Owns no decision: the book tells it what is, and views read it from one end to the other. A hundred thousand findings are ten
//! MiB of rows, which are read in two or three milliseconds whatever is asked; the records themselves lie all over the memory.
//!
//! ```text
//! Book::apply ─► put, touch, remove ─► rows: open │ resolved ─► Selection, summaries
//! ```

mod text;
mod words;

use std::collections::HashMap;

use api::finding::{Owner, Source, State};
use api::{Fingerprint, Severity, Time};
use jiff::Timestamp;

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
    open: Rows,
    resolved: Rows,
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

#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    places: HashMap<Fingerprint, u32>,
}

impl Columns {
    /// A finding is so from here on.
    pub(crate) fn put(&mut self, record: &Record) {
        let is_open = record.state() != State::Resolved;
        let former = self.rows_mut(!is_open).take(&record.told.fingerprint);
        let held = self.rows_mut(is_open).get_mut(&record.told.fingerprint).map(|row| row.clone());
        let former = former.or(held);
        let text = self.texts.put(former.as_ref().map(|row| row.text.clone()), record);
        let row = Row::of(record, text, &mut self.words);
        for word in former.iter().flat_map(Row::words) {
            self.words.release(word);
        }
        self.rows_mut(is_open).put(row);
        self.tidy();
    }

    /// A finding was seen again.
    pub(crate) fn touch(&mut self, fingerprint: &Fingerprint, last_seen: Time) {
        if let Some(row) = self.open.get_mut(fingerprint) {
            row.last_seen = seconds(last_seen);
        }
    }

    /// A finding is no more.
    pub(crate) fn remove(&mut self, fingerprint: &Fingerprint) {
        let gone = self.resolved.take(fingerprint).or_else(|| self.open.take(fingerprint));
        let Some(row) = gone else { return };
        self.texts.drop(&row.text);
        for word in row.words() {
            self.words.release(word);
        }
        self.tidy();
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
        self.open.get(fingerprint).or_else(|| self.resolved.get(fingerprint))
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// What the text of a search is looked for in, in lower case.
    pub(crate) fn text(&self, row: &Row) -> &str {
        self.texts.get(&row.text)
    }

    fn rows_mut(&mut self, open: bool) -> &mut Rows {
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
            first_seen: seconds(record.first_seen),
            last_seen: seconds(record.last_seen),
            changed_at: seconds(record.changed_at),
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

impl Rows {
    fn get(&self, fingerprint: &Fingerprint) -> Option<&Row> {
        self.places.get(fingerprint).map(|place| &self.rows[*place as usize])
    }

    fn get_mut(&mut self, fingerprint: &Fingerprint) -> Option<&mut Row> {
        self.places.get(fingerprint).map(|place| &mut self.rows[*place as usize])
    }

    fn put(&mut self, row: Row) {
        if let Some(held) = self.get_mut(&row.fingerprint) {
            *held = row;
            return;
        }
        let place = u32::try_from(self.rows.len()).expect("settings allow five million findings");
        self.places.insert(row.fingerprint.clone(), place);
        self.rows.push(row);
    }

    fn take(&mut self, fingerprint: &Fingerprint) -> Option<Row> {
        let place = self.places.remove(fingerprint)?;
        let row = self.rows.swap_remove(place as usize);
        // The last one stands in its place now.
        if let Some(moved) = self.rows.get(place as usize) {
            self.places.insert(moved.fingerprint.clone(), place);
        }
        Some(row)
    }
}

/// An owner in one text, such as `Deployment/shop/cart`.
pub(crate) fn whole(owner: &Owner) -> String {
    format!("{}/{}/{}", owner.kind, owner.namespace, owner.name)
}

/// Seconds since 1970.
pub(crate) fn seconds(time: Time) -> i64 {
    Timestamp::from(time).as_second()
}

#[cfg(test)]
mod tests;
