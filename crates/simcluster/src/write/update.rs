//! Replacing an object.
//!
//! Owns preconditions, what `/status` and the main path may change, generations, and the end of an object whose last
//! finalizer goes.

use serde_json::Value;

use super::create::{Ownership, admit, lists};
use super::{Part, Run, Write, Written, events, immutable, metadata};
use crate::definition;
use crate::kind::{Generation, Kind};
use crate::patch;
use crate::state::State;
use crate::status::{Cause, Status};
use crate::store::{Entry, text_at};

/// Built-in kinds that are replaced only where the writer knows the version, as custom resources are.
const CONDITIONAL: &[&str] = &["customresourcedefinitions", "leases", "poddisruptionbudgets"];

/// An object as it is, and as it is to be.
pub(super) struct Replacement<'a> {
    pub(super) present: &'a Entry,
    pub(super) before: &'a Value,
    pub(super) after: Value,
    pub(super) ownership: Ownership,
}

impl State {
    /// Replaces the object that `write` names by `object`.
    pub(crate) fn update(&mut self, write: &Write, object: Value) -> Result<Written, Status> {
        if write.part == Part::Scale {
            return self.update_scale(write, &object);
        }
        metadata::check_agreement(write, &object)?;
        let present = self.present(write)?;
        require_version(&write.kind, &object)?;
        check_preconditions(write, &present, &object)?;
        let before = present.decode();
        let mut after = object;
        if after["metadata"].get("managedFields").is_none_or(Value::is_null) {
            keep(&mut after["metadata"], &before["metadata"], "managedFields");
        }
        self.replace(write, Replacement { present: &present, before: &before, after, ownership: Ownership::Update })
    }

    pub(super) fn replace(&mut self, write: &Write, replacement: Replacement<'_>) -> Result<Written, Status> {
        let Replacement { present, before, after, ownership } = replacement;
        let kind = &*write.kind;
        let mut after = written_part(write, before, after);
        metadata::restore(&mut after, before);
        after["kind"] = kind.kind.as_str().into();
        after["apiVersion"] = kind.api_version().into();
        admit(write, &mut after)?;
        metadata::check(kind, &after)?;
        definition::check(kind, &after)?;
        check_finalizers(kind, before, &after)?;
        immutable::check(kind, before, &after)?;
        events::check_change(write, before, &after)?;
        if ownership == Ownership::Update && !is_same(before, &after) {
            patch::record_update(Some(before), &mut after, &write.manager(), lists(kind));
        }
        if *before == after {
            return Ok(Written::stored(200, present));
        }
        count_generation(kind, before, &mut after);
        let unsaved = Entry::encode(kind, &after, present.version);
        if write.run == Run::Dry {
            return Ok(Written::stored(200, &unsaved));
        }
        if is_released(kind, &after) {
            self.drop_object(write.at, &kind.table(), &present.key);
            return Ok(Written::stored(200, &unsaved));
        }
        let entry = self.keep(write.at, kind, &after);
        Ok(Written::stored(200, &entry))
    }
}

/// Whether only the owners of fields differ, if anything does.
fn is_same(before: &Value, after: &Value) -> bool {
    let stripped = |object: &Value| {
        let mut object = object.clone();
        metadata::remove(&mut object["metadata"], "managedFields");
        object
    };
    before["metadata"]["managedFields"] == after["metadata"]["managedFields"] && stripped(before) == stripped(after)
}

/// `/status` changes the status and nothing else; the main path changes all but the status.
fn written_part(write: &Write, before: &Value, after: Value) -> Value {
    let mut result = after;
    match write.part {
        Part::Status => {
            let mut kept = before.clone();
            keep(&mut kept, &result, "status");
            keep(&mut kept["metadata"], &result["metadata"], "managedFields");
            kept
        }
        Part::Whole | Part::Scale => {
            if write.kind.has_status() {
                keep(&mut result, before, "status");
            }
            result
        }
    }
}

/// Sets `key` of `object` to what `from` has.
fn keep(object: &mut Value, from: &Value, key: &str) {
    match from.get(key) {
        Some(value) if !value.is_null() => object[key] = value.clone(),
        _ => metadata::remove(object, key),
    }
}

fn require_version(kind: &Kind, object: &Value) -> Result<(), Status> {
    let is_unconditional = kind.custom().is_none() && !CONDITIONAL.contains(&kind.plural.as_str());
    if is_unconditional || !text_at(object, "metadata.resourceVersion").is_empty() {
        return Ok(());
    }
    let message = "must be specified for an update";
    let cause = Cause::invalid("metadata.resourceVersion", &Value::from(0), message);
    Err(Status::invalid_kind(&kind.group, &kind.plural, text_at(object, "metadata.name"), &[cause]))
}

/// A version or a uid that the body states must be the present one.
pub(super) fn check_preconditions(write: &Write, present: &Entry, object: &Value) -> Result<(), Status> {
    let uid = text_at(object, "metadata.uid");
    if !uid.is_empty() && *uid != *present.uid {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", present.uid);
        return Err(Status::conflict(&write.kind, &write.key.name, &why));
    }
    let version = text_at(object, "metadata.resourceVersion");
    if version.is_empty() || version == "0" {
        return Ok(());
    }
    match version.parse::<u64>() {
        Ok(version) if version == present.version => Ok(()),
        Ok(_) => Err(Status::stale(&write.kind, &write.key.name)),
        Err(_) => {
            let cause =
                Cause::invalid("metadata.resourceVersion", &version.into(), "strconv.ParseUint: invalid syntax");
            Err(Status::invalid(&write.kind, &write.key.name, &[cause]))
        }
    }
}

fn check_finalizers(kind: &Kind, before: &Value, after: &Value) -> Result<(), Status> {
    if before["metadata"].get("deletionTimestamp").is_none() {
        return Ok(());
    }
    let held = before["metadata"]["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
    let wanted = after["metadata"]["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
    let added: Vec<String> = wanted.iter().filter(|one| !held.contains(one)).map(Value::to_string).collect();
    if added.is_empty() {
        return Ok(());
    }
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    let name = text_at(after, "metadata.name");
    Err(Status::invalid(kind, name, &[Cause::forbidden("metadata.finalizers", &why)]))
}

/// The generation counts changes of everything but metadata and status.
fn count_generation(kind: &Kind, before: &Value, after: &mut Value) {
    if kind.generation == Generation::None {
        return;
    }
    let specified = |object: &Value| {
        let mut object = object.clone();
        metadata::remove(&mut object, "metadata");
        metadata::remove(&mut object, "status");
        object
    };
    if specified(before) != specified(after) {
        let generation = before["metadata"]["generation"].as_i64().unwrap_or(0);
        after["metadata"]["generation"] = generation.saturating_add(1).into();
    }
}

/// Whether nothing holds an object any more that is being deleted.
pub(crate) fn is_released(kind: &Kind, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    let has_grace = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
    metadata.get("deletionTimestamp").is_some() && !is_held && !has_grace && kind.plural != "namespaces"
}
