//! All that changes in a cluster, behind one lock.
//!
//! Owns the parts together and what follows at once from a write. What follows later is `motion`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::definition;
use crate::motion::{Agenda, Churn};
use crate::page::Tokens;
use crate::population::{Images, KNOWN_IMAGES};
use crate::random::Random;
use crate::settings::Pace;
use crate::store::{Change, Key, Store};

/// The state of a cluster. One writer at a time.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    pub(crate) random: Random,
    pub(crate) agenda: Agenda,
    pub(crate) tokens: Tokens,
    /// Pods of Jobs that began to run.
    pub(crate) begun: Vec<Key>,
    pub(crate) churn: Churn,
    pub(crate) pace: Pace,
    pub(crate) images: Arc<Images>,
    /// Counters of what moves by itself, for example the next node of the round robin.
    pub(crate) counters: BTreeMap<&'static str, usize>,
}

impl State {
    pub(crate) fn new(seed: u64, history: usize, pace: Pace) -> Self {
        Self {
            begun: Vec::new(),
            churn: Churn::new(0, seed, jiff::Timestamp::MIN, &Store::new(0)),
            store: Store::new(history),
            catalog: Catalog::default(),
            random: Random::new(seed),
            agenda: Agenda::default(),
            tokens: Tokens::default(),
            pace,
            images: Arc::new(Images::new(seed, KNOWN_IMAGES)),
            counters: BTreeMap::new(),
        }
    }

    /// Follows up on a write: what it concerns is looked at next, and definitions take effect.
    pub(crate) fn touched(&mut self, change: &Change) {
        self.agenda.touch(change, &self.store);
        if &*change.table == definition::TABLE {
            self.definition_changed(change);
        }
    }

    /// The object of a table by namespace and name, decoded.
    pub(crate) fn look_up(&self, table: &str, namespace: &str, name: &str) -> Option<serde_json::Value> {
        Some(self.store.get(table, &Key::new(namespace, name))?.decode())
    }
}
