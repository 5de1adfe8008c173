//! The `/scale` subresource: how many replicas a workload wants.
//!
//! Owns the Scale object. Only the replicas of one can be written.

use serde_json::{Value, json};

use super::create::{Ownership, lists};
use super::patching::patch_refusal;
use super::update::{Replacement, check_preconditions};
use super::{Write, Written, metadata};
use crate::kind::Kind;
use crate::patch::{Patch, apply_patch};
use crate::state::State;
use crate::status::{Cause, Status};
use crate::store::text_at;

impl State {
    /// The Scale of the object that `write` names.
    pub(crate) fn scale(&self, write: &Write) -> Result<Value, Status> {
        Ok(scale_of(&write.kind, &self.present(write)?.decode()))
    }

    pub(super) fn update_scale(&mut self, write: &Write, scale: &Value) -> Result<Written, Status> {
        metadata::check_agreement(write, scale)?;
        self.write_scale(write, scale)
    }

    pub(super) fn patch_scale(&mut self, write: &Write, patch: &Patch) -> Result<Written, Status> {
        let before = self.scale(write)?;
        let scale = apply_patch(&before, patch, lists(&write.kind)).map_err(|error| patch_refusal(&error))?;
        self.write_scale(write, &scale)
    }

    fn write_scale(&mut self, write: &Write, scale: &Value) -> Result<Written, Status> {
        let present = self.present(write)?;
        check_preconditions(write, &present, scale)?;
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let cause = Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
            return Err(Status::invalid_kind("autoscaling", "Scale", &write.key.name, &[cause]));
        }
        let before = present.decode();
        let mut after = before.clone();
        set_replicas(&write.kind, &mut after, replicas)?;
        let replacement = Replacement { present: &present, before: &before, after, ownership: Ownership::Update };
        let written = self.replace(write, replacement)?;
        let object: Value = serde_json::from_slice(&written.body).expect("the store holds what it encoded");
        Ok(Written::value(written.code, &scale_of(&write.kind, &object)))
    }
}

/// Where a kind says how many replicas it wants.
fn replicas_path(kind: &Kind) -> impl Iterator<Item = &str> {
    let path = kind.custom().and_then(|custom| custom.replicas_path.as_deref()).unwrap_or(".spec.replicas");
    path.trim_start_matches('.').split('.')
}

fn set_replicas(kind: &Kind, object: &mut Value, replicas: i64) -> Result<(), Status> {
    let mut at = object;
    let mut walked = String::new();
    for key in replicas_path(kind) {
        if !at.is_object() && !at.is_null() {
            // A real server takes this for a fault of its own.
            let why = format!("value cannot be set because {walked} is not a map[string]interface{{}}");
            return Err(Status::new(500, "", why));
        }
        at = &mut at[key];
        walked.push('.');
        walked.push_str(key);
    }
    *at = replicas.into();
    Ok(())
}

fn scale_of(kind: &Kind, object: &Value) -> Value {
    let mut scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {}});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(key) {
            scale["metadata"][key] = value.clone();
        }
    }
    let wanted = replicas_path(kind).try_fold(object, |value, key| value.get(key));
    scale["spec"] = json!({"replicas": wanted.and_then(Value::as_i64).unwrap_or(0)});
    let selector = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let terms: Vec<String> =
        selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    scale["status"] = json!({"replicas": object["status"]["replicas"].as_i64().unwrap_or(0)});
    if !terms.is_empty() {
        scale["status"]["selector"] = terms.join(",").into();
    }
    debug_assert!(!text_at(&scale, "metadata.name").is_empty());
    scale
}
