//! Reading schemas.

use std::collections::BTreeMap;

use regex_automata::meta::{BuildError, Config, Regex};
use serde_json::{Map, Number, Value};

use super::node::{Additional, Bound, Checks, Edge, Kind, List, Node, Pattern, Range};
use crate::patch::{MapKey, MapType};

/// Why a schema is refused; the first field is the place in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SchemaError {
    /// A schema is no object.
    #[error("{0}: must be an object")]
    NotAnObject(String),
    /// A keyword has a value of the wrong type.
    #[error("{0}: must be {1}")]
    Keyword(String, &'static str),
    /// A type that JSON does not have.
    #[error("{0}.type: unsupported value {1:?}")]
    UnknownType(String, String),
    /// A pattern that is no regular expression.
    #[error("{0}.pattern: must be a regular expression")]
    Pattern(String, #[source] Box<BuildError>),
    /// The root must be an object.
    #[error("{0}.type: must be object at the root")]
    Root(String),
    /// A list of type map without keys.
    #[error("{0}.x-kubernetes-list-map-keys: must not be empty if x-kubernetes-list-type is map")]
    NoKeys(String),
}

/// A pattern may not take more memory than this when compiled.
const LARGEST_PATTERN: usize = 1 << 20;

pub(super) fn root(schema: &Value) -> Result<Node, SchemaError> {
    let root = Reader::new(schema, "openAPIV3Schema".to_owned())?.node()?;
    if root.kind == Kind::Object { Ok(root) } else { Err(SchemaError::Root("openAPIV3Schema".to_owned())) }
}

/// One schema object and where it stands.
struct Reader<'a> {
    schema: &'a Map<String, Value>,
    path: String,
}

impl<'a> Reader<'a> {
    fn new(schema: &'a Value, path: String) -> Result<Self, SchemaError> {
        match schema.as_object() {
            Some(schema) => Ok(Self { schema, path }),
            None => Err(SchemaError::NotAnObject(path)),
        }
    }

    fn node(&self) -> Result<Node, SchemaError> {
        let items = self.get("items").map(|items| self.child(items, "items")).transpose()?.map(Box::new);
        Ok(Node {
            kind: self.kind()?,
            is_nullable: self.flag("nullable")?,
            default: self.get("default").cloned(),
            properties: self.properties()?,
            additional: self.additional()?,
            list: self.list(items.as_deref())?,
            items,
            preserves_unknown: self.flag("x-kubernetes-preserve-unknown-fields")?,
            is_resource: self.flag("x-kubernetes-embedded-resource")?,
            map: if self.text("x-kubernetes-map-type")? == Some("atomic") {
                MapType::Atomic
            } else {
                MapType::Granular
            },
            checks: self.checks()?,
        })
    }

    fn kind(&self) -> Result<Kind, SchemaError> {
        if self.flag("x-kubernetes-int-or-string")? {
            return Ok(Kind::IntOrString);
        }
        match self.text("type")?.unwrap_or_default() {
            "" => Ok(Kind::Any),
            "boolean" => Ok(Kind::Boolean),
            "integer" => Ok(Kind::Integer),
            "number" => Ok(Kind::Number),
            "string" => Ok(Kind::String),
            "array" => Ok(Kind::Array),
            "object" => Ok(Kind::Object),
            other => Err(SchemaError::UnknownType(self.path.clone(), other.to_owned())),
        }
    }

    fn properties(&self) -> Result<BTreeMap<String, Node>, SchemaError> {
        let Some(properties) = self.get("properties") else { return Ok(BTreeMap::new()) };
        let properties = properties.as_object().ok_or_else(|| self.wrong("properties", "an object"))?;
        properties
            .iter()
            .map(|(name, schema)| Ok((name.clone(), self.child(schema, &format!("properties[{name}]"))?)))
            .collect()
    }

    fn additional(&self) -> Result<Additional, SchemaError> {
        match self.get("additionalProperties") {
            None | Some(Value::Bool(false)) => Ok(Additional::None),
            Some(Value::Bool(true)) => Ok(Additional::Any),
            Some(schema) => Ok(Additional::Of(Box::new(self.child(schema, "additionalProperties")?))),
        }
    }

