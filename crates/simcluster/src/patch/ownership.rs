//! Who owns what after an ordinary write.

use serde_json::{Value, json};

use super::Manager;
use super::compare::{Changes, compare};
use super::fields::FieldSet;
use super::lists::ListTypes;
use super::managers::{Entry, Managers, Operation};

/// Fields that nobody owns: identity, and what the server sets.
const UNOWNED: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

/// Sets `metadata.managedFields` of `after`, which `manager` made out of `before`, or created.
///
/// What the writer changed becomes its own and is lost to all others. A writer may change the list itself, except
/// through a subresource. An object whose list was empty stays without one until somebody applies it.
pub fn record_update(before: Option<&Value>, after: &mut Value, manager: &Manager, lists: &dyn ListTypes) {
    let nothing = json!({});
    let before_it = before.unwrap_or(&nothing);
    let managers =
        if manager.subresource.is_some() { Managers::of(before_it) } else { Managers::of_either(before_it, after) };
    Managers::strip(after);
    if managers.0.is_empty() && before.is_some() {
        return;
    }
    updated(managers, before_it, after, manager, lists).put(after);
}

/// The managers after `manager` made `after` out of `before`.
pub(super) fn updated(
    managers: Managers,
    before: &Value,
    after: &Value,
    manager: &Manager,
    lists: &dyn ListTypes,
) -> Managers {
    let mut managers = managers;
    let changes = compare(before, after, lists);
    for entry in &mut managers.0 {
        lose(&mut entry.fields, &changes);
    }
    let mut own = changes.into_set();
    strip_unowned(&mut own);
    if own.is_empty() {
        return managers;
    }
    let mut entry = Entry::new(manager, Operation::Update, own);
    entry.time = Some(manager.time.clone());
    match managers.0.iter_mut().find(|other| other.is_same_manager(&entry)) {
        Some(known) => {
            known.fields.unite(&entry.fields);
            known.time = entry.time;
        }
        None => managers.0.push(entry),
    }
    managers
}

/// Takes from a manager what somebody else set or removed.
pub(super) fn lose(fields: &mut FieldSet, changes: &Changes) {
    fields.subtract(&changes.added);
    fields.subtract(&changes.modified);
    fields.subtract(&changes.removed);
}

pub(super) fn strip_unowned(fields: &mut FieldSet) {
    for path in UNOWNED {
        fields.discard(path);
    }
}
