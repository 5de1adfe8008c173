//! Every scope of every source: how fresh it is, and what is open in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::finding::Source;
use api::{Fingerprint, Time};
use hashbrown::HashMap;

use crate::batch::Order;
use crate::record::{Record, Stale};
use crate::round::{Freshness, Looks, Scope};
use api::Facts;

/// All scopes.
#[derive(Debug, Default)]
pub(super) struct Scopes([BTreeMap<Arc<str>, Place>; Source::ALL.len()]);

/// A scope and what is open in it.
#[derive(Debug)]
pub(super) struct Place {
    /// What is known of it; none if there are findings of it and nobody has told of a look.
    pub(super) scope: Option<Scope>,
    /// Why nobody looks now, as its source says.
    pub(super) stale: Option<Stale>,
    /// What is open, and the last look at it.
    pub(super) open: HashMap<Fingerprint, Order>,
}

impl Scopes {
    pub(super) fn get(&self, source: Source, name: &str) -> Option<&Place> {
        self.0[source as usize].get(name)
    }

    pub(super) fn of(&self, source: Source) -> impl Iterator<Item = (&Arc<str>, &Place)> {
        self.0[source as usize].iter()
    }

    /// A scope as a look makes it.
    pub(super) fn looked(&self, source: Source, name: &str, order: Order, at: Time) -> Scope {
        let known = self.get(source, name).and_then(|place| place.scope.as_ref());
        let mut scope = known.cloned().unwrap_or_else(|| new(source, self.name(source, name)));
        (scope.order, scope.freshness) = (order, Freshness::Fresh);
        scope.looked_at = scope.looked_at.max(Some(at));
        scope
    }

    /// The name of a scope, shared if it is known.
    pub(super) fn name(&self, source: Source, name: &str) -> Arc<str> {
        self.0[source as usize].get_key_value(name).map_or_else(|| name.into(), |(known, _)| known.clone())
    }

    pub(super) fn put(&mut self, scope: Scope) {
        let stale = stale(&scope);
        let place = self.place(scope.source, &scope.name);
        (place.scope, place.stale) = (Some(scope), stale);
    }

    pub(super) fn place(&mut self, source: Source, name: &Arc<str>) -> &mut Place {
        let empty = || Place { scope: None, stale: None, open: HashMap::new() };
        self.0[source as usize].entry(name.clone()).or_insert_with(empty)
    }

    /// Forgets a scope; what is open in it stays.
    pub(super) fn drop(&mut self, source: Source, name: &str) {
        let scopes = &mut self.0[source as usize];
        match scopes.get_mut(name) {
            Some(place) if !place.open.is_empty() => (place.scope, place.stale) = (None, None),
            _ => drop(scopes.remove(name)),
        }
    }

    /// Takes a record in; the look at it stays as it was.
    pub(super) fn add(&mut self, record: &Record) {
        if record.is_open() {
            let open = &mut self.place(record.source, &record.scope).open;
            open.entry(record.told.fingerprint.clone()).or_default();
        }
    }

    pub(super) fn remove(&mut self, record: &Record) -> Option<Order> {
        let place = self.0[record.source as usize].get_mut(&*record.scope)?;
        place.open.remove(&record.told.fingerprint)
    }

    /// Remembers which look saw findings of a scope.
    pub(super) fn saw<'a>(
        &mut self,
        (source, scope): (Source, &str),
        fingerprints: impl Iterator<Item = &'a Fingerprint>,
        order: Order,
    ) {
        let Some(place) = self.0[source as usize].get_mut(scope) else { return };
        for fingerprint in fingerprints {
            if let Some(seen) = place.open.get_mut(fingerprint) {
                *seen = order;
            }
        }
    }
}

fn new(source: Source, name: Arc<str>) -> Scope {
    Scope {
        source,
        name,
        order: Order::default(),
        looked_at: None,
        freshness: Freshness::Never,
        detail: Facts::default(),
        rounds: 0,
        looks: Looks::default(),
    }
}

/// What the freshness of a scope makes of its findings.
fn stale(scope: &Scope) -> Option<Stale> {
    let since = scope.looked_at.unwrap_or(Time::of(jiff::Timestamp::UNIX_EPOCH));
    match &scope.freshness {
        Freshness::Fresh => None,
        Freshness::Stale { since, reason } => Some(Stale { since: *since, reason: reason.clone() }),
        Freshness::Failed { reason } => Some(Stale { since, reason: reason.clone() }),
        Freshness::Never => Some(Stale { since, reason: "never-looked".to_owned() }),
    }
}
