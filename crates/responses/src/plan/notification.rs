//! Telling tenants: one Notification per namespace and episode.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use api::{Severity, Time, hex};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::limits::{Unit, admit, units};
use super::{Act, Input, Plan, Step, Verb, Verdict, covers, hash, later, verdict};
use crate::ledger::{Content, Item, Key, Message, Stand};
use crate::response::Response;
use crate::settings::{NotificationSettings, OnResolve, Texts};
use crate::template::Template;
use crate::words::{cut, shown};

const RESPONSE: Response = Response::Notification;

/// Beginning of the names of all of them.
pub(crate) const PREFIX: &str = "keelwatch-";

/// Beginning of the title of one that is over and is kept.
pub(crate) const OVER: &str = "[resolved] ";

/// Longest title and message, in characters.
const TITLE: usize = 253;
const MESSAGE: usize = 2_000;

/// Entries of the list in a message; the rest is counted. With names of 64 characters these fit.
const LISTED: usize = 12;

pub(super) fn plan(input: Input<'_>, plan: &mut Plan) {
    let mut spaces = units(input, RESPONSE, |pick| pick.namespace.clone());
    for (key, item) in input.ledger.items_of(RESPONSE) {
        let Content::Message(message) = &item.content else { continue };
        match item.stand {
            Stand::InForce => match spaces.remove(&message.namespace) {
                Some(unit) => go_on(input, plan, (key, item), message, &unit),
                None => end(input, plan, key, item, message),
            },
            Stand::Marked(at) => expire(input, plan, (key, item), message, at),
            Stand::Refused => drop(plan.quiet.insert(key.clone(), None)),
        }
    }
    let new = spaces.into_iter().map(|(namespace, unit)| {
        let name = name_of(&namespace, unit.oldest().first_seen);
        (unit, name)
    });
    let active = input.ledger.in_force_of(RESPONSE).count();
    for (unit, name) in admit(new.collect(), active, (RESPONSE, input), plan) {
        let message = told(input.settings.notification(), &unit, name, input.now);
        let key = key(&message);
        // It may lie there still, marked as over.
        let known = input.ledger.items.get(&key).and_then(|item| match &item.content {
            Content::Message(message) => Some(message),
            Content::Rule(_) | Content::Labels(_) => None,
        });
        // The reason why it cannot be marked as over and deleted in one plan: the key is the same.
        plan.steps.retain(|step| !(step.response == RESPONSE && step.items.contains_key(&key)));
        let message = unchanged(message, known);
        let item = item(&unit, &message, input.now);
        apply(input, plan, (key, item), &message, &unit);
    }
}

/// A namespace that was told has findings still.
fn go_on(input: Input<'_>, plan: &mut Plan, (key, known): (&Key, &Item), before: &Message, unit: &Unit) {
    let message = told(input.settings.notification(), unit, before.name.clone(), input.now);
    let message = unchanged(message, Some(before));
    let item = Item { since: known.since, ..item(unit, &message, input.now) };
    apply(input, plan, (key.clone(), item), &message, unit);
}

/// Writes what is not there.
fn apply(input: Input<'_>, plan: &mut Plan, (key, item): (Key, Item), message: &Message, unit: &Unit) {
    let object = object_of(message);
    let (manifest, hash) = (manifest(message), content_hash(message));
    let known = input.ledger.objects.get(&(RESPONSE, object.clone()));
    let is_there = known.is_some_and(|known| known.observed.is_none() && known.hash == hash);
    if is_there {
        match input.ledger.items.get(&key) {
            Some(before) => plan.keep(&key, before, item),
            None => drop(plan.quiet.insert(key, Some(item))),
        }
        return;
    }
    let barred = input.barred.of(RESPONSE, &object, &hash);
    let step = Step {
        response: RESPONSE,
        verb: Verb::Apply,
        object,
        act: Act::Apply(manifest),
        hash,
        detail: message.title.clone(),
        findings: unit.fingerprints(),
        items: BTreeMap::from([(key, Some(item))]),
    };
    super::attempt(input, plan, step, barred);
}

/// A namespace that was told has no finding any more.
fn end(input: Input<'_>, plan: &mut Plan, key: &Key, item: &Item, message: &Message) {
    let verdict = verdict((RESPONSE, item), input.causes, input.settings, input.now);
    match verdict {
        Verdict::Open => plan.keep(key, item, Item { over: None, ..item.clone() }),
        Verdict::Over { due, since, .. } if !input.undo.allows(verdict, input.now) => {
            plan.over(key, item, (due, since));
        }
        Verdict::Over { .. } => match input.settings.notification.on_resolve {
            OnResolve::Delete => delete(input, plan, (key, item), message),
            OnResolve::Mark => mark(input, plan, (key, item), message),
        },
    }
}

fn mark(input: Input<'_>, plan: &mut Plan, (key, item): (&Key, &Item), message: &Message) {
    let marked = Message {
        title: cut(format!("{OVER}{}", message.title), TITLE),
        importance: input.settings.notification.importance.of(Severity::Low).to_owned(),
        timestamp: input.now.as_second(),
        ..message.clone()
    };
    let over = Item { stand: Stand::Marked(input.now), content: Content::Message(marked.clone()), ..item.clone() };
    let hash = content_hash(&marked);
    let step = Step { act: Act::Apply(manifest(&marked)), hash, ..undo((key, item), message, "mark", Some(over)) };
    let barred = input.barred.of(RESPONSE, &step.object, &step.hash);
    super::attempt(input, plan, step, barred);
}

