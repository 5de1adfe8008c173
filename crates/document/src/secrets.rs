//! Secrets that stand in files of their own: `url_file: /run/secrets/url` for `url`.

use crate::decode::Refused;
use crate::path::{self, Step};
use crate::schema::Schema;
use crate::tree::{Content, Entry, Form, Node, Scalar};

/// What the name of such a key ends in.
pub(crate) const SUFFIX: &str = "_file";

/// Replaces keys within `node` as [`crate::Document::read_secrets`] says.
pub(crate) fn read(
    node: &mut Node,
    schema: Schema<'_>,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Vec<Refused> {
    let mut walk = Walk { read, steps: Vec::new(), refused: Vec::new() };
    walk.value(node, schema);
    walk.refused
}

struct Walk<'a> {
    read: &'a mut dyn FnMut(&str) -> Result<String, String>,
    steps: Vec<Step>,
    refused: Vec<Refused>,
}

impl Walk<'_> {
    fn value(&mut self, node: &mut Node, schema: Schema<'_>) {
        match &mut node.content {
            Content::Mapping(entries) => {
                if let Some(schema) = schema.mapping() {
                    self.mapping(entries, schema);
                }
            }
            Content::List(items) => {
                let Some(schema) = schema.items() else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.steps.push(Step::Index(index));
                    self.value(item, schema);
                    self.steps.pop();
                }
            }
            Content::Scalar(_) => {}
        }
    }

    fn mapping(&mut self, entries: &mut [Entry], schema: Schema<'_>) {
        for index in 0..entries.len() {
            let key = entries[index].key.clone();
            self.steps.push(Step::Key(key.to_string()));
            if let Some(property) = schema.property(&key) {
                self.value(&mut entries[index].value, property);
            } else if let Some(secret) = secret_of(&key, schema) {
                let is_given = entries.iter().any(|entry| *entry.key == *secret);
                let content = if is_given { Err(together_with(secret)) } else { self.content(&entries[index].value) };
                self.replace(&mut entries[index], secret, content);
            }
            self.steps.pop();
        }
    }

    fn content(&mut self, name: &Node) -> Result<String, String> {
        match &name.content {
            Content::Scalar(scalar) => (self.read)(&scalar.text),
            Content::Mapping(_) | Content::List(_) => Err("expected the name of a file".to_owned()),
        }
    }

    fn replace(&mut self, entry: &mut Entry, secret: &str, content: Result<String, String>) {
        match content {
            Ok(content) => {
                entry.key = secret.into();
                entry.value.content = Content::Scalar(Scalar { text: content.into(), form: Form::Read });
            }
            Err(message) => self.refused.push((entry.value.at, path::render(&self.steps), message)),
        }
    }
}

fn together_with(secret: &str) -> String {
    format!("is given together with {secret} (accepted: one of them)")
}

/// The key of the secret that `key` names the file of.
fn secret_of<'a>(key: &'a str, schema: Schema<'_>) -> Option<&'a str> {
    let secret = key.strip_suffix(SUFFIX)?;
    schema.property(secret)?.may_stand_in_a_file().then_some(secret)
}
