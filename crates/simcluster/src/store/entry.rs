//! One stored object: its encoding, and the few values that are asked for without decoding it.
//!
//! Owns the order of keys in an encoding. What may be stored is `write`'s to judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::words::Words;
use crate::kind::{Kind, Origin};
use crate::population;

/// Where an object lies in its table. The order is that of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Empty for objects of the cluster.
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// An object in the store.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) uid: Arc<str>,
    pub(crate) version: u64,
    /// Keys and values by turns.
    pub(crate) labels: Words,
    /// Values of the selectable fields of the kind, in its order.
    fields: Words,
    /// Uids of the owners.
    pub(crate) owners: Words,
    body: Bytes,
    /// Where the encoding goes on behind `kind` and `apiVersion`.
    rest_at: usize,
}

const METADATA_ORDER: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key that `object` states itself.
    pub(crate) fn of(object: &Value) -> Self {
        Self::new(text_at(object, "metadata.namespace"), text_at(object, "metadata.name"))
    }
}

impl Entry {
    /// Encodes `object` as `kind`; `version` is written into it.
    pub(crate) fn encode(kind: &Kind, object: &Value, version: u64) -> Self {
        let object = ordered(kind, object, version);
        let body = serde_json::to_vec(&object).expect("a JSON value has only text as keys");
        Self {
            key: Key::of(&object),
            uid: text_at(&object, "metadata.uid").into(),
            version,
            labels: labels(&object),
            fields: fields(kind, &object),
            owners: owners(&object).collect(),
            rest_at: head_length(kind),
            body: Bytes::from(body.into_boxed_slice()),
        }
    }

    /// An object of the population, which is encoded already.
    pub(crate) fn populated(kind: &Kind, object: population::Object) -> Self {
        let value = |path: &'_ String| {
            let found = object.fields.iter().find(|(of, _)| of == path);
            found.map_or_else(|| default_of(path), |(_, value)| value)
        };
        let labels = object.labels.iter().flat_map(|(key, value)| [&**key, &**value]);
        Self {
            uid: object.uid.into(),
            version: object.version,
            labels: labels.collect(),
            fields: kind.selectable.iter().map(value).collect(),
            owners: object.owner.as_deref().into_iter().collect(),
            key: Key { namespace: object.namespace.into(), name: object.name.into() },
            body: object.body,
            rest_at: head_length(kind),
        }
    }

    /// A selectable field, by its place in the kind.
    pub(crate) fn field(&self, nth: usize) -> &str {
        self.fields.nth(nth)
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The encoding without kind and apiVersion, and without the brace that opens it.
    pub(crate) fn rest(&self) -> Bytes {
        self.body.slice(self.rest_at..)
    }

    pub(crate) fn decode(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the store holds what it encoded")
    }

    /// Only the metadata, decoded; the rest is passed over.
    pub(crate) fn metadata(&self) -> Value {
        #[derive(serde::Deserialize)]
        struct Part {
            metadata: Value,
        }
        serde_json::from_slice::<Part>(&self.body).expect("the store holds what it encoded").metadata
    }

    /// The same object under another version: what a DELETED event carries.
    pub(crate) fn at_version(&self, version: u64) -> Self {
        let body = self.edited(&[("resourceVersion", &version.to_string())]);
        Self { version, body: body.expect("a stored object states its version"), ..self.clone() }
    }

    /// The object under another version with an annotation counted up, from nothing if need be; `None` if it has no annotations.
    ///
    /// Neither this nor [`Entry::reborn`] decodes the object: load is made of thousands of them a second.
    pub(crate) fn counted_up(&self, annotation: &str, version: u64) -> Option<Self> {
        let changed = self.at_version(version);
        let text = changed.text();
        let key = "\"annotations\":";
        // Behind the metadata there may be others: those of claims that a volume has made.
        let from = text[..text.find("\"spec\":")?].find(key)? + key.len();
        let mut stream = serde_json::Deserializer::from_str(&text[from..]).into_iter::<BTreeMap<String, String>>();
        let mut annotations = stream.next()?.ok()?;
        let to = from + stream.byte_offset();
        let count = annotations.get(annotation).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        let count = count.saturating_add(1);
        annotations.insert(annotation.to_owned(), count.to_string());
        let annotations = serde_json::to_string(&annotations).ok()?;
        let body = exact([&text[..from], &annotations, &text[to..]]);
        Some(Self { body, ..changed })
    }

    /// Another object that says the same, under another name or the same one.
    pub(crate) fn reborn(&self, key: Key, uid: &str, created: &str, version: u64) -> Option<Self> {
        let version_text = version.to_string();
        let values =
            [("name", &*key.name), ("uid", uid), ("resourceVersion", &version_text), ("creationTimestamp", created)];
        let body = self.edited(&values)?;
        Some(Self { key, uid: uid.into(), version, body, ..self.clone() })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("JSON is UTF-8")
    }

    /// The encoding with other values of keys of the metadata, given in the order in which they stand there.
    fn edited(&self, values: &[(&str, &str)]) -> Option<Bytes> {
        let text = self.text();
        let (mut pieces, mut rest) = (Vec::new(), text);
        for (key, value) in values {
            // Keys within a string are escaped, and the metadata comes first: the first match is the object's own.
            let key = format!("\"{key}\":\"");
            let from = rest.find(&key)? + key.len();
            let to = from + rest[from..].find('"')?;
            pieces.extend([&rest[..from], value]);
            rest = &rest[to..];
        }
        pieces.push(rest);
        Some(exact(pieces))
    }
}