fn delete(input: Input<'_>, plan: &mut Plan, (key, item): (&Key, &Item), message: &Message) {
    let step = undo((key, item), message, "delete", None);
    let barred = input.barred.of(RESPONSE, &step.object, "");
    super::attempt(input, plan, step, barred);
}

/// One that was marked as over goes in time.
fn expire(input: Input<'_>, plan: &mut Plan, known: (&Key, &Item), message: &Message, marked: Time) {
    if later(marked, input.settings.notification.keep_resolved) <= input.now && input.undo != super::Undo::Nothing {
        delete(input, plan, known, message);
    }
}

fn undo((key, item): (&Key, &Item), message: &Message, detail: &str, then: Option<Item>) -> Step {
    Step {
        response: RESPONSE,
        verb: Verb::Undo,
        object: object_of(message),
        act: Act::Delete,
        hash: String::new(),
        detail: detail.to_owned(),
        findings: item.findings.keys().cloned().collect(),
        items: BTreeMap::from([(key.clone(), then)]),
    }
}

fn item(unit: &Unit, message: &Message, now: Time) -> Item {
    Item {
        object: object_of(message),
        findings: unit.findings(),
        since: now,
        over: None,
        stand: Stand::InForce,
        content: Content::Message(message.clone()),
    }
}

/// The message with the time of its last change.
fn unchanged(message: Message, before: Option<&Message>) -> Message {
    match before {
        Some(before) if Message { timestamp: message.timestamp, ..before.clone() } == message => before.clone(),
        _ => message,
    }
}

/// Name of the notification of an episode that begins with the finding of this first sight.
pub(crate) fn name_of(namespace: &str, first_seen: Time) -> String {
    const DIGITS: usize = 8;
    let text = format!("notification\0{namespace}\0{first_seen}");
    format!("{PREFIX}{}", hex(&Sha256::digest(text)[..DIGITS]))
}

/// What the tenant of a namespace reads.
fn told(settings: &NotificationSettings, unit: &Unit, name: String, now: Time) -> Message {
    let NotificationSettings { language, from, importance, desktop_popup, title, message, .. } = settings;
    let values = values(unit);
    let worst = unit.picks.iter().map(|pick| pick.severity).max().unwrap_or(Severity::Low);
    let fill = |texts: &Texts, between: &str| {
        let filled = texts.of(*language).into_iter().map(|text| filled(text, &values));
        filled.collect::<Vec<_>>().join(between)
    };
    Message {
        namespace: unit.oldest().namespace.clone(),
        name,
        title: cut(fill(title, " / "), TITLE),
        message: cut(fill(message, "\n\n"), MESSAGE),
        from: from.clone(),
        importance: importance.of(worst).to_owned(),
        desktop_popup: *desktop_popup,
        timestamp: now.as_second(),
    }
}

fn filled(text: &str, values: &BTreeMap<&'static str, String>) -> String {
    let template = Template::parse(text, crate::settings::VARIABLES).expect("templates were read with the settings");
    template.fill(|name| values.get(name).map_or("", String::as_str))
}

/// What the variables stand for.
fn values(unit: &Unit) -> BTreeMap<&'static str, String> {
    let oldest = unit.oldest();
    let joined = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
    let worst = unit.picks.iter().map(|pick| pick.severity).max().unwrap_or(Severity::Low);
    BTreeMap::from([
        ("namespace", oldest.namespace.clone()),
        ("count", unit.picks.len().to_string()),
        ("apps", listed(unit.picks.iter().map(|pick| shown(&pick.app.name)))),
        ("list", listed(unit.picks.iter().map(|pick| format!("{} ({})", shown(&pick.process), shown(&pick.rule))))),
        ("rules", joined(unit.picks.iter().map(|pick| shown(&pick.rule)).collect())),
        ("severity", worst.to_string()),
        ("reference", oldest.fingerprint.as_str()[..8].to_owned()),
        ("since", oldest.first_seen.to_string()),
    ])
}

/// Each once with how often, sorted; what is too much is counted.
fn listed(words: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let more = counts.len().saturating_sub(LISTED);
    let times = |(word, count): (String, usize)| if count > 1 { format!("{word} ×{count}") } else { word };
    let mut text = counts.into_iter().take(LISTED).map(times).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, ", … (+{more})");
    }
    text
}

/// The object as it is to be. The label that says whether it was read belongs to its reader and is never among it.
pub(crate) fn manifest(message: &Message) -> Value {
    let Message { namespace: _, name: _, title, message, from, importance, desktop_popup, timestamp } = message;
    let mut spec =
        json!({"title": title, "message": message, "timestamp": timestamp, "from": from, "importance": importance});
    if *desktop_popup {
        spec["desktopPopup"] = true.into();
    }
    json!({"spec": spec})
}

/// The time of a change is no change.
pub(crate) fn content_hash(message: &Message) -> String {
    hash(&manifest(&Message { timestamp: 0, ..message.clone() }))
}

/// Whether an object that was seen says this, whenever it was written.
pub(crate) fn says(observed: &Value, message: &Message) -> bool {
    let timestamp = observed["spec"]["timestamp"].as_i64().unwrap_or_default();
    covers(observed, &manifest(&Message { timestamp, ..message.clone() }))
}

pub(crate) fn object_of(message: &Message) -> String {
    format!("Notification/{}/{}", message.namespace, message.name)
}

pub(crate) fn key(message: &Message) -> Key {
    (RESPONSE, format!("{}/{}", message.namespace, message.name))
}

impl crate::Settings {
    const fn notification(&self) -> &NotificationSettings {
        &self.notification
    }
}
