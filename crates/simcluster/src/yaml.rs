//! YAML as values: what apply patches and loaded documents are written in.
//!
//! Owns the reading of one or several documents. JSON is YAML too, and is read by serde_json first.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

/// Mappings and lists within each other, as serde_json accepts them.
const DEEPEST: usize = 128;

/// Why a text is not read.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// It is not UTF-8.
    #[error("the text is not UTF-8")]
    Encoding,
    /// It is no YAML.
    #[error("the text is no YAML")]
    Syntax(#[source] ScanError),
    /// It has an alias.
    #[error("aliases are not accepted")]
    Alias,
    /// A key is a list, a mapping or nothing.
    #[error("a key must be text")]
    Key,
    /// Mappings and lists are too deep within each other.
    #[error("exceeded max depth")]
    Depth,
    /// There is nothing in it.
    #[error("unexpected end of JSON input")]
    Empty,
    /// There are several documents where one is wanted.
    #[error("more than one document")]
    Several,
}

enum Open {
    Mapping(Map<String, Value>, Option<String>),
    List(Vec<Value>),
}

/// The one document of a text.
pub(crate) fn parse(text: &[u8]) -> Result<Value, YamlError> {
    if let Ok(value) = serde_json::from_slice(text) {
        return Ok(value);
    }
    let mut documents = parse_all(text)?;
    match documents.len() {
        0 => Err(YamlError::Empty),
        1 => Ok(documents.remove(0)),
        _ => Err(YamlError::Several),
    }
}

/// All documents of a text; empty ones are left out.
pub(crate) fn parse_all(text: &[u8]) -> Result<Vec<Value>, YamlError> {
    let text = std::str::from_utf8(text).map_err(|_| YamlError::Encoding)?;
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, _) = event.map_err(YamlError::Syntax)?;
        let finished = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                None
            }
            Event::Alias(_) => return Err(YamlError::Alias),
            Event::Scalar(text, style, _, _) => Some(scalar(&text, style)),
            Event::SequenceStart(..) => begin(&mut open, Open::List(Vec::new()))?,
            Event::MappingStart(..) => begin(&mut open, Open::Mapping(Map::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|collection| match collection {
                Open::Mapping(map, _) => Value::Object(map),
                Open::List(items) => Value::Array(items),
            }),
        };
        if let Some(value) = finished {
            documents.extend(place(&mut open, value)?);
        }
    }
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

fn begin(open: &mut Vec<Open>, collection: Open) -> Result<Option<Value>, YamlError> {
    if matches!(open.last(), Some(Open::Mapping(_, None))) {
        return Err(YamlError::Key);
    }
    if open.len() >= DEEPEST {
        return Err(YamlError::Depth);
    }
    open.push(collection);
    Ok(None)
}

/// Puts a value into what is open; a whole document comes back.
fn place(open: &mut [Open], value: Value) -> Result<Option<Value>, YamlError> {
    match open.last_mut() {
        None => return Ok(Some(value)),
        Some(Open::List(items)) => items.push(value),
        Some(Open::Mapping(map, key)) => match key.take() {
            Some(key) => {
                map.insert(key, value);
            }
            None => *key = Some(as_key(value)?),
        },
    }
    Ok(None)
}

fn as_key(value: Value) -> Result<String, YamlError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(YamlError::Key),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        other => number(other).unwrap_or_else(|| other.into()),
    }
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.trim_start_matches('+').parse::<i64>().ok().map(Value::from);
    }
    if !unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}
