//! What can be told about settings without a file: their reference, and a schema for editors.

use document::schema::{Additional, Kind, Schema, SchemaTree};
use serde_json::{Map, Value, json};

use super::Root;

/// One key of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its path; items of lists are `[]`, free keys `*`.
    pub path: String,
    /// The kind of value, in words.
    pub kind: String,
    /// The default as it would be written; empty if the key has to be given.
    pub default: String,
    /// What is accepted, beyond the kind; empty if all of it is.
    pub accepted: String,
    /// When a change takes effect.
    pub applies: Applies,
    /// What it means.
    pub doc: String,
}

/// When a change of a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// At the next reload.
    Reload,
    /// At the next start.
    Start,
}

/// Every key of the settings, in the order of their declaration.
pub fn rows<T: Root>() -> Vec<Row> {
    let schema = SchemaTree::of::<T>();
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let mut rows = Vec::new();
    within(schema.root(), "", Some(&defaults), Applies::Reload, &mut rows);
    rows
}

/// The JSON Schema of the settings as editors understand it: formats of this house become patterns, and a secret may be
/// given by the name of its file.
pub fn editor_schema<T: Root>() -> Value {
    let mut schema = SchemaTree::of::<T>().as_json().clone();
    for_editors(&mut schema);
    schema
}

fn within(schema: Schema<'_>, path: &str, defaults: Option<&Value>, applies: Applies, rows: &mut Vec<Row>) {
    let schema = schema.mapping().unwrap_or(schema);
    for (key, property) in schema.properties() {
        let path = document::under(path, key);
        let default = defaults.and_then(|defaults| defaults.get(key)).or_else(|| property.get("default"));
        let applies = if property.text("x-applies") == Some("start") { Applies::Start } else { applies };
        if property.mapping().is_some() {
            within(property, &path, default, applies, rows);
            continue;
        }
        rows.push(row(property, &path, default, applies));
        if property.may_stand_in_a_file() {
            rows.push(file_row(&path, key, applies));
        }
        if let Some(items) = property.items().filter(|items| items.mapping().is_some()) {
            within(items, &format!("{path}[]"), None, applies, rows);
        }
        if let Additional::Of(values) = property.additional()
            && values.mapping().is_some()
        {
            within(values, &format!("{path}.*"), None, applies, rows);
        }
    }
}

fn row(schema: Schema<'_>, path: &str, default: Option<&Value>, applies: Applies) -> Row {
    Row {
        path: path.to_owned(),
        kind: kind(schema),
        default: default.map(written).unwrap_or_default(),
        accepted: accepted(schema),
        applies,
        doc: schema.text("description").unwrap_or_default().replace('\n', " "),
    }
}

fn file_row(path: &str, key: &str, applies: Applies) -> Row {
    Row {
        path: format!("{path}_file"),
        kind: "file".to_owned(),
        default: String::new(),
        accepted: format!("instead of `{key}`"),
        applies,
        doc: format!("File whose content, one trailing newline off, is `{key}`. Read again when it changes."),
    }
}

fn kind(schema: Schema<'_>) -> String {
    if let Some(format @ ("duration" | "size")) = schema.text("format") {
        return format.to_owned();
    }
    if schema.text("format") == Some("date-time") {
        return "time".to_owned();
    }
    if schema.words().is_some() {
        return "word".to_owned();
    }
    let names =
        schema.kinds().into_iter().filter(|kind| *kind != Kind::Null).map(|kind| match (kind, schema.items()) {
            (Kind::List, Some(items)) => format!("list of {}", kind_of_items(items)),
            (Kind::Mapping, _) => "mapping".to_owned(),
            (kind, _) => kind.as_str().trim_start_matches("a ").to_owned(),
        });
    names.collect::<Vec<_>>().join(" or ")
}

fn kind_of_items(items: Schema<'_>) -> String {
    match kind(items).as_str() {
        "mapping" => "mappings".to_owned(),
        "word" => "words".to_owned(),
        other => other.to_owned(),
    }
}

