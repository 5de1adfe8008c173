//! Server-side apply.
//!
//! Owns the order of things: lay the configuration over the object, take out what its manager dropped, then see whom
//! the changes take fields from.

use serde_json::{Value, json};

use super::compare::{Changes, compare};
use super::configured::configured;
use super::conflict::{ApplyError, Conflict};
use super::fields::FieldSet;
use super::lists::ListTypes;
use super::managers::{Entry, Managers, Operation};
use super::overlay::overlay;
use super::ownership::{lose, strip_unowned, updated};
use super::prune::prune;
use super::{Force, Manager};

/// Owns what was there before anybody applied anything.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Applies a configuration. Returns the object as it is to be, with its managers; a configuration that changes nothing
/// leaves times as they are.
///
/// `current` is `None` if there is no object yet. Identity and preconditions are for the caller to check.
pub fn server_side_apply(
    current: Option<&Value>,
    applied: &Value,
    manager: &Manager,
    force: Force,
    lists: &dyn ListTypes,
) -> Result<Value, ApplyError> {
    let mut wanted = configured(applied, lists).map_err(|faults| ApplyError::invalid(applied, faults))?;
    strip_unowned(&mut wanted);
    let mut live = current.cloned().unwrap_or_else(|| json!({}));
    let mut managers = managers_before(&live, manager, lists);
    Managers::strip(&mut live);

    let mut entry = Entry::new(manager, Operation::Apply, wanted);
    let known = managers.0.iter().position(|other| other.is_same_manager(&entry));
    let last = known.map(|at| managers.0.remove(at));
    let mut object = overlay(&live, applied, lists);
    if let Some(last) = last.as_ref().filter(|last| last.fields != entry.fields) {
        let kept: Vec<&FieldSet> = managers.0.iter().chain([&entry]).map(|owner| &owner.fields).collect();
        prune(&mut object, &last.fields, &kept, lists);
    }

    take_over(&mut managers, &live, &object, force, lists)?;
    let is_changed = object != live;
    entry.time = if is_changed { Some(manager.time.clone()) } else { last.and_then(|last| last.time) };
    managers.0.push(entry);
    managers.put(&mut object);
    Ok(object)
}

/// The managers so far. An object without any belongs to whoever wrote it before the first apply.
fn managers_before(live: &Value, manager: &Manager, lists: &dyn ListTypes) -> Managers {
    let managers = Managers::of(live);
    if !managers.0.is_empty() {
        return managers;
    }
    let before = Manager { name: BEFORE_FIRST_APPLY.to_owned(), subresource: None, ..manager.clone() };
    updated(managers, &json!({}), live, &before, lists)
}

/// Takes changed fields from the other managers, or reports that they own them.
fn take_over(
    others: &mut Managers,
    live: &Value,
    object: &Value,
    force: Force,
    lists: &dyn ListTypes,
) -> Result<(), ApplyError> {
    let changes = compare(live, object, lists);
    if changes == Changes::default() {
        return Ok(());
    }
    let mut set: FieldSet = changes.added.clone();
    set.unite(&changes.modified);
    if force == Force::No {
        let mut conflicts: Vec<Conflict> = others.0.iter().flat_map(|owner| Conflict::over(&set, owner)).collect();
        if !conflicts.is_empty() {
            conflicts.sort_by(|a, b| a.manager.cmp(&b.manager));
            return Err(ApplyError::Conflicts(conflicts));
        }
    }
    for other in &mut others.0 {
        lose(&mut other.fields, &changes);
    }
    Ok(())
}
