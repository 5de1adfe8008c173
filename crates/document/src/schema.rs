//! A view of the JSON Schema of a Rust type, as `schemars` derives it.
//!
//! Owns the keywords that a derive emits and the extensions of this house: `x-min` and `x-max` of durations and sizes,
//! `x-secret`, `x-exactly-one-of`, `x-at-least-one-of`. Checking values against them is `check`'s job; other extensions
//! are kept for those who read them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type with all that it refers to.
#[derive(Debug, Clone)]
pub struct SchemaTree(Value);

/// One schema within a [`SchemaTree`], references followed.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    root: &'a Value,
    /// The schema as it is written where it is used.
    here: &'a Value,
    /// What its `$ref` names; keywords beside the reference come first.
    referred: Option<&'a Value>,
}

/// What a schema says of keys that are not its properties.
#[derive(Debug, Clone, Copy)]
pub enum Additional<'a> {
    /// There may be none.
    Refused,
    /// Nothing.
    Any,
    /// Their values are of this schema.
    Of(Schema<'a>),
}

/// The kinds of values that schemas tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keys and values.
    Mapping,
    /// Items in order.
    List,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// Nothing.
    Null,
}

impl SchemaTree {
    /// The schema of what `T` deserializes from.
    pub fn of<T: JsonSchema>() -> Self {
        Self(SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>().to_value())
    }

    /// The schema of the type itself.
    pub fn root(&self) -> Schema<'_> {
        Schema::new(&self.0, &self.0)
    }

    /// The schema as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

impl<'a> Schema<'a> {
    fn new(root: &'a Value, here: &'a Value) -> Self {
        let target = |schema: &'a Value| root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?);
        // A newtype of a newtype refers twice; the bound is for schemas that refer to themselves.
        let referred = std::iter::successors(target(here), |schema| target(schema)).take(8).last();
        Self { root, here, referred }
    }

    /// The value of a keyword or an extension.
    pub fn get(self, keyword: &str) -> Option<&'a Value> {
        self.here.get(keyword).or_else(|| self.referred?.get(keyword))
    }

    /// The text of a keyword or an extension.
    pub fn text(self, keyword: &str) -> Option<&'a str> {
        self.get(keyword)?.as_str()
    }

    /// Whether values must not be shown.
    pub fn is_secret(self) -> bool {
        self.get("x-secret").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether it is a secret that may stand in a file of its own: what is no text may not.
    pub fn may_stand_in_a_file(self) -> bool {
        self.is_secret() && self.kinds().contains(&Kind::Text)
    }

    /// The known keys of a mapping, in the order of their declaration.
    pub fn properties(self) -> impl Iterator<Item = (&'a str, Schema<'a>)> {
        let properties = self.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(move |(key, schema)| (key.as_str(), self.of_part(schema)))
    }

    /// The schema of a known key.
    pub fn property(self, key: &str) -> Option<Schema<'a>> {
        Some(self.of_part(self.get("properties")?.get(key)?))
    }

    /// What holds for keys that are not known.
    pub fn additional(self) -> Additional<'a> {
        match self.get("additionalProperties").or_else(|| self.get("unevaluatedProperties")) {
            Some(Value::Bool(false)) => Additional::Refused,
            Some(schema @ Value::Object(_)) => Additional::Of(self.of_part(schema)),
            Some(_) | None => Additional::Any,
        }
    }

    /// Keys that must be given.
    pub fn required(self) -> impl Iterator<Item = &'a str> {
        self.names("required")
    }

    /// The schema of the items of a list.
    pub fn items(self) -> Option<Schema<'a>> {
        self.get("items").map(|schema| self.of_part(schema))
    }

    /// The texts of a keyword that is a list of texts.
    pub fn names(self, keyword: &str) -> impl Iterator<Item = &'a str> {
        self.get(keyword).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The schemas one of which a value has to fit, if there is a choice.
    pub fn alternatives(self) -> Option<Vec<Schema<'a>>> {
        let choices = self.get("anyOf").or_else(|| self.get("oneOf"))?.as_array()?;
        Some(choices.iter().map(|schema| self.of_part(schema)).collect())
    }

    /// The values one of which it has to be: `enum`, `const`, or a choice of nothing but these.
    pub fn words(self) -> Option<Vec<&'a Value>> {
        if let Some(constant) = self.get("const") {
            return Some(vec![constant]);
        }
        if let Some(values) = self.get("enum").and_then(Value::as_array) {
            return Some(values.iter().collect());
        }
        let of_each: Option<Vec<_>> = self.alternatives()?.into_iter().map(Schema::words).collect();
        of_each.map(|words| words.concat())
    }

    /// The kinds of values that fit; empty if any does.
    pub fn kinds(self) -> Vec<Kind> {
        if let Some(choices) = self.alternatives() {
            return choices.into_iter().flat_map(Schema::kinds).collect();
        }
        match self.get("type") {
            Some(Value::String(name)) => Kind::named(name).into_iter().collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter_map(Kind::named).collect(),
            Some(_) | None => self.words().into_iter().flatten().map(Kind::of).collect(),
        }
    }

    /// This schema, or the one of its alternatives that describes a mapping with known keys.
    pub fn mapping(self) -> Option<Schema<'a>> {
        if self.get("properties").is_some() {
            return Some(self);
        }
        self.alternatives()?.into_iter().find(|schema| schema.get("properties").is_some())
    }

    fn of_part(self, part: &'a Value) -> Self {
        Self::new(self.root, part)
    }
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        match name {
            "object" => Some(Self::Mapping),
            "array" => Some(Self::List),
            "string" => Some(Self::Text),
            "integer" => Some(Self::Integer),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            "null" => Some(Self::Null),
            _ => None,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Object(_) => Self::Mapping,
            Value::Array(_) => Self::List,
            Value::String(_) => Self::Text,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::Bool(_) => Self::Boolean,
            Value::Null => Self::Null,
        }
    }

    /// The kind in words, with its article.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mapping => "a mapping",
            Self::List => "a list",
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "nothing",
        }
    }
}
