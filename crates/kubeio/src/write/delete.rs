//! Taking away what was made here.
//!
//! Owns the check that it was: an object that the claim does not hold for is left as it is.

use std::fmt;

use serde_json::json;

use super::{Claim, WriteError};
use crate::cluster::{Cluster, Content, Verb};
use crate::election::Leading;
use crate::resource::Resource;

/// Which object is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its kind.
    pub resource: &'static Resource,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// What a deletion found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It was there and is going.
    Gone,
    /// It was not there.
    Absent,
}

impl Cluster {
    /// Deletes an object that the claim holds for. Only the one that was looked at: another of its name, made meanwhile, stays.
    pub async fn delete(&self, leading: &Leading, target: &Target, claim: Claim<'_>) -> Result<Deleted, WriteError> {
        leading.ensure()?;
        let failed = |error| WriteError::Call(target.clone(), error);
        let Some(existing) = self.observe(target).await.map_err(failed)? else { return Ok(Deleted::Absent) };
        if !claim.holds(self, &existing) {
            return Err(WriteError::NotOurs(target.clone()));
        }
        let exactly = json!({"uid": existing["metadata"]["uid"]});
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": exactly, "propagationPolicy": "Background",
        });
        let call = target.call(Verb::Delete, "", Some(Content::json(&options)));
        match self.write(leading, call, target).await {
            Ok(_) => Ok(Deleted::Gone),
            Err(WriteError::Call(_, error)) if error.code() == Some(404) => Ok(Deleted::Absent),
            Err(WriteError::Call(target, error)) if error.code() == Some(409) => {
                Err(WriteError::Conflict(target, error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(f, "{} {namespace}/{name}", resource.kind),
            None => write!(f, "{} {name}", resource.kind),
        }
    }
}
