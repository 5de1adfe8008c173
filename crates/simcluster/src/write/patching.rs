//! Changing an object by a patch, or by what one writer wants of it.
//!
//! Owns which content types are patches and how they meet the store. What a patch does is `patch`'s.

use serde_json::{Map, Value};

use super::body::{parse_json, parse_object};
use super::create::{Ownership, lists, undeclared};
use super::update::{Replacement, check_preconditions};
use super::{EventRules, Part, Write, Written, metadata};
use crate::kind::Kind;
use crate::patch::{ApplyError, Force, Patch, PatchError, apply_patch, go_type, server_side_apply};
use crate::state::State;
use crate::status::{Cause, Status};
use crate::store::text_at;
use crate::versions;

/// What a content type says of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    Merge,
    Json,
    Strategic,
    Apply,
}

/// A patch that was read.
#[derive(Debug)]
pub(crate) enum PatchBody {
    Ordinary(Patch),
    Apply { object: Value, force: Force },
}

impl PatchType {
    pub(crate) fn of(content_type: &str, kind: &Kind) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            "application/merge-patch+json" => Some(Self::Merge),
            "application/json-patch+json" => Some(Self::Json),
            "application/strategic-merge-patch+json" if kind.custom().is_none() => Some(Self::Strategic),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }

    pub(crate) fn read(self, kind: &Kind, body: &[u8], force: Force) -> Result<PatchBody, Status> {
        match self {
            Self::Apply => Ok(PatchBody::Apply { object: parse_object(kind, body, true)?, force }),
            Self::Merge => Ok(PatchBody::Ordinary(Patch::Merge(patch_object(body)?))),
            Self::Strategic => Ok(PatchBody::Ordinary(Patch::Strategic(patch_object(body)?))),
            Self::Json => match parse_json(body) {
                Ok(Value::Array(operations)) => Ok(PatchBody::Ordinary(Patch::Json(operations))),
                Ok(other) => Err(Status::bad_request(format!(
                    "error decoding patch: json: cannot unmarshal {} into Go value of type jsonpatch.Patch",
                    go_type(&other)
                ))),
                Err(why) => Err(Status::bad_request(format!("error decoding patch: {why}"))),
            },
        }
    }
}

fn patch_object(body: &[u8]) -> Result<Value, Status> {
    match parse_json(body) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(other) => Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            go_type(&other)
        ))),
        Err(why) => Err(Status::bad_request(format!("error decoding patch: {why}"))),
    }
}

impl State {
    /// Patches the object that `write` names; an apply creates it if need be.
    pub(crate) fn patch(&mut self, write: &Write, patch: PatchBody) -> Result<Written, Status> {
        match patch {
            PatchBody::Ordinary(patch) if write.part == Part::Scale => self.patch_scale(write, &patch),
            PatchBody::Ordinary(patch) => self.patch_ordinary(write, &patch),
            PatchBody::Apply { object, force } => self.apply(write, object, force),
        }
    }

    fn patch_ordinary(&mut self, write: &Write, patch: &Patch) -> Result<Written, Status> {
        let present = self.present(write)?;
        let before = present.decode();
        let kind = &*write.kind;
        let seen = if write.events == EventRules::Strict { versions::newer(before.clone()) } else { before.clone() };
        let after = apply_patch(&seen, patch, lists(kind)).map_err(|error| patch_refusal(&error))?;
        if !after.is_object() {
            return Err(Status::bad_request("the patch does not leave an object"));
        }
        let after = if write.events == EventRules::Strict { versions::stored(after) } else { after };
        if text_at(&after, "kind") != kind.kind || text_at(&after, "apiVersion") != kind.api_version() {
            let message = "the patch changes the kind or the API version of the object";
            return Err(Status::bad_request(message));
        }
        let told = undeclared(write, &after);
        if !told.is_empty() {
            let why = format!("strict decoding error: {}", told.join(", "));
            let cause = Cause::invalid("patch", &after.to_string().into(), &why);
            return Err(Status::invalid_kind("", "", "", &[cause]));
        }
        metadata::check_agreement(write, &after)?;
        check_preconditions(write, &present, &after)?;
        self.replace(write, Replacement { present: &present, before: &before, after, ownership: Ownership::Update })
    }

    fn apply(&mut self, write: &Write, object: Value, force: Force) -> Result<Written, Status> {
        let kind = &*write.kind;
        let object = if write.events == EventRules::Strict { versions::stored(object) } else { object };
        let mut wanted = applied_part(write, object)?;
        check_declared(kind, &wanted)?;
        let Some(present) = self.store.get(&kind.table(), &write.key).cloned() else {
            if write.part != Part::Whole {
                return Err(Status::not_found(kind, &write.key.name));
            }
            let stated = text_at(&wanted, "metadata.uid").to_owned();
            if !stated.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {stated}, and no existing object was found"
                );
                return Err(Status::conflict(kind, &write.key.name, &why));
            }
            wanted["metadata"]["name"] = write.key.name.as_ref().into();
            let object = server_side_apply(None, &wanted, &write.manager(), force, lists(kind))
                .map_err(|error| apply_refusal(&error))?;
            return self.create_owned(write, object, Ownership::Applied);
        };
        check_preconditions(write, &present, &wanted)?;
        let before = present.decode();
        for key in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata::remove(&mut wanted["metadata"], key);
        }
        let after = server_side_apply(Some(&before), &wanted, &write.manager(), force, lists(kind))
            .map_err(|error| apply_refusal(&error))?;
        self.replace(write, Replacement { present: &present, before: &before, after, ownership: Ownership::Applied })
    }
}

/// What an apply sets must be known, since it is to be owned. Real servers take it for a fault of their own if it is not.
fn check_declared(kind: &Kind, wanted: &Value) -> Result<(), Status> {
    let undeclared = kind.custom().map(|custom| custom.schema.undeclared(wanted)).unwrap_or_default();
    let told: Vec<String> = undeclared.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
    let told = match told.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let (namespace, name) = (text_at(wanted, "metadata.namespace"), text_at(wanted, "metadata.name"));
    let (version, kind) = (kind.api_version(), &kind.kind);
    let message = format!("failed to create typed patch object ({namespace}/{name}; {version}, Kind={kind}): {told}");
    Err(Status::new(500, "", message))
}

/// The fields of an apply that its path may set.
fn applied_part(write: &Write, object: Value) -> Result<Value, Status> {
    let mut object = object;
    for key in ["apiVersion", "kind"] {
        if text_at(&object, key).is_empty() {
            return Err(Status::bad_request(format!("{key} must be set in the applied object")));
        }
    }
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    let stated = text_at(&object, "metadata.name");
    if !stated.is_empty() && *stated != *write.key.name {
        return Err(metadata::other_name(stated, &write.key.name));
    }
    metadata::check_namespace(write, &object)?;
    if object["metadata"].get("managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    match write.part {
        Part::Whole if write.kind.has_status() => metadata::remove(&mut object, "status"),
        Part::Whole | Part::Scale => {}
        Part::Status => {
            if let Some(map) = object.as_object_mut() {
                map.retain(|key, _| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
            }
        }
    }
    Ok(object)
}

pub(super) fn patch_refusal(error: &PatchError) -> Status {
    refusal(Status::new(error.code(), error.reason(), error.message()), error.details())
}

fn apply_refusal(error: &ApplyError) -> Status {
    refusal(Status::new(error.code(), error.reason(), error.message()), error.details())
}

fn refusal(status: Status, details: Option<Value>) -> Status {
    match details {
        Some(details) => status.with_details(details),
        None => status,
    }
}
