//! What goes because something else went: dependents, owners that wait for them, what finalizers of the server hold.
//!
//! Owns propagation. Deleting itself is `write`'s.

use serde_json::Value;

use super::It;
use crate::state::State;
use crate::store::text_at;
use crate::write::{FOREGROUND, ORPHAN, is_released, without_finalizer};

/// Whether the object is settled by this: gone, or waiting.
pub(super) fn settle(state: &mut State, it: &It) -> bool {
    if it.is_ending() {
        return release(state, it);
    }
    if is_left_behind(state, it) {
        let table = it.kind.table();
        it.delete(state, &it.entry, &table);
        return true;
    }
    false
}

/// All owners are gone. One of a kind that nobody serves may be anywhere.
fn is_left_behind(state: &State, it: &It) -> bool {
    let owners = it.object["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    let is_gone = |owner: &Value| {
        let is_served = state.catalog.by_name(text_at(owner, "apiVersion"), text_at(owner, "kind")).is_some();
        is_served && state.store.place(text_at(owner, "uid")).is_none()
    };
    !owners.is_empty() && owners.iter().all(is_gone)
}

/// Does what the finalizers of the server wait for.
fn release(state: &mut State, it: &It) -> bool {
    let finalizers = it.object["metadata"]["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
    let has = |name: &str| finalizers.iter().any(|one| one == name);
    let mut object = it.object.clone();
    if has(ORPHAN) {
        orphan(state, it);
        without_finalizer(&mut object, ORPHAN);
    }
    if has(FOREGROUND) && dependents_are_gone(state, it) {
        without_finalizer(&mut object, FOREGROUND);
    }
    if object == it.object {
        return !finalizers.is_empty();
    }
    if is_released(&it.kind, &object) {
        state.drop_object(it.now, &it.kind.table(), &it.entry.key);
    } else {
        it.keep(state, &object);
    }
    true
}

/// Strips the references of the dependents.
fn orphan(state: &mut State, it: &It) {
    let places: Vec<_> = state.store.dependents(&it.entry.uid).cloned().collect();
    for (table, key) in places {
        let (Some(entry), Some(kind)) = (state.store.get(&table, &key), state.catalog.by_table(&table).cloned()) else {
            continue;
        };
        let mut object = entry.decode();
        if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
            owners.retain(|owner| owner["uid"] != *it.entry.uid);
        }
        if object["metadata"]["ownerReferences"].as_array().is_some_and(Vec::is_empty)
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.shift_remove("ownerReferences");
        }
        state.keep(it.now, &kind, &object);
    }
}

/// Deletes the dependents; whether none is left.
fn dependents_are_gone(state: &mut State, it: &It) -> bool {
    let places: Vec<_> = state.store.dependents(&it.entry.uid).cloned().collect();
    for (table, key) in places {
        let Some(entry) = state.store.get(&table, &key).cloned() else { continue };
        if entry.decode()["metadata"].get("deletionTimestamp").is_none() {
            it.delete(state, &entry, &table);
        }
    }
    state.store.dependents(&it.entry.uid).next().is_none()
}
