//! Texts, numbers and the rest of what stands alone.

use std::collections::hash_map::Entry as Slot;
use std::fmt::Display;
use std::time::Duration;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde_json::{Number, Value};

use super::{Checker, accepts, listed, range};
use crate::scalar::{self, Meaning};
use crate::schema::{Kind, Schema};
use crate::tree::{Content, Form, Node, Position, Scalar};
use crate::{duration, size, words};

impl<'a> Checker<'a> {
    pub(super) fn scalar(&mut self, at: Position, scalar: &Scalar, schema: Schema<'a>) -> Value {
        self.note_secret(scalar);
        let kinds = schema.kinds();
        let mut meaning = scalar.meaning();
        if scalar.form == Form::Expanded && !accepts(&kinds, Kind::Text) {
            meaning = scalar::resolve(&scalar.text);
        }
        match meaning {
            Meaning::Null if accepts(&kinds, Kind::Null) => Value::Null,
            Meaning::Boolean(value) if accepts(&kinds, Kind::Boolean) => Value::Bool(value),
            Meaning::Integer(value) if accepts(&kinds, Kind::Integer) => self.integer(at, scalar, value, schema),
            #[expect(clippy::cast_precision_loss, reason = "a number that is asked for as f64 is rounded to one")]
            Meaning::Integer(value) if kinds.contains(&Kind::Number) => self.number(at, scalar, value as f64, schema),
            Meaning::Number(value) if accepts(&kinds, Kind::Number) => self.number(at, scalar, value, schema),
            Meaning::Text if accepts(&kinds, Kind::Text) => self.text(at, scalar, schema),
            _ => self.of_another_kind(at, scalar, schema),
        }
    }

    /// Remembers a text that no message may show.
    pub(super) fn note_secret(&mut self, scalar: &Scalar) {
        if self.hides(scalar) && !scalar.text.is_empty() {
            self.secrets.push(scalar.text.to_string());
        }
    }

    fn of_another_kind(&mut self, at: Position, scalar: &Scalar, schema: Schema<'a>) -> Value {
        let kinds = schema.kinds();
        let is_nothing = scalar.meaning() == Meaning::Null;
        if let Some(quantity) = Quantity::of(schema) {
            return self.no_quantity(at, scalar, quantity, schema);
        }
        let node = Node { at, content: Content::Scalar(scalar.clone()) };
        let found = self.found(&node);
        let quote = if kinds.contains(&Kind::Text) && !is_nothing && !self.hides(scalar) {
            format!(" (quote it: {})", words::quoted(&scalar.text))
        } else {
            String::new()
        };
        self.refuse(at, format!("expected {}, found {found}{quote}", listed(&kinds)));
        Value::Null
    }

    fn integer(&mut self, at: Position, scalar: &Scalar, value: i128, schema: Schema<'a>) -> Value {
        let (least, most) = integer_bounds(schema);
        if least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
            let shown = self.shown(scalar);
            self.out_of_range(at, &shown, least, most);
        }
        Number::from_i128(value).map_or(Value::Null, Value::Number)
    }

    fn number(&mut self, at: Position, scalar: &Scalar, value: f64, schema: Schema<'a>) -> Value {
        let [least, most] = ["minimum", "maximum"].map(|bound| schema.get(bound).and_then(Value::as_f64));
        let fits = least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
        if !value.is_finite() || !fits {
            let shown = self.shown(scalar);
            self.out_of_range(at, &shown, least, most);
        }
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }

    fn out_of_range<T: Display>(&mut self, at: Position, shown: &str, least: Option<T>, most: Option<T>) {
        let accepted = match (least, most) {
            (None, None) => "a finite number".to_owned(),
            (least, most) => range(least.map(|bound| bound.to_string()), most.map(|bound| bound.to_string())),
        };
        self.refuse(at, format!("{shown} is out of range (accepted: {accepted})"));
    }

    fn text(&mut self, at: Position, scalar: &Scalar, schema: Schema<'a>) -> Value {
        let text = &*scalar.text;
        match Quantity::of(schema) {
            Some(quantity) => self.quantity(at, scalar, quantity, schema),
            None if schema.text("format") == Some("date-time") => self.moment(at, scalar),
            None => {
                self.count(at, text.chars().count(), [schema.get("minLength"), schema.get("maxLength")], "character");
                self.pattern(at, scalar, schema);
            }
        }
        Value::String(text.to_owned())
    }

    fn moment(&mut self, at: Position, scalar: &Scalar) {
        if scalar.text.parse::<jiff::Timestamp>().is_err() {
            let shown = self.shown(scalar);
            self.refuse(at, format!("{shown} is not a time (accepted: such as 2026-11-21T04:31:02Z)"));
        }
    }

    fn pattern(&mut self, at: Position, scalar: &Scalar, schema: Schema<'a>) {
        let Some(pattern) = schema.text("pattern") else {
            return;
        };
        let regex = match self.patterns.entry(pattern) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(new) => new.insert(compiled(pattern)),
        };
        if regex.as_ref().is_some_and(|regex| !regex.is_match(scalar.text.as_bytes())) {
            let shown = self.shown(scalar);
            self.refuse(at, format!("{shown} does not match (accepted: {pattern})"));
        }
    }

    fn quantity(&mut self, at: Position, scalar: &Scalar, quantity: Quantity, schema: Schema<'a>) {
        let Some(value) = quantity.parse(&scalar.text) else {
            self.no_quantity(at, scalar, quantity, schema);
            return;
        };
        let bound = |keyword: &str| schema.text(keyword).and_then(|text| quantity.parse(text));
        let fits = bound("x-min").is_none_or(|least| value >= least) && bound("x-max").is_none_or(|most| value <= most);
        if !fits {
            let (shown, accepted) = (self.shown(scalar), quantity.accepted(schema));
            self.refuse(at, format!("{shown} is out of range (accepted: {accepted})"));
        }
    }

    fn no_quantity(&mut self, at: Position, scalar: &Scalar, quantity: Quantity, schema: Schema<'a>) -> Value {
        let is_nothing = scalar.meaning() == Meaning::Null;
        let shown = if is_nothing { Kind::Null.as_str().to_owned() } else { self.shown(scalar) };
        let accepted = quantity.accepted(schema);
        self.refuse(at, format!("{shown} is not a {} (accepted: {accepted})", quantity.noun()));
        Value::Null
    }
}

