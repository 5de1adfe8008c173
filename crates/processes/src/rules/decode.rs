//! From the text of a rules file to its parts, as many as can be understood.
//!
//! Owns that a part of the wrong shape does not hide what is wrong with the others: all faults are to be told at once.

use std::collections::BTreeMap;

use document::{Document, Fault};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file::{ExemptionDef, ListItem, OverrideDef, RuleDef, RulesFile};
use super::select::Coverage;

/// What was understood of a file. Parts come with their position in it.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) lists: BTreeMap<String, Vec<ListItem>>,
    pub(super) rules: Vec<(usize, RuleDef)>,
    pub(super) overrides: Vec<(usize, OverrideDef)>,
    pub(super) exemptions: Vec<(usize, ExemptionDef)>,
    /// Whether these are all of its lists and rules.
    pub(super) coverage: Coverage,
    /// What keeps parts from being understood.
    pub(super) faults: Vec<Fault>,
}

/// A rules file whose parts may be anything.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Parts {
    version: Value,
    lists: Value,
    rules: Value,
    overrides: Value,
    exemptions: Value,
    /// May be a misspelled one of the above.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl Decoded {
    /// Decodes all that can be.
    pub(super) fn of(document: &Document) -> Self {
        match document.decode() {
            Ok(file) => Self::whole(file),
            Err(faults) => match document.decode() {
                Ok(parts) => Self::partial(parts, faults),
                Err(_) => Self { coverage: Coverage::Partial, faults, ..Self::default() },
            },
        }
    }

    fn whole(file: RulesFile) -> Self {
        let RulesFile { lists, rules, overrides, exemptions, .. } = file;
        Self {
            lists,
            rules: rules.into_iter().enumerate().collect(),
            overrides: overrides.into_iter().enumerate().collect(),
            exemptions: exemptions.into_iter().enumerate().collect(),
            coverage: Coverage::Whole,
            faults: Vec::new(),
        }
    }

    fn partial(parts: Parts, faults: Vec<Fault>) -> Self {
        let Parts { version: _, lists, rules, overrides, exemptions, others } = parts;
        let (lists, lists_coverage) = understood_lists(lists);
        let (rules, rules_coverage) = each_understood(rules);
        let is_whole = others.is_empty() && [lists_coverage, rules_coverage] == [Coverage::Whole; 2];
        Self {
            lists,
            rules,
            overrides: each_understood(overrides).0,
            exemptions: each_understood(exemptions).0,
            coverage: if is_whole { Coverage::Whole } else { Coverage::Partial },
            faults,
        }
    }
}

/// The items that have their shape, with their positions, and whether that is all of them.
fn each_understood<T: DeserializeOwned>(parts: Value) -> (Vec<(usize, T)>, Coverage) {
    let parts = match parts {
        Value::Array(parts) => parts,
        Value::Null => return (Vec::new(), Coverage::Whole),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return (Vec::new(), Coverage::Partial);
        }
    };
    let written = parts.len();
    let parts: Vec<(usize, T)> =
        parts.into_iter().enumerate().filter_map(|(index, part)| Some((index, understood(part)?))).collect();
    let coverage = Coverage::of(parts.len(), written);
    (parts, coverage)
}

fn understood_lists(lists: Value) -> (BTreeMap<String, Vec<ListItem>>, Coverage) {
    let lists = match lists {
        Value::Object(lists) => lists,
        Value::Null => return (BTreeMap::new(), Coverage::Whole),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return (BTreeMap::new(), Coverage::Partial);
        }
    };
    let written = lists.len();
    let lists: BTreeMap<_, _> =
        lists.into_iter().filter_map(|(name, items)| Some((name, understood(items)?))).collect();
    let coverage = Coverage::of(lists.len(), written);
    (lists, coverage)
}

fn understood<T: DeserializeOwned>(part: Value) -> Option<T> {
    serde_json::from_value(part).ok()
}
