//! Where cases run: one server, a namespace of their own on it, and the way to leave nothing behind.
//!
//! Owns what was made outside the namespace. Nothing is changed or removed that was not made here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::case::{Ending, Need, Verdict};
use super::client::{Answer, Ask, Client, ClientError, Lines};
use super::compare::coded;

/// What the names of all namespaces of the suite begin with.
pub(super) const PREFIX: &str = "keelwatch-contract-";
/// The group of all definitions of the suite.
pub(super) const GROUP: &str = "contract.keelwatch.io";
pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// How often a condition is asked for; a namespace of a real server takes seconds to go.
const ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(200);

/// A server, and a namespace on it.
#[derive(Clone)]
pub(super) struct Ground {
    client: Client,
    pub(super) namespace: String,
    server: Server,
    /// What exists outside the namespace because of a case: paths, with the uid that each had.
    made: Arc<Mutex<BTreeMap<String, String>>>,
}

/// Which kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Simulated,
    Real,
}

impl Ground {
    /// Makes the namespace; from then on [`Ground::clear`] must be called.
    pub(super) async fn new(client: Client, server: Server) -> Result<Self, Ending> {
        let mut ground = Self { client, namespace: String::new(), server, made: Arc::default() };
        ground.namespace = ground.new_namespace().await?;
        Ok(ground)
    }

    /// Waits for what a real cluster puts into a new namespace: cases that count objects come after it.
    pub(super) async fn settle(&self) -> Verdict {
        if self.server == Server::Simulated {
            return Ok(());
        }
        self.until(&self.path("serviceaccounts/default"), "is made", |answer| answer.code == 200).await?;
        self.until(&self.path("configmaps/kube-root-ca.crt"), "is made", |answer| answer.code == 200).await
    }

    /// A further namespace, named by the server.
    pub(super) async fn new_namespace(&self) -> Result<String, Ending> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": PREFIX}});
        let made = self.create("/api/v1/namespaces", &namespace).await?;
        coded(&made, 201)?;
        let made = made.json();
        let name = made["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.remember(&format!("/api/v1/namespaces/{name}"), &made);
        Ok(name)
    }

    /// The word that tells this run from others; names outside namespaces end in it.
    pub(super) fn word(&self) -> &str {
        self.namespace.trim_start_matches(PREFIX)
    }

    /// A path in the namespace, of the core group.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    /// A path in the namespace, of a group and version.
    pub(super) fn group_path(&self, group_version: &str, rest: &str) -> String {
        format!("/apis/{group_version}/namespaces/{}/{rest}", self.namespace)
    }

