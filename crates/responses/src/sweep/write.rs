//! One write to the cluster, and what its answer means.

use kubeio::election::Leading;
use kubeio::write::{Claim, Desired, Store, WriteError};
use kubeio::{CallError, Cluster};
use serde_json::{Value, json};

use super::pace::Pace;
use crate::adopt::has_labels;
use crate::ledger::{Content, Ledger, Object};
use crate::plan::{Act, Step, covers, notification_says};
use crate::response::{Reason, Response};

/// What a write came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is so.
    Done(Written),
    /// It is not, for a reason that is told.
    Refused(Reason, String),
    /// The cluster does not know the kind.
    UnknownKind,
    /// The server failed, or did not answer.
    Failed(CallError),
    /// This process does not lead any more; nothing was sent.
    NotLeading,
    /// There is nothing to write to any more.
    Vanished,
}

/// How it is now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Uid of the object; "" if it is gone.
    pub(super) uid: String,
    /// Nothing was sent, because it was so already.
    pub(super) unchanged: bool,
    /// The first field that the cluster dropped.
    pub(super) dropped: Option<String>,
}

/// What writing needs.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) leading: &'a Leading,
    pub(super) pace: &'a mut Pace,
}

impl Writer<'_> {
    /// Takes a step. `ledger` is as it was when the step was planned.
    pub(super) async fn take(&mut self, step: &Step, ledger: &Ledger) -> Outcome {
        let known = ledger.objects.get(&(step.response, step.object.clone()));
        let taken = match (step.response, &step.act) {
            (Response::NamespaceLabel, Act::Apply(manifest)) => self.label(step, manifest, known, ledger).await,
            (Response::NamespaceLabel, Act::Release | Act::Delete) => self.release(step, known).await,
            (_, Act::Apply(manifest)) => self.apply(step, manifest, known).await,
            (_, Act::Delete | Act::Release) => self.delete(step, known).await,
        };
        taken.unwrap_or_else(Outcome::of)
    }

    async fn apply(&mut self, step: &Step, manifest: &Value, known: Option<&Object>) -> Result<Outcome, WriteError> {
        if let Some(Object { uid, observed: Some(observed), .. }) = known
            && is_so(step, observed, manifest)
        {
            let (uid, unchanged) = (uid.clone(), true);
            return Ok(Outcome::Done(Written { uid, unchanged, dropped: None }));
        }
        self.pace.turn().await;
        let claim = claim(step.response, known);
        let applied = self.cluster.apply(self.leading, desired(step, manifest), claim, Store::Stored).await?;
        Ok(Outcome::written(applied.object(), manifest))
    }

    async fn delete(&mut self, step: &Step, known: Option<&Object>) -> Result<Outcome, WriteError> {
        let Some(target) = step.response.target(&step.object) else { return Ok(Outcome::Vanished) };
        self.pace.turn().await;
        match self.cluster.delete(self.leading, &target, claim(step.response, known)).await {
            // What lies there is another's: ours is gone.
            Ok(_) | Err(WriteError::NotOurs(_)) => Ok(Outcome::gone()),
            Err(error) => Err(error),
        }
    }

    /// Labels a namespace as it is now. What a person has taken off is not put back.
    async fn label(
        &mut self,
        step: &Step,
        manifest: &Value,
        known: Option<&Object>,
        ledger: &Ledger,
    ) -> Result<Outcome, WriteError> {
        let desired = desired(step, manifest);
        let target = desired.target().clone();
        let observed = self.cluster.observe(&target).await.map_err(|error| WriteError::Call(target, error))?;
        let Some(observed) = observed else { return Ok(Outcome::Vanished) };
        if is_terminating(&observed) {
            return Ok(Outcome::Refused(Reason::NamespaceTerminating, "the namespace is being deleted".to_owned()));
        }
        let uid = observed["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let namespace = &desired.target().name;
        let before = ledger.items.get(&(Response::NamespaceLabel, namespace.clone())).map(|item| &item.content);
        if known.is_some_and(|known| known.uid == uid)
            && let Some(Content::Labels(before)) = before
            && !has_labels(&observed, &before.labels)
        {
            let why = format!("{} was taken off or changed by somebody else", step.detail);
            return Ok(Outcome::Refused(Reason::Conflict, why));
        }
        self.label_exactly(step, manifest, &uid).await
    }

    /// Labels the namespace of this uid, and no other of its name.
    pub(super) async fn label_exactly(
        &mut self,
        step: &Step,
        manifest: &Value,
        uid: &str,
    ) -> Result<Outcome, WriteError> {
        self.pace.turn().await;
        let claim = Claim::Fields { uid };
        let applied = self.cluster.apply(self.leading, desired(step, manifest), claim, Store::Stored).await?;
        Ok(Outcome::written(applied.object(), manifest))
    }

    /// Takes off what was set here; what others set too stays.
    async fn release(&mut self, step: &Step, known: Option<&Object>) -> Result<Outcome, WriteError> {
        let Some(known) = known else { return Ok(Outcome::Vanished) };
        self.pace.turn().await;
        let desired = desired(step, &json!({}));
        let target = desired.target().clone();
        let claim = Claim::Fields { uid: &known.uid };
        match self.cluster.apply(self.leading, desired, claim, Store::Stored).await {
            Ok(_) => Ok(Outcome::gone()),
            Err(WriteError::Conflict(..)) => {
                let there = self.cluster.observe(&target).await;
                match there.map_err(|error| WriteError::Call(target.clone(), error))? {
                    Some(there) if there["metadata"]["uid"] == known.uid.as_str() => {
                        Ok(Outcome::Refused(Reason::Conflict, "the namespace changes meanwhile".to_owned()))
                    }
                    _ => Ok(Outcome::gone()),
                }
            }
            Err(WriteError::Call(_, error)) if error.code() == Some(404) => Ok(Outcome::gone()),
            Err(error) => Err(error),
        }
    }
}

