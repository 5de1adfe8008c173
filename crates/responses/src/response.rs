//! The words of this room: which responses act on the cluster, on what, and why they do not.

use std::fmt;

use api::Fingerprint;
use api::finding::App;
use api::violation::SubjectKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A response that writes to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Blocks the app at the gateway.
    WasmPlugin,
    /// Tells the tenant.
    Notification,
    /// Labels the namespace.
    NamespaceLabel,
}

/// Why a response does not act on a finding. The first that holds is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The response is switched off.
    Disabled,
    /// It only rehearses.
    DryRun,
    /// The finding is less severe than the response asks for.
    BelowSeverity,
    /// The rule of the finding says `report`.
    RuleDoesNotAsk,
    /// The namespace is never touched.
    ProtectedNamespace,
    /// It is not known whose process it is.
    Unresolved,
    /// It is a process of the host.
    Host,
    /// Too few collections have seen it.
    Unconfirmed,
    /// Its node does not answer, and nothing was done about it before.
    Stale,
    /// A silence or an exemption holds.
    Silenced,
    /// Its turn comes at a later sweep.
    PerSweepLimit,
    /// As much is in force as may be.
    ActiveLimit,
    /// No Ingress leads to the app.
    NoIngress,
    /// Every Ingress of the app serves other apps too.
    SharedIngress,
    /// The object has no more room.
    ObjectFull,
    /// The cluster does not know the kind of object.
    CrdMissing,
    /// An object of that name is somebody else's.
    NotOurs,
    /// Another manager has set it differently.
    Conflict,
    /// The permission is missing.
    Forbidden,
    /// The cluster does not take the object, or drops a part of it.
    Invalid,
    /// The namespace is being deleted.
    NamespaceTerminating,
}

/// The tenant's unit, in the order of rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct AppKey {
    /// `app` or `devbox`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
}

/// Findings that a response does not act on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    pub(crate) response: Response,
    /// "" for findings of no namespace.
    pub(crate) namespace: String,
    /// Name of the app; "" if it is not known.
    pub(crate) app: String,
    pub(crate) reason: Reason,
    pub(crate) findings: Vec<Fingerprint>,
}

impl Response {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::WasmPlugin, Self::Notification, Self::NamespaceLabel];

    /// The word used on the wire, in settings, in storage and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WasmPlugin => "wasm_plugin",
            Self::Notification => "notification",
            Self::NamespaceLabel => "namespace_label",
        }
    }

    /// The response of this word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|response| response.as_str() == word)
    }
}

impl Reason {
    /// The word used on the wire and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::DryRun => "dry-run",
            Self::BelowSeverity => "below-severity",
            Self::RuleDoesNotAsk => "rule-does-not-ask",
            Self::ProtectedNamespace => "protected-namespace",
            Self::Unresolved => "unresolved",
            Self::Host => "host",
            Self::Unconfirmed => "unconfirmed",
            Self::Stale => "stale",
            Self::Silenced => "silenced",
            Self::PerSweepLimit => "per-sweep-limit",
            Self::ActiveLimit => "active-limit",
            Self::NoIngress => "no-ingress",
            Self::SharedIngress => "shared-ingress",
            Self::ObjectFull => "object-full",
            Self::CrdMissing => "crd-missing",
            Self::NotOurs => "not-ours",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::NamespaceTerminating => "namespace-terminating",
        }
    }
}

impl AppKey {
    /// Of a finding.
    pub(crate) fn of(app: &App) -> Self {
        Self::new(app.kind, &app.name)
    }

    pub(crate) fn new(kind: SubjectKind, name: &str) -> Self {
        let kind = match kind {
            SubjectKind::App => "app",
            SubjectKind::Devbox => "devbox",
        };
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
