//! A text that was parsed, and what can be asked of it.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::check::Checker;
use crate::parse::{self, Limits};
use crate::path;
use crate::schema::SchemaTree;
use crate::tree::{Content, Form, Node, Origin, Position};
use crate::{Fault, secrets};

/// A text as a tree of values with their places.
#[derive(Clone)]
pub struct Document {
    file: String,
    root: Node,
}

impl Document {
    /// Parses `text`, which messages call `file`. A text without a value is an empty mapping.
    pub fn parse(file: &str, text: &str, limits: Limits) -> Result<Self, Vec<Fault>> {
        parse::parse(file, text, limits).map(|root| Self { file: file.to_owned(), root })
    }

    /// The document as a `T`, or everything that keeps it from being one, in the order of the text.
    pub fn decode<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Vec<Fault>> {
        let schema = SchemaTree::of::<T>();
        let mut checker = Checker::new(&self.file);
        let value = checker.value(&self.root, schema.root());
        let (mut faults, secrets) = checker.finish();
        if !faults.is_empty() {
            faults.sort();
            return Err(faults);
        }
        serde_json::from_value(value).map_err(|error| {
            let message = secrets.iter().fold(error.to_string(), |message, secret| message.replace(secret, "***"));
            vec![self.fault("", message)]
        })
    }

    /// A fault at the value of `path`, such as `rules[2].match.cmdline`; if there is none, at the nearest value around it.
    pub fn fault(&self, path: &str, message: impl Into<String>) -> Fault {
        let at = self.root.find(&path::parse(path)).unwrap_or_else(|nearest| nearest).at;
        fault(&self.file, at, path.to_owned(), message.into())
    }

    /// Whether the text gives a value at `path`.
    pub fn contains(&self, path: &str) -> bool {
        self.root.find(&path::parse(path)).is_ok()
    }

    /// Where the value at `path` comes from, if there is one.
    pub fn origin(&self, path: &str) -> Option<Origin> {
        self.root.find(&path::parse(path)).ok().map(Node::origin)
    }

    /// Replaces every text among the values, never a key, by what `f` makes of it. A value that was changed stays one
    /// value; where a number is asked for, it may be one.
    pub fn map_strings(&mut self, f: &mut dyn FnMut(&str) -> Result<String, String>) -> Vec<Fault> {
        let mut refused = Vec::new();
        map_texts(&mut self.root, &mut Vec::new(), f, &mut refused);
        let mut faults: Vec<Fault> =
            refused.into_iter().map(|(at, path, message)| fault(&self.file, at, path, message)).collect();
        faults.sort();
        faults
    }

    /// Puts `text` at `path`, keys with dots between, whatever the text of the document says there; a key of the same name that
    /// ends in `_file` is taken away. The value counts as one that a variable gave.
    pub fn put(&mut self, path: &str, text: &str) {
        let keys: Vec<&str> = path.split('.').collect();
        self.root.put(&keys, text);
        if let Some((last, before)) = keys.split_last() {
            let file = format!("{last}{}", secrets::SUFFIX);
            self.root.take(&[before, &[&file]].concat());
        }
    }

    /// Replaces every key `x_file`, where `T` has a secret `x` and no key `x_file`, by `x` with what `read` makes of the
    /// name. Both in one mapping are refused.
    pub fn read_secrets<T: JsonSchema>(&mut self, read: &mut dyn FnMut(&str) -> Result<String, String>) -> Vec<Fault> {
        let schema = SchemaTree::of::<T>();
        let refused = secrets::read(&mut self.root, schema.root(), read);
        let mut faults: Vec<Fault> =
            refused.into_iter().map(|(at, path, message)| fault(&self.file, at, path, message)).collect();
        faults.sort();
        faults
    }
}

impl fmt::Debug for Document {
    /// Any value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("file", &self.file).finish_non_exhaustive()
    }
}

fn fault(file: &str, at: Position, path: String, message: String) -> Fault {
    Fault { file: file.to_owned(), line: at.line as usize, column: at.column as usize, path, message }
}

/// A fault without its file: place, path and message.
pub(crate) type Refused = (Position, String, String);

fn map_texts(
    node: &mut Node,
    steps: &mut Vec<path::Step>,
    f: &mut dyn FnMut(&str) -> Result<String, String>,
    refused: &mut Vec<Refused>,
) {
    match &mut node.content {
        Content::Mapping(entries) => {
            for entry in entries {
                steps.push(path::Step::Key(entry.key.to_string()));
                map_texts(&mut entry.value, steps, f, refused);
                steps.pop();
            }
        }
        Content::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                steps.push(path::Step::Index(index));
                map_texts(item, steps, f, refused);
                steps.pop();
            }
        }
        Content::Scalar(scalar) => match f(&scalar.text) {
            Ok(text) if *text == *scalar.text => {}
            Ok(text) => {
                scalar.text = text.into();
                scalar.form = Form::Expanded;
            }
            Err(message) => refused.push((node.at, path::render(steps), message)),
        },
    }
}

#[cfg(test)]
mod tests;
