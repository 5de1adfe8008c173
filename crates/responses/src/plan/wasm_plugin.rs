//! Blocking apps at the gateway: one WasmPlugin, one match rule per app.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map as JsonMap, Value, json};

use super::ingress::Map;
use super::limits::{Unit, admit, units};
use super::{Act, Input, Plan, Step, Verb, Verdict, covers, hash, verdict};
use crate::ledger::{Content, Item, Key, Rule, Stand};
use crate::response::{AppKey, Reason, Response, Skip};
use crate::settings::WasmPluginSettings;

const RESPONSE: Response = Response::WasmPlugin;

/// Largest spec, as JSON. etcd takes 1.5 MiB for an object, and the gateway holds it once more.
const SPEC_BYTES: usize = 900 << 10;

/// Apps that a step names in words.
const NAMED: usize = 10;

/// An app that is not blocked yet.
type New = (Unit, (Key, Rule));

/// Rules as they are to be.
#[derive(Debug, Default)]
struct Rules {
    items: BTreeMap<Key, Item>,
    /// Bytes of the spec at most.
    bytes: usize,
}

pub(super) fn plan(input: Input<'_>, plan: &mut Plan) {
    let settings = &input.settings.wasm_plugin;
    let object = name_of(settings);
    let mut rules = Rules { items: BTreeMap::new(), bytes: spec(settings, &[]).to_string().len() };
    let (mut kept, new) = sort_out(input, plan);
    kept.sort_by(|(left, before), (right, after)| (before.since, left).cmp(&(after.since, right)));
    for (key, item) in kept {
        // The settings may have grown since, and a spec that is too large would block nobody.
        if rules.has_room(settings, &item.content) {
            rules.take(settings, key, Item { object: object.clone(), ..item });
        } else {
            plan.skipped.extend(left_out(&item));
        }
    }
    let active = rules.items.len();
    for (unit, (key, rule)) in admit(new, active, (RESPONSE, input), plan) {
        let content = Content::Rule(rule);
        if !rules.has_room(settings, &content) {
            unit.skip(RESPONSE, Reason::ObjectFull, plan);
            continue;
        }
        let (findings, since) = (unit.findings(), input.now);
        let item = Item { object: object.clone(), findings, since, over: None, stand: Stand::InForce, content };
        rules.take(settings, key, item);
    }
    write(input, plan, &object, &rules);
    leave_former_objects(input, plan, &object);
}

/// What is in force and stays, and what is new.
fn sort_out(input: Input<'_>, plan: &mut Plan) -> (Vec<(Key, Item)>, Vec<New>) {
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    let mut wanted: BTreeSet<Key> = BTreeSet::new();
    let mut shared: BTreeSet<Key> = BTreeSet::new();
    let mut covered: HashSet<(String, String)> = HashSet::new();
    for (unit, key, found) in rules_of(input, plan) {
        match found {
            Ok(rule) => {
                covered.extend(rule.ingress.iter().map(|ingress| (rule.namespace.clone(), ingress.clone())));
                wanted.insert(key.clone());
                match known(input, &key, &rule) {
                    Some(item) => {
                        let (findings, content) = (unit.findings(), Content::Rule(rule));
                        kept.push((key, Item { findings, content, over: None, ..item.clone() }));
                    }
                    None => new.push((unit, (key, rule))),
                }
            }
            Err(Reason::SharedIngress) => drop(shared.insert(key)),
            // Its pods may be on their way back.
            Err(_) => {}
        }
    }
    for (key, item) in input.ledger.items_of(RESPONSE).filter(|(key, _)| !wanted.contains(*key)) {
        if is_covered(item, &covered) {
            continue;
        }
        let now = input.now;
        let verdict = match verdict((RESPONSE, item), input.causes, input.settings, now) {
            Verdict::Open if shared.contains(key) => Verdict::Over { due: now, since: now, deliberate: true },
            verdict => verdict,
        };
        if let Verdict::Over { due, since, .. } = verdict {
            if input.undo.allows(verdict, now) {
                continue;
            }
            plan.over(key, item, (due, since));
            kept.push((key.clone(), Item { over: Some(since), ..item.clone() }));
        } else {
            kept.push((key.clone(), Item { over: None, ..item.clone() }));
        }
    }
    (kept, new)
}