/// The pieces in one allocation that is no larger than they are: `Bytes` would keep what is spare.
fn exact<'a>(pieces: impl IntoIterator<Item = &'a str> + Clone) -> Bytes {
    let mut text = String::with_capacity(pieces.clone().into_iter().map(str::len).sum());
    text.extend(pieces);
    Bytes::from(text.into_boxed_str().into_boxed_bytes())
}

/// The text at a path of keys, "" where there is none.
pub(crate) fn text_at<'a>(object: &'a Value, path: &str) -> &'a str {
    let found = path.split('.').try_fold(object, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Uids of the owners that `object` names.
fn owners(object: &Value) -> impl Iterator<Item = &str> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references.into_iter().flatten().filter_map(|owner| owner["uid"].as_str())
}

fn labels(object: &Value) -> Words {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some([key.as_str(), value.as_str()?])).flatten().collect()
}

fn fields(kind: &Kind, object: &Value) -> Words {
    let values: Vec<Box<str>> = kind.selectable.iter().map(|path| field(object, path)).collect();
    values.iter().map(|value| &**value).collect()
}

/// A selectable field as text. Events name their source by two paths, and a boolean is false where it is left out.
fn field(object: &Value, path: &str) -> Box<str> {
    if path == "source" {
        let source = text_at(object, "source.component");
        return if source.is_empty() { text_at(object, "reportingComponent") } else { source }.into();
    }
    let found = path.trim_start_matches('.').split('.').try_fold(object, |value, key| value.get(key));
    match found {
        Some(Value::String(text)) => text.as_str().into(),
        Some(Value::Bool(flag)) => flag.to_string().into(),
        Some(Value::Number(number)) => number.to_string().into(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => default_of(path).into(),
    }
}

/// What a selectable field is where it is left out.
fn default_of(path: &str) -> &'static str {
    match path {
        "spec.unschedulable" | "spec.hostNetwork" => "false",
        "status.successful" | "status.replicas" => "0",
        _ => "",
    }
}

/// Length of `{"kind":"Pod","apiVersion":"v1",`, in whichever order.
fn head_length(kind: &Kind) -> usize {
    kind.kind.len() + kind.api_version().len() + "{\"kind\":\"\",\"apiVersion\":\"\",".len()
}

/// The object with its keys in the order that real servers write: types of Go have the order of their fields, custom
/// resources that of the alphabet.
fn ordered(kind: &Kind, object: &Value, version: u64) -> Value {
    let (name, api_version) = (("kind", kind.kind.clone()), ("apiVersion", kind.api_version()));
    let is_custom = matches!(kind.origin, Origin::Custom(_));
    let head = if is_custom { [api_version, name] } else { [name, api_version] };
    let mut result: Map<String, Value> = head.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    result.insert("metadata".to_owned(), ordered_metadata(&object["metadata"], version));
    for (key, value) in object.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "kind" | "apiVersion" | "metadata") {
            let value = if matches!(key.as_str(), "data" | "stringData") { sorted(value) } else { value.clone() };
            result.insert(key.clone(), value);
        }
    }
    Value::Object(result)
}

fn ordered_metadata(metadata: &Value, version: u64) -> Value {
    let mut result = Map::new();
    for &key in METADATA_ORDER {
        match (key, metadata.get(key)) {
            ("resourceVersion", _) => result.insert(key.to_owned(), version.to_string().into()),
            ("labels" | "annotations", Some(value)) => result.insert(key.to_owned(), sorted(value)),
            (_, Some(value)) => result.insert(key.to_owned(), value.clone()),
            (_, None) => None,
        };
    }
    Value::Object(result)
}

fn sorted(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let mut pairs: Vec<(String, Value)> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    Value::Object(pairs.into_iter().collect())
}
