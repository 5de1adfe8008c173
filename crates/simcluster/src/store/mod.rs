//! The objects, their versions, and as much of the past as lists and watches may ask for.
//!
//! Owns tables, the version counter and history. It judges nothing: what is put is stored.
//!
//! ```text
//! put / remove ──► tables ──► get, range
//!        │
//!        ├──► history ──► snapshot at a version, changes since one
//!        └──► watchers
//! ```

mod change;
mod entry;
mod snapshots;
mod watchers;
mod words;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

pub(crate) use self::change::{Change, Event, EventKind};
pub(crate) use self::entry::{Entry, Key, text_at};
use self::snapshots::{Of, Snapshots};
pub(crate) use self::watchers::Watchers;

/// The objects of one kind, in the order of lists.
type Table = BTreeMap<Key, Arc<Entry>>;

/// An object by table and key.
pub(crate) type Place = (Arc<str>, Key);

/// The store. One writer at a time.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    tables: BTreeMap<Arc<str>, Table>,
    history: VecDeque<Arc<Change>>,
    history_limit: usize,
    /// Where an object of a uid is.
    places: HashMap<Arc<str>, Place>,
    /// What names a uid as its owner.
    dependents: HashMap<Box<str>, Vec<Place>>,
    snapshots: Snapshots,
    bytes: usize,
    pub(crate) watchers: Watchers,
}

/// History does not reach that far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld {
    /// The oldest change that is known.
    pub(crate) oldest: u64,
}

impl Store {
    pub(crate) fn new(history_limit: usize) -> Self {
        Self {
            version: 1,
            tables: BTreeMap::new(),
            history: VecDeque::new(),
            history_limit,
            places: HashMap::new(),
            dependents: HashMap::new(),
            snapshots: Snapshots::default(),
            bytes: 0,
            watchers: Watchers::default(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Bytes of all encodings.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn table(&self, name: &str) -> Option<(&Arc<str>, &Table)> {
        self.tables.get_key_value(name)
    }

    /// Tables with the number of their objects.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tables.iter().map(|(name, objects)| (&**name, objects.len()))
    }

    /// The name of a table as the store shares it; the table is made if need be.
    pub(crate) fn intern(&mut self, table: &str) -> Arc<str> {
        if let Some((name, _)) = self.tables.get_key_value(table) {
            return Arc::clone(name);
        }
        let name: Arc<str> = table.into();
        self.tables.insert(Arc::clone(&name), BTreeMap::new());
        name
    }

    pub(crate) fn get(&self, table: &str, key: &Key) -> Option<&Arc<Entry>> {
        self.tables.get(table)?.get(key)
    }

    /// All objects of a table, or those of a namespace, from `start` on.
    pub(crate) fn range<'a>(
        &'a self,
        table: &str,
        namespace: Option<&'a str>,
        start: Option<&Key>,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let first = start.cloned().unwrap_or_else(|| Key::new(namespace.unwrap_or_default(), ""));
        let objects = self.tables.get(table).into_iter().flat_map(move |objects| objects.range(first.clone()..));
        objects
            .map(|(_, entry)| entry)
            .take_while(move |entry| namespace.is_none_or(|namespace| *entry.key.namespace == *namespace))
    }

    /// Where the object with this uid is.
    pub(crate) fn place(&self, uid: &str) -> Option<&Place> {
        self.places.get(uid)
    }

    /// What names this uid as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Place> {
        self.dependents.get(uid).into_iter().flatten()
    }

    /// The version that the next write gets.
    pub(crate) fn next_version(&self) -> u64 {
        self.version + 1
    }

    /// Stores an object that was encoded for [`Store::next_version`].
    pub(crate) fn put(&mut self, at: Timestamp, table: &str, entry: Entry) -> Arc<Change> {
        let table = self.intern(table);
        let entry = Arc::new(entry);
        let before = self.exchange(&table, &entry);
        self.record(at, table, before, Some(entry))
    }

    /// Stores an object that was there before anybody looked: nothing is remembered of it, and nobody is told.
    pub(crate) fn seed(&mut self, table: &str, entry: Entry) {
        let table = self.intern(table);
        let entry = Arc::new(entry);
        self.version = self.version.max(entry.version);
        self.exchange(&table, &entry);
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, at: Timestamp, table: &str, key: &Key) -> Option<Arc<Change>> {
        let table = self.intern(table);
        let before = self.objects(&table).remove(key)?;
        self.unlink(&table, Some(&before));
        Some(self.record(at, table, Some(before), None))
    }

