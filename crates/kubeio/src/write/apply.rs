//! Server-side apply.
//!
//! Owns the way from a desired object to an applied one.

use std::time::Duration;

use serde_json::Value;

use super::{FIELD_MANAGER, Target, WriteError, is_ours, ownership, was_applied};
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

/// By what an object counts as one of ours, and what an apply may do to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim<'a> {
    /// It bears the labels of this release, which an apply gives it, or has the uid that was remembered of an earlier write. Fields
    /// that others took are taken back.
    Labels {
        /// The remembered uid.
        uid: Option<&'a str>,
    },
    /// As `Labels`; and what this program once applied is ours whatever became of its labels.
    Manager {
        /// The remembered uid.
        uid: Option<&'a str>,
    },
    /// It is somebody else's, exactly this one, and this program owns some fields of it. It gets no labels, is not made if it is
    /// gone, and nothing that others own is taken.
    Fields {
        /// Its uid.
        uid: &'a str,
    },
}

/// Whether a write is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// It is.
    Stored,
    /// The server checks it and answers what it would be.
    DryRun,
}

/// An object as the server has it after a write. Only a write makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    target: Target,
    object: Value,
}

/// Whether fields that others own are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Yes,
    No,
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

    /// Writes the fields of `desired`, creating the object if it is not there and the claim allows it.
    pub async fn apply(
        &self,
        leading: &Leading,
        desired: Desired,
        claim: Claim<'_>,
        store: Store,
    ) -> Result<Applied, WriteError> {
        // Who does not lead need not read either.
        leading.ensure()?;
        let Desired { target, mut object } = desired;
        if let Claim::Fields { uid } = claim {
            // Without its uid, an apply would make an object that is gone.
            object["metadata"]["uid"] = uid.into();
            return self.patch(leading, target, &object, (Force::No, store)).await;
        }
        let labels = &mut object["metadata"]["labels"];
        if !labels.is_object() {
            *labels = Value::Object(serde_json::Map::new());
        }
        for (label, value) in ownership(self).as_object().into_iter().flatten() {
            labels[label] = value.clone();
        }
        let existing = self.observe(&target).await.map_err(|error| WriteError::Call(target.clone(), error))?;
        let Some(existing) = existing else { return self.patch(leading, target, &object, (Force::No, store)).await };
        if !claim.holds(self, &existing) {
            return Err(WriteError::NotOurs(target));
        }
        object["metadata"]["uid"] = existing["metadata"]["uid"].clone();
        match self.patch(leading, target, &object, (Force::No, store)).await {
            Err(WriteError::Conflict(target, _)) => self.patch(leading, target, &object, (Force::Yes, store)).await,
            written => written,
        }
    }

    async fn patch(
        &self,
        leading: &Leading,
        target: Target,
        object: &Value,
        (force, store): (Force, Store),
    ) -> Result<Applied, WriteError> {
        let force = force == Force::Yes;
        let dry_run = match store {
            Store::Stored => "",
            Store::DryRun => "&dryRun=All",
        };
        let query = format!("?fieldManager={FIELD_MANAGER}&force={force}{dry_run}");
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

impl Claim<'_> {
    /// Whether an object is one of ours.
    pub(super) fn holds(&self, cluster: &Cluster, object: &Value) -> bool {
        let has = |uid: Option<&str>| uid.is_some_and(|uid| object["metadata"]["uid"] == uid);
        match self {
            Self::Labels { uid } => is_ours(cluster, object) || has(*uid),
            Self::Manager { uid } => is_ours(cluster, object) || has(*uid) || was_applied(object),
            Self::Fields { .. } => false,
        }
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