/// The texts with a unit.
#[derive(Debug, Clone, Copy)]
enum Quantity {
    Duration,
    Size,
}

impl Quantity {
    fn of(schema: Schema<'_>) -> Option<Self> {
        match schema.text("format")? {
            "duration" => Some(Self::Duration),
            "size" => Some(Self::Size),
            _ => None,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Size => "size",
        }
    }

    /// The quantity in smallest units.
    fn parse(self, text: &str) -> Option<Duration> {
        match self {
            Self::Duration => duration::parse(text).ok(),
            Self::Size => size::parse(text).ok().map(Duration::from_secs),
        }
    }

    fn accepted(self, schema: Schema<'_>) -> String {
        let bound = |keyword: &str| schema.text(keyword).map(str::to_owned);
        match (bound("x-min"), bound("x-max"), self) {
            (None, None, Self::Duration) => "such as 500ms, 2s, 5m, 24h or 7d".to_owned(),
            (None, None, Self::Size) => "such as 256B, 64KiB, 16MiB or 2GiB".to_owned(),
            (least, most, Self::Duration | Self::Size) => range(least, most),
        }
    }
}

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::builder().syntax(syntax::Config::new().unicode(false).utf8(false)).build(pattern).ok()
}

/// The bounds of an integer: those of the schema, else those of its Rust type.
fn integer_bounds(schema: Schema<'_>) -> (Option<i128>, Option<i128>) {
    let (type_least, type_most) = match schema.text("format") {
        Some("int8") => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Some("int16") => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Some("uint8") => (Some(0), Some(u8::MAX.into())),
        Some("uint16") => (Some(0), Some(u16::MAX.into())),
        Some("uint32") => (Some(0), Some(u32::MAX.into())),
        Some("uint" | "uint64") => (Some(0), Some(u64::MAX.into())),
        _ => (Some(i64::MIN.into()), Some(i64::MAX.into())),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a bound of an integer that is written as 1.0 is whole")]
    let whole = |bound: &Value| bound.as_number()?.as_i128().or_else(|| bound.as_f64().map(|bound| bound as i128));
    let bound = |keyword: &str| schema.get(keyword).and_then(whole);
    (bound("minimum").or(type_least), bound("maximum").or(type_most))
}

/// A word of a schema as a message shows it.
pub(super) fn word_of(word: &Value) -> String {
    word.as_str().map_or_else(|| word.to_string(), str::to_owned)
}

/// The value of `node` where no schema says anything.
pub(super) fn untyped(node: &Node) -> Value {
    match &node.content {
        Content::Mapping(entries) => entries
            .iter()
            .map(|entry| (entry.key.to_string(), untyped(&entry.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Content::List(items) => items.iter().map(untyped).collect(),
        Content::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => Value::Null,
            Meaning::Boolean(value) => Value::Bool(value),
            Meaning::Integer(value) => Number::from_i128(value).map_or(Value::Null, Value::Number),
            Meaning::Number(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
            Meaning::Text => Value::String(scalar.text.to_string()),
        },
    }
}
