//! The form in which objects are answered: whole, as rows of a table, or only their metadata.
//!
//! Owns the negotiation by Accept and the form of lists. The rows of tables are `table`'s.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::call::Call;
use super::table;
use crate::kind::Kind;
use crate::page::Page;
use crate::status::Status;
use crate::store::Entry;
use crate::versions;

/// A form of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Object,
    /// Rows, each with as much of its object as was asked for.
    Table(Include),
    Metadata,
}

/// What a row of a table carries of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// What a form is asked for: an answer has it as a whole, a watch in every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
}

/// Bytes that are put together before they are sent.
const CHUNK: usize = 64 << 10;

impl View {
    /// The first form in `Accept` that is known. Metadata of a list has another name than that of one object.
    pub(crate) fn of(call: &Call, shape: Shape) -> Result<Self, Status> {
        let include = match call.query.get("includeObject") {
            "None" => Include::Nothing,
            "Object" => Include::Object,
            _ => Include::Metadata,
        };
        let ranges = call.accept.split(',').map(str::trim).filter(|range| !range.is_empty());
        let mut is_refused = false;
        for range in ranges {
            is_refused = true;
            let parameter = |name: &str| {
                let pairs = range.split(';').skip(1).filter_map(|pair| pair.trim().split_once('='));
                pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
            };
            let media_type = range.split(';').next().unwrap_or_default();
            if !matches!(media_type, "application/json" | "*/*" | "application/*") {
                continue;
            }
            match parameter("as") {
                None => return Ok(Self::Object),
                Some("Table") if parameter("v") == Some("v1") => return Ok(Self::Table(include)),
                Some("PartialObjectMetadata") if shape == Shape::One => return Ok(Self::Metadata),
                Some("PartialObjectMetadataList") if shape == Shape::List => return Ok(Self::Metadata),
                Some(form @ ("PartialObjectMetadata" | "PartialObjectMetadataList")) => {
                    let what = if shape == Shape::List { "is a list" } else { "is not a list" };
                    return Err(not_acceptable(&format!("you requested {form}, but the requested object {what}")));
                }
                Some(_) => {}
            }
        }
        // Only clients that ask for protobuf and nothing else come here; real servers refuse them for custom resources.
        let message = "only the following media types are accepted: application/json";
        if is_refused { Err(not_acceptable(message)) } else { Ok(Self::Object) }
    }
}

fn not_acceptable(message: &str) -> Status {
    Status::new(406, "NotAcceptable", message)
}

/// The encoding of one object as `kind`.
pub(crate) fn whole(kind: &Kind, entry: &Entry) -> Bytes {
    if versions::is_stored_as(kind, entry) {
        entry.body().clone()
    } else {
        Bytes::from(versions::decode_as(kind, entry).to_string())
    }
}

/// An object for a watch, or for a GET.
pub(crate) fn object(kind: &Kind, entry: &Entry, view: View, now: jiff::Timestamp, columns: table::Columns) -> Bytes {
    match view {
        View::Object => whole(kind, entry),
        View::Table(include) => {
            let object = versions::decode_as(kind, entry);
            let rows = [table::row(kind, &object, include, now)];
            let metadata = json!({"resourceVersion": entry.version.to_string()});
            Bytes::from(table::table(kind, &rows, &metadata, columns).to_string())
        }
        View::Metadata => Bytes::from(with_metadata(&entry.metadata()).to_string()),
    }
}

/// The object without all but its metadata.
pub(crate) fn metadata_only(object: &Value) -> Value {
    with_metadata(&object["metadata"])
}

fn with_metadata(metadata: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// A list as it is answered.
pub(crate) fn list(kind: &Arc<Kind>, page: Page, view: View, now: jiff::Timestamp) -> Answer {
    match view {
        View::Object => answer::json_body(200, encoded_list(kind, page)),
        View::Table(include) => {
            let row = |entry: &Arc<Entry>| table::row(kind, &versions::decode_as(kind, entry), include, now);
            let rows: Vec<Value> = page.entries.iter().map(row).collect();
            let table = table::table(kind, &rows, &list_metadata(&page), table::Columns::Stated);
            answer::json(200, &table)
        }
        View::Metadata => {
            let items: Vec<Value> = page.entries.iter().map(|entry| with_metadata(&entry.metadata())).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": list_metadata(&page),
                "items": items,
            });
            answer::json(200, &list)
        }
    }
}

fn list_metadata(page: &Page) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), page.version.to_string().into());
    if let Some(token) = &page.token {
        metadata.insert("continue".to_owned(), token.as_str().into());
    }
    if let Some(remaining) = page.remaining {
        metadata.insert("remainingItemCount".to_owned(), remaining.into());
    }
    Value::Object(metadata)
}

/// Items of a list, put together as they are sent: no list is in memory as a whole.
struct Items {
    kind: Arc<Kind>,
    head: Option<String>,
    entries: std::vec::IntoIter<Arc<Entry>>,
    needs_comma: bool,
    is_closed: bool,
}

/// Typed lists state kind and version once, for all; lists of custom resources repeat them in each item.
fn encoded_list(kind: &Arc<Kind>, page: Page) -> answer::Body {
    let (name, version) = (Value::from(kind.list_kind()), Value::from(kind.api_version()));
    let head = format!("{{\"kind\":{name},\"apiVersion\":{version},\"metadata\":{},\"items\":[", list_metadata(&page));
    let items: usize = page.entries.iter().map(|entry| item_length(kind, entry)).sum();
    let length = head.len() + items + page.entries.len().saturating_sub(1) + "]}".len();
    let kind = Arc::clone(kind);
    let entries = page.entries.into_iter();
    answer::pieces(length, Items { kind, head: Some(head), entries, needs_comma: false, is_closed: false })
}

impl Iterator for Items {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.is_closed {
            return None;
        }
        let mut chunk = BytesMut::with_capacity(CHUNK);
        chunk.extend_from_slice(self.head.take().unwrap_or_default().as_bytes());
        while chunk.len() < CHUNK {
            let Some(entry) = self.entries.next() else {
                chunk.extend_from_slice(b"]}");
                self.is_closed = true;
                break;
            };
            if std::mem::replace(&mut self.needs_comma, true) {
                chunk.extend_from_slice(b",");
            }
            append_item(&mut chunk, &self.kind, &entry);
        }
        Some(chunk.freeze())
    }
}

/// Bytes that [`append_item`] appends.
fn item_length(kind: &Kind, entry: &Entry) -> usize {
    if kind.custom().is_none() && versions::is_stored_as(kind, entry) {
        return "{".len() + entry.rest().len();
    }
    let mut chunk = BytesMut::new();
    append_item(&mut chunk, kind, entry);
    chunk.len()
}

fn append_item(chunk: &mut BytesMut, kind: &Kind, entry: &Entry) {
    if kind.custom().is_some() {
        chunk.extend_from_slice(&whole(kind, entry));
        return;
    }
    if versions::is_stored_as(kind, entry) {
        chunk.extend_from_slice(b"{");
        chunk.extend_from_slice(&entry.rest());
        return;
    }
    let mut object = versions::decode_as(kind, entry);
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| !matches!(key.as_str(), "kind" | "apiVersion"));
    }
    chunk.extend_from_slice(object.to_string().as_bytes());
}
