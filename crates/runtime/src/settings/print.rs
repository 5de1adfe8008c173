//! The effective settings as YAML, each value with where it comes from, secrets hidden.

use std::fmt::Write;

use document::schema::{Additional, Schema, SchemaTree};
use document::{Document, Origin};
use serde_json::Value;

use super::{Loaded, Root};

const HIDDEN: &str = "\"***\"";

/// The settings of `loaded` as YAML; `# default`, `# file` or `# env` behind each value.
pub fn print<T: Root>(loaded: &Loaded<T>) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(&*loaded.settings)?;
    let schema = SchemaTree::of::<T>();
    let mut printer = Printer { document: &loaded.document, text: String::new() };
    if let Value::Object(sections) = &value {
        for (key, value) in sections {
            printer.entry(key, value, &Place { schema: schema.root().property(key), path: key.clone(), depth: 0 });
        }
    }
    Ok(printer.text)
}

struct Printer<'a> {
    document: &'a Document,
    text: String,
}

/// Where in the settings a value is.
#[derive(Debug, Clone)]
struct Place<'a> {
    /// What is known of it; nothing below free keys.
    schema: Option<Schema<'a>>,
    path: String,
    depth: usize,
}

impl Place<'_> {
    fn under(&self, key: &str) -> Self {
        let schema = self.schema.and_then(|schema| {
            let mapping = schema.mapping().unwrap_or(schema);
            mapping.property(key).or_else(|| match mapping.additional() {
                Additional::Of(values) => Some(values),
                Additional::Any | Additional::Refused => None,
            })
        });
        Self { schema, path: document::under(&self.path, key), depth: self.depth + 1 }
    }

    fn item(&self, index: usize) -> Self {
        let schema = self.schema.and_then(Schema::items);
        Self { schema, path: format!("{}[{index}]", self.path), depth: self.depth + 1 }
    }

    fn is_secret(&self) -> bool {
        self.schema.is_some_and(Schema::is_secret)
    }
}

impl Printer<'_> {
    fn entry(&mut self, key: &str, value: &Value, place: &Place<'_>) {
        let indent = "  ".repeat(place.depth);
        let _ = write!(self.text, "{indent}{}:", scalar(key));
        self.value(value, place);
    }

    /// Writes a value behind its key or its dash.
    fn value(&mut self, value: &Value, place: &Place<'_>) {
        match value {
            Value::Object(entries) if !entries.is_empty() && !place.is_secret() => {
                self.text.push('\n');
                for (key, value) in entries {
                    self.entry(key, value, &place.under(key));
                }
            }
            Value::Array(items) if !items.is_empty() && !place.is_secret() => {
                self.text.push('\n');
                for (index, item) in items.iter().enumerate() {
                    self.item(item, &place.item(index));
                }
            }
            leaf => {
                let (written, origin) = (hidden_or_written(leaf, place), self.origin(place));
                let _ = writeln!(self.text, " {written} # {origin}");
            }
        }
    }

    fn item(&mut self, item: &Value, place: &Place<'_>) {
        let indent = "  ".repeat(place.depth);
        let _ = write!(self.text, "{indent}-");
        let Value::Object(entries) = item else {
            self.value(item, place);
            return;
        };
        if entries.is_empty() || place.is_secret() {
            self.value(item, place);
            return;
        }
        for (position, (key, value)) in entries.iter().enumerate() {
            let before = if position == 0 { " ".to_owned() } else { "  ".repeat(place.depth + 1) };
            let _ = write!(self.text, "{before}{}:", scalar(key));
            self.value(value, &place.under(key));
        }
    }

    fn origin(&self, place: &Place<'_>) -> &'static str {
        match self.document.origin(&place.path) {
            Some(Origin::Text | Origin::File) => "file",
            Some(Origin::Variable) => "env",
            None => "default",
        }
    }
}

fn hidden_or_written(value: &Value, place: &Place<'_>) -> String {
    let is_empty = matches!(value, Value::Null) || value.as_str() == Some("");
    let is_quantity = place
        .schema
        .and_then(|schema| schema.text("format"))
        .is_some_and(|format| ["duration", "size"].contains(&format));
    match value {
        _ if place.is_secret() && !is_empty => HIDDEN.to_owned(),
        Value::String(text) if is_quantity => text.clone(),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text that reads back as itself: bare where nobody can take it for anything else.
fn scalar(text: &str) -> String {
    // The last ones are no text to readers of YAML 1.1.
    const NO_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/' || first == '_');
    let goes_on = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
    let is_word = starts_well && goes_on && !NO_TEXT.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_word { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::fixture::{Folder, Sample, environment};
    use super::super::load;
    use super::*;

    const TEXT: &str = "
name: 'a: b'
limit: ${LIMIT}
watch: {every: 5s}
tokens:
  - {name: one, token: hunter2}
  - name: ${NO:-two}
labels: {a.b/c: x, on: '5'}
rules: [/r.yaml]
";

    fn loaded(text: &str) -> Loaded<Sample> {
        let folder = Folder::with("k.yaml", text);
        load(Some(&folder.path("k.yaml")), &environment()).unwrap()
    }

    #[test]
    fn every_value_is_shown_with_its_origin_and_no_secret_is() {
        expect![[r#"
            name: "a: b" # file
            watch:
              every: 5s # file
              max_pause: 1m # default
              proc: auto # default
              events: "off" # default
            tokens:
              - name: one # file
                token: "***" # file
              - name: two # env
                token: "" # default
            limit: 7 # env
            labels:
              a.b/c: x # file
              "on": "5" # file
            rules:
              - /r.yaml # file
        "#]]
        .assert_eq(&print(&loaded(TEXT)).unwrap());
    }

    #[test]
    fn what_is_printed_reads_back() {
        let loaded_once = loaded(&TEXT.replace(", token: hunter2", ""));
        assert_eq!(loaded(&print(&loaded_once).unwrap()).settings(), loaded_once.settings());
    }
}
