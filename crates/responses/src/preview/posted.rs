//! Settings that were posted: literal, and without access to files that the running settings do not name.

use document::{Document, Limits};
use serde_json::{Map, Value};

use super::{Read, invalid};
use crate::settings::Settings;

/// Reads posted settings, or tells every fault by its path.
pub(super) fn read(posted: Map<String, Value>, running: &Settings) -> Read {
    let posted = Value::Object(posted);
    let running = serde_json::to_value(running).unwrap_or_default();
    let mut faults = Vec::new();
    walk(&posted, "settings", &mut |path, key, value| {
        if value.contains("${") {
            faults.push(format!("{path}: has a variable, which is not replaced here (accepted: the value itself)"));
        }
        if key.ends_with("_file") && !value.is_empty() && running_file(&posted, &running, path, key) != Some(value) {
            let accepted = "accepted: the file that the running settings name there, or none";
            faults.push(format!("{path}: names another file than the running settings ({accepted})"));
        }
    });
    let text = posted.to_string();
    let limits = Limits { bytes: text.len().max(1), ..Limits::default() };
    let decoded = Document::parse("settings", &text, limits).and_then(|document| document.decode::<Settings>());
    match decoded {
        Err(told) => faults.extend(told.iter().map(|fault| located(&fault.path, &fault.message))),
        Ok(settings) => {
            faults.extend(settings.check().iter().map(|(path, message)| located(path, message)));
            if faults.is_empty() {
                return Ok(settings);
            }
        }
    }
    Err(invalid(faults))
}

fn located(path: &str, message: &str) -> String {
    if path.is_empty() { format!("settings: {message}") } else { format!("settings.{path}: {message}") }
}

/// Tells of each text: its path, the last key of that, and the text.
fn walk(value: &Value, path: &str, tell: &mut dyn FnMut(&str, &str, &str)) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}"), tell)),
        Value::Array(items) => {
            (0..).zip(items).for_each(|(position, item): (usize, _)| walk(item, &format!("{path}[{position}]"), tell));
        }
        Value::String(text) => tell(path, path.rsplit('.').next().unwrap_or_default(), text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the running settings have under a key of the notifier of the same name.
fn running_file<'a>(posted: &Value, running: &'a Value, path: &str, key: &str) -> Option<&'a str> {
    let position = path.strip_prefix("settings.notifiers[")?.split_once(']')?.0.parse::<usize>().ok()?;
    let name = &posted["notifiers"][position]["name"];
    let mut known = running["notifiers"].as_array()?.iter();
    known.find(|known| known["name"] == *name)?[key].as_str()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;

    async fn faults(posted: Value, running: &Settings) -> (u16, Vec<String>) {
        let Value::Object(posted) = posted else { panic!("settings are a mapping") };
        let response = read(posted, running).unwrap_err().into_response();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let faults = problem["faults"].as_array().unwrap().iter();
        (status, faults.map(|fault| fault.as_str().unwrap().split(':').next().unwrap().to_owned()).collect())
    }

    #[tokio::test]
    async fn every_fault_of_posted_settings_is_told_with_its_path() {
        let posted =
            json!({"wasm_plugin": {"enabled": true, "headers": ["plain"]}, "notification": {"from": "${USER}"}});
        let expected = ["settings.notification.from", "settings.wasm_plugin.url", "settings.wasm_plugin.headers[0]"];
        assert_eq!(faults(posted, &Settings::default()).await, (422, expected.map(str::to_owned).to_vec()));
        let unknown = json!({"wasm_plugin": {"enbled": true}, "every": "1s"});
        let expected = ["settings.every", "settings.wasm_plugin.enbled"];
        let (status, mut told) = faults(unknown, &Settings::default()).await;
        told.sort_unstable();
        assert_eq!((status, told), (422, expected.map(str::to_owned).to_vec()));
    }

    #[tokio::test]
    async fn a_file_is_taken_only_where_the_running_settings_name_it() {
        let notifier = |file: &str| json!({"notifiers": [{"name": "ops", "type": "lark", "url_file": file}]});
        let running: Settings = serde_json::from_value(notifier("/etc/url")).unwrap();
        let Value::Object(same) = notifier("/etc/url") else { panic!("settings are a mapping") };
        assert!(read(same, &running).is_ok());
        let expected = (422, vec!["settings.notifiers[0].url_file".to_owned()]);
        assert_eq!(faults(notifier("/etc/shadow"), &running).await, expected);
        assert_eq!(faults(notifier("/etc/url"), &Settings::default()).await, expected);
    }
}