/// The rule of each app with findings, or why there is none.
fn rules_of(input: Input<'_>, plan: &mut Plan) -> Vec<(Unit, Key, Result<Rule, Reason>)> {
    let mut namespaces: BTreeMap<String, Vec<(AppKey, Unit)>> = BTreeMap::new();
    for ((namespace, app), unit) in units(input, RESPONSE, |pick| (pick.namespace.clone(), pick.app.clone())) {
        namespaces.entry(namespace).or_default().push((app, unit));
    }
    let mut found = Vec::new();
    for (namespace, apps) in namespaces {
        let Some(ground) = input.ground.get(&namespace) else {
            for (_, unit) in &apps {
                unit.skip(RESPONSE, Reason::NoIngress, plan);
            }
            found.extend(apps.into_iter().map(|(app, unit)| (unit, key(&namespace, &app), Err(Reason::NoIngress))));
            continue;
        };
        let map = Map::of(&namespace, ground, &input.selection.violating);
        for (app, unit) in apps {
            let pods: HashSet<&str> = unit.picks.iter().map(|pick| pick.pod_uid.as_str()).collect();
            let names: HashSet<&str> = unit.picks.iter().map(|pick| pick.pod.as_str()).collect();
            let is_meant = |pod: &super::PodLabels| {
                pods.contains(pod.uid.as_str()) || pod.app == app && names.contains(pod.name.as_str())
            };
            let ways = map.ways(is_meant);
            let allow_shared = input.settings.wasm_plugin.allow_shared;
            if !ways.shared.is_empty() && !allow_shared {
                unit.skip(RESPONSE, Reason::SharedIngress, plan);
            }
            let blocked = ways.blocked(allow_shared);
            if blocked == Err(Reason::NoIngress) {
                unit.skip(RESPONSE, Reason::NoIngress, plan);
            }
            let rule = |ingress| Rule { namespace: namespace.clone(), app: app.clone(), ingress };
            found.push((unit, key(&namespace, &app), blocked.map(rule)));
        }
    }
    found
}

/// The item of an app; also one that was found in the cluster and blocks the same.
fn known<'a>(input: Input<'a>, key: &Key, rule: &Rule) -> Option<&'a Item> {
    let adopted = |(_, item): &(&Key, &Item)| match &item.content {
        Content::Rule(known) => {
            known.app.name.is_empty() && known.namespace == rule.namespace && known.ingress == rule.ingress
        }
        Content::Message(_) | Content::Labels(_) => false,
    };
    let items = &input.ledger.items;
    items.get(key).or_else(|| input.ledger.items_of(RESPONSE).find(adopted).map(|(_, item)| item))
}

/// Whether an item that was found in the cluster blocks nothing that others do not.
fn is_covered(item: &Item, covered: &HashSet<(String, String)>) -> bool {
    let Content::Rule(rule) = &item.content else { return false };
    let mut ingress = rule.ingress.iter();
    rule.app.name.is_empty() && ingress.all(|name| covered.contains(&(rule.namespace.clone(), name.clone())))
}

/// Says of an app that was blocked why it is not any more.
fn left_out(item: &Item) -> Option<Skip> {
    let Content::Rule(Rule { namespace, app, .. }) = &item.content else { return None };
    let (response, reason, findings) = (RESPONSE, Reason::ObjectFull, item.findings.keys().cloned().collect());
    Some(Skip { response, namespace: namespace.clone(), app: app.name.clone(), reason, findings })
}

/// The step to the rules, if they are not there.
fn write(input: Input<'_>, plan: &mut Plan, object: &str, rules: &Rules) {
    let settings = &input.settings.wasm_plugin;
    let known = input.ledger.objects.get(&(RESPONSE, object.to_owned()));
    let emitted = emitted(&rules.items);
    let (items, verb) = changes(input, rules);
    let findings = items.iter().flat_map(|(key, item)| {
        let before = input.ledger.items.get(key).filter(|_| item.is_none());
        item.as_ref().or(before).into_iter().flat_map(|item| item.findings.keys().cloned())
    });
    let (detail, findings) = (in_words(input, &items), findings.collect());
    let (act, hash) = if emitted.is_empty() {
        if known.is_none() {
            plan.quiet.extend(items);
            return;
        }
        (Act::Delete, String::new())
    } else {
        let manifest = json!({"spec": spec(settings, &emitted)});
        let hash = hash(&manifest);
        let is_there = known.is_some_and(|known| match &known.observed {
            Some(observed) => covers(observed, &manifest),
            None => known.hash == hash,
        });
        if is_there && known.is_some_and(|known| known.hash == hash && known.observed.is_none()) {
            plan.quiet.extend(items);
            return;
        }
        (Act::Apply(manifest), hash)
    };
    let barred = input.barred.of(RESPONSE, object, &hash);
    let step = Step { response: RESPONSE, verb, object: object.to_owned(), act, hash, detail, findings, items };
    super::attempt(input, plan, step, barred);
}

/// Items that differ from the ledger, and whether anything begins or changes.
fn changes(input: Input<'_>, rules: &Rules) -> (BTreeMap<Key, Option<Item>>, Verb) {
    let mut items: BTreeMap<Key, Option<Item>> = BTreeMap::new();
    for (key, item) in &rules.items {
        if input.ledger.items.get(key) != Some(item) {
            items.insert(key.clone(), Some(item.clone()));
        }
    }
    let taken = input.ledger.items_of(RESPONSE).filter(|(key, _)| !rules.items.contains_key(*key));
    items.extend(taken.map(|(key, _)| (key.clone(), None)));
    let only_ends = !items.is_empty() && items.values().all(Option::is_none);
    (items, if only_ends { Verb::Undo } else { Verb::Apply })
}

