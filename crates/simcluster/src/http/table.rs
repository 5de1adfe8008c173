//! Tables: what kubectl prints.
//!
//! Owns tables as objects, and cells by JSON path. The columns of built-in kinds are `columns`'.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns;
use super::render::{self, Include};
use crate::kind::{Kind, PrinterColumn};

/// Whether a table states its columns; in a watch only the first does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    Stated,
    Known,
}

/// A table of rows of `kind`.
pub(crate) fn table(kind: &Kind, rows: &[Value], metadata: &Value, columns: Columns) -> Value {
    let definitions = match columns {
        Columns::Stated => definitions(kind),
        Columns::Known => Value::Null,
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// The row of one object.
pub(crate) fn row(kind: &Kind, object: &Value, include: Include, now: Timestamp) -> Value {
    let cells = match kind.custom() {
        Some(custom) if !custom.columns.is_empty() => {
            let name = object["metadata"]["name"].clone();
            std::iter::once(name).chain(custom.columns.iter().map(|column| cell(column, object, now))).collect()
        }
        Some(_) | None => columns::cells(kind, object, now),
    };
    let mut row = json!({"cells": Value::Array(cells)});
    match include {
        Include::Nothing => {}
        Include::Metadata => row["object"] = render::metadata_only(object),
        Include::Object => row["object"] = object.clone(),
    }
    row
}

fn definitions(kind: &Kind) -> Value {
    let Some(custom) = kind.custom().filter(|custom| !custom.columns.is_empty()) else {
        let columns = columns::of(kind);
        return columns
            .iter()
            .map(|&(name, column_type, priority)| definition(name, column_type, "", priority))
            .collect();
    };
    let own = custom.columns.iter().map(|column| {
        let mut definition = definition(&column.name, &column.column_type, &column.description, column.priority);
        definition["format"] = column.format.as_str().into();
        definition
    });
    std::iter::once(definition("Name", "string", "", 0)).chain(own).collect()
}

fn definition(name: &str, column_type: &str, description: &str, priority: i64) -> Value {
    let format = if name == "Name" { "name" } else { "" };
    json!({
        "name": name, "type": column_type, "format": format, "description": description, "priority": priority,
    })
}

fn cell(column: &PrinterColumn, object: &Value, now: Timestamp) -> Value {
    let found = at_path(object, &column.json_path);
    match (column.column_type.as_str(), found) {
        (_, None | Some(Value::Null)) => Value::Null,
        ("date", Some(value)) => columns::age(value.as_str().unwrap_or_default(), now).into(),
        ("string", Some(value)) if !value.is_string() => value.to_string().into(),
        (_, Some(value)) => value.clone(),
    }
}

/// The value at a simple JSON path: keys, indices, and `[?(@.key=="value")]`.
fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    let mut rest = path.trim_start_matches(['{', '$']).trim_end_matches('}');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (step, next) = after.split_once(']')?;
            value = at_index(value, step)?;
            rest = next;
        } else {
            let key = rest.trim_start_matches('.');
            let end = key.find(['.', '[']).unwrap_or(key.len());
            value = value.get(&key[..end])?;
            rest = &key[end..];
        }
    }
    Some(value)
}

fn at_index<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    let Some(filter) = step.strip_prefix("?(@.").and_then(|filter| filter.strip_suffix(')')) else {
        let quoted = step.trim_matches(['\'', '"']);
        return quoted.parse::<usize>().map_or_else(|_| value.get(quoted), |nth| value.get(nth));
    };
    let (key, wanted) = filter.split_once("==")?;
    let wanted = wanted.trim().trim_matches(['\'', '"']);
    value.as_array()?.iter().find(|item| item[key.trim()] == wanted)
}
