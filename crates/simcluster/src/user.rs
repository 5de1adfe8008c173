//! Who asks, and what they may not.
//!
//! Owns users and denials. Roles and bindings are stored without effect.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// Who a token belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// For example `system:serviceaccount:keelwatch:controller`.
    pub name: String,
    /// For example `system:masters`.
    pub groups: Vec<String>,
}

/// Whose a bearer token is. Tokens are not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bearers(pub BTreeMap<String, User>);

impl fmt::Debug for Bearers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.values()).finish()
    }
}

/// A verb that is refused; `*` stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// For example `list`.
    pub verb: String,
    /// For example `secrets`.
    pub resource: String,
    /// For example `kube-system`; all if it is left out.
    #[serde(default = "all")]
    pub namespace: String,
}

fn all() -> String {
    "*".to_owned()
}

impl User {
    /// Who everybody is while there are no tokens.
    pub(crate) fn administrator() -> Self {
        Self { name: "kubernetes-admin".to_owned(), groups: vec!["system:masters".to_owned()] }
    }
}

impl Denied {
    /// Whether this denies `verb` on `resource` (with its subresource, `pods/log`) there.
    pub(crate) fn applies(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        fits(&self.verb, verb) && fits(&self.resource, resource) && fits(&self.namespace, namespace)
    }
}

/// `User "x" cannot list resource "pods" in API group "" at the cluster scope`.
pub(crate) fn refusal(user: &User, verb: &str, kind: &Kind, resource: &str, namespace: &str) -> String {
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    let (user, group) = (&user.name, &kind.group);
    format!("User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}")
}
