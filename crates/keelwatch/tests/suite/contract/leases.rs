//! Leases: who holds one, and who comes too late.

use serde_json::{Value, json};

use super::case::{Verdict, cases};
use super::client::{Answer, ClientError};
use super::compare::{coded, equal, failure, refused, same, version};
use super::ground::Ground;

cases![
    a_lease_is_created_with_its_times,
    a_lease_is_renewed_with_its_version,
    a_stale_holder_is_refused,
    a_lease_is_updated_only_with_a_version,
    two_who_want_the_same_lease_get_it_once,
];

const GROUP_VERSION: &str = "coordination.k8s.io/v1";

fn lease(name: &str, holder: &str, second: u8) -> Value {
    let spec = json!({
        "holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": format!("2026-01-01T00:00:{second:02}.000000Z"),
    });
    json!({"apiVersion": GROUP_VERSION, "kind": "Lease", "metadata": {"name": name}, "spec": spec})
}

fn stored(name: &str, holder: &str, second: u8) -> Value {
    let mut lease = lease(name, holder, second);
    lease["metadata"] = json!({
        "name": name, "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
    });
    lease
}

async fn created(ground: &Ground, name: &str) -> Result<Answer, ClientError> {
    ground.create(&ground.group_path(GROUP_VERSION, "leases"), &lease(name, "a", 0)).await
}

async fn renewed(ground: &Ground, name: &str, holder: &str, version: &str) -> Result<Answer, ClientError> {
    let mut lease = lease(name, holder, 10);
    if !version.is_empty() {
        lease["metadata"]["resourceVersion"] = version.into();
    }
    ground.update(&ground.group_path(GROUP_VERSION, &format!("leases/{name}")), &lease).await
}

async fn a_lease_is_created_with_its_times(ground: Ground) -> Verdict {
    same(&created(&ground, "created").await?, 201, &stored("created", "a", 0))
}

async fn a_lease_is_renewed_with_its_version(ground: Ground) -> Verdict {
    let made = created(&ground, "renewed").await?.json();
    let answer = renewed(&ground, "renewed", "b", &version(&made)).await?;
    same(&answer, 200, &stored("renewed", "b", 10))
}

async fn a_stale_holder_is_refused(ground: Ground) -> Verdict {
    let made = created(&ground, "lead").await?.json();
    coded(&renewed(&ground, "lead", "b", &version(&made)).await?, 200)?;
    let answer = renewed(&ground, "lead", "c", &version(&made)).await?;
    let message = "Operation cannot be fulfilled on leases.coordination.k8s.io \"lead\": the object has been modified; please apply \
        your changes to the latest version and try again";
    let details = json!({"name": "lead", "group": "coordination.k8s.io", "kind": "leases"});
    same(&answer, 409, &failure(409, "Conflict", message, &details))
}

async fn a_lease_is_updated_only_with_a_version(ground: Ground) -> Verdict {
    created(&ground, "versioned").await?;
    let answer = renewed(&ground, "versioned", "b", "").await?;
    let message = "leases.coordination.k8s.io \"versioned\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for \
        an update";
    refused(&answer, 422, "Invalid", message)
}

async fn two_who_want_the_same_lease_get_it_once(ground: Ground) -> Verdict {
    let made = version(&created(&ground, "wanted").await?.json());
    let (one, two) = tokio::join!(renewed(&ground, "wanted", "b", &made), renewed(&ground, "wanted", "c", &made));
    let mut codes = [one?.code, two?.code];
    codes.sort_unstable();
    equal("codes", &json!(codes), &json!([200, 409]))
}
