//! From findings to what is to be written. Pure: the same input makes the same bytes.
//!
//! Owns what the responses have in common: what they are given, what they ask for, and when something is over. What each of
//! them wants is in the file of its name.
//!
//! ```text
//! Selection, Ground, Ledger, Settings ─► wasm_plugin, notification, namespace_label ─► Plan: steps, skips, quiet changes
//! ```

mod ingress;
mod limits;
mod namespace_label;
mod notification;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;
mod wasm_plugin;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::{Fingerprint, Time, hex};
use jiff::SignedDuration;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) use self::ingress::{Ground, NamedBackends, NamedSelector, Neighborhood, PodLabels};
pub(crate) use self::namespace_label::hash_of as labels_hash;
pub(crate) use self::notification::{
    OVER, PREFIX, key as notification_key, object_of as notification_object, says as notification_says,
};
pub(crate) use self::verdict::{Causes, Count, Undo, Verdict, count, verdict};
use crate::ledger::{Item, Key, Ledger};
use crate::response::{Reason, Response, Skip};
use crate::select::Selection;
use crate::settings::Settings;

/// What is planned from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) selection: &'a Selection,
    /// Where findings are that something was done about.
    pub(crate) causes: &'a Causes,
    /// Pods and ways to them, in namespaces with something to block.
    pub(crate) ground: &'a Ground,
    pub(crate) ledger: &'a Ledger,
    /// What cannot be written now, and why.
    pub(crate) barred: &'a Barred,
    /// What may be taken back.
    pub(crate) undo: Undo,
    pub(crate) now: Time,
}

/// What cannot be written now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Barred {
    /// Nothing of these responses.
    pub(crate) responses: BTreeMap<Response, Reason>,
    /// Not these objects; with a hash, not in this form.
    pub(crate) objects: BTreeMap<Key, (Reason, Option<String>)>,
}

/// What is to be written, and what is not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    /// In the order in which they are to be taken.
    pub(crate) steps: Vec<Step>,
    pub(crate) skipped: Vec<Skip>,
    /// Items as they are from now on without anything being written.
    pub(crate) quiet: BTreeMap<Key, Option<Item>>,
    /// Items that nothing asks for any more, and when they are taken back.
    pub(crate) over: BTreeMap<Key, Time>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) response: Response,
    pub(crate) verb: Verb,
    /// Such as `Namespace/ns-shop`.
    pub(crate) object: String,
    pub(crate) act: Act,
    /// Of the content; "" where nothing stays.
    pub(crate) hash: String,
    /// What changes, in words.
    pub(crate) detail: String,
    /// Why, or why once.
    pub(crate) findings: BTreeSet<Fingerprint>,
    /// Items as they are once it is done.
    pub(crate) items: BTreeMap<Key, Option<Item>>,
}

/// Whether something is done or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verb {
    Apply,
    Undo,
}

/// How it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// The object gets these fields.
    Apply(Value),
    /// The object goes.
    Delete,
    /// The object stays without fields of ours.
    Release,
}

/// Plans all responses.
pub(crate) fn plan(input: Input<'_>) -> Plan {
    let mut plan = Plan { skipped: input.selection.skipped.clone(), ..Plan::default() };
    namespace_label::plan(input, &mut plan);
    wasm_plugin::plan(input, &mut plan);
    notification::plan(input, &mut plan);
    plan.skipped.sort_unstable();
    plan
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }
}

impl Plan {
    /// Says that an item is over, and since when it was noticed.
    fn over(&mut self, key: &Key, item: &Item, (due, since): (Time, Time)) {
        self.over.insert(key.clone(), due);
        if item.over != Some(since) {
            self.quiet.insert(key.clone(), Some(Item { over: Some(since), ..item.clone() }));
        }
    }

    /// Notes that an item is as wanted; its findings may have changed.
    fn keep(&mut self, key: &Key, known: &Item, item: Item) {
        if *known != item {
            self.quiet.insert(key.clone(), Some(item));
        }
    }
}

impl Barred {
    /// Why this object cannot be written in this form.
    fn of(&self, response: Response, object: &str, hash: &str) -> Option<Reason> {
        if let Some(reason) = self.responses.get(&response) {
            return Some(*reason);
        }
        let (reason, form) = self.objects.get(&(response, object.to_owned()))?;
        form.as_ref().is_none_or(|form| form == hash).then_some(*reason)
    }
}

/// Takes a step into the plan, or says why it cannot be taken.
fn attempt(input: Input<'_>, plan: &mut Plan, step: Step, barred: Option<Reason>) {
    let rehearsed = input.settings.is_dry_run(step.response).then_some(Reason::DryRun);
    if let Some(reason) = barred.or(rehearsed) {
        let picked = input.selection.picked.get(&step.response);
        let picks = step.findings.iter().filter_map(|fingerprint| picked?.get(fingerprint)).cloned();
        limits::Unit { picks: picks.collect() }.skip(step.response, reason, plan);
    }
    if barred.is_none() {
        plan.steps.push(step);
    }
}

/// Identity of a content.
pub(crate) fn hash(content: &Value) -> String {
    hex(&Sha256::digest(content.to_string()))
}

/// Whether everything that is wanted is there. Lists are compared whole, as the server owns them whole.
pub(crate) fn covers(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| there.get(key).is_some_and(|there| covers(there, wanted)))
        }
        _ => there == wanted,
    }
}

/// So much later; settings end at 90 days.
pub(crate) fn later(time: Time, by: Duration) -> Time {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    Time::of(jiff::Timestamp::from(time).saturating_add(by).unwrap_or(jiff::Timestamp::MAX))
}