/// What the server would say against a step; nothing is stored.
pub(crate) async fn rehearse(cluster: &Cluster, leading: &Leading, step: &Step, ledger: &Ledger) -> Option<String> {
    let Act::Apply(manifest) = &step.act else { return None };
    let desired = desired(step, manifest);
    let known = ledger.objects.get(&(step.response, step.object.clone()));
    let mut uid = String::new();
    if step.response == Response::NamespaceLabel {
        match cluster.observe(desired.target()).await {
            Ok(Some(namespace)) => namespace["metadata"]["uid"].as_str().unwrap_or_default().clone_into(&mut uid),
            Ok(None) => return Some("the namespace does not exist".to_owned()),
            Err(error) => return Some(error.chain()),
        }
    }
    let claim = if uid.is_empty() { claim(step.response, known) } else { Claim::Fields { uid: &uid } };
    match cluster.apply(leading, desired, claim, Store::DryRun).await {
        Ok(applied) => dropped(applied.object(), manifest, "").map(|field| format!("the cluster drops {field}")),
        Err(error) => match Outcome::of(error) {
            Outcome::Refused(reason, why) => Some(format!("{reason}: {why}")),
            Outcome::UnknownKind => Some(format!("{}: the cluster does not know the kind", Reason::CrdMissing)),
            Outcome::Failed(error) => Some(error.chain()),
            Outcome::NotLeading => Some("this process does not lead any more".to_owned()),
            Outcome::Done(_) | Outcome::Vanished => None,
        },
    }
}

impl Outcome {
    fn gone() -> Self {
        Self::Done(Written { uid: String::new(), unchanged: false, dropped: None })
    }

    fn written(object: &Value, manifest: &Value) -> Self {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        Self::Done(Written { uid, unchanged: false, dropped: dropped(object, manifest, "") })
    }

    fn of(error: WriteError) -> Self {
        match error {
            WriteError::NotLeading(_) => Self::NotLeading,
            WriteError::Conflict(_, why) => Self::Refused(Reason::Conflict, why),
            WriteError::NotOurs(target) => {
                Self::Refused(Reason::NotOurs, format!("{target} was not made by this release"))
            }
            WriteError::Call(_, error) if error.is_unknown_kind() => Self::UnknownKind,
            WriteError::Call(_, error) => match &error {
                CallError::Refused(refusal) => match refusal.code {
                    // The server refuses to make anything in a namespace that is going, or is gone.
                    403 if refusal.message.contains("being terminated") => {
                        Self::Refused(Reason::NamespaceTerminating, refusal.message.clone())
                    }
                    404 => Self::Refused(Reason::NamespaceTerminating, refusal.message.clone()),
                    401 | 403 => Self::Refused(Reason::Forbidden, refusal.message.clone()),
                    // So servers say that the schema lacks a field of an apply, as an error of their own.
                    500 if refusal.message.contains("field not declared in schema") => {
                        Self::Refused(Reason::Invalid, refusal.message.clone())
                    }
                    400 | 405 | 413 | 415 | 422 => Self::Refused(Reason::Invalid, refusal.message.clone()),
                    _ => Self::Failed(error),
                },
                _ => Self::Failed(error),
            },
        }
    }
}

