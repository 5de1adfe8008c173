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

/// Whom a token is for if nothing else is said: the API server.
const API_SERVER: &str = "https://kubernetes.default.svc.cluster.local";

/// What reviews answer, and whom requests come from.
#[derive(Debug)]
pub(crate) struct Answers(Mutex<Table>);

struct Table {
    tokens: Bearers,
    /// By token; `None`: nobody.
    reviewed: BTreeMap<String, Option<User>>,
    /// Whom tokens are for that are not for the API server, by token.
    audiences: BTreeMap<String, Vec<String>>,
    rules: Vec<AccessRule>,
    deny: Vec<Denied>,
}

impl Answers {
    pub(crate) fn new(tokens: Bearers, deny: Vec<Denied>) -> Self {
        let (reviewed, audiences) = (BTreeMap::new(), BTreeMap::new());
        Self(Mutex::new(Table { tokens, reviewed, audiences, rules: Vec::new(), deny }))
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

    /// Scripts reviews; a token whose user is `None` is not authenticated, and one without audiences is for the API server.
    pub(crate) fn script(
        &self,
        reviewed: BTreeMap<String, Option<User>>,
        audiences: BTreeMap<String, Vec<String>>,
        rules: Vec<AccessRule>,
    ) {
        let mut table = self.lock();
        table.reviewed = reviewed;
        table.audiences = audiences;
        table.rules = rules;
    }

    /// Says whom a token is for.
    pub(crate) fn intend(&self, token: &str, audiences: Vec<String>) {
        self.lock().audiences.insert(token.to_owned(), audiences);
    }

    /// The status of a TokenReview; without `wanted` audiences the token must be for the API server.
    pub(crate) fn review_token(&self, token: &str, wanted: &[String]) -> Value {
        let table = self.lock();
        let found = table.reviewed.get(token).cloned().unwrap_or_else(|| table.tokens.0.get(token).cloned());
        let Some(user) = found else { return json!({"user": {}, "error": "invalid bearer token"}) };
        let api_server = [API_SERVER.to_owned()];
        let wanted = if wanted.is_empty() { &api_server } else { wanted };
        let meant = table.audiences.get(token).map_or(&api_server[..], Vec::as_slice);
        let audiences: Vec<&String> = meant.iter().filter(|audience| wanted.contains(audience)).collect();
        if audiences.is_empty() {
            let (meant, wanted) = (go_list(meant), go_list(wanted));
            let why = format!("token audiences {meant} is invalid for the target audiences {wanted}");
            return json!({"user": {}, "error": format!("[invalid bearer token, {why}]")});
        }
        json!({
            "authenticated": true,
            "user": {"username": user.name, "uid": "", "groups": user.groups},
            "audiences": audiences,
        })
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
        let Self { tokens, reviewed, audiences, rules, deny } = self;
        let mut table = formatter.debug_struct("Table");
        let reviewed: Vec<_> = reviewed.values().collect();
        let audiences: Vec<_> = audiences.values().collect();
        table.field("tokens", tokens).field("reviewed", &reviewed).field("audiences", &audiences);
        table.field("rules", rules).field("deny", deny).finish()
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

/// Texts as Go shows them with `%q`.
fn go_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

fn path_fits(pattern: &str, path: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == path, |prefix| path.starts_with(prefix))
}
