//! Who is who, and who may what: the answers to reviews.
//!
//! Owns tokens, denials and scripted answers, which change at run time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::user::{Bearers, Denied, User};

/// A scripted answer to a SubjectAccessReview. What is left out fits all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessRule {
    /// Name of the user.
    pub user: Option<String>,
    /// Groups of which the user is in one.
    pub groups: Vec<String>,
    /// For example `get`.
    pub verb: Option<String>,
    /// For example `pods`; excludes `path`.
    pub resource: Option<String>,
    /// For example `/metrics`; may end in `*`.
    pub path: Option<String>,
    /// The answer.
    pub allowed: bool,
}

/// What reviews answer, and whom requests come from.
#[derive(Debug)]
pub(crate) struct Answers(Mutex<Table>);

struct Table {
    tokens: Bearers,
    /// By token; `None`: nobody.
    reviewed: BTreeMap<String, Option<User>>,
    rules: Vec<AccessRule>,
    deny: Vec<Denied>,
}

impl Answers {
    pub(crate) fn new(tokens: Bearers, deny: Vec<Denied>) -> Self {
        Self(Mutex::new(Table { tokens, reviewed: BTreeMap::new(), rules: Vec::new(), deny }))
    }

    /// Who a request comes from; `None`: nobody that is known.
    pub(crate) fn user(&self, token: Option<&str>) -> Option<User> {
        let table = self.lock();
        if table.tokens.0.is_empty() {
            return Some(User::administrator());
        }
        table.tokens.0.get(token?).cloned()
    }

    pub(crate) fn is_denied(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        self.lock().deny.iter().any(|denied| denied.applies(verb, resource, namespace))
    }

    pub(crate) fn deny(&self, deny: Vec<Denied>) {
        self.lock().deny = deny;
    }

    /// Scripts reviews; a token whose user is `None` is not authenticated.
    pub(crate) fn script(&self, reviewed: BTreeMap<String, Option<User>>, rules: Vec<AccessRule>) {
        let mut table = self.lock();
        table.reviewed = reviewed;
        table.rules = rules;
    }

    /// The status of a TokenReview.
    pub(crate) fn review_token(&self, token: &str) -> Value {
        let table = self.lock();
        let found = table.reviewed.get(token).cloned().unwrap_or_else(|| table.tokens.0.get(token).cloned());
        match found {
            Some(user) => json!({
                "authenticated": true,
                "user": {"username": user.name, "uid": "", "groups": user.groups},
                "audiences": ["https://kubernetes.default.svc.cluster.local"],
            }),
            None => json!({"user": {}, "error": "invalid bearer token"}),
        }
    }

    /// The status of a SubjectAccessReview with this specification.
    pub(crate) fn review_access(&self, spec: &Value) -> Value {
        let table = self.lock();
        if let Some(rule) = table.rules.iter().find(|rule| rule.applies(spec)) {
            return if rule.allowed {
                json!({"allowed": true})
            } else {
                json!({"allowed": false, "reason": "scripted"})
            };
        }
        let attributes = &spec["resourceAttributes"];
        let text = |key: &str| attributes[key].as_str().unwrap_or_default();
        let is_denied =
            table.deny.iter().any(|denied| denied.applies(text("verb"), text("resource"), text("namespace")));
        let is_known = table.rules.is_empty() && !is_denied;
        if is_known {
            json!({"allowed": true, "reason": "everybody is an administrator"})
        } else {
            json!({"allowed": false})
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every write replaces a whole list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, reviewed, rules, deny } = self;
        let mut table = formatter.debug_struct("Table");
        let reviewed: Vec<_> = reviewed.values().collect();
        table.field("tokens", tokens).field("reviewed", &reviewed).field("rules", rules).field("deny", deny).finish()
    }
}

impl AccessRule {
    fn applies(&self, spec: &Value) -> bool {
        let fits = |wanted: &Option<String>, value: &Value| wanted.as_deref().is_none_or(|wanted| *value == wanted);
        let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
        let attributes = if resource.is_object() { resource } else { path };
        let groups = spec["groups"].as_array().map_or(&[][..], Vec::as_slice);
        let is_member = self.groups.is_empty() || self.groups.iter().any(|group| groups.iter().any(|one| one == group));
        fits(&self.user, &spec["user"])
            && is_member
            && fits(&self.verb, &attributes["verb"])
            && fits(&self.resource, &resource["resource"])
            && self.path.as_deref().is_none_or(|wanted| path_fits(wanted, path["path"].as_str().unwrap_or_default()))
    }
}

fn path_fits(pattern: &str, path: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == path, |prefix| path.starts_with(prefix))
}
