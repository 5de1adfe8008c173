//! The list `responses.notifiers` of the settings.
//!
//! Owns keys, defaults, ranges and contradictions of one notifier. What a notifier sends is written by the module of its type.

mod check;

pub(crate) use self::check::check;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use api::Severity;
use api::finding::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One receiver of messages.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifierSettings {
    /// What it is called in logs, answers, metrics and histories; unique.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,32}$"))]
    pub name: String,
    /// Who receives the messages, and in what form.
    #[serde(rename = "type")]
    pub kind: NotifierKind,
    /// Whether anything is told.
    #[serde(default)]
    pub enabled: bool,
    /// Findings below this are not told.
    #[serde(default = "defaults::min_severity")]
    pub min_severity: Severity,
    /// Whose findings are told.
    #[serde(default = "defaults::sources")]
    #[schemars(length(min = 1, max = 4))]
    pub sources: Vec<Source>,
    /// Namespaces whose findings are told, each exact or with one trailing `*`. Findings without a namespace are told by `*` only.
    #[serde(default = "defaults::namespaces")]
    #[schemars(length(min = 1, max = 1000))]
    pub namespaces: Vec<String>,
    /// How long the first finding of a group waits for others.
    #[serde(default = "defaults::group_wait", with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "10m"))]
    pub group_wait: Duration,
    /// After this an open finding is told again; 0s = never. An Event is told again after an hour at the earliest.
    #[serde(default = "defaults::repeat_every", with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "720h"))]
    pub repeat_every: Duration,
    /// Whether the end of a finding is told.
    #[serde(default = "defaults::yes")]
    pub send_resolved: bool,
    /// How fast messages are sent. For `lark` not faster than the receiver takes them, 5 a second and 100 a minute.
    #[serde(default)]
    pub rate: Rate,
    /// Time for connection, request and answer of one attempt.
    #[serde(default = "defaults::timeout", with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1s", "x-max" = "60s"))]
    pub timeout: Duration,
    /// A message that could not be delivered for so long is dead.
    #[serde(default = "defaults::max_age", with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1m", "x-max" = "168h"))]
    pub max_age: Duration,
    /// Whether messages may go to this machine. Link-local addresses and those of cloud metadata are always refused.
    #[serde(default)]
    pub allow_loopback: bool,
    /// PEM of the authorities that the receiver is verified by; empty = those of the system.
    #[serde(default)]
    pub ca_file: String,
    /// `webhook`, `alertmanager`: file with `user:password`, read again for each attempt.
    #[serde(default)]
    pub basic_auth_file: String,
    /// Address of a proxy, `http://` or `https://`. The receiver is then refused by its name only, not by its addresses.
    #[serde(default)]
    pub proxy: String,
    /// `alertmanager`: labels that every alert gets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `lark`, `webhook`: where messages go.
    #[serde(default)]
    pub url: String,
    /// `lark`, `webhook`: file with the address, for addresses that are secrets, read again for each attempt. Instead of `url`.
    #[serde(default)]
    pub url_file: String,
    /// `lark`, `webhook`: file with the secret that messages are signed with, read again for each attempt; empty = they are not
    /// signed.
    #[serde(default)]
    pub secret_file: String,
    /// `webhook`, `alertmanager`: file with a bearer token, read again for each attempt.
    #[serde(default)]
    pub token_file: String,
    /// `lark`: shown as availability zone; empty = left out.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub region: String,
    /// `alertmanager`: base addresses of 1 to 8 servers. Every one gets every alert.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub urls: Vec<String>,
    /// `webhook`: template of the body in Jinja syntax, up to 256 KiB; empty = all that is known, as JSON.
    #[serde(default)]
    pub template: String,
}

/// Who receives messages, and in what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NotifierKind {
    /// A custom bot of a Lark or Feishu group.
    Lark,
    /// JSON by POST.
    Webhook,
    /// Alerts of Alertmanager.
    Alertmanager,
    /// Events beside the objects in the cluster.
    Event,
}

/// How fast messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// Attempts within any second.
    #[schemars(range(min = 1, max = 1000))]
    pub per_second: u32,
    /// Attempts within any minute.
    #[schemars(range(min = 1, max = 10000))]
    pub per_minute: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 5, per_minute: 100 }
    }
}

mod defaults {
    use super::{Duration, Severity, Source};

    pub(super) const fn min_severity() -> Severity {
        Severity::Medium
    }

    pub(super) fn sources() -> Vec<Source> {
        vec![Source::Process]
    }

    pub(super) fn namespaces() -> Vec<String> {
        vec!["*".to_owned()]
    }

    pub(super) const fn group_wait() -> Duration {
        Duration::from_secs(30)
    }

    pub(super) const fn repeat_every() -> Duration {
        Duration::from_hours(24)
    }

    pub(super) const fn yes() -> bool {
        true
    }

    pub(super) const fn timeout() -> Duration {
        Duration::from_secs(10)
    }

    pub(super) const fn max_age() -> Duration {
        Duration::from_hours(24)
    }
}

impl NotifierSettings {
    /// A notifier with every key but these two at its default.
    pub fn new(name: &str, kind: NotifierKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            enabled: false,
            min_severity: defaults::min_severity(),
            sources: defaults::sources(),
            namespaces: defaults::namespaces(),
            group_wait: defaults::group_wait(),
            repeat_every: defaults::repeat_every(),
            send_resolved: true,
            rate: Rate::default(),
            timeout: defaults::timeout(),
            max_age: defaults::max_age(),
            allow_loopback: false,
            ca_file: String::new(),
            basic_auth_file: String::new(),
            proxy: String::new(),
            labels: BTreeMap::new(),
            url: String::new(),
            url_file: String::new(),
            secret_file: String::new(),
            token_file: String::new(),
            region: String::new(),
            urls: Vec::new(),
            template: String::new(),
        }
    }

    /// Whether findings of this namespace are told; none for what is in no namespace.
    pub(crate) fn tells_of(&self, namespace: Option<&str>) -> bool {
        let matches = |pattern: &String| match (pattern.strip_suffix('*'), namespace) {
            (Some(""), _) => true,
            (Some(prefix), Some(namespace)) => namespace.starts_with(prefix),
            (None, Some(namespace)) => pattern == namespace,
            (_, None) => false,
        };
        self.namespaces.iter().any(matches)
    }
}

impl NotifierKind {
    /// The word used in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lark => "lark",
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::Event => "event",
        }
    }
}

impl fmt::Debug for NotifierSettings {
    /// An address may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("NotifierSettings");
        shown.field("name", &self.name).field("kind", &self.kind).field("enabled", &self.enabled);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