/// Objects of former settings go once nothing stands in them any more: until its successor is written, the former one blocks.
fn leave_former_objects(input: Input<'_>, plan: &mut Plan, object: &str) {
    let items = input.ledger.items_of(RESPONSE);
    let left = items.filter_map(|(key, item)| plan.quiet.get(key).map_or(Some(item), Option::as_ref));
    let standing: HashSet<String> = left.map(|item| item.object.clone()).collect();
    let objects = input.ledger.objects.range((RESPONSE, String::new())..);
    let former = objects
        .take_while(|((response, _), _)| *response == RESPONSE)
        .filter(|((_, name), _)| name != object && !standing.contains(name));
    for ((_, name), _) in former {
        let step = Step {
            response: RESPONSE,
            verb: Verb::Undo,
            object: name.clone(),
            act: Act::Delete,
            hash: String::new(),
            detail: "delete".to_owned(),
            findings: BTreeSet::new(),
            items: BTreeMap::new(),
        };
        let barred = input.barred.of(RESPONSE, name, "");
        super::attempt(input, plan, step, barred);
    }
}

/// Rules in their order. The gateway takes the first that matches, so an Ingress stands in the first alone; a rule without any
/// would make it refuse the whole plugin.
fn emitted(items: &BTreeMap<Key, Item>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = items
        .values()
        .filter_map(|item| match &item.content {
            Content::Rule(rule) => Some(rule.clone()),
            Content::Message(_) | Content::Labels(_) => None,
        })
        .collect();
    rules.sort_unstable();
    let mut taken: HashSet<(String, String)> = HashSet::new();
    for rule in &mut rules {
        let namespace = rule.namespace.clone();
        rule.ingress.sort_unstable();
        rule.ingress.retain(|ingress| taken.insert((namespace.clone(), ingress.clone())));
    }
    rules.retain(|rule| !rule.ingress.is_empty());
    rules
}

fn spec(settings: &WasmPluginSettings, rules: &[Rule]) -> Value {
    let WasmPluginSettings {
        url, sha256, image_pull_policy, image_pull_secret, phase, priority, fail_strategy, ..
    } = settings;
    let mut spec = JsonMap::new();
    spec.insert("url".to_owned(), url.as_str().into());
    for (key, value) in [("sha256", sha256), ("imagePullSecret", image_pull_secret)] {
        if !value.is_empty() {
            spec.insert(key.to_owned(), value.as_str().into());
        }
    }
    let words = [
        ("phase", json!(phase)),
        ("failStrategy", json!(fail_strategy)),
        ("imagePullPolicy", json!(image_pull_policy)),
    ];
    spec.extend(words.map(|(key, value)| (key.to_owned(), value)));
    spec.insert("priority".to_owned(), (*priority).into());
    spec.insert("defaultConfigDisable".to_owned(), true.into());
    spec.insert("matchRules".to_owned(), rules.iter().map(|rule| match_rule(settings, rule)).collect());
    Value::Object(spec)
}

fn match_rule(settings: &WasmPluginSettings, rule: &Rule) -> Value {
    let WasmPluginSettings { status_code, headers, body, .. } = settings;
    let ingress: Vec<String> = rule.ingress.iter().map(|name| format!("{}/{name}", rule.namespace)).collect();
    json!({"ingress": ingress, "config": {"status_code": status_code, "headers": headers, "body": body}})
}

/// Bytes of a rule in the spec, with its comma.
fn bytes(settings: &WasmPluginSettings, content: &Content) -> usize {
    match content {
        Content::Rule(rule) => match_rule(settings, rule).to_string().len() + 1,
        Content::Message(_) | Content::Labels(_) => 0,
    }
}

fn key(namespace: &str, app: &AppKey) -> Key {
    (RESPONSE, format!("{namespace}/{}/{}", app.kind, app.name))
}

/// Name of the object.
pub(crate) fn name_of(settings: &WasmPluginSettings) -> String {
    format!("WasmPlugin/{}/{}", settings.gateway_namespace, settings.name)
}

/// What begins, changes and ends.
fn in_words(input: Input<'_>, items: &BTreeMap<Key, Option<Item>>) -> String {
    let app = |(_, name): &Key| {
        let mut parts = name.splitn(3, '/');
        let namespace = parts.next().unwrap_or_default();
        format!("{namespace}/{}", parts.nth(1).unwrap_or_default())
    };
    let mut words = Vec::new();
    for (key, item) in items {
        let before = input.ledger.items.get(key);
        match (item, before) {
            (Some(_), None) => words.push(format!("add {}", app(key))),
            (Some(item), Some(before)) if item.content != before.content => words.push(format!("change {}", app(key))),
            (None, _) => words.push(format!("remove {}", app(key))),
            (Some(_), Some(_)) => {}
        }
    }
    let more = words.len().saturating_sub(NAMED);
    words.truncate(NAMED);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    if words.is_empty() { "as in the settings".to_owned() } else { words.join(", ") }
}

impl Rules {
    fn has_room(&self, settings: &WasmPluginSettings, content: &Content) -> bool {
        self.bytes + bytes(settings, content) <= SPEC_BYTES
    }

    fn take(&mut self, settings: &WasmPluginSettings, key: Key, item: Item) {
        self.bytes += bytes(settings, &item.content);
        self.items.insert(key, item);
    }
}