    fn list(&self, items: Option<&Node>) -> Result<List, SchemaError> {
        match self.text("x-kubernetes-list-type")? {
            Some("set") => Ok(List::Set),
            Some("map") => {
                let names = self.texts("x-kubernetes-list-map-keys")?;
                if names.is_empty() {
                    return Err(SchemaError::NoKeys(self.path.clone()));
                }
                let default = |name: &String| items?.properties.get(name)?.default.clone();
                Ok(List::Map(names.into_iter().map(|name| MapKey { default: default(&name), name }).collect()))
            }
            Some(_) | None => Ok(List::Atomic),
        }
    }

    fn checks(&self) -> Result<Checks, SchemaError> {
        Ok(Checks {
            required: self.texts("required")?,
            allowed: self.values("enum")?.to_vec(),
            format: self.text("format")?.map(str::to_owned),
            pattern: self.text("pattern")?.map(|text| self.pattern(text)).transpose()?,
            length: self.range("minLength", "maxLength")?,
            items: self.range("minItems", "maxItems")?,
            properties: self.range("minProperties", "maxProperties")?,
            minimum: self.bound("minimum", "exclusiveMinimum")?,
            maximum: self.bound("maximum", "exclusiveMaximum")?,
            multiple_of: self.number("multipleOf")?,
            any_of: self.alternatives("anyOf")?,
            one_of: self.alternatives("oneOf")?,
            all_of: self.alternatives("allOf")?,
            not: self.get("not").map(|schema| self.child(schema, "not")).transpose()?.map(Box::new),
        })
    }

    fn alternatives(&self, key: &str) -> Result<Vec<Node>, SchemaError> {
        let schemas = self.values(key)?.iter().enumerate();
        schemas.map(|(nth, schema)| self.child(schema, &format!("{key}[{nth}]"))).collect()
    }

    fn pattern(&self, text: &str) -> Result<Pattern, SchemaError> {
        let config = Config::new().nfa_size_limit(Some(LARGEST_PATTERN));
        match Regex::builder().configure(config).build(text) {
            Ok(regex) => Ok(Pattern { text: text.to_owned(), regex }),
            Err(error) => Err(SchemaError::Pattern(self.path.clone(), Box::new(error))),
        }
    }

    fn bound(&self, key: &str, exclusive: &str) -> Result<Option<Bound>, SchemaError> {
        let edge = if self.flag(exclusive)? { Edge::Exclusive } else { Edge::Inclusive };
        Ok(self.number(key)?.map(|value| Bound { value, edge }))
    }

    fn range(&self, least: &str, most: &str) -> Result<Range, SchemaError> {
        Ok(Range { least: self.count(least)?, most: self.count(most)? })
    }

    fn child(&self, schema: &Value, name: &str) -> Result<Node, SchemaError> {
        Reader::new(schema, format!("{}.{name}", self.path))?.node()
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.schema.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, expected: &'static str) -> SchemaError {
        SchemaError::Keyword(format!("{}.{key}", self.path), expected)
    }

    fn flag(&self, key: &str) -> Result<bool, SchemaError> {
        self.get(key).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| self.wrong(key, "a boolean")))
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, SchemaError> {
        self.get(key).map(|value| value.as_str().ok_or_else(|| self.wrong(key, "a string"))).transpose()
    }

    fn number(&self, key: &str) -> Result<Option<Number>, SchemaError> {
        let number = |value: &Value| value.as_number().cloned().ok_or_else(|| self.wrong(key, "a number"));
        self.get(key).map(number).transpose()
    }

    fn count(&self, key: &str) -> Result<Option<u64>, SchemaError> {
        let count = |value: &Value| value.as_u64().ok_or_else(|| self.wrong(key, "a count"));
        self.get(key).map(count).transpose()
    }

    fn values(&self, key: &str) -> Result<&'a [Value], SchemaError> {
        let values = |value: &'a Value| value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(key, "a list"));
        self.get(key).map_or(Ok(&[]), values)
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, SchemaError> {
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "a list of strings"));
        self.values(key)?.iter().map(text).collect()
    }
}
