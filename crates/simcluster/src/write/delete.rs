//! Ending an object.
//!
//! Owns what holds a deletion up: finalizers, the grace of pods, propagation. What follows from one is `motion`'s.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Run, Write, Written};
use crate::clock::seconds;
use crate::kind::Kind;
use crate::state::State;
use crate::status::{self, Cause, Status};
use crate::store::{Entry, text_at};

/// What becomes of the dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
}

/// The finalizer that keeps an owner until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer that keeps an owner until its dependents are on their own.
pub(crate) const ORPHAN: &str = "orphan";

/// Kinds whose deletion answers the object instead of a Status.
const ANSWERS_OBJECT: &[&str] = &["pods", "services", "serviceaccounts", "persistentvolumeclaims", "resourcequotas"];

impl DeleteOptions {
    /// What goes leaves its dependents to be found later.
    pub(crate) fn background() -> Self {
        Self { propagation: Some(Propagation::Background), ..Self::default() }
    }

    /// Reads DeleteOptions, as a body or as query parameters state them.
    pub(crate) fn parse(options: &Value) -> Result<Self, Status> {
        let policy = options.get("propagationPolicy").and_then(Value::as_str);
        let orphans = options.get("orphanDependents").and_then(Value::as_bool);
        let propagation = match (policy, orphans) {
            (Some(_), Some(_)) => {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                return Err(invalid_options(&Cause::invalid("propagationPolicy", &policy.into(), why)));
            }
            (Some("Background"), None) | (None, Some(false)) => Some(Propagation::Background),
            (Some("Foreground"), None) => Some(Propagation::Foreground),
            (Some("Orphan"), None) | (None, Some(true)) => Some(Propagation::Orphan),
            (None, None) => None,
            (Some(other), None) => {
                let message = format!(
                    "Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                );
                return Err(invalid_options(&Cause::new("FieldValueNotSupported", "propagationPolicy", message)));
            }
        };
        let precondition = |key: &str| options["preconditions"][key].as_str().map(str::to_owned);
        Ok(Self {
            grace_seconds: options.get("gracePeriodSeconds").and_then(Value::as_i64),
            propagation,
            uid: precondition("uid"),
            version: precondition("resourceVersion"),
        })
    }
}

fn invalid_options(cause: &Cause) -> Status {
    Status::invalid_kind("meta.k8s.io", "DeleteOptions", "", std::slice::from_ref(cause))
}

impl State {
    /// Deletes the object that `write` names, or begins to.
    pub(crate) fn delete(&mut self, write: &Write, options: &DeleteOptions) -> Result<Written, Status> {
        let kind = &*write.kind;
        let present = self.present(write)?;
        check(kind, &present, options)?;
        let before = present.decode();
        let after = ended(kind, &before, options, write.at);
        let Some(after) = after else {
            if write.run == Run::Real {
                self.drop_object(write.at, &kind.table(), &present.key);
            }
            return Ok(answer_gone(kind, &present));
        };
        if after == before {
            return Ok(Written::stored(200, &present));
        }
        if write.run == Run::Dry {
            return Ok(Written::stored(200, &Entry::encode(kind, &after, present.version)));
        }
        let entry = self.keep(write.at, kind, &after);
        Ok(Written::stored(200, &entry))
    }
}

fn check(kind: &Kind, present: &Entry, options: &DeleteOptions) -> Result<(), Status> {
    if let Some(uid) = options.uid.as_deref().filter(|uid| **uid != *present.uid) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            present.uid
        );
        return Err(precondition_failed(kind, &present.key.name, &why));
    }
    let current = present.version.to_string();
    if let Some(version) = options.version.as_ref().filter(|version| **version != current) {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({current}). The object might \
             have been modified"
        );
        return Err(precondition_failed(kind, &present.key.name, &why));
    }
    Ok(())
}

