//! Writes: names, versions, generations, dry runs, parts of objects, what cannot change.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::client::Answer;
use super::compare::{coded, equal, holds, masked, names, owners, refused, version};
use super::ground::{Ground, MERGE, STRATEGIC};

cases![
    a_name_is_generated_from_its_base,
    a_service_is_named_by_a_label,
    an_update_without_a_version_is_unconditional,
    an_update_of_a_budget_needs_a_version,
    an_update_of_another_uid_is_a_conflict,
    an_update_of_nothing_is_not_found,
    an_update_that_changes_nothing_keeps_the_version,
    the_server_sets_what_only_it_may,
    a_dry_run_checks_all_and_stores_nothing,
    an_unknown_dry_run_is_refused,
    force_is_only_for_an_apply,
    empty_maps_are_left_out,
    the_manager_is_the_user_agent,
    the_generation_counts_changes_of_the_specification,
    the_status_of_a_deployment_has_its_own_path,
    a_deployment_is_scaled,
    the_selector_of_a_deployment_is_immutable,
    an_immutable_map_does_not_change,
    the_template_of_a_job_is_immutable,
    a_job_is_deleted_with_its_pods_left,
];

const DEPLOYMENTS: &str = "apps/v1";

async fn a_name_is_generated_from_its_base(ground: Ground) -> Verdict {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "base-"}});
    let made = ground.given(&ground.path("configmaps"), &object).await?;
    let name = made["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let is_made = name.len() == 10 && name.starts_with("base-");
    holds("the base and five characters", is_made && made["metadata"]["generateName"] == "base-", &made["metadata"])
}

async fn a_service_is_named_by_a_label(ground: Ground) -> Verdict {
    let object =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "A"}, "spec": {"ports": [{"port": 80}]}});
    let answer = ground.create(&ground.path("services"), &object).await?;
    let message = "Service \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case \
        alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used \
        for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    refused(&answer, 422, "Invalid", message)
}

async fn an_update_without_a_version_is_unconditional(ground: Ground) -> Verdict {
    ground.given_map("unconditional", &json!({}), &json!({"a": "1"})).await?;
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unconditional"}, "data": {"b": "2"}});
    let answer = ground.update(&ground.path("configmaps/unconditional"), &map).await?;
    equal("code and data", &json!([answer.code, answer.json()["data"]]), &json!([200, {"b": "2"}]))
}

async fn an_update_of_a_budget_needs_a_version(ground: Ground) -> Verdict {
    let spec = json!({"minAvailable": 0, "selector": {"matchLabels": {"app": "none"}}});
    let mut budget =
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "budget"}, "spec": spec});
    let path = ground.group_path("policy/v1", "poddisruptionbudgets");
    ground.given(&path, &budget).await?;
    budget["spec"]["minAvailable"] = 1.into();
    let answer = ground.update(&format!("{path}/budget"), &budget).await?;
    let message = "poddisruptionbudgets.policy \"budget\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for \
        an update";
    refused(&answer, 422, "Invalid", message)
}

async fn an_update_of_another_uid_is_a_conflict(ground: Ground) -> Verdict {
    let made = ground.given_map("uid", &json!({}), &json!({})).await?;
    let uid = "11111111-1111-1111-1111-111111111111";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "uid", "uid": uid}});
    let answer = ground.update(&ground.path("configmaps/uid"), &map).await?;
    let status = answer.json();
    equal("code and reason", &json!([answer.code, status["reason"]]), &json!([409, "Conflict"]))?;
    let is = made["metadata"]["uid"].as_str().unwrap_or_default();
    let end = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {is}");
    holds("both are named", status["message"].as_str().is_some_and(|message| message.ends_with(&end)), &status)
}

async fn an_update_of_nothing_is_not_found(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "none"}});
    let answer = ground.update(&ground.path("configmaps/none"), &map).await?;
    refused(&answer, 404, "NotFound", "configmaps \"none\" not found")
}

async fn an_update_that_changes_nothing_keeps_the_version(ground: Ground) -> Verdict {
    let made = ground.given_map("same", &json!({"a": "b"}), &json!({"a": "1"})).await?;
    let updated = ground.update(&ground.path("configmaps/same"), &made).await?;
    equal("object", &updated.json(), &made)
}

