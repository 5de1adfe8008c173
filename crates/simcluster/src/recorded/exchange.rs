//! Reading the recordings.
//!
//! Owns their format: requests behind `> `, then the answer as it came.

use serde_json::Value;

/// One request with its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) content_type: Option<String>,
    pub(super) sent: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) received: String,
}

/// The exchanges of a recording, in order.
pub(super) fn parse(recording: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut lines = recording.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((method, path)) = line.strip_prefix("> ").and_then(|line| line.split_once(' ')) else { continue };
        let mut request: Vec<&str> = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('>')) {
            request.push(line.trim_start_matches('>').trim_start());
        }
        let (mut status, mut headers, mut received) = (0, Vec::new(), String::new());
        if let Some(line) = lines.next() {
            status = line.split(' ').nth(1).unwrap().parse().unwrap();
        }
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_owned(), value.to_owned()));
        }
        while let Some(line) = lines.next_if(|line| !line.starts_with("> ")) {
            received.push_str(line);
            received.push('\n');
        }
        exchanges.push(Exchange {
            method: method.to_owned(),
            path: path.to_owned(),
            content_type: request.iter().find_map(|line| line.strip_prefix("content-type: ")).map(str::to_owned),
            sent: request.iter().skip_while(|line| !line.is_empty()).skip(1).copied().collect::<Vec<_>>().join("\n"),
            status,
            headers,
            received,
        });
    }
    exchanges
}

/// The values of an answer: one, or one per line, or its text.
pub(super) fn values(body: &str) -> Vec<Value> {
    match serde_json::from_str(body) {
        Ok(value) => vec![masked(value)],
        Err(_) if body.starts_with('{') => body.lines().filter(|line| !line.is_empty()).map(event).collect(),
        Err(_) if body.trim().is_empty() => Vec::new(),
        Err(_) => vec![body.trim_end().into()],
    }
}

/// A line of a watch; the recording was made without managedFields.
fn event(line: &str) -> Value {
    let mut event: Value = serde_json::from_str(line).unwrap();
    if let Some(metadata) = event["object"]["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    masked(event)
}

/// What differs from run to run, and from server to server, is one word.
fn masked(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (key.clone(), masked_field(&key, value))).collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        other => other,
    }
}

fn masked_field(key: &str, value: Value) -> Value {
    match (key, &value) {
        ("uid" | "resourceVersion" | "continue" | "serverAddress", Value::String(_)) => format!("<{key}>").into(),
        ("time" | "creationTimestamp" | "deletionTimestamp", Value::String(_)) => "<time>".into(),
        ("message", Value::String(text)) => match text.split_once(" (") {
            Some((start, _)) if start.starts_with("too old") => start.into(),
            _ => value,
        },
        _ => masked(value),
    }
}
