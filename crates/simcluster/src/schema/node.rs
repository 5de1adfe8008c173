//! One schema within another: what is allowed at one place of an object.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use serde_json::{Number, Value};

use crate::patch::{MapKey, MapType};

/// What is allowed at one place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) is_nullable: bool,
    pub(super) default: Option<Value>,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional: Additional,
    pub(super) items: Option<Box<Node>>,
    /// Unknown fields stay.
    pub(super) preserves_unknown: bool,
    /// A whole Kubernetes object.
    pub(super) is_resource: bool,
    pub(super) list: List,
    pub(super) map: MapType,
    pub(super) checks: Checks,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
    IntOrString,
}

/// What the keys of an object that are not declared hold.
#[derive(Debug, Clone)]
pub(super) enum Additional {
    /// There are none.
    None,
    Any,
    Of(Box<Node>),
}

/// How a list merges.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum List {
    Atomic,
    Set,
    Map(Vec<MapKey>),
}

/// Conditions on values.
#[derive(Debug, Clone, Default)]
pub(super) struct Checks {
    pub(super) required: Vec<String>,
    pub(super) allowed: Vec<Value>,
    pub(super) format: Option<String>,
    pub(super) pattern: Option<Pattern>,
    pub(super) length: Range,
    pub(super) items: Range,
    pub(super) properties: Range,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<Number>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) all_of: Vec<Node>,
    pub(super) not: Option<Box<Node>>,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Range {
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
}

/// A limit of numbers.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) value: Number,
    pub(super) edge: Edge,
}

/// Whether a limit may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Inclusive,
    Exclusive,
}

/// A regular expression with the text that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) regex: Regex,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
            Self::IntOrString => "integer,string",
        }
    }
}
