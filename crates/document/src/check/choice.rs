//! Values of which a schema gives a choice: words, and unions picked by the kind of the value.

use serde_json::Value;

use super::Checker;
use super::scalar::word_of;
use crate::path::Step;
use crate::scalar::{self, Meaning};
use crate::schema::{Kind, Schema};
use crate::tree::{Content, Entry, Form, Node, Scalar};
use crate::words;

impl<'a> Checker<'a> {
    /// Checks that `node` is one of `accepted`.
    pub(super) fn word(&mut self, node: &Node, accepted: &[&'a Value]) -> Value {
        let Content::Scalar(scalar) = &node.content else {
            let kinds: Vec<Kind> = accepted.iter().map(|_| Kind::Text).take(1).collect();
            return self.unexpected(node, &kinds);
        };
        self.note_secret(scalar);
        if let Some(word) = accepted.iter().find(|word| is_word(scalar, word)) {
            return (*word).clone();
        }
        let names: Vec<String> = accepted.iter().filter(|word| !word.is_null()).map(|word| word_of(word)).collect();
        let near = words::nearest(&scalar.text, names.iter().map(String::as_str)).filter(|_| !self.hides(scalar));
        let hint = near.map(|near| format!(", did you mean {near}")).unwrap_or_default();
        let shown = if scalar.text.is_empty() { "nothing".to_owned() } else { self.shown(scalar) };
        self.refuse(node.at, format!("{shown} is not accepted{hint} (accepted: {})", names.join(", ")));
        Value::Null
    }

    /// Checks `node` against the one of `choices` that it is meant for.
    pub(super) fn choice(&mut self, node: &Node, choices: &[Schema<'a>]) -> Value {
        let fitting: Vec<Schema<'a>> = choices.iter().copied().filter(|schema| fits(node, *schema)).collect();
        let discriminated: Vec<Schema<'a>> =
            fitting.iter().copied().filter(|schema| agrees_with_constants(node, *schema)).collect();
        if let (true, Some((entry, words))) = (discriminated.is_empty(), telling_word(node, &fitting)) {
            self.steps.push(Step::Key(entry.key.to_string()));
            let value = self.word(&entry.value, &words);
            self.steps.pop();
            return value;
        }
        let candidates = if discriminated.is_empty() { &fitting } else { &discriminated };
        match candidates.as_slice() {
            [] => {
                let kinds: Vec<Kind> = choices.iter().flat_map(|schema| schema.kinds()).collect();
                self.unexpected(node, &kinds)
            }
            [only] => self.value(node, *only),
            several => {
                if let Some(words) = several.iter().map(|schema| schema.words()).collect::<Option<Vec<_>>>() {
                    return self.word(node, &words.concat());
                }
                self.closest(node, several)
            }
        }
    }

    /// Checks against each of `choices` and keeps the faults of the one with the fewest.
    fn closest(&mut self, node: &Node, choices: &[Schema<'a>]) -> Value {
        let before = self.faults.len();
        let mut best: Option<(Vec<crate::Fault>, Value)> = None;
        for choice in choices {
            let value = self.value(node, *choice);
            let faults = self.faults.split_off(before);
            if faults.is_empty() {
                return value;
            }
            if best.as_ref().is_none_or(|(fewest, _)| faults.len() < fewest.len()) {
                best = Some((faults, value));
            }
        }
        let (faults, value) = best.unwrap_or_default();
        self.faults.extend(faults);
        value
    }
}

/// Whether a value of the kind of `node` can fit `schema` at all.
fn fits(node: &Node, schema: Schema<'_>) -> bool {
    let kinds = schema.kinds();
    let has = |kind: Kind| kinds.is_empty() || kinds.contains(&kind);
    let means = |meaning: Meaning| match meaning {
        Meaning::Null => has(Kind::Null),
        Meaning::Boolean(_) => has(Kind::Boolean),
        Meaning::Integer(_) => has(Kind::Integer) || has(Kind::Number),
        Meaning::Number(_) => has(Kind::Number),
        Meaning::Text => has(Kind::Text),
    };
    match &node.content {
        Content::Mapping(_) => has(Kind::Mapping),
        Content::List(_) => has(Kind::List),
        Content::Scalar(scalar) if scalar.form == Form::Expanded => {
            has(Kind::Text) || means(scalar::resolve(&scalar.text))
        }
        Content::Scalar(scalar) => means(scalar.meaning()),
    }
}

/// Whether the words that tell the alternatives apart, such as `kind: command`, are those of `schema`.
fn agrees_with_constants(node: &Node, schema: Schema<'_>) -> bool {
    let Content::Mapping(entries) = &node.content else {
        return true;
    };
    schema.properties().filter(|(_, property)| property.get("const").is_some()).all(|(key, property)| {
        let entry = entries.iter().find(|entry| *entry.key == *key);
        entry.is_some_and(|entry| match (&entry.value.content, property.get("const")) {
            (Content::Scalar(scalar), Some(constant)) => is_word(scalar, constant),
            (Content::Mapping(_) | Content::List(_) | Content::Scalar(_), _) => false,
        })
    })
}

/// The entry that ought to tell the alternatives apart, and the words it may have.
fn telling_word<'n, 'a>(node: &'n Node, choices: &[Schema<'a>]) -> Option<(&'n Entry, Vec<&'a Value>)> {
    let Content::Mapping(entries) = &node.content else {
        return None;
    };
    let word_under = |choice: &Schema<'a>, key: &str| choice.property(key).and_then(|property| property.get("const"));
    entries.iter().find_map(|entry| {
        let words: Option<Vec<_>> = choices.iter().map(|choice| word_under(choice, &entry.key)).collect();
        words.filter(|words| !words.is_empty()).map(|words| (entry, words))
    })
}

fn is_word(scalar: &Scalar, word: &Value) -> bool {
    let meaning = if scalar.form == Form::Expanded && !word.is_string() {
        scalar::resolve(&scalar.text)
    } else {
        scalar.meaning()
    };
    match (meaning, word) {
        (Meaning::Text, Value::String(word)) => *scalar.text == **word,
        (Meaning::Boolean(found), Value::Bool(word)) => found == *word,
        (Meaning::Null, Value::Null) => true,
        (Meaning::Integer(found), Value::Number(word)) => word.as_i128() == Some(found),
        (Meaning::Number(found), Value::Number(word)) => {
            word.as_f64().is_some_and(|word| word.total_cmp(&found).is_eq())
        }
        _ => false,
    }
}
