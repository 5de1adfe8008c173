//! Whose token it is, and what somebody may: asked of the API server.
//!
//! Owns TokenReview and SubjectAccessReview. Keeping the answers for a while is left to those who ask.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::cluster::{Call, CallError, Cluster, Content, Verb};
use crate::resource::{Extent, Resource};

const TOKENS: Resource =
    Resource { group: "authentication.k8s.io", version: "v1", plural: "tokenreviews", kind: "TokenReview" };
const ACCESS: Resource = Resource {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "subjectaccessreviews",
    kind: "SubjectAccessReview",
};

/// Somebody waits for the answer with a request of their own.
const PATIENCE: Duration = Duration::from_secs(5);

/// A user, as the API server knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(default)]
pub struct User {
    /// For example `system:serviceaccount:shop:cart`.
    pub username: String,
    /// Unique in time, or "".
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Whatever the authenticator adds.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Whether somebody may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Allowed,
    /// They may not.
    Denied {
        /// Why, in the words of the server; may be "".
        reason: String,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    status: TokenStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenStatus {
    authenticated: bool,
    user: User,
    audiences: Vec<String>,
}

#[derive(Deserialize)]
struct AccessAnswer {
    #[serde(default)]
    status: AccessStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AccessStatus {
    allowed: bool,
    denied: bool,
    reason: String,
}

impl Cluster {
    /// Whose token it is; `None` if nobody's. With `audiences` it must be meant for one of them, else for the API server.
    pub async fn review_token(&self, token: &str, audiences: &[String]) -> Result<Option<User>, CallError> {
        let mut spec = json!({"token": token});
        if !audiences.is_empty() {
            spec["audiences"] = json!(audiences);
        }
        let body = json!({"apiVersion": TOKENS.api_version(), "kind": TOKENS.kind, "spec": spec});
        let TokenAnswer { status } = self.review(call(&TOKENS, &body)).await?;
        // A server that knows nothing of audiences answers none, and has not checked them.
        let is_meant = audiences.is_empty() || status.audiences.iter().any(|audience| audiences.contains(audience));
        Ok((status.authenticated && is_meant).then_some(status.user))
    }

    /// Whether a user may do this to a path that is no object's; `verb` is `get`, `post`, `put`, `patch` or `delete`.
    pub async fn may(&self, user: &User, verb: &str, path: &str) -> Result<Access, CallError> {
        let User { username, uid, groups, extra } = user;
        let spec = json!({
            "user": username, "uid": uid, "groups": groups, "extra": extra,
            "nonResourceAttributes": {"path": path, "verb": verb},
        });
        let body = json!({"apiVersion": ACCESS.api_version(), "kind": ACCESS.kind, "spec": spec});
        let AccessAnswer { status } = self.review(call(&ACCESS, &body)).await?;
        let AccessStatus { allowed, denied, reason } = status;
        Ok(if allowed && !denied { Access::Allowed } else { Access::Denied { reason } })
    }
}

fn call(resource: &Resource, body: &serde_json::Value) -> Call {
    Call {
        verb: Verb::Create,
        resource: resource.plural,
        path: resource.path(None),
        extent: Extent::Whole,
        content: Some(Content::json(body)),
        patience: PATIENCE,
    }
}

#[cfg(test)]
mod tests {
    use simcluster::{AccessRule, SimCluster};

    use super::*;
    use crate::Metrics;
    use crate::fixture::{cluster_with, over};

    #[tokio::test(start_paused = true)]
    async fn a_token_is_somebodys_or_nobodys() {
        let sim = cluster_with(SimCluster::builder(), &[]).await;
        let cart = simcluster::User { name: "cart".to_owned(), groups: Vec::new() };
        sim.answers([("good".to_owned(), Some(cart)), ("bad".to_owned(), None)].into(), Vec::new());
        let cluster = over(&sim, &Metrics::default());
        let who = |token: &'static str| cluster.review_token(token, &[]);
        let name = |user: Option<User>| user.map(|user| user.username);
        assert_eq!(name(who("good").await.unwrap()).as_deref(), Some("cart"));
        assert_eq!(name(who("bad").await.unwrap()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_for_another_audience_is_nobodys() {
        let sim = cluster_with(SimCluster::builder(), &[]).await;
        let cart = simcluster::User { name: "cart".to_owned(), groups: Vec::new() };
        sim.answers([("token".to_owned(), Some(cart))].into(), Vec::new());
        sim.audiences("token", &["vault", "keelwatch"]);
        let cluster = over(&sim, &Metrics::default());
        for (audiences, user) in [(vec![], None), (vec!["other"], None), (vec!["other", "keelwatch"], Some("cart"))] {
            let audiences: Vec<String> = audiences.into_iter().map(str::to_owned).collect();
            let found = cluster.review_token("token", &audiences).await.unwrap();
            assert_eq!(found.map(|user| user.username).as_deref(), user, "{audiences:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_may_what_the_server_says() {
        let sim = cluster_with(SimCluster::builder(), &[]).await;
        let [user, verb, path] = ["cart", "get", "/api/v1/pods"].map(|text| Some(text.to_owned()));
        let rule = AccessRule { user, verb, path, allowed: true, ..AccessRule::default() };
        sim.answers(BTreeMap::new(), vec![rule]);
        let cluster = over(&sim, &Metrics::default());
        let user = User { username: "cart".to_owned(), ..User::default() };
        assert_eq!(cluster.may(&user, "get", "/api/v1/pods").await.unwrap(), Access::Allowed);
        let denied = cluster.may(&user, "post", "/api/v1/silences").await.unwrap();
        assert!(matches!(denied, Access::Denied { .. }), "{denied:?}");
    }
}
