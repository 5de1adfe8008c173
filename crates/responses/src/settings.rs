//! The `responses` section of the settings.
//!
//! Owns keys, defaults and ranges; `check` has the contradictions, `notify` the list of notifiers. All of it is reloadable.

mod check;
mod texts;

use std::collections::BTreeMap;
use std::time::Duration;

use api::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::texts::VARIABLES;
pub use self::texts::{Language, Texts};
use crate::notify::settings::NotifierSettings;

/// What follows from findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Time between two sweeps; a changed finding starts one at most 2 s later.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "5s", "x-max" = "10m"))]
    pub every: Duration,
    /// Whether nothing is written or sent, not even an undo; what would be is shown.
    pub dry_run: bool,
    /// Namespaces that are never touched, each exact or with one trailing `*`, beside kube-system, kube-public, kube-node-lease
    /// and the namespace of the release.
    #[schemars(length(max = 1000))]
    pub protected_namespaces: Vec<String>,
    /// How long an undo waits after the last finding was resolved, so that what restarts again and again does not flap.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "24h"))]
    pub hold: Duration,
    /// Collections within an hour in which a rule must have hit an app before `wasm_plugin` or `namespace_label` acts.
    #[schemars(range(min = 1, max = 10))]
    pub confirmations: u32,
    /// Blocks the app at the Higress gateway.
    pub wasm_plugin: WasmPluginSettings,
    /// Tells the tenant by a Notification of Sealos.
    pub notification: NotificationSettings,
    /// Labels the namespace, for other controllers to act on.
    pub namespace_label: NamespaceLabelSettings,
    /// Tell the operators.
    #[schemars(length(max = 32))]
    pub notifiers: Vec<NotifierSettings>,
}

/// Blocks the app at the Higress gateway, by one WasmPlugin for all apps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WasmPluginSettings {
    /// Whether apps are blocked.
    pub enabled: bool,
    /// Whether what would be done is only shown.
    pub dry_run: bool,
    /// Findings below this are left alone.
    pub min_severity: Grave,
    /// Apps that one sweep blocks anew.
    #[schemars(range(min = 1, max = 1000))]
    pub max_per_sweep: usize,
    /// Apps that are blocked at a time.
    #[schemars(range(min = 1, max = 1000))]
    pub max_active: usize,
    /// Namespace of the gateway, the only one in which it reads plugins.
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub gateway_namespace: String,
    /// Name of the object.
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
    /// Where the gateway gets the official custom-response plugin: `oci://`, `http://`, `https://` or `file://`. Needed when enabled.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// SHA-256 of the plugin, 64 hex digits; empty = not verified.
    #[schemars(regex(pattern = "^([0-9a-f]{64})?$"))]
    pub sha256: String,
    /// When the gateway pulls the plugin.
    pub image_pull_policy: ImagePullPolicy,
    /// Name of the Secret, in the gateway's namespace, that it pulls with; empty = none.
    #[schemars(regex(pattern = "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$"))]
    pub image_pull_secret: String,
    /// Where in the chain of filters the plugin stands.
    pub phase: Phase,
    /// Its order within the phase: the highest comes first.
    #[schemars(range(min = 0, max = 10_000))]
    pub priority: u32,
    /// What the gateway does when the plugin itself fails.
    pub fail_strategy: FailStrategy,
    /// Status that visitors of a blocked app are answered with.
    #[schemars(range(min = 400, max = 599))]
    pub status_code: u16,
    /// Headers of that answer, each `name=value`.
    #[schemars(length(max = 16))]
    pub headers: Vec<String>,
    /// Body of that answer, up to 2 KiB.
    pub body: String,
    /// Whether an Ingress is blocked that serves other apps too.
    pub allow_shared: bool,
}

/// Tells the tenant: one Notification per namespace and episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotificationSettings {
    /// Whether tenants are told.
    pub enabled: bool,
    /// Whether what would be done is only shown.
    pub dry_run: bool,
    /// Findings below this are not told.
    pub min_severity: Severity,
    /// Notifications that one sweep makes.
    #[schemars(range(min = 1, max = 5000))]
    pub max_per_sweep: usize,
    /// The language of title and message.
    pub language: Language,
    /// Who tells, as tenants read it.
    #[schemars(length(min = 1, max = 253))]
    pub from: String,
    /// How important a notification is, by the worst severity.
    pub importance: Importance,
    /// Whether the desktop pops it up.
    pub desktop_popup: bool,
    /// The title; variables: namespace, count, apps, list, rules, severity, reference, since.
    pub title: Texts,
    /// The message, cut to 2,000 characters; the same variables.
    pub message: Texts,
    /// What becomes of it when it is over.
    pub on_resolve: OnResolve,
    /// How long one that is marked is kept.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1h", "x-max" = "2160h"))]
    pub keep_resolved: Duration,
}