    /// Forgets the past: watches cannot start before the present version.
    pub(crate) fn forget(&mut self) {
        self.history.clear();
        self.snapshots.forget_before(u64::MAX);
    }

    /// Changes after `version`, oldest first.
    pub(crate) fn since(&self, version: u64) -> Result<impl Iterator<Item = &Arc<Change>>, TooOld> {
        let oldest = self.oldest();
        if version + 1 < oldest {
            return Err(TooOld { oldest });
        }
        let skipped = usize::try_from(version + 1 - oldest).unwrap_or(usize::MAX).min(self.history.len());
        Ok(self.history.range(skipped..))
    }

    /// The objects as they were at `version`, in order.
    pub(crate) fn snapshot(
        &mut self,
        table: &str,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Arc<[Arc<Entry>]>, TooOld> {
        let oldest = self.oldest();
        if version + 1 < oldest {
            self.snapshots.forget_before(oldest - 1);
            return Err(TooOld { oldest });
        }
        let of = Of { table: table.into(), namespace: namespace.map(Into::into), version };
        if let Some(kept) = self.snapshots.get(&of) {
            return Ok(kept);
        }
        let entries = self.undone_to(table, namespace, version)?;
        Ok(self.snapshots.keep(of, entries))
    }

    /// The oldest change that is known, or the next one.
    fn oldest(&self) -> u64 {
        self.history.front().map_or(self.version + 1, |change| change.version)
    }

    /// The present objects with the changes since a version undone.
    fn undone_to(&self, table: &str, namespace: Option<&str>, version: u64) -> Result<Vec<Arc<Entry>>, TooOld> {
        let mut then: BTreeMap<&Key, Option<&Arc<Entry>>> = BTreeMap::new();
        let changes = self.since(version)?.filter(|change| *change.table == *table);
        for change in changes.filter(|change| namespace.is_none_or(|name| *change.key().namespace == *name)) {
            then.entry(change.key()).or_insert(change.before.as_ref());
        }
        let unchanged = self.range(table, namespace, None).filter(|entry| !then.contains_key(&entry.key));
        let mut entries: Vec<Arc<Entry>> = unchanged.cloned().collect();
        let is_sorted = then.is_empty();
        entries.extend(then.into_values().flatten().cloned());
        if !is_sorted {
            entries.sort_by(|one, other| one.key.cmp(&other.key));
        }
        Ok(entries)
    }

    fn objects(&mut self, table: &Arc<str>) -> &mut Table {
        self.tables.entry(Arc::clone(table)).or_default()
    }

    /// Puts an entry in the place of the one with its key. One of the same object with the same owners keeps its links.
    fn exchange(&mut self, table: &Arc<str>, entry: &Arc<Entry>) -> Option<Arc<Entry>> {
        let before = self.objects(table).insert(entry.key.clone(), Arc::clone(entry));
        match &before {
            Some(before) if before.uid == entry.uid && before.owners == entry.owners => {
                self.bytes = self.bytes - before.body().len() + entry.body().len();
            }
            _ => {
                self.unlink(table, before.as_deref());
                self.link(table, entry);
            }
        }
        before
    }

    fn link(&mut self, table: &Arc<str>, entry: &Entry) {
        self.bytes += entry.body().len();
        let place = (Arc::clone(table), entry.key.clone());
        for owner in entry.owners.iter() {
            self.dependents.entry(owner.into()).or_default().push(place.clone());
        }
        self.places.insert(entry.uid.clone(), place);
    }

    fn unlink(&mut self, table: &Arc<str>, entry: Option<&Entry>) {
        let Some(entry) = entry else { return };
        self.bytes -= entry.body().len();
        let place = (Arc::clone(table), entry.key.clone());
        for owner in entry.owners.iter() {
            if let Some(places) = self.dependents.get_mut(owner) {
                places.retain(|one| *one != place);
                if places.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        self.places.remove(&entry.uid);
    }

    fn record(
        &mut self,
        at: Timestamp,
        table: Arc<str>,
        before: Option<Arc<Entry>>,
        after: Option<Arc<Entry>>,
    ) -> Arc<Change> {
        self.version += 1;
        let change = Arc::new(Change::new(at, self.version, table, before, after));
        self.history.push_back(Arc::clone(&change));
        while self.history.len() > self.history_limit {
            self.history.pop_front();
        }
        self.watchers.tell(&change);
        change
    }
}