/// Whether what was seen says what is wanted.
fn is_so(step: &Step, observed: &Value, manifest: &Value) -> bool {
    let message = step.items.values().flatten().find_map(|item| match &item.content {
        Content::Message(message) => Some(message),
        Content::Rule(_) | Content::Labels(_) => None,
    });
    match message {
        Some(message) => notification_says(observed, message),
        None => covers(observed, manifest),
    }
}

fn claim(response: Response, known: Option<&Object>) -> Claim<'_> {
    let uid = known.map(|known| known.uid.as_str()).filter(|uid| !uid.is_empty());
    match response {
        Response::Notification => Claim::Manager { uid },
        Response::WasmPlugin | Response::NamespaceLabel => Claim::Labels { uid },
    }
}

fn desired(step: &Step, manifest: &Value) -> Desired {
    let target = step.response.target(&step.object).expect("names of objects are made here");
    Desired::new(target, manifest.clone()).expect("a manifest has fields only, and its target a name")
}

fn is_terminating(namespace: &Value) -> bool {
    !namespace["metadata"]["deletionTimestamp"].is_null() || namespace["status"]["phase"] == "Terminating"
}

/// The first field that was sent and is not there. Texts and numbers may come back written otherwise.
fn dropped(there: &Value, sent: &Value, path: &str) -> Option<String> {
    match sent {
        Value::Object(sent) => sent.iter().find_map(|(key, sent)| {
            let path = format!("{path}.{key}");
            match there.get(key) {
                Some(there) => dropped(there, sent, &path),
                None => Some(path),
            }
        }),
        Value::Array(sent) => {
            let at = |position: usize| format!("{path}[{position}]");
            let mut items = sent.iter().enumerate();
            items.find_map(|(position, sent)| match there.get(position) {
                Some(there) => dropped(there, sent, &at(position)),
                None => Some(at(position)),
            })
        }
        _ => None,
    }
}

/// What comes of labeling a namespace that had this uid when the plan was made, and the namespace after that.
#[cfg(test)]
pub(crate) async fn label_of_old(
    cluster: &Cluster,
    leading: &Leading,
    namespace: &str,
    uid: &str,
) -> (String, Option<Value>) {
    use std::collections::{BTreeMap, BTreeSet};

    let manifest = json!({"metadata": {"labels": {"a": "b"}}});
    let step = Step {
        response: Response::NamespaceLabel,
        verb: crate::plan::Verb::Apply,
        object: format!("Namespace/{namespace}"),
        act: Act::Apply(manifest.clone()),
        hash: String::new(),
        detail: String::new(),
        findings: BTreeSet::new(),
        items: BTreeMap::new(),
    };
    let mut pace = Pace::new(std::sync::Arc::new(runtime::clock::SystemClock::new()));
    let mut writer = Writer { cluster, leading, pace: &mut pace };
    let outcome = writer.label_exactly(&step, &manifest, uid).await.unwrap_or_else(Outcome::of);
    let word = match outcome {
        Outcome::Refused(reason, _) => reason.to_string(),
        other => format!("{other:?}"),
    };
    (word, cluster.observe(desired(&step, &manifest).target()).await.unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_was_dropped_is_named() {
        let sent = json!({"spec": {"url": "u", "rules": [{"a": 1}, {"b": {"c": 2}}]}});
        let there = |object: Value| dropped(&object, &sent, "");
        assert_eq!(there(sent.clone()), None);
        assert_eq!(
            there(json!({"spec": {"url": "u", "x": 1, "rules": [{"a": 1}, {"b": {}}]}})),
            Some(".spec.rules[1].b.c".into())
        );
        assert_eq!(there(json!({"spec": {"url": "u", "rules": [{"a": 1}]}})), Some(".spec.rules[1]".into()));
        assert_eq!(there(json!({})), Some(".spec".into()));
    }
}
