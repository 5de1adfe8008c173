//! Reading and writing `metadata.managedFields`.
//!
//! Owns the entries, their order and their number. What they own is for `apply` and `ownership`.

use serde_json::{Map, Value, json};

use super::Manager;
use super::fields::FieldSet;

/// As the API server: beyond this many, the oldest updates are merged into one entry.
const MOST_UPDATERS: usize = 10;

/// The entry that old updates are merged into.
const ANCIENT: &str = "ancient-changes";

/// How a manager came to its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// One manager with its fields.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: Option<String>,
    /// RFC 3339; absent if the manager never changed anything.
    pub(super) time: Option<String>,
    pub(super) fields: FieldSet,
}

/// All managers of an object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Managers(pub(super) Vec<Entry>);

impl Entry {
    pub(super) fn new(manager: &Manager, operation: Operation, fields: FieldSet) -> Self {
        Self {
            name: manager.name.clone(),
            operation,
            api_version: manager.api_version.clone(),
            subresource: manager.subresource.clone(),
            time: None,
            fields,
        }
    }

    /// Whether two entries are of one manager. Appliers stay the same in every API version.
    pub(super) fn is_same_manager(&self, other: &Self) -> bool {
        self.name == other.name
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        if value["fieldsType"] != "FieldsV1" {
            return None;
        }
        let operation = match value["operation"].as_str()? {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let fields = value.get("fieldsV1").map_or(Some(FieldSet::default()), FieldSet::from_v1)?;
        let [subresource, time] = ["subresource", "time"].map(|key| Some(text(key)).filter(|text| !text.is_empty()));
        Some(Self { name: text("manager"), operation, api_version: text("apiVersion"), subresource, time, fields })
    }

    fn to_value(&self) -> Value {
        let mut value = Map::new();
        let mut put = |key: &str, text: &str| value.insert(key.to_owned(), text.into());
        put("manager", &self.name);
        put("operation", self.operation.name());
        put("apiVersion", &self.api_version);
        if let Some(time) = &self.time {
            put("time", time);
        }
        put("fieldsType", "FieldsV1");
        value.insert("fieldsV1".to_owned(), self.fields.to_v1());
        if let Some(subresource) = &self.subresource {
            value.insert("subresource".to_owned(), subresource.as_str().into());
        }
        Value::Object(value)
    }
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl Managers {
    /// The managers that an object states; none if they do not read.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self(entries.iter().map(Entry::read).collect::<Option<_>>().unwrap_or_default())
    }

    /// The managers after a writer had the chance to change them: its list counts if it reads, and `[{}]` forgets all.
    pub(super) fn of_either(before: &Value, after: &Value) -> Self {
        if after["metadata"]["managedFields"] == json!([{}]) {
            return Self::default();
        }
        let stated = Self::of(after);
        if stated.0.is_empty() { Self::of(before) } else { stated }
    }

    /// Takes the list off an object.
    pub(super) fn strip(object: &mut Value) {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
    }

    /// Puts the list on an object: whoever owns nothing is left out.
    pub(super) fn put(mut self, object: &mut Value) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.merge_ancient();
        self.0.sort_by(|a, b| Self::key(a).cmp(&Self::key(b)));
        if self.0.is_empty() {
            return Self::strip(object);
        }
        let entries = self.0.iter().map(Entry::to_value).collect();
        let Value::Object(object) = object else { return };
        let metadata = object.entry("metadata").or_insert(Value::Null);
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        metadata["managedFields"] = Value::Array(entries);
    }

    /// Appliers first, then by time; who has none comes last.
    fn key(entry: &Entry) -> impl Ord + '_ {
        let Entry { name, operation, api_version, subresource, time, fields: _ } = entry;
        (operation, time.is_none(), time, name, api_version, subresource)
    }

    fn merge_ancient(&mut self) {
        let (mut updaters, mut rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|entry| entry.operation == Operation::Update);
        updaters.sort_by(|a, b| Self::key(a).cmp(&Self::key(b)));
        let mut buckets: Vec<Entry> = Vec::new();
        while updaters.len() + buckets.len() > MOST_UPDATERS {
            if updaters.is_empty() {
                // One bucket per API version, and even those are too many.
                break;
            }
            let mut oldest = updaters.remove(0);
            match buckets.iter_mut().find(|bucket| bucket.api_version == oldest.api_version) {
                Some(bucket) => {
                    ANCIENT.clone_into(&mut bucket.name);
                    bucket.subresource = None;
                    bucket.time = oldest.time.take();
                    bucket.fields.unite(&oldest.fields);
                }
                None => buckets.push(oldest),
            }
        }
        rest.extend(buckets);
        rest.extend(updaters);
        self.0 = rest;
    }
}