fn accepted(schema: Schema<'_>) -> String {
    let schema = match schema.items() {
        Some(items) if items.words().is_some() => items,
        Some(_) | None => schema,
    };
    if let Some(words) = schema.words() {
        return words.into_iter().filter(|word| !word.is_null()).map(written).collect::<Vec<_>>().join(", ");
    }
    let bound = |keywords: [&str; 4]| keywords.into_iter().find_map(|keyword| schema.get(keyword)).map(written);
    let least = bound(["x-min", "minimum", "minItems", "minLength"]);
    let most = bound(["x-max", "maximum", "maxItems", "maxLength"]);
    let counted = match schema.kinds().first() {
        Some(Kind::List) => " items",
        Some(Kind::Text) if schema.text("format").is_none() => " characters",
        _ => "",
    };
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}{counted}"),
        // That an unsigned number is not negative is no news.
        (Some(least), None) if least == "0" => String::new(),
        (Some(least), None) => format!("at least {least}{counted}"),
        (None, Some(most)) => format!("up to {most}{counted}"),
        (None, None) => schema.text("pattern").map(|pattern| format!("`{pattern}`")).unwrap_or_default(),
    }
}

/// A value as a reference shows it: texts bare, the rest as JSON, which is YAML too.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn for_editors(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if matches!(object.get("format").and_then(Value::as_str), Some("duration" | "size")) {
                object.remove("format");
            }
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                add_secret_files(properties);
            }
            object.values_mut().for_each(for_editors);
        }
        Value::Array(items) => items.iter_mut().for_each(for_editors),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_secret_files(properties: &mut Map<String, Value>) {
    let is_secret =
        |schema: &Value| schema["x-secret"] == true && schema["type"] != "object" && schema["type"] != "array";
    let secret = |(key, schema): (&String, &Value)| is_secret(schema).then(|| key.clone());
    let secrets: Vec<String> = properties.iter().filter_map(secret).collect();
    for key in secrets {
        let description = format!("File whose content is `{key}`.");
        properties
            .entry(format!("{key}_file"))
            .or_insert_with(|| json!({"type": "string", "description": description}));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::fixture::Sample;
    use super::*;

    #[test]
    fn every_key_has_a_row_with_all_that_its_type_says() {
        let line = |row: Row| {
            let Row { path, kind, default, accepted, applies, doc } = row;
            format!("{path} | {kind} | {default} | {accepted} | {applies:?} | {doc}\n")
        };
        expect![[r#"
            name | text | "" |  | Reload | What it is called.
            watch.every | duration | 2s | 500ms to 1h | Reload | Pause between two passes.
            watch.max_pause | duration | 1m | 500ms to 1h | Reload | At least `every`.
            watch.proc | text | auto |  | Start | The tree to read.
            watch.events | word | off | off, connector | Start | Where events come from.
            tokens | list of mappings | [] | up to 3 items | Reload | Who may ask.
            tokens[].name | text | "" |  | Reload | What it is called.
            tokens[].token | text | "" |  | Reload | The token itself.
            tokens[].token_file | file |  | instead of `token` | Reload | File whose content, one trailing newline off, is `token`. Read again when it changes.
            limit | whole number | 3 | 1 to 9 | Reload | How many.
            labels | mapping | {} |  | Reload | Labels of everything.
            rules | list of text | [] |  | Reload | Rule files.
        "#]].assert_eq(&rows::<Sample>().into_iter().map(line).collect::<String>());
    }

    #[test]
    fn an_editor_is_told_of_secrets_in_files_and_of_no_format_that_it_misreads() {
        let schema = editor_schema::<Sample>();
        let token = &schema["$defs"]["Token"]["properties"];
        assert_eq!(token["token_file"]["description"], "File whose content is `token`.");
        let every = &schema["$defs"]["Watch"]["properties"]["every"];
        assert_eq!((every.get("format"), every["pattern"].as_str()), (None, Some("^[0-9]+(ms|s|m|h|d)$")));
    }
}
