//! A tree against a schema: one walk that collects every fault and yields the value for serde.
//!
//! Owns the walk and the kinds of values. Mappings are checked in `mapping`, scalars in `scalar`, choices in `choice`.

mod choice;
mod mapping;
mod scalar;

use std::cmp::Ordering;
use std::collections::HashMap;

use regex_automata::meta::Regex;
use serde_json::Value;

use crate::Fault;
use crate::path::{self, Step};
use crate::scalar::Meaning;
use crate::schema::{Kind, Schema};
use crate::tree::{Content, Form, Node, Position, Scalar};
use crate::words;

/// Nobody reads more, and a body of 1 MiB could cause 100,000.
const MOST_FAULTS: usize = 1_000;

/// The walk over one document.
pub(crate) struct Checker<'a> {
    file: &'a str,
    steps: Vec<Step>,
    faults: Vec<Fault>,
    /// How many of the schemas around the current value are marked as secret.
    secrecy: usize,
    /// Texts that no message may show.
    secrets: Vec<String>,
    /// Patterns that were compiled; `None` is one that this engine does not know, which checks nothing.
    patterns: HashMap<&'a str, Option<Regex>>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self { file, steps: Vec::new(), faults: Vec::new(), secrecy: 0, secrets: Vec::new(), patterns: HashMap::new() }
    }

    /// All faults that were found, and the secrets that were met.
    pub(crate) fn finish(self) -> (Vec<Fault>, Vec<String>) {
        (self.faults, self.secrets)
    }

    /// Checks `node`; what is returned means something only if there was no fault.
    pub(crate) fn value(&mut self, node: &Node, schema: Schema<'a>) -> Value {
        let secrecy = usize::from(schema.is_secret());
        self.secrecy += secrecy;
        let value = self.visible(node, schema);
        self.secrecy -= secrecy;
        value
    }

    fn visible(&mut self, node: &Node, schema: Schema<'a>) -> Value {
        if let Some(words) = schema.words() {
            return self.word(node, &words);
        }
        if let Some(choices) = schema.alternatives() {
            return self.choice(node, &choices);
        }
        let kinds = schema.kinds();
        match &node.content {
            Content::Mapping(entries) if accepts(&kinds, Kind::Mapping) => self.mapping(node, entries, schema),
            Content::List(items) if accepts(&kinds, Kind::List) => self.list(node, items, schema),
            Content::Scalar(scalar) => self.scalar(node.at, scalar, schema),
            Content::Mapping(_) | Content::List(_) => self.unexpected(node, &kinds),
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: Schema<'a>) -> Value {
        self.count(node.at, items.len(), [schema.get("minItems"), schema.get("maxItems")], "item");
        let Some(item_schema) = schema.items() else {
            return Value::Array(items.iter().map(scalar::untyped).collect());
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.steps.push(Step::Index(index));
            values.push(self.value(item, item_schema));
            self.steps.pop();
        }
        Value::Array(values)
    }

    /// Checks how many of `noun` there are.
    fn count(&mut self, at: Position, count: usize, bounds: [Option<&Value>; 2], noun: &str) {
        let [least, most] = bounds.map(|bound| bound.and_then(Value::as_u64));
        let count = count as u64;
        if least.is_none_or(|least| count >= least) && most.is_none_or(|most| count <= most) {
            return;
        }
        let accepted = range(least.map(|bound| bound.to_string()), most.map(|bound| bound.to_string()));
        self.refuse(at, format!("has {count} {noun}{} (accepted: {accepted})", if count == 1 { "" } else { "s" }));
    }

    fn unexpected(&mut self, node: &Node, kinds: &[Kind]) -> Value {
        let found = self.found(node);
        self.refuse(node.at, format!("expected {}, found {found}", listed(kinds)));
        Value::Null
    }

    /// What `node` is, in words.
    fn found(&self, node: &Node) -> String {
        let Content::Scalar(scalar) = &node.content else {
            let kind = if matches!(node.content, Content::List(_)) { Kind::List } else { Kind::Mapping };
            return kind.as_str().to_owned();
        };
        match scalar.meaning() {
            Meaning::Null => Kind::Null.as_str().to_owned(),
            Meaning::Text if self.hides(scalar) => Kind::Text.as_str().to_owned(),
            Meaning::Text => format!("text {}", words::quoted(&scalar.text)),
            _ if self.hides(scalar) => "another value".to_owned(),
            Meaning::Boolean(_) | Meaning::Integer(_) | Meaning::Number(_) => words::shown(&scalar.text),
        }
    }

    /// `scalar` as a message may show it.
    fn shown(&self, scalar: &Scalar) -> String {
        if self.hides(scalar) { "***".to_owned() } else { words::shown(&scalar.text) }
    }

    /// What stands in a file of its own is a secret wherever it ends up.
    fn hides(&self, scalar: &Scalar) -> bool {
        match scalar.form {
            Form::Read => true,
            Form::Plain | Form::Quoted | Form::Expanded => self.secrecy > 0,
        }
    }

    fn refuse(&mut self, at: Position, message: String) {
        let path = path::render(&self.steps);
        self.refuse_at(at, path, message);
    }

    fn refuse_at(&mut self, at: Position, path: String, message: String) {
        let (line, column) = (at.line as usize, at.column as usize);
        let (path, message) = match self.faults.len().cmp(&MOST_FAULTS) {
            Ordering::Less => (path, message),
            Ordering::Equal => (path, format!("there are more faults than these {MOST_FAULTS}")),
            Ordering::Greater => return,
        };
        self.faults.push(Fault { file: self.file.to_owned(), line, column, path, message });
    }
}

fn accepts(kinds: &[Kind], kind: Kind) -> bool {
    kinds.is_empty() || kinds.contains(&kind)
}

/// `a mapping, text or nothing`.
fn listed(kinds: &[Kind]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for kind in kinds {
        // That a value may be left empty helps nobody who wrote something else.
        if *kind != Kind::Null && !names.contains(&kind.as_str()) {
            names.push(kind.as_str());
        }
    }
    match names.split_last() {
        None => Kind::Null.as_str().to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
    }
}

/// `1 to 5`, `at least 1`, `up to 5`.
fn range(least: Option<String>, most: Option<String>) -> String {
    match (least, most) {
        (Some(least), Some(most)) if least == most => format!("exactly {least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("up to {most}"),
        (None, None) => "any".to_owned(),
    }
}
