//! Labeling namespaces, for other controllers to act on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::limits::{Unit, admit, units};
use super::{Act, Input, Plan, Step, Verb, Verdict, hash, verdict};
use crate::ledger::{Content, Item, Key, Labels, Stand};
use crate::response::{Reason, Response};

const RESPONSE: Response = Response::NamespaceLabel;

/// Names the rules that asked for the labels.
const ANNOTATION: &str = "keelwatch.io/response";

pub(super) fn plan(input: Input<'_>, plan: &mut Plan) {
    let mut spaces = units(input, RESPONSE, |pick| pick.namespace.clone());
    let mut new = Vec::new();
    for (key, item) in input.ledger.items_of(RESPONSE) {
        match (spaces.remove(&key.1), item.stand) {
            (Some(unit), Stand::InForce | Stand::Marked(_)) => {
                let labels = labels(input, &unit);
                let wanted = Item { findings: unit.findings(), over: None, ..item.clone() };
                apply(input, plan, key, Item { content: Content::Labels(labels), ..wanted }, &unit);
            }
            (Some(unit), Stand::Refused) if is_same_episode(&unit, item) => {
                unit.skip(RESPONSE, Reason::Conflict, plan);
            }
            (Some(unit), Stand::Refused) => new.push((unit, ())),
            (None, _) => end(input, plan, key, item),
        }
    }
    new.extend(spaces.into_values().map(|unit| (unit, ())));
    let active = input.ledger.in_force_of(RESPONSE).count();
    for (unit, ()) in admit(new, active, (RESPONSE, input), plan) {
        let labels = labels(input, &unit);
        let key = (RESPONSE, labels.namespace.clone());
        let (object, since) = (object_of(&labels.namespace), input.now);
        let (findings, content) = (unit.findings(), Content::Labels(labels));
        let item = Item { object, findings, since, over: None, stand: Stand::InForce, content };
        apply(input, plan, &key, item, &unit);
    }
}

/// Whether nothing has happened since somebody set the label differently.
fn is_same_episode(unit: &Unit, item: &Item) -> bool {
    unit.findings().iter().all(|(finding, episode)| item.findings.get(finding).is_some_and(|known| known >= episode))
}

/// Writes what is not there.
fn apply(input: Input<'_>, plan: &mut Plan, key: &Key, item: Item, unit: &Unit) {
    let Content::Labels(labels) = &item.content else { return };
    let (object, manifest) = (object_of(&labels.namespace), manifest(labels));
    let hash = hash(&manifest);
    let known = input.ledger.objects.get(&(RESPONSE, object.clone()));
    if known.is_some_and(|known| known.hash == hash) {
        match input.ledger.items.get(key) {
            Some(before) => plan.keep(key, before, item),
            None => drop(plan.quiet.insert(key.clone(), Some(item))),
        }
        return;
    }
    let barred = input.barred.of(RESPONSE, &object, &hash);
    let detail = labels.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let (findings, items) = (unit.fingerprints(), BTreeMap::from([(key.clone(), Some(item))]));
    let (response, verb, act) = (RESPONSE, Verb::Apply, Act::Apply(manifest));
    super::attempt(input, plan, Step { response, verb, object, act, hash, detail, findings, items }, barred);
}

/// A namespace that was labeled has no finding any more.
fn end(input: Input<'_>, plan: &mut Plan, key: &Key, item: &Item) {
    let verdict = verdict((RESPONSE, item), input.causes, input.settings, input.now);
    let Verdict::Over { due, since, .. } = verdict else {
        return plan.keep(key, item, Item { over: None, ..item.clone() });
    };
    if !input.undo.allows(verdict, input.now) {
        return plan.over(key, item, (due, since));
    }
    let Content::Labels(labels) = &item.content else { return };
    let object = object_of(&labels.namespace);
    if !input.ledger.objects.contains_key(&(RESPONSE, object.clone())) {
        // Nothing was ever written.
        plan.quiet.insert(key.clone(), None);
        return;
    }
    let barred = input.barred.of(RESPONSE, &object, "");
    let step = Step {
        response: RESPONSE,
        verb: Verb::Undo,
        object,
        act: Act::Release,
        hash: String::new(),
        detail: format!("remove {}", labels.labels.keys().cloned().collect::<Vec<_>>().join(",")),
        findings: item.findings.keys().cloned().collect(),
        items: BTreeMap::from([(key.clone(), None)]),
    };
    super::attempt(input, plan, step, barred);
}

fn labels(input: Input<'_>, unit: &Unit) -> Labels {
    let rules: BTreeSet<String> = unit.picks.iter().map(|pick| pick.rule.clone()).collect();
    Labels {
        namespace: unit.oldest().namespace.clone(),
        labels: input.settings.namespace_label.labels.clone(),
        rules: rules.into_iter().collect(),
    }
}

fn manifest(labels: &Labels) -> Value {
    let Labels { namespace: _, labels, rules } = labels;
    json!({"metadata": {"labels": labels, "annotations": {ANNOTATION: rules.join(",")}}})
}

/// Identity of what a namespace is labeled with.
pub(crate) fn hash_of(labels: &Labels) -> String {
    hash(&manifest(labels))
}

fn object_of(namespace: &str) -> String {
    format!("Namespace/{namespace}")
}