/// Labels the namespace of a violating app. **Another controller may act on the label**: former ones set a quota of zero, scaled
/// every workload to zero, and deleted the namespace after a week. One false positive could destroy a tenant: rehearse with
/// `dry_run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceLabelSettings {
    /// Whether namespaces are labeled.
    pub enabled: bool,
    /// Whether what would be done is only shown.
    pub dry_run: bool,
    /// Findings below this are left alone.
    pub min_severity: Grave,
    /// Namespaces that one sweep labels anew.
    #[schemars(range(min = 1, max = 100))]
    pub max_per_sweep: usize,
    /// Namespaces that are labeled at a time.
    #[schemars(range(min = 1, max = 1000))]
    pub max_active: usize,
    /// The labels, 1 to 8.
    pub labels: BTreeMap<String, String>,
}

/// Severities that a response which can hurt a tenant may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grave {
    /// High and critical.
    High,
    /// Critical alone.
    Critical,
}

/// When the gateway pulls the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// As the gateway sees fit.
    #[serde(rename = "UNSPECIFIED_POLICY")]
    Unspecified,
    /// When it has none.
    IfNotPresent,
    /// Always.
    Always,
}

/// Where in the chain of filters the plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// As the gateway sees fit.
    UnspecifiedPhase,
    /// Before authentication.
    Authn,
    /// Before authorization.
    Authz,
    /// Before statistics.
    Stats,
}

/// What the gateway does when the plugin itself fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailStrategy {
    /// It lets requests pass.
    FailOpen,
    /// It refuses them.
    FailClose,
}

/// How important a notification is, by the worst severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Importance {
    /// Of low.
    #[schemars(length(min = 1, max = 63))]
    pub low: String,
    /// Of medium.
    #[schemars(length(min = 1, max = 63))]
    pub medium: String,
    /// Of high.
    #[schemars(length(min = 1, max = 63))]
    pub high: String,
    /// Of critical.
    #[schemars(length(min = 1, max = 63))]
    pub critical: String,
}

/// What becomes of a notification when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnResolve {
    /// It is deleted.
    Delete,
    /// It says that it is over, and is deleted after `keep_resolved`.
    Mark,
}

impl Grave {
    /// The least severity.
    pub const fn severity(self) -> Severity {
        match self {
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

impl Importance {
    /// Of this severity.
    pub fn of(&self, severity: Severity) -> &str {
        match severity {
            Severity::Low => &self.low,
            Severity::Medium => &self.medium,
            Severity::High => &self.high,
            Severity::Critical => &self.critical,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30),
            dry_run: false,
            protected_namespaces: Vec::new(),
            hold: Duration::from_mins(10),
            confirmations: 2,
            wasm_plugin: WasmPluginSettings::default(),
            notification: NotificationSettings::default(),
            namespace_label: NamespaceLabelSettings::default(),
            notifiers: Vec::new(),
        }
    }
}

impl Default for WasmPluginSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            dry_run: false,
            min_severity: Grave::High,
            max_per_sweep: 20,
            max_active: 200,
            gateway_namespace: "higress-system".to_owned(),
            name: "keelwatch-block".to_owned(),
            url: String::new(),
            sha256: String::new(),
            image_pull_policy: ImagePullPolicy::IfNotPresent,
            image_pull_secret: String::new(),
            phase: Phase::Authn,
            priority: 910,
            fail_strategy: FailStrategy::FailOpen,
            status_code: 403,
            headers: vec!["Content-Type=text/plain; charset=utf-8".to_owned()],
            body: "This application is blocked because it breaks the rules of this cluster.".to_owned(),
            allow_shared: false,
        }
    }
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            dry_run: false,
            min_severity: Severity::Medium,
            max_per_sweep: 100,
            language: Language::En,
            from: "Keelwatch".to_owned(),
            importance: Importance::default(),
            desktop_popup: false,
            title: Texts::title(),
            message: Texts::message(),
            on_resolve: OnResolve::Delete,
            keep_resolved: Duration::from_hours(168),
        }
    }
}

impl Default for NamespaceLabelSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            dry_run: false,
            min_severity: Grave::High,
            max_per_sweep: 3,
            max_active: 20,
            labels: BTreeMap::from([("clawcloud.run/status".to_owned(), "locked".to_owned())]),
        }
    }
}

impl Default for Importance {
    fn default() -> Self {
        let [low, medium, high, critical] = ["Low", "Medium", "High", "High"].map(str::to_owned);
        Self { low, medium, high, critical }
    }
}
