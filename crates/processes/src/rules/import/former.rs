//! The former rules file, in either form, as one list of rules and several of exemptions.
//!
//! Owns the two shapes and which key of them means what.

use std::collections::BTreeMap;

use api::{Action, Severity};
use document::{Document, Fault};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::note::{Notes, Reason};

/// What a former file says.
#[derive(Debug, Default)]
pub(super) struct Former {
    pub(super) rules: Vec<FormerRule>,
    pub(super) exempt_processes: Vec<Item>,
    pub(super) exempt_commands: Vec<Item>,
    pub(super) exempt_namespaces: Vec<Item>,
    exempt_pods: Vec<Item>,
    /// Lists that the former scanner read and never used.
    unused: Vec<Item>,
    settings: Vec<String>,
    unknown: Vec<String>,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: String,
    pub(super) text: String,
}

/// One former rule.
#[derive(Debug)]
pub(super) struct FormerRule {
    pub(super) pattern: Item,
    pub(super) kind: Kind,
    /// Id and name, if the form has them.
    pub(super) named: Option<(String, String)>,
    pub(super) description: String,
    pub(super) enabled: bool,
    pub(super) severity: Severity,
    pub(super) action: Action,
}

/// What a former rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The name of the process.
    ProcessName,
    /// A word in its command line.
    CommandKeyword,
}

/// A mapping of lists of texts.
type Lists = BTreeMap<String, Option<Vec<String>>>;

/// A configuration of ProcScan; other keys are settings.
#[derive(Debug, Deserialize, JsonSchema)]
struct ConfigDef {
    #[serde(rename = "detectionRules")]
    detection_rules: Option<DetectionDef>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct DetectionDef {
    blacklist: Option<Lists>,
    whitelist: Option<Lists>,
}

/// The later form.
#[derive(Debug, Deserialize, JsonSchema)]
struct RuleSetDef {
    #[schemars(range(min = 2, max = 2))]
    #[expect(dead_code, reason = "checked while it is read")]
    schema_version: u32,
    rules: Option<Vec<RuleDef>>,
    exemptions: Option<Lists>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct RuleDef {
    id: String,
    name: String,
    #[serde(default)]
    description: String,
    // The former scanner took a rule without this key as off.
    #[serde(default)]
    enabled: bool,
    match_type: Kind,
    pattern: String,
    severity: Severity,
    action: ActionDef,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ActionDef {
    Alert,
    Ban,
}

impl Former {
    pub(super) fn read(document: &Document) -> Result<Self, Vec<Fault>> {
        if document.contains("schema_version") {
            return Self::read_rule_set(document);
        }
        if document.contains("detectionRules") {
            return Self::read_config(document);
        }
        let message = "has neither detectionRules nor schema_version: 2 (of a ConfigMap, import the text under data)";
        Err(vec![document.fault("", message)])
    }

    /// Tells of everything that never becomes part of the new file.
    pub(super) fn report_the_rest(&self, notes: &mut Notes) {
        for item in &self.exempt_pods {
            notes.left_out(item, Reason::PodName);
        }
        for item in &self.unused {
            notes.left_out(item, Reason::Unused);
        }
        for path in &self.unknown {
            notes.key_left_out(path, Reason::UnknownKey);
        }
        for path in &self.settings {
            notes.key_left_out(path, Reason::Setting);
        }
    }

    fn read_config(document: &Document) -> Result<Self, Vec<Fault>> {
        let ConfigDef { detection_rules } = document.decode()?;
        let DetectionDef { blacklist, whitelist } = detection_rules.unwrap_or_default();
        let mut former = Self::default();
        for (key, texts) in blacklist.into_iter().flatten() {
            former.take_blacklist(&key, texts.unwrap_or_default());
        }
        // Keys come in the order of the alphabet; names go before words, as the table of the contract has them.
        former.rules.sort_by_key(|rule| rule.kind == Kind::CommandKeyword);
        for (key, texts) in whitelist.into_iter().flatten() {
            former.take_exemptions(&format!("whitelist.{key}"), &key, texts.unwrap_or_default());
        }
        former.settings = other_keys(document, &["detectionRules"])?;
        Ok(former)
    }

    fn read_rule_set(document: &Document) -> Result<Self, Vec<Fault>> {
        let RuleSetDef { schema_version: _, rules, exemptions } = document.decode()?;
        let rules = rules.into_iter().flatten().enumerate().map(|(index, def)| FormerRule::of(index, def)).collect();
        let mut former = Self { rules, ..Self::default() };
        for (key, texts) in exemptions.into_iter().flatten() {
            former.take_exemptions(&format!("exemptions.{key}"), &key, texts.unwrap_or_default());
        }
        former.settings = other_keys(document, &["exemptions", "rules", "ruleset_revision", "schema_version"])?;
        Ok(former)
    }

    fn take_blacklist(&mut self, key: &str, texts: Vec<String>) {
        let path = format!("blacklist.{key}");
        let items = items(&path, texts);
        match key {
            "processes" => self.rules.extend(items.map(|item| FormerRule::of_list(item, Kind::ProcessName))),
            "keywords" => self.rules.extend(items.map(|item| FormerRule::of_list(item, Kind::CommandKeyword))),
            "commands" | "namespaces" | "podNames" => self.unused.extend(items),
            _ => self.unknown.push(path),
        }
    }

    fn take_exemptions(&mut self, path: &str, key: &str, texts: Vec<String>) {
        let items = items(path, texts);
        match key {
            "processes" => self.exempt_processes.extend(items),
            "commands" => self.exempt_commands.extend(items),
            "namespaces" => self.exempt_namespaces.extend(items),
            "podNames" | "pod_names" => self.exempt_pods.extend(items),
            "keywords" => self.unused.extend(items),
            _ => self.unknown.push(path.to_owned()),
        }
    }
}

impl FormerRule {
    fn of_list(item: Item, kind: Kind) -> Self {
        let Item { path, text } = item;
        Self {
            // The former scanner trims before it hashes, and so must we for the same ids.
            pattern: Item { path, text: text.trim().to_owned() },
            kind,
            named: None,
            description: String::new(),
            enabled: true,
            severity: Severity::Medium,
            action: Action::Report,
        }
    }

    fn of(index: usize, def: RuleDef) -> Self {
        let RuleDef { id, name, description, enabled, match_type, pattern, severity, action } = def;
        Self {
            pattern: Item { path: format!("rules[{index}]"), text: pattern.trim().to_owned() },
            kind: match_type,
            named: Some((id, name)),
            description,
            enabled,
            severity,
            action: match action {
                ActionDef::Alert => Action::Report,
                ActionDef::Ban => Action::Respond,
            },
        }
    }
}

fn items(path: &str, texts: Vec<String>) -> impl Iterator<Item = Item> + use<> {
    let path = path.to_owned();
    texts.into_iter().enumerate().map(move |(index, text)| Item { path: format!("{path}[{index}]"), text })
}

fn other_keys(document: &Document, known: &[&str]) -> Result<Vec<String>, Vec<Fault>> {
    let top: BTreeMap<String, Value> = document.decode()?;
    Ok(top.into_keys().filter(|key| !known.contains(&key.as_str())).collect())
}
