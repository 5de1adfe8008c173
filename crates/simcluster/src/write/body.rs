//! From the bytes of a request to an object of the kind that its path names.
//!
//! Owns the wording of what is wrong with a body, which follows the decoder of real servers.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::patch::go_type;
use crate::status::Status;
use crate::yaml;

/// How much of a body a refusal quotes.
const QUOTED: usize = 30;

/// The object in a body, JSON or YAML.
pub(crate) fn parse_object(kind: &Kind, body: &[u8], is_yaml: bool) -> Result<Value, Status> {
    let parsed = if is_yaml { yaml::parse(body).map_err(|error| error.to_string()) } else { parse_json(body) };
    let object = parsed.map_err(|why| {
        let why = format!("couldn't get version/kind; json parse error: {why}");
        unrecognized(kind, &why, body)
    })?;
    if !object.is_object() {
        let why = format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type \
             struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            go_type(&object)
        );
        return Err(unrecognized(kind, &why, body));
    }
    check_kind(kind, &object, body)?;
    Ok(object)
}

fn unrecognized(kind: &Kind, why: &str, body: &[u8]) -> Status {
    let quoted = quote(body);
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): {why} ({quoted})",
        kind.kind
    ))
}

fn check_kind(kind: &Kind, object: &Value, body: &[u8]) -> Result<(), Status> {
    for (key, expected) in [("kind", kind.kind.clone()), ("apiVersion", kind.api_version())] {
        match object.get(key) {
            None | Some(Value::Null) if kind.custom().is_none() => {}
            None | Some(Value::Null) => {
                let text = String::from_utf8_lossy(body);
                let label = if key == "kind" { "Kind" } else { "apiVersion" };
                return Err(unrecognized(kind, &format!("Object '{label}' is missing in '{text}'"), body));
            }
            Some(Value::String(given)) if *given == expected => {}
            Some(Value::String(given)) if given.is_empty() && kind.custom().is_none() => {}
            Some(Value::String(given)) if key == "apiVersion" => {
                return Err(Status::bad_request(format!(
                    "the API version in the data ({given}) does not match the expected API version ({expected})"
                )));
            }
            Some(Value::String(given)) => return Err(other_kind(kind, given)),
            Some(other) => {
                let why = format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{key} of type string",
                    go_type(other)
                );
                return Err(unrecognized(kind, &why, body));
            }
        }
    }
    match object.get("metadata") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(metadata)) => check_names(kind, metadata),
        Some(other) => Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal {} into Go struct field {}.metadata of type v1.ObjectMeta",
            kind.kind,
            kind.version,
            kind.kind,
            go_type(other),
            kind.kind
        ))),
    }
}

fn check_names(kind: &Kind, metadata: &Map<String, Value>) -> Result<(), Status> {
    let name = &kind.kind;
    let stated =
        ["name", "namespace", "generateName", "uid"].map(|key| (key, metadata.get(key).unwrap_or(&Value::Null)));
    match stated.into_iter().find(|(_, value)| !value.is_null() && !value.is_string()) {
        None => Ok(()),
        Some((key, value)) => Err(Status::bad_request(format!(
            "{name} in version \"{}\" cannot be handled as a {name}: json: cannot unmarshal {} into Go struct field \
             ObjectMeta.metadata.{key} of type string",
            kind.version,
            go_type(value)
        ))),
    }
}

fn other_kind(kind: &Kind, given: &str) -> Status {
    let (version, expected) = (&kind.version, &kind.kind);
    if kind.custom().is_some() {
        return Status::bad_request(format!(
            "{given} in version \"{version}\" cannot be handled as a {expected}: unknown kind {given}"
        ));
    }
    // Where real servers keep the types of a group.
    let internal = if kind.group.is_empty() { "core" } else { kind.group.split('.').next().unwrap_or_default() };
    Status::bad_request(format!(
        "{given} in version \"{version}\" cannot be handled as a {expected}: converting ({version}.{given}) to ({internal}.{expected}): unknown conversion"
    ))
}

/// Parses JSON; the error is worded as Go words it.
pub(crate) fn parse_json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            return "unexpected end of JSON input".to_owned();
        }
        let offending = offset(body, error.line(), error.column()).and_then(|at| body.get(at));
        match offending {
            Some(&byte) => format!("invalid character {} {}", quote_character(byte), context(&error.to_string())),
            None => error.to_string(),
        }
    })
}

fn context(error: &str) -> &'static str {
    if error.contains("trailing characters") {
        "after top-level value"
    } else if error.contains("key must be a string") {
        "looking for beginning of object key string"
    } else if error.contains("expected `:`") {
        "after object key"
    } else if error.contains("expected `,` or `}`") {
        "after object key:value pair"
    } else if error.contains("expected `,` or `]`") {
        "after array element"
    } else {
        "looking for beginning of value"
    }
}

/// Where the parser stopped; its column counts from 1.
fn offset(body: &[u8], line: usize, column: usize) -> Option<usize> {
    let start: usize = body.split_inclusive(|&byte| byte == b'\n').take(line.checked_sub(1)?).map(<[u8]>::len).sum();
    Some(start + column.saturating_sub(1))
}

/// A character as Go quotes it; bytes above ASCII stand for themselves.
pub(crate) fn quote_character(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        0..b' ' | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

fn quote(body: &[u8]) -> String {
    if body.is_empty() {
        return "<empty>".to_owned();
    }
    let (head, dots) = if body.len() > QUOTED { (&body[..QUOTED], " ...") } else { (body, "") };
    let mut quoted = if body[0] == b'{' {
        String::from_utf8_lossy(head).into_owned()
    } else {
        head.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    quoted.push_str(dots);
    quoted
}
