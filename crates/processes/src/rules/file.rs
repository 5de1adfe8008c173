//! The rules file as it is written: its keys, their types and ranges.
//!
//! Owns the shape only, from which the schema of rules files is generated. What the values mean together is checked
//! by `check`, `exempt` and `overrides`.

use std::collections::BTreeMap;
use std::time::Duration;

use api::violation::Flag;
use api::{Action, Severity};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

/// One rules file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// Version of the language; 1 is the only one.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "its range says all: there is one version")]
    version: u32,
    /// Texts under a name (`[a-z0-9_]{1,64}`), for use by `{list: name}` within the same file.
    #[serde(default)]
    pub(super) lists: BTreeMap<String, Vec<ListItem>>,
    /// Rules.
    #[serde(default)]
    pub(super) rules: Vec<RuleDef>,
    /// Changes of rules of this and of other files, applied in order once all rules are known.
    #[serde(default)]
    pub(super) overrides: Vec<OverrideDef>,
    /// What is not to be reported although a rule matches.
    #[serde(default)]
    pub(super) exemptions: Vec<ExemptionDef>,
}

/// An item of a list: a text, or another list whose items stand in its place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ListItem {
    /// A text.
    Text(String),
    /// The items of another list.
    Splice(Splice),
}

/// The items of another list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Splice {
    /// Name of the list.
    pub(super) list: String,
}

/// One rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleDef {
    /// `[a-z0-9][a-z0-9-]{0,62}`, unique over all files of the set.
    pub(super) id: String,
    /// What a person calls it; 1 to 120 bytes.
    pub(super) name: String,
    /// What it finds and why that matters; up to 2,000 bytes.
    #[serde(default)]
    pub(super) description: String,
    /// Whether it is matched at all.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// What a process must show; all that is given must hold.
    #[serde(default, rename = "match")]
    pub(super) matching: Option<MatchDef>,
    /// SHA-256 of executables, 64 hex digits each; one of them must be the process's.
    #[serde(default)]
    pub(super) sha256: Vec<String>,
    /// The rule waits until the process is that old.
    #[serde(default, with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "1h"))]
    pub(super) min_age: Duration,
    /// How bad a match is.
    pub(super) severity: Severity,
    /// What a match asks for; `respond` needs severity `high` or `critical`.
    #[serde(default = "report")]
    pub(super) action: Action,
    /// Words to find it by; `[a-z0-9._-]{1,64}` each.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(super) tags: Vec<String>,
    /// Where the knowledge comes from.
    #[serde(default)]
    pub(super) references: Vec<String>,
    /// Processes that it must and must not match; run by `keelwatch rules test`.
    #[serde(default)]
    pub(super) examples: ExamplesDef,
}

/// What a process must show; all that is given must hold.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-at-least-one-of" = ["process", "exe", "cmdline", "flags"]))]
pub(super) struct MatchDef {
    /// Any name of the process; a bare text means `exact`.
    pub(super) process: Option<ClauseDef>,
    /// Path of the executable; a bare text means `exact`.
    pub(super) exe: Option<ClauseDef>,
    /// Arguments joined by one space; a bare text means `contains`.
    pub(super) cmdline: Option<ClauseDef>,
    /// All of these must be set.
    #[schemars(length(min = 1, max = 3))]
    pub(super) flags: Option<Vec<Flag>>,
}

/// A condition on one text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ClauseDef {
    /// `exact` or `contains`, as the field has it.
    Bare(String),
    /// Spelled out.
    Full(Box<FullClauseDef>),
}

/// A condition on one text, spelled out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exactly-one-of" = ["exact", "contains", "prefix", "regex", "any_of", "list"]))]
pub(super) struct FullClauseDef {
    /// The whole text.
    pub(super) exact: Option<String>,
    /// A part of the text.
    pub(super) contains: Option<String>,
    /// The beginning of the text.
    pub(super) prefix: Option<String>,
    /// A regular expression over bytes, searched for: `\w \d \s \b` are ASCII, `.` meets a newline too, `^ $` are the
    /// ends of the text. 1 to 1,024 bytes.
    pub(super) regex: Option<String>,
    /// One of these.
    #[schemars(length(min = 1, max = 10_000))]
    pub(super) any_of: Option<Vec<ClauseDef>>,
    /// One of the texts of a list of this file; only as an item of `any_of`.
    pub(super) list: Option<String>,
    /// Whether ASCII letters of either case are the same; items of `any_of` inherit it. Default false.
    pub(super) ignore_case: Option<bool>,
}

/// Processes that a rule must and must not match.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExamplesDef {
    /// It must match these.
    #[serde(default, rename = "match")]
    pub(super) matching: Vec<ExampleDef>,
    /// It must not match these.
    #[serde(default)]
    pub(super) no_match: Vec<ExampleDef>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ExampleDef {
    /// A command line, split at spaces; its first word is the exe link too, and gives comm.
    Line(String),
    /// Spelled out.
    Process(ExampleProcess),
}

/// One process, spelled out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExampleProcess {
    /// At most 15 bytes; default: as the kernel would name it after `exe`, else after the first argument.
    pub(super) comm: Option<String>,
    /// Text of the exe link, such as `/tmp/x (deleted)`; default: it cannot be read.
    pub(super) exe: Option<String>,
    /// Arguments.
    #[serde(default)]
    pub(super) argv: Vec<String>,
}

/// A change of rules that are defined elsewhere.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-at-least-one-of" = ["enabled", "severity", "action", "min_age"]))]
pub(super) struct OverrideDef {
    /// Ids, each with at most one trailing `*`.
    #[schemars(length(min = 1))]
    pub(super) rules: Vec<String>,
    /// Whether they are matched at all.
    pub(super) enabled: Option<bool>,
    /// How bad a match is.
    pub(super) severity: Option<Severity>,
    /// What a match asks for.
    pub(super) action: Option<Action>,
    /// They wait until the process is that old.
    #[serde(default, with = "document::duration::option")]
    #[schemars(with = "Option<document::DurationText>", extend("x-min" = "0s", "x-max" = "1h"))]
    pub(super) min_age: Option<Duration>,
}

/// What is not to be reported; all that is given must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExemptionDef {
    /// Who granted it, and why.
    pub(super) reason: String,
    /// When it ends; afterwards it exempts nothing and is listed as expired.
    pub(super) until: Option<Timestamp>,
    /// Namespaces, exact or with one trailing `*`.
    #[schemars(length(min = 1))]
    pub(super) namespaces: Option<Vec<String>>,
    /// Labels of the namespace.
    #[schemars(length(min = 1))]
    pub(super) namespace_labels: Option<BTreeMap<String, String>>,
    /// Labels of the pod; never without `namespaces` or `namespace_labels`, because tenants choose them.
    #[schemars(length(min = 1))]
    pub(super) pod_labels: Option<BTreeMap<String, String>>,
    /// Images: a name without tag, or `name@sha256:…`, or with one trailing `*`.
    #[schemars(length(min = 1))]
    pub(super) images: Option<Vec<String>>,
    /// Ids of rules, each with at most one trailing `*`; default: all rules.
    #[schemars(length(min = 1))]
    pub(super) rules: Option<Vec<String>>,
    /// What the process must show; every readable name must satisfy `process`.
    #[serde(rename = "match")]
    pub(super) matching: Option<MatchDef>,
}

fn yes() -> bool {
    true
}

fn report() -> Action {
    Action::Report
}
