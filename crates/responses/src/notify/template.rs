//! Bodies of webhooks by template: Jinja syntax over the object that is sent otherwise.
//!
//! Owns the language: values are escaped so that they may stand within a JSON text, and what is rendered must be JSON. A template that
//! passes the check cannot fail for want of a key: each key of the samples is there in every message, if need be as null.

use std::io;

use api::Time;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Output, State, UndefinedBehavior, Value};
use serde_json::Value as Json;

use super::message::Message;
use super::sample;

/// Most bytes of a template, and of what it renders.
const BYTES: usize = 256 << 10;

/// Steps of one rendering, about ten times what listing every key of 20 findings takes.
const FUEL: u64 = 100_000;

/// Functions of the language.
const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// Keys of a finding and of its subject that are left out where there is nothing.
const OPTIONAL: [&str; 1] = ["action"];
const OPTIONAL_OF_SUBJECT: [&str; 5] = ["namespace", "pod", "pod_uid", "container", "node"];

/// A template that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Template(String);

/// Why a template cannot be used, or was not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// The text itself, or what it renders, is too long.
    #[error("{0} has more than 262144 bytes (accepted: 256KiB)")]
    TooLarge(&'static str),
    /// It names something that no message has.
    #[error("names the unknown variable `{0}` (accepted: event, id, group, findings, more, cluster, sent_at)")]
    Unknown(String),
    /// It is no template, or asks for what is not there.
    #[error("line {line}: {why}")]
    Failed {
        /// Where, from 1 on.
        line: usize,
        /// Why, in the words of the template engine.
        why: String,
    },
    /// What it renders is no JSON.
    #[error("renders no JSON: {0}")]
    NotJson(String),
}

impl Template {
    /// A template that renders JSON of each sample.
    pub(crate) fn checked(text: &str) -> Result<Self, TemplateError> {
        if text.len() > BYTES {
            return Err(TemplateError::TooLarge("the template"));
        }
        let environment = environment();
        let parsed = environment.template_from_str(text).map_err(|error| failed(&error))?;
        let keys: Vec<String> =
            sample::bodies()[0].as_object().into_iter().flat_map(|body| body.keys().cloned()).collect();
        let mut named: Vec<String> = parsed.undeclared_variables(false).into_iter().collect();
        named.sort();
        let unknown = named.into_iter().find(|name| !keys.contains(name) && !FUNCTIONS.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(TemplateError::Unknown(name));
        }
        let template = Self(text.to_owned());
        for body in sample::bodies() {
            template.filled(body)?;
        }
        Ok(template)
    }

    /// A template of settings that were checked.
    pub(crate) fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The body for a message.
    pub(crate) fn render(&self, message: &Message, cluster: &str, sent_at: Time) -> Result<Json, TemplateError> {
        self.filled(message.body(cluster, sent_at))
    }

    fn filled(&self, mut body: Json) -> Result<Json, TemplateError> {
        complete(&mut body);
        let environment = environment();
        let parsed = environment.template_from_str(&self.0).map_err(|error| failed(&error))?;
        let mut rendered = Bounded { bytes: Vec::new(), is_full: false };
        match parsed.render_captured_to(Serde(body), &mut rendered) {
            _ if rendered.is_full => return Err(TemplateError::TooLarge("what the template renders")),
            Err(error) => return Err(failed(&error)),
            Ok(_) => {}
        }
        serde_json::from_slice(&rendered.bytes).map_err(|error| TemplateError::NotJson(error.to_string()))
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_formatter(escaped);
    environment.set_fuel(Some(FUEL));
    environment
}

/// Texts as they stand between the quotes of a JSON text, all else as JSON.
fn escaped(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let written = match (value.as_str(), value.kind()) {
        (Some(text), _) if value.is_safe() => output.write_str(text),
        (Some(text), _) => {
            let quoted = Json::from(text).to_string();
            output.write_str(&quoted[1..quoted.len() - 1])
        }
        // Only the engine knows where it was asked for.
        (None, ValueKind::Undefined) => return minijinja::escape_formatter(output, state, value),
        (None, _) => {
            let json = serde_json::to_string(value)
                .map_err(|error| minijinja::Error::new(minijinja::ErrorKind::BadSerialization, error.to_string()))?;
            output.write_str(&json)
        }
    };
    written.map_err(|_| minijinja::Error::new(minijinja::ErrorKind::WriteFailure, "too long"))
}

/// Adds as null what a finding leaves out.
fn complete(body: &mut Json) {
    for finding in body["findings"].as_array_mut().into_iter().flatten() {
        fill(finding, &OPTIONAL);
        fill(&mut finding["subject"], &OPTIONAL_OF_SUBJECT);
    }
}

fn fill(object: &mut Json, keys: &[&str]) {
    let Some(object) = object.as_object_mut() else { return };
    for key in keys {
        object.entry(*key).or_insert(Json::Null);
    }
}

fn failed(error: &minijinja::Error) -> TemplateError {
    let why = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    TemplateError::Failed { line: error.line().unwrap_or(1), why }
}

struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