/// Deletions name the kind, where all other conflicts name the resource.
fn precondition_failed(kind: &Kind, name: &str, why: &str) -> Status {
    let qualified = if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
    let mut details = json!({"name": name});
    if !kind.group.is_empty() {
        details["group"] = kind.group.as_str().into();
    }
    details["kind"] = kind.kind.as_str().into();
    Status::new(409, "Conflict", format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}"))
        .with_details(details)
}

/// The object as it waits for its end; `None` if nothing holds it.
fn ended(kind: &Kind, before: &Value, options: &DeleteOptions, at: Timestamp) -> Option<Value> {
    let mut after = before.clone();
    let finalizers = finalizers(kind, before, options);
    let grace = grace_seconds(kind, before, options);
    let is_namespace = kind.plural == "namespaces";
    if finalizers.is_empty() && grace == 0 && !is_namespace {
        return None;
    }
    if before["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty()) || !finalizers.is_empty() {
        after["metadata"]["finalizers"] = finalizers.into();
    }
    let had = before["metadata"]["deletionGracePeriodSeconds"].as_i64();
    if had.is_none_or(|had| grace < had) {
        let end = at.saturating_add(SignedDuration::from_secs(grace)).unwrap_or(at);
        after["metadata"]["deletionTimestamp"] = seconds(end).into();
        after["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        if let Some(generation) = before["metadata"]["generation"].as_i64().filter(|_| had.is_none()) {
            after["metadata"]["generation"] = generation.saturating_add(1).into();
        }
    }
    if is_namespace {
        after["status"]["phase"] = "Terminating".into();
        // A namespace has no grace of its own.
        super::metadata::remove(&mut after["metadata"], "deletionGracePeriodSeconds");
        if before["metadata"].get("deletionTimestamp").is_some() {
            return Some(before.clone());
        }
    }
    Some(after)
}

fn finalizers(kind: &Kind, before: &Value, options: &DeleteOptions) -> Vec<Value> {
    let held = before["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    // The first version of the Job API left the pods; clients that name no policy still get that.
    let default = (kind.plural == "jobs").then_some(Propagation::Orphan);
    let added = match options.propagation.or(default) {
        Some(Propagation::Foreground) => Some(FOREGROUND),
        Some(Propagation::Orphan) => Some(ORPHAN),
        Some(Propagation::Background) | None => None,
    };
    let is_stated = options.propagation.is_some();
    let stays = |one: &Value| !is_stated || !matches!(one.as_str(), Some(FOREGROUND | ORPHAN));
    let mut finalizers: Vec<Value> = held.into_iter().filter(stays).collect();
    if let Some(added) = added.filter(|added| !finalizers.iter().any(|one| one == added)) {
        finalizers.push(added.into());
    }
    finalizers
}

/// How long an object lives on: pods that run somewhere may finish.
fn grace_seconds(kind: &Kind, before: &Value, options: &DeleteOptions) -> i64 {
    let is_running = !text_at(before, "spec.nodeName").is_empty()
        && !matches!(text_at(before, "status.phase"), "Succeeded" | "Failed");
    if kind.plural != "pods" || !is_running {
        return 0;
    }
    let own = before["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    options.grace_seconds.unwrap_or(own).max(0)
}

fn answer_gone(kind: &Kind, present: &Entry) -> Written {
    if ANSWERS_OBJECT.contains(&kind.plural.as_str()) {
        return Written::stored(200, present);
    }
    Written::value(200, &status::deleted(kind, &present.key.name, &present.uid))
}

/// Takes a finalizer off.
pub(crate) fn without_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|one| one != finalizer);
        if finalizers.is_empty() {
            super::metadata::remove(&mut object["metadata"], "finalizers");
        }
    }
}

/// An answer for a whole collection.
pub(crate) fn deleted_list(kind: &Kind, version: u64, items: &[Value]) -> Value {
    json!({
        "kind": kind.list_kind(),
        "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    })
}
