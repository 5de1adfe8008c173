//! The end of a namespace: first its content, then itself.
//!
//! Owns waiting for what finalizers hold; what a deletion does to each object is `write`'s.

use super::It;
use crate::state::State;

pub(super) fn look(state: &mut State, it: &It) {
    if !it.is_ending() {
        return;
    }
    let kinds: Vec<_> = state.catalog.all().filter(|kind| kind.is_namespaced() && kind.is_stored()).cloned().collect();
    let mut left = 0;
    for kind in kinds {
        let table = kind.table();
        let entries: Vec<_> = state.store.range(&table, Some(&it.entry.key.name), None).cloned().collect();
        for entry in entries {
            if entry.decode()["metadata"].get("deletionTimestamp").is_none() {
                it.delete(state, &entry, &table);
            }
        }
        left += state.store.range(&table, Some(&it.entry.key.name), None).count();
    }
    let is_held = it.object["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty());
    if left == 0 && !is_held {
        state.drop_object(it.now, "namespaces", &it.entry.key);
    }
}
