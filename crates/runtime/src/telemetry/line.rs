//! One event as one line.

use std::error::Error;
use std::fmt::{Debug, Write};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

const MESSAGE: &str = "message";

/// The fields of an event, the message among them.
#[derive(Debug, Default)]
pub(super) struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

/// All that a line tells.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: &'a str,
    /// How often the event was left out before.
    pub(super) repeated: u64,
    pub(super) fields: Fields,
}

impl Fields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            (MESSAGE, Value::String(text)) => self.message = text,
            (MESSAGE, other) => self.message = other.to_string(),
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let causes = std::iter::successors(Some(value), |error: &&(dyn Error + 'static)| (*error).source());
        let chain: Vec<String> = causes.map(ToString::to_string).collect();
        self.add(field, chain.join(": ").into());
    }
}

impl Line<'_> {
    /// For people: `timestamp level target message name=value`.
    pub(super) fn text(self) -> String {
        let Self { at, level, target, repeated, fields } = self;
        let mut line = format!("{at:.3} {level:>5} {} {}", noun(target), escaped(&fields.message));
        for (name, value) in &fields.others {
            let _ = write!(line, " {name}={}", shown(value));
        }
        if repeated > 0 {
            let _ = write!(line, " repeated={repeated}");
        }
        line.push('\n');
        line
    }

    /// For programs: one JSON object.
    pub(super) fn json(self) -> String {
        let Self { at, level, target, repeated, fields } = self;
        let mut object = Map::new();
        object.insert("timestamp".to_owned(), format!("{at:.3}").into());
        object.insert("level".to_owned(), level.as_str().to_ascii_lowercase().into());
        object.insert("target".to_owned(), noun(target).into());
        object.insert(MESSAGE.to_owned(), fields.message.into());
        if repeated > 0 {
            object.insert("repeated".to_owned(), repeated.into());
        }
        for (name, value) in fields.others {
            // What the line itself says is not replaced by a field of the same name.
            let name = if object.contains_key(name) { format!("{name}_") } else { name.to_owned() };
            object.insert(name, value);
        }
        Value::Object(object).to_string() + "\n"
    }
}

/// The room that logs: `violations` of `violations::store`.
fn noun(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

fn shown(value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let is_word = !text.is_empty() && !text.contains([' ', '"', '=']) && !text.contains(char::is_control);
    if is_word { text.clone() } else { value.to_string() }
}

/// A line break in a message would make two events of one.
fn escaped(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let escape = |character: char| {
        if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(escape).collect()
}
