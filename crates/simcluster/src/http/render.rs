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

/// Bytes that are put together before they are sent.
const CHUNK: usize = 64 << 10;

impl View {
    /// The first form in `Accept` that is known.
    pub(crate) fn of(call: &Call) -> Result<Self, Status> {
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
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Self::Metadata),
                Some(_) => {}
            }
        }
        // Only clients that ask for protobuf and nothing else come here; real servers refuse them for custom resources.
        let message = "only the following media types are accepted: application/json";
        if is_refused { Err(Status::new(406, "NotAcceptable", message)) } else { Ok(Self::Object) }
    }
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
        View::Metadata => Bytes::from(metadata_only(&versions::decode_as(kind, entry)).to_string()),
    }
}

/// The object without all but its metadata.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// A list as it is answered.
pub(crate) fn list(kind: &Kind, page: &Page, view: View, now: jiff::Timestamp) -> Answer {
    match view {
        View::Object => answer::json_body(200, answer::pieces(encoded_list(kind, page))),
        View::Table(include) => {
            let row = |entry: &Arc<Entry>| table::row(kind, &versions::decode_as(kind, entry), include, now);
            let rows: Vec<Value> = page.entries.iter().map(row).collect();
            let table = table::table(kind, &rows, &list_metadata(page), table::Columns::Stated);
            answer::json(200, &table)
        }
        View::Metadata => {
            let items: Vec<Value> =
                page.entries.iter().map(|entry| metadata_only(&versions::decode_as(kind, entry))).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": list_metadata(page),
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

/// Typed lists state kind and version once, for all; lists of custom resources repeat them in each item.
fn encoded_list(kind: &Kind, page: &Page) -> Vec<Bytes> {
    let (name, version) = (Value::from(kind.list_kind()), Value::from(kind.api_version()));
    let head = format!("{{\"kind\":{name},\"apiVersion\":{version},\"metadata\":{},\"items\":[", list_metadata(page));
    let mut chunks = Vec::new();
    let mut chunk = BytesMut::from(head.as_bytes());
    for (nth, entry) in page.entries.iter().enumerate() {
        if nth > 0 {
            chunk.extend_from_slice(b",");
        }
        append_item(&mut chunk, kind, entry);
        if chunk.len() >= CHUNK {
            chunks.push(std::mem::take(&mut chunk).freeze());
        }
    }
    chunk.extend_from_slice(b"]}");
    chunks.push(chunk.freeze());
    chunks
}

fn append_item(chunk: &mut BytesMut, kind: &Kind, entry: &Arc<Entry>) {
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
