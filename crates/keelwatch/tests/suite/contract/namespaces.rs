//! Namespaces: how they begin, and what they take while they end.

use serde_json::{Value, json};

use super::case::{Verdict, cases};
use super::compare::{coded, equal, failure, refused};
use super::ground::{Ground, MERGE};

cases![a_namespace_begins_active_and_labeled, a_namespace_is_named_by_a_label, a_namespace_that_ends_takes_nothing_new,];

async fn a_namespace_begins_active_and_labeled(ground: Ground) -> Verdict {
    let namespace = ground.get(&format!("/api/v1/namespaces/{}", ground.namespace)).await?.json();
    let labels = &namespace["metadata"]["labels"];
    let got = json!([labels["kubernetes.io/metadata.name"], namespace["spec"], namespace["status"]["phase"]]);
    equal("label, finalizers, phase", &got, &json!([ground.namespace, {"finalizers": ["kubernetes"]}, "Active"]))
}

async fn a_namespace_is_named_by_a_label(ground: Ground) -> Verdict {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "A"}});
    let answer = ground.create("/api/v1/namespaces?dryRun=All", &namespace).await?;
    let message = "Namespace \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case \
        alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used \
        for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    refused(&answer, 422, "Invalid", message)
}

async fn a_namespace_that_ends_takes_nothing_new(ground: Ground) -> Verdict {
    let name = ground.new_namespace().await?;
    let (path, maps) = (format!("/api/v1/namespaces/{name}"), format!("/api/v1/namespaces/{name}/configmaps"));
    let map = |name: &str, finalizers: &Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "finalizers": finalizers}});
    ground.given(&maps, &map("held", &json!(["example.org/hold"]))).await?;
    let going = ground.delete(&path, &json!(null)).await?;
    equal("code and phase", &json!([going.code, going.json()["status"]["phase"]]), &json!([200, "Terminating"]))?;
    let answer = ground.create(&maps, &map("late", &json!([]))).await?;
    let message = format!(
        "configmaps \"late\" is forbidden: unable to create new content in namespace {name} because it is being terminated"
    );
    let cause = json!({"reason": "NamespaceTerminating", "message": format!("namespace {name} is being terminated"), "field": "metadata.namespace"});
    let details = json!({"name": "late", "kind": "configmaps", "causes": [cause]});
    let expected = failure(403, "Forbidden", &message, &details);
    equal("code and body", &json!([answer.code, answer.json()]), &json!([403, expected]))?;
    let is_going = |answer: &super::client::Answer| answer.json()["metadata"]["deletionTimestamp"].is_string();
    ground.until(&format!("{maps}/held"), "goes with its namespace", is_going).await?;
    coded(&ground.patch(&format!("{maps}/held"), MERGE, &json!({"metadata": {"finalizers": null}})).await?, 200)?;
    ground.until_gone(&path).await
}