    /// An object outside the namespace that is to be removed at the end.
    pub(super) fn remember(&self, path: &str, object: &Value) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), uid);
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send("GET", path, "", String::new()).await
    }

    pub(super) async fn get_as(&self, path: &str, accept: &'static str) -> Result<Answer, ClientError> {
        let ask = Ask { method: "GET", path: path.to_owned(), content_type: "", accept, body: Vec::new() };
        self.client.send(ask).await
    }

    pub(super) async fn create(&self, path: &str, object: &Value) -> Result<Answer, ClientError> {
        self.send("POST", path, "application/json", object.to_string()).await
    }

    pub(super) async fn update(&self, path: &str, object: &Value) -> Result<Answer, ClientError> {
        self.send("PUT", path, "application/json", object.to_string()).await
    }

    pub(super) async fn patch(
        &self,
        path: &str,
        content_type: &'static str,
        change: &Value,
    ) -> Result<Answer, ClientError> {
        self.send("PATCH", path, content_type, change.to_string()).await
    }

    /// Deletes; `options` may be null.
    pub(super) async fn delete(&self, path: &str, options: &Value) -> Result<Answer, ClientError> {
        let body = if options.is_null() { String::new() } else { options.to_string() };
        self.send("DELETE", path, if options.is_null() { "" } else { "application/json" }, body).await
    }

    pub(super) async fn send(
        &self,
        method: &'static str,
        path: &str,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Result<Answer, ClientError> {
        let ask = Ask { method, path: path.to_owned(), content_type, accept: "application/json", body: body.into() };
        self.client.send(ask).await
    }

    pub(super) async fn watch(&self, path: &str) -> Result<Lines, ClientError> {
        self.watch_as(path, "application/json").await
    }

    pub(super) async fn watch_as(&self, path: &str, accept: &'static str) -> Result<Lines, ClientError> {
        let ask = Ask { method: "GET", path: path.to_owned(), content_type: "", accept, body: Vec::new() };
        self.client.watch(ask).await
    }

    /// Creates what a case needs to begin with, and gives it as stored.
    pub(super) async fn given(&self, path: &str, object: &Value) -> Result<Value, Ending> {
        let made = self.create(path, object).await?;
        coded(&made, 201)?;
        Ok(made.json())
    }

    /// A ConfigMap with these labels and data, created.
    pub(super) async fn given_map(&self, name: &str, labels: &Value, data: &Value) -> Result<Value, Ending> {
        let metadata = json!({"name": name, "labels": labels});
        self.given(
            &self.path("configmaps"),
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}),
        )
        .await
    }

    /// Asks for `path` until the answer is as wanted; the last one otherwise says why not.
    pub(super) async fn until(&self, path: &str, what: &str, wanted: impl Fn(&Answer) -> bool + Send) -> Verdict {
        let mut last = Value::Null;
        for _ in 0..ATTEMPTS {
            let answer = self.get(path).await?;
            if wanted(&answer) {
                return Ok(());
            }
            last = json!([answer.code, answer.json()]);
            tokio::time::sleep(PAUSE).await;
        }
        Err(Ending::different(&format!("{path} {what}"), &true.into(), &last))
    }

    /// Waits until nothing is at `path`.
    pub(super) async fn until_gone(&self, path: &str) -> Verdict {
        self.until(path, "is gone", |answer| answer.code == 404).await
    }

    /// Whether this server can be asked at all.
    pub(super) async fn offers(&self, need: Need) -> Verdict {
        match need {
            Need::Version(minor, what) => {
                let version = self.get("/version").await?.json();
                let digits = version["minor"].as_str().unwrap_or_default().trim_end_matches('+').to_owned();
                if digits.parse::<u64>().is_ok_and(|is| is >= minor) {
                    return Ok(());
                }
                Err(Ending::Skipped(format!("{what} came with 1.{minor}; the server is of 1.{digits}")))
            }
            Need::Right(verb, group, resource) => {
                let attributes = json!({"verb": verb, "group": group, "resource": resource});
                let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
                let answer = self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
                if answer.json()["status"]["allowed"] == true {
                    return Ok(());
                }
                Err(Ending::Skipped(format!("the user of the kubeconfig may not {verb} {resource}")))
            }
        }
    }

    /// Removes everything that was made, and waits until it is gone.
    pub(super) async fn clear(&self) -> Verdict {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (path, uid) in &made {
            if path.starts_with("/api/v1/namespaces/") {
                self.let_go(&format!("{path}/configmaps")).await?;
            }
            let options = json!({"preconditions": {"uid": uid}, "propagationPolicy": "Background"});
            self.delete(path, &options).await?;
        }
        for (path, uid) in &made {
            let is_gone = |answer: &Answer| answer.code == 404 || answer.json()["metadata"]["uid"] != **uid;
            self.until(path, "is gone", is_gone).await?;
        }
        Ok(())
    }

    /// A case that failed may have left objects that a finalizer holds.
    async fn let_go(&self, collection: &str) -> Verdict {
        let list = self.get(collection).await?.json();
        for item in list["items"].as_array().into_iter().flatten() {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            if item["metadata"]["finalizers"].is_array() {
                self.patch(&format!("{collection}/{name}"), MERGE, &json!({"metadata": {"finalizers": null}})).await?;
            }
        }
        Ok(())
    }
}