async fn the_server_sets_what_only_it_may(ground: Ground) -> Verdict {
    let metadata = json!({
        "name": "system", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7, "deletionGracePeriodSeconds": 5,
    });
    let made = ground
        .given(&ground.path("configmaps"), &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        .await?;
    let uid = made["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    holds(
        "uid and time are the server's",
        uid.len() == 36 && made["metadata"]["creationTimestamp"] != "2001-01-01T00:00:00Z",
        &made,
    )
}

async fn a_dry_run_checks_all_and_stores_nothing(ground: Ground) -> Verdict {
    let made = ground.given_map("dry", &json!({"set": "dry"}), &json!({"a": "1"})).await?;
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"set": "dry"}}, "data": {"a": "2"}});
    let created = ground.create(&ground.path("configmaps?dryRun=All"), &map("dry-other")).await?;
    let got = json!([created.code, created.json()["metadata"].get("resourceVersion")]);
    equal("a creation", &got, &json!([201, null]))?;
    coded(&ground.create(&ground.path("configmaps?dryRun=All"), &map("dry")).await?, 409)?;
    let updated = ground.update(&ground.path("configmaps/dry?dryRun=All"), &map("dry")).await?.json();
    equal("an update", &json!([updated["data"], version(&updated)]), &json!([{"a": "2"}, version(&made)]))?;
    let patched =
        ground.patch(&ground.path("configmaps/dry?dryRun=All"), MERGE, &json!({"data": {"a": "3"}})).await?.json();
    equal("a patch", &json!([patched["data"], version(&patched)]), &json!([{"a": "3"}, version(&made)]))?;
    let list = ground.get(&ground.path("configmaps?labelSelector=set%3Ddry")).await?.json();
    let data = list["items"][0]["data"].clone();
    equal("what is stored", &json!([names(&list), data]), &json!([["dry"], {"a": "1"}]))
}

async fn an_unknown_dry_run_is_refused(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "some"}});
    let answer = ground.create(&ground.path("configmaps?dryRun=Some"), &map).await?;
    let message =
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\"";
    refused(&answer, 422, "Invalid", message)
}

async fn force_is_only_for_an_apply(ground: Ground) -> Verdict {
    ground.given_map("forceful", &json!({}), &json!({})).await?;
    let answer =
        ground.patch(&ground.path("configmaps/forceful?force=true"), MERGE, &json!({"data": {"a": "1"}})).await?;
    let message =
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch";
    refused(&answer, 422, "Invalid", message)
}

async fn empty_maps_are_left_out(ground: Ground) -> Verdict {
    let metadata = json!({"name": "empty", "labels": {}, "annotations": {}, "finalizers": [], "ownerReferences": []});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}});
    let made = ground.given(&ground.path("configmaps"), &map).await?;
    let metadata = json!({
        "name": "empty", "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
    });
    equal("object", &masked(made.clone()), &json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))?;
    equal("owners", &owners(&made), &json!([]))
}

async fn the_manager_is_the_user_agent(ground: Ground) -> Verdict {
    let made = ground.given_map("agent", &json!({}), &json!({"a": "1"})).await?;
    let fields = json!({"f:data": {".": {}, "f:a": {}}});
    equal("owners", &owners(&made), &json!([{"manager": "contract", "operation": "Update", "fieldsV1": fields}]))
}

