//! What lies in the cluster already when a leadership begins: written before a process died, or by a release whose storage is lost.
//!
//! Owns reading it and entering it into the ledger. Whether it is still wanted is decided by the next plan.

use std::collections::BTreeMap;

use api::Time;
use kubeio::write::was_applied;
use kubeio::{CallError, Cluster};
use serde_json::Value;

use crate::kinds::{NAMESPACES, NOTIFICATIONS, WASM_PLUGINS};
use crate::ledger::{Changes, Content, Item, Key, Labels, Ledger, Message, Object, Rule, Stand};
use crate::plan::{OVER, PREFIX, labels_hash, notification_key, notification_object};
use crate::response::{AppKey, Response};
use crate::settings::Settings;

/// What is looked for, and by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adopt<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Ledger,
    pub(crate) now: Time,
}

impl Adopt<'_> {
    /// What the ledger lacks of a response, and how its objects are now.
    pub(crate) async fn run(self, response: Response) -> Result<Changes, CallError> {
        match response {
            Response::WasmPlugin => self.plugins().await,
            Response::Notification => self.notifications().await,
            Response::NamespaceLabel => self.labels().await,
        }
    }

    async fn plugins(self) -> Result<Changes, CallError> {
        let namespace = self.settings.wasm_plugin.gateway_namespace.as_str();
        let mut found: Vec<Value> = Vec::new();
        let labels = self.cluster.our_labels();
        self.cluster.survey(&WASM_PLUGINS, Some(namespace), &labels, |object| found.push(object)).await?;
        let mut changes = Changes::default();
        for object in found {
            let name = format!("WasmPlugin/{namespace}/{}", text(&object["metadata"]["name"]));
            changes.items.extend(self.unknown_rules(&name, &object));
            self.take(&mut changes, (Response::WasmPlugin, name), object);
        }
        for key in self.objects_of(Response::WasmPlugin) {
            if changes.objects.contains_key(&key) {
                continue;
            }
            // Without its labels it is known by its uid; gone, it is made again.
            let uid = self.ledger.objects.get(&key).map(|object| object.uid.as_str());
            match self.observe(&key).await? {
                Some(object) if Some(text(&object["metadata"]["uid"])) == uid => self.take(&mut changes, key, object),
                _ => drop(changes.objects.insert(key, None)),
            }
        }
        Ok(changes)
    }

    /// Rules of an object that no item knows.
    fn unknown_rules(self, name: &str, object: &Value) -> BTreeMap<Key, Option<Item>> {
        let rules = object["spec"]["matchRules"].as_array().into_iter().flatten();
        let ingress = |rule: &Value| -> Vec<String> {
            rule["ingress"].as_array().into_iter().flatten().map(|name| text(name).to_owned()).collect()
        };
        let known = |namespace: &str, wanted: &str| {
            self.ledger.items_of(Response::WasmPlugin).any(|(_, item)| match &item.content {
                Content::Rule(rule) => rule.namespace == namespace && rule.ingress.iter().any(|known| known == wanted),
                Content::Message(_) | Content::Labels(_) => false,
            })
        };
        let mut items = BTreeMap::new();
        for rule in rules.map(ingress) {
            let mut spaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (namespace, name) in rule.iter().filter_map(|name| name.split_once('/')) {
                if !known(namespace, name) {
                    spaces.entry(namespace.to_owned()).or_default().push(name.to_owned());
                }
            }
            for (namespace, mut ingress) in spaces {
                ingress.sort_unstable();
                let key = (Response::WasmPlugin, format!("{namespace}//{}", ingress.join(",")));
                let app = AppKey { kind: String::new(), name: String::new() };
                let content = Content::Rule(Rule { namespace, app, ingress });
                items.insert(key, Some(self.item(name, content, Stand::InForce)));
            }
        }
        items
    }

    async fn notifications(self) -> Result<Changes, CallError> {
        let mut found: Vec<Value> = Vec::new();
        let is_ours = |object: &Value| text(&object["metadata"]["name"]).starts_with(PREFIX) && was_applied(object);
        let take = |object: Value| {
            if is_ours(&object) {
                found.push(object);
            }
        };
        self.cluster.survey(&NOTIFICATIONS, None, "", take).await?;
        let mut changes = Changes::default();
        for object in found {
            let message = message(&object);
            let key = notification_key(&message);
            let name = notification_object(&message);
            if !self.ledger.items.contains_key(&key) {
                let stand = if message.title.starts_with(OVER) { Stand::Marked(self.now) } else { Stand::InForce };
                changes.items.insert(key, Some(self.item(&name, Content::Message(message), stand)));
            }
            self.take(&mut changes, (Response::Notification, name), object);
        }
        Ok(changes)
    }

    async fn labels(self) -> Result<Changes, CallError> {
        let mut owned: BTreeMap<String, (Value, BTreeMap<String, String>)> = BTreeMap::new();
        for key in self.settings.namespace_label.labels.keys() {
            let take = |object: Value| {
                if owns_label(&object, key) {
                    let value = text(&object["metadata"]["labels"][key]).to_owned();
                    let name = text(&object["metadata"]["name"]).to_owned();
                    owned.entry(name).or_insert_with(|| (object, BTreeMap::new())).1.insert(key.clone(), value);
                }
            };
            self.cluster.survey(&NAMESPACES, None, key, take).await?;
        }
        let mut changes = Changes::default();
        for (namespace, (object, labels)) in &owned {
            let key = (Response::NamespaceLabel, namespace.clone());
            if self.ledger.items.contains_key(&key) {
                continue;
            }
            let rules = text(&object["metadata"]["annotations"]["keelwatch.io/response"]);
            let rules = rules.split(',').filter(|rule| !rule.is_empty()).map(str::to_owned).collect();
            let labels = Labels { namespace: namespace.clone(), labels: labels.clone(), rules };
            let (name, uid) = (format!("Namespace/{namespace}"), text(&object["metadata"]["uid"]).to_owned());
            let written = Object { uid, hash: labels_hash(&labels), observed: None };
            changes.objects.insert((Response::NamespaceLabel, name.clone()), Some(written));
            changes.items.insert(key, Some(self.item(&name, Content::Labels(labels), Stand::InForce)));
        }
        self.missed_labels(&mut changes).await?;
        Ok(changes)
    }

    /// A label that was set here and is not there any more, or is another, was taken off by a person. It stays off.
    async fn missed_labels(self, changes: &mut Changes) -> Result<(), CallError> {
        for (key, item) in self.ledger.in_force_of(Response::NamespaceLabel) {
            let object = (Response::NamespaceLabel, item.object.clone());
            let Some(written) = self.ledger.objects.get(&object) else { continue };
            let Content::Labels(labels) = &item.content else { continue };
            match self.observe(&object).await? {
                Some(there) if text(&there["metadata"]["uid"]) == written.uid => {
                    if !has_labels(&there, &labels.labels) {
                        changes.items.insert(key.clone(), Some(Item { stand: Stand::Refused, ..item.clone() }));
                    }
                }
                _ => {
                    changes.objects.insert(object, None);
                    changes.items.insert(key.clone(), None);
                }
            }
        }
        Ok(())
    }

    fn item(self, object: &str, content: Content, stand: Stand) -> Item {
        let (object, findings, since) = (object.to_owned(), BTreeMap::new(), self.now);
        Item { object, findings, since, over: None, stand, content }
    }

    fn take(self, changes: &mut Changes, key: Key, object: Value) {
        let hash = self.ledger.objects.get(&key).map(|known| known.hash.clone()).unwrap_or_default();
        let uid = text(&object["metadata"]["uid"]).to_owned();
        changes.objects.insert(key, Some(Object { uid, hash, observed: Some(object) }));
    }

    fn objects_of(self, response: Response) -> Vec<Key> {
        let objects = self.ledger.objects.keys();
        objects.filter(|(of, _)| *of == response).cloned().collect()
    }

    async fn observe(self, (response, object): &Key) -> Result<Option<Value>, CallError> {
        match response.target(object) {
            Some(target) => self.cluster.observe(&target).await,
            None => Ok(None),
        }
    }
}

/// Whether a namespace has these labels with these values.
pub(crate) fn has_labels(namespace: &Value, labels: &BTreeMap<String, String>) -> bool {
    labels.iter().all(|(key, value)| namespace["metadata"]["labels"][key] == value.as_str())
}

/// Whether this program has applied a label of an object.
fn owns_label(object: &Value, key: &str) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let field = format!("f:{key}");
    let mut ours = entries.filter(|entry| entry["manager"] == "keelwatch" && entry["operation"] == "Apply");
    ours.any(|entry| entry["fieldsV1"]["f:metadata"]["f:labels"].get(&field).is_some())
}

fn message(object: &Value) -> Message {
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    Message {
        namespace: text(&metadata["namespace"]).to_owned(),
        name: text(&metadata["name"]).to_owned(),
        title: text(&spec["title"]).to_owned(),
        message: text(&spec["message"]).to_owned(),
        from: text(&spec["from"]).to_owned(),
        importance: text(&spec["importance"]).to_owned(),
        desktop_popup: spec["desktopPopup"].as_bool().unwrap_or_default(),
        timestamp: spec["timestamp"].as_i64().unwrap_or_default(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
