//! What was done and is not taken back yet.
//!
//! Owns the words of it; `store` has its tables. An object is what lies in the cluster, an item is what is in force in it for one
//! app or namespace: one block object holds many.

mod store;

use std::collections::{BTreeMap, BTreeSet};

use api::{Fingerprint, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::store::{Changes, load, write_of};
use crate::response::{AppKey, Response};
use crate::select::InForce;

/// A response, and a name: of an object `WasmPlugin/higress-system/keelwatch-block`, of an item `ns-shop/app/cart`.
pub(crate) type Key = (Response, String);

/// Everything that was done and is not taken back yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Ledger {
    pub(crate) objects: BTreeMap<Key, Object>,
    pub(crate) items: BTreeMap<Key, Item>,
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) uid: String,
    /// Of what was written last; "" if that is not known.
    pub(crate) hash: String,
    /// As it was seen when this leadership began, until it is compared.
    pub(crate) observed: Option<Value>,
}

/// Something that is in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Name of its object.
    pub(crate) object: String,
    /// Why, each with its episode; none if it was found in the cluster and nobody knows.
    pub(crate) findings: BTreeMap<Fingerprint, u64>,
    pub(crate) since: Time,
    /// Since when nothing asks for it any more, as far as that was noticed.
    pub(crate) over: Option<Time>,
    pub(crate) stand: Stand,
    pub(crate) content: Content,
}

/// How it stands with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    InForce,
    /// It says since then that it is over.
    Marked(Time),
    /// Another manager has it differently: nothing more is done in these episodes of its findings.
    Refused,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Content {
    Rule(Rule),
    Message(Message),
    Labels(Labels),
}

/// An app that is blocked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) namespace: String,
    /// Its name is "" if it was found in the cluster.
    pub(crate) app: AppKey,
    /// Names of its Ingresses, sorted.
    pub(crate) ingress: Vec<String>,
}

/// What a tenant was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the field is called so in the object")]
pub(crate) struct Message {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) from: String,
    pub(crate) importance: String,
    pub(crate) desktop_popup: bool,
    /// Unix seconds of its last change.
    pub(crate) timestamp: i64,
}

/// What a namespace was labeled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the field is called so in the object")]
pub(crate) struct Labels {
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Ids of rules, sorted.
    pub(crate) rules: Vec<String>,
}

impl Content {
    /// Whom it is about.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Rule(Rule { namespace, .. })
            | Self::Message(Message { namespace, .. })
            | Self::Labels(Labels { namespace, .. }) => namespace,
        }
    }
}

impl Ledger {
    /// Items of a response.
    pub(crate) fn items_of(&self, response: Response) -> impl Iterator<Item = (&Key, &Item)> {
        self.items.range((response, String::new())..).take_while(move |((of, _), _)| *of == response)
    }

    /// Items of a response that are in force.
    pub(crate) fn in_force_of(&self, response: Response) -> impl Iterator<Item = (&Key, &Item)> {
        self.items_of(response).filter(|(_, item)| item.stand == Stand::InForce)
    }

    /// What is in force on apps and namespaces.
    pub(crate) fn in_force(&self) -> InForce {
        let rules = self.in_force_of(Response::WasmPlugin).filter_map(|(_, item)| match &item.content {
            Content::Rule(rule) => Some((rule.namespace.clone(), rule.app.clone())),
            Content::Message(_) | Content::Labels(_) => None,
        });
        let labels = self.in_force_of(Response::NamespaceLabel).map(|((_, namespace), _)| namespace.clone());
        InForce { apps: rules.collect(), namespaces: labels.collect() }
    }

    /// Findings of all items, by response.
    pub(crate) fn findings(&self) -> BTreeSet<(Response, Fingerprint)> {
        let of = |((response, _), item): (&Key, &Item)| {
            let response = *response;
            item.findings.keys().map(move |fingerprint| (response, fingerprint.clone())).collect::<Vec<_>>()
        };
        self.items.iter().flat_map(of).collect()
    }

    /// Makes changes true.
    pub(crate) fn apply(&mut self, changes: &Changes) {
        for (key, object) in &changes.objects {
            replace(&mut self.objects, key, object.as_ref());
        }
        for (key, item) in &changes.items {
            replace(&mut self.items, key, item.as_ref());
        }
    }
}

fn replace<T: Clone>(map: &mut BTreeMap<Key, T>, key: &Key, value: Option<&T>) {
    match value {
        Some(value) => drop(map.insert(key.clone(), value.clone())),
        None => drop(map.remove(key)),
    }
}