/// A Deployment without replicas, and its path.
async fn deployment(ground: &Ground, name: &str) -> Result<String, Ending> {
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "registry.example/none"}]}});
    let spec = json!({"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template});
    let object = json!({"apiVersion": DEPLOYMENTS, "kind": "Deployment", "metadata": {"name": name}, "spec": spec});
    ground.given(&ground.group_path(DEPLOYMENTS, "deployments"), &object).await?;
    Ok(ground.group_path(DEPLOYMENTS, &format!("deployments/{name}")))
}

async fn the_generation_counts_changes_of_the_specification(ground: Ground) -> Verdict {
    let path = deployment(&ground, "generation").await?;
    let labeled = ground.patch(&path, MERGE, &json!({"metadata": {"labels": {"x": "y"}}})).await?.json();
    let changed = ground.patch(&path, MERGE, &json!({"spec": {"paused": true}})).await?.json();
    let generation = |object: &Value| object["metadata"]["generation"].clone();
    equal("generations", &json!([generation(&labeled), generation(&changed)]), &json!([1, 2]))
}

async fn the_status_of_a_deployment_has_its_own_path(ground: Ground) -> Verdict {
    let path = deployment(&ground, "status").await?;
    // The status is the controller's: only that the main path leaves it alone can be said at any time.
    let main = ground.patch(&path, MERGE, &json!({"spec": {"paused": true}, "status": {"replicas": 7}})).await?.json();
    holds("the main path leaves the status", main["status"]["replicas"] != 7 && main["spec"]["paused"] == true, &main)?;
    let change = json!({"spec": {"paused": false}, "status": {"collisionCount": 3}});
    let status = ground.patch(&format!("{path}/status"), MERGE, &change).await?.json();
    let got = json!([status["spec"]["paused"], status["status"]["collisionCount"]]);
    equal("the status leaves the specification", &got, &json!([true, 3]))
}

async fn a_deployment_is_scaled(ground: Ground) -> Verdict {
    let path = deployment(&ground, "scaled").await?;
    // Paused, it starts nothing.
    ground.patch(&path, MERGE, &json!({"spec": {"paused": true}})).await?;
    let scale = ground.get(&format!("{path}/scale")).await?.json();
    let got = json!([scale["kind"], scale["apiVersion"], scale["metadata"]["name"], scale["status"]["selector"]]);
    equal("the scale", &got, &json!(["Scale", "autoscaling/v1", "scaled", "app=scaled"]))?;
    let answer = ground.patch(&format!("{path}/scale"), MERGE, &json!({"spec": {"replicas": -1}})).await?;
    let message =
        "Scale.autoscaling \"scaled\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    refused(&answer, 422, "Invalid", message)
}

async fn the_selector_of_a_deployment_is_immutable(ground: Ground) -> Verdict {
    let path = deployment(&ground, "selector").await?;
    let labels = json!({"app": "other"});
    let change = json!({"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}});
    let answer = ground.patch(&path, MERGE, &change).await?;
    let message = "Deployment.apps \"selector\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable";
    refused(&answer, 422, "Invalid", message)
}

async fn an_immutable_map_does_not_change(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fixed"}, "immutable": true, "data": {"a": "1"}});
    ground.given(&ground.path("configmaps"), &map).await?;
    let answer = ground.patch(&ground.path("configmaps/fixed"), MERGE, &json!({"data": {"a": "2"}})).await?;
    let message = "ConfigMap \"fixed\" is invalid: data: Forbidden: field is immutable when `immutable` is set";
    refused(&answer, 422, "Invalid", message)
}

/// A suspended Job: nothing of it ever runs.
async fn job(ground: &Ground, name: &str) -> Result<String, Ending> {
    let template =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/none"}]}});
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"suspend": true, "template": template}});
    ground.given(&ground.group_path("batch/v1", "jobs"), &object).await?;
    Ok(ground.group_path("batch/v1", &format!("jobs/{name}")))
}

async fn the_template_of_a_job_is_immutable(ground: Ground) -> Verdict {
    let path = job(&ground, "template").await?;
    let container = json!({"name": "c", "image": "registry.example/other"});
    let answer = ground
        .patch(
            &path,
            STRATEGIC,
            &json!({"spec": {"template": {"spec": {"containers": [container], "dnsPolicy": "Default"}}}}),
        )
        .await?;
    let status = answer.json();
    equal("code and reason", &json!([answer.code, status["reason"]]), &json!([422, "Invalid"]))?;
    let is_told = |message: &str| {
        message.starts_with("Job.batch \"template\" is invalid: spec.template")
            && message.ends_with("field is immutable")
    };
    holds(
        "the field is named",
        status["message"].as_str().is_some_and(is_told),
        &status["details"]["causes"][0]["field"],
    )
}

async fn a_job_is_deleted_with_its_pods_left(ground: Ground) -> Verdict {
    let path = job(&ground, "orphaned").await?;
    let going = ground.delete(&path, &json!(null)).await?;
    coded(&going, 200)?;
    equal("what holds the Job", &going.json()["metadata"]["finalizers"], &json!(["orphan"]))?;
    ground.until(&path, "is gone", |answer: &Answer| answer.code == 404).await
}
