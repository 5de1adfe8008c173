//! Server-side apply.
//!
//! Owns the way from a desired object to an applied one.

use std::time::Duration;

use serde_json::Value;

use super::{FIELD_MANAGER, Target, WriteError, is_ours, ownership};
use crate::cluster::{Call, CallError, Cluster, Content, Verb};
use crate::election::Leading;
use crate::resource::{Extent, Resource};

/// A write that takes longer is given up; whether it came about shows at the next sweep.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// An object as it should be: the fields that this program means to own, and no others.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    target: Target,
    object: Value,
}

/// What happens to fields that another manager owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// They are taken over.
    Force,
    /// They are left alone, and nothing of the object is written.
    Refuse,
}

/// An object as the server has it after a write. Only a write makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    target: Target,
    object: Value,
}

/// Why a value is no object to apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesiredError {
    /// It is not a JSON object.
    #[error("the desired {0} is not an object")]
    NotAnObject(Target),
    /// A field that the target says differently.
    #[error("{1} of the desired {0} is `{2}` (accepted: none, or what the target says)")]
    Contradiction(Target, &'static str, String),
    /// A name that cannot be one.
    #[error("the desired {0} has no name")]
    Nameless(Target),
}

impl Desired {
    /// The object `target` with these fields: `spec`, `data`, `metadata.labels`, … `apiVersion`, `kind` and the name are filled in.
    pub fn new(target: Target, mut object: Value) -> Result<Self, DesiredError> {
        if target.name.is_empty() {
            return Err(DesiredError::Nameless(target));
        }
        if !object.is_object() || !matches!(object["metadata"], Value::Null | Value::Object(_)) {
            return Err(DesiredError::NotAnObject(target));
        }
        let Target { resource, namespace, name } = target.clone();
        let api_version = resource.api_version();
        for (path, value) in [("/apiVersion", api_version.as_str()), ("/kind", resource.kind)] {
            fill(&mut object, path, value).map_err(|other| DesiredError::Contradiction(target.clone(), path, other))?;
        }
        let namespace = namespace.as_deref().map(|namespace| ("/metadata/namespace", namespace));
        for (path, value) in [("/metadata/name", name.as_str())].into_iter().chain(namespace) {
            fill(&mut object, path, value).map_err(|other| DesiredError::Contradiction(target.clone(), path, other))?;
        }
        Ok(Self { target, object })
    }

    /// Which object it is.
    pub const fn target(&self) -> &Target {
        &self.target
    }
}

impl Applied {
    /// Which object it is.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The object as the server answered it.
    pub const fn object(&self) -> &Value {
        &self.object
    }
}

impl Cluster {
    /// The object as it is now, or `None`.
    pub async fn observe(&self, target: &Target) -> Result<Option<Value>, CallError> {
        match self.ask(target.call(Verb::Get, "", None)).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the fields of `desired`, creating the object if it is not there. It gets the labels of this release; one that is there
    /// without them is somebody else's, and is only written with [`Conflicts::Force`].
    pub async fn apply(
        &self,
        leading: &Leading,
        desired: Desired,
        conflicts: Conflicts,
    ) -> Result<Applied, WriteError> {
        let Desired { target, mut object } = desired;
        let labels = &mut object["metadata"]["labels"];
        if !labels.is_object() {
            *labels = Value::Object(serde_json::Map::new());
        }
        for (label, value) in ownership(self).as_object().into_iter().flatten() {
            labels[label] = value.clone();
        }
        let failed = |error| WriteError::Call(target.clone(), error);
        if conflicts == Conflicts::Refuse
            && let Some(existing) = self.observe(&target).await.map_err(failed)?
            && !is_ours(self, &existing)
        {
            return Err(WriteError::NotOurs(target));
        }
        let force = conflicts == Conflicts::Force;
        let query = format!("?fieldManager={FIELD_MANAGER}&force={force}");
        let content = Content { media_type: "application/apply-patch+yaml", body: object.to_string().into_bytes() };
        match self.write(leading, target.call(Verb::Patch, &query, Some(content)), &target).await {
            Ok(object) => Ok(Applied { target, object }),
            Err(WriteError::Call(target, CallError::Refused(refusal))) if refusal.code == 409 => {
                Err(WriteError::Conflict(target, refusal.message))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a write: waits for its turn, then asks the proof, then sends.
    pub(super) async fn write(&self, leading: &Leading, call: Call, target: &Target) -> Result<Value, WriteError> {
        self.turn().await;
        leading.ensure()?;
        self.ask_now(call).await.map_err(|error| WriteError::Call(target.clone(), error))
    }
}

impl Target {
    /// A request about this object; `query` with its question mark.
    pub(super) fn call(&self, verb: Verb, query: &str, content: Option<Content>) -> Call {
        let Self { resource, namespace, name } = self;
        let mut path = resource.path(namespace.as_deref());
        if verb != Verb::Create {
            path = format!("{path}/{}", crate::resource::encoded(name));
        }
        path.push_str(query);
        Call { verb, resource: resource.plural, path, extent: Extent::Whole, content, patience: PATIENCE }
    }

    /// An object of this kind; `namespace` is `None` for cluster-wide kinds.
    pub fn new(resource: &'static Resource, namespace: Option<&str>, name: &str) -> Self {
        Self { resource, namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }
}

/// Puts a text where nothing is; what is there must be the same.
fn fill(object: &mut Value, path: &str, value: &str) -> Result<(), String> {
    let mut at = object;
    for key in path.split('/').skip(1) {
        at = &mut at[key];
    }
    match at {
        Value::Null => *at = value.into(),
        Value::String(text) if text == value => {}
        other => return Err(other.to_string()),
    }
    Ok(())
}
