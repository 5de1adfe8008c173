//! What of a built-in object cannot change any more.
//!
//! Owns the few rules that clients run into; full validation is not modelled.

use serde_json::Value;

use crate::kind::Kind;
use crate::status::{Cause, Status};
use crate::store::text_at;

/// Refuses changes of what is fixed once an object exists.
pub(super) fn check(kind: &Kind, before: &Value, after: &Value) -> Result<(), Status> {
    if kind.custom().is_some() {
        return Ok(());
    }
    let causes = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod(before, after),
        ("batch", "jobs") => job(before, after),
        ("apps", "deployments" | "replicasets" | "daemonsets" | "statefulsets") => {
            fixed(before, after, &["spec", "selector"])
        }
        ("", "configmaps" | "secrets") if before["immutable"] == true => {
            let why = "field is immutable when `immutable` is set";
            (before["data"] != after["data"]).then(|| Cause::forbidden("data", why)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(kind, text_at(after, "metadata.name"), &causes)) }
}

fn fixed(before: &Value, after: &Value, path: &[&str]) -> Vec<Cause> {
    let at = |object: &Value| path.iter().fold(object.clone(), |value, key| value[key].clone());
    let (was, is) = (at(before), at(after));
    let cause = (was != is).then(|| Cause::invalid(&path.join("."), &is, "field is immutable"));
    cause.into_iter().collect()
}

/// Of a pod only images, tolerations, the deadline, gates and the node (once) change.
fn pod(before: &Value, after: &Value) -> Vec<Cause> {
    let specified = |object: &Value| {
        let mut spec = object["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                for key in ["image", "resources"] {
                    super::metadata::remove(container, key);
                }
            }
        }
        let free = [
            "tolerations",
            "activeDeadlineSeconds",
            "terminationGracePeriodSeconds",
            "schedulingGates",
            "ephemeralContainers",
        ];
        for key in free {
            super::metadata::remove(&mut spec, key);
        }
        if text_at(before, "spec.nodeName").is_empty() {
            super::metadata::remove(&mut spec, "nodeName");
        }
        spec
    };
    if specified(before) == specified(after) {
        return Vec::new();
    }
    let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
        `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` \
        (allow it to be set to 1 if it was previously negative): field is immutable";
    vec![Cause::forbidden("spec", why)]
}

/// A suspended job that never started may change its template; this only knows the rule without exception.
fn job(before: &Value, after: &Value) -> Vec<Cause> {
    let mut causes = fixed(before, after, &["spec", "selector"]);
    causes.extend(fixed(before, after, &["spec", "completionMode"]));
    causes.extend(fixed(before, after, &["spec", "template"]));
    causes
}
