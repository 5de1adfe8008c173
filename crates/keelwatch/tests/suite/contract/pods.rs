//! Pods, held back so that no node ever runs them: selectors, status, logs, what cannot change.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::client::Answer;
use super::compare::{coded, equal, holds, names, refused};
use super::ground::{Ground, MERGE, STRATEGIC};

cases![
    a_pod_is_found_by_its_fields,
    labels_are_selected_by_sets,
    selectors_that_do_not_parse_are_refused,
    a_field_that_cannot_be_selected_is_refused,
    the_status_of_a_pod_has_its_own_path,
    the_specification_of_a_pod_does_not_change_but_for_its_images,
    a_pod_that_never_ran_goes_at_once,
    logs_of_nothing_are_refused,
];

/// A pod that waits behind a gate, so that nothing schedules it; allowed in namespaces of any security level.
async fn pod(ground: &Ground, name: &str, labels: &Value) -> Result<String, Ending> {
    let rights = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let spec = json!({
        "automountServiceAccountToken": false, "schedulingGates": [{"name": "contract.keelwatch.io/hold"}],
        "containers": [{"name": "c", "image": "registry.example/none", "securityContext": rights}],
    });
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"phase": "Running"}});
    let made = ground.given(&ground.path("pods"), &object).await?;
    equal("the phase of a new pod", &made["status"]["phase"], &"Pending".into())?;
    Ok(ground.path(&format!("pods/{name}")))
}

async fn selected(ground: &Ground, query: &str) -> Result<Value, Ending> {
    Ok(json!(names(&ground.get(&ground.path(&format!("pods?{query}"))).await?.json())))
}

async fn a_pod_is_found_by_its_fields(ground: Ground) -> Verdict {
    pod(&ground, "fields-1", &json!({"set": "fields"})).await?;
    pod(&ground, "fields-2", &json!({"set": "fields"})).await?;
    let of = "labelSelector=set%3Dfields&fieldSelector=";
    for (fields, expected) in [
        ("metadata.name%3Dfields-1", json!(["fields-1"])),
        ("status.phase%3DPending,metadata.name!%3Dfields-1", json!(["fields-2"])),
        ("spec.nodeName%3D", json!(["fields-1", "fields-2"])),
        ("spec.nodeName!%3D", json!([])),
        ("metadata.namespace%3D%3Dnowhere", json!([])),
    ] {
        equal(fields, &selected(&ground, &format!("{of}{fields}")).await?, &expected)?;
    }
    Ok(())
}

async fn labels_are_selected_by_sets(ground: Ground) -> Verdict {
    for (name, tier) in [("sets-1", "web"), ("sets-2", "api"), ("sets-3", "db")] {
        ground.given_map(name, &json!({"set": "sets", "tier": tier}), &json!({})).await?;
    }
    ground.given_map("sets-4", &json!({"set": "sets", "rank": "5"}), &json!({})).await?;
    for (selector, expected) in [
        ("tier+in+(web,api)", json!(["sets-1", "sets-2"])),
        ("tier+notin+(web,api)", json!(["sets-3", "sets-4"])),
        ("tier", json!(["sets-1", "sets-2", "sets-3"])),
        ("!tier", json!(["sets-4"])),
        ("tier!%3Dweb,tier", json!(["sets-2", "sets-3"])),
        ("tier%3D%3Ddb", json!(["sets-3"])),
        ("rank%3E4", json!(["sets-4"])),
        ("rank%3C5", json!([])),
    ] {
        let path = ground.path(&format!("configmaps?labelSelector=set%3Dsets,{selector}"));
        equal(selector, &json!(names(&ground.get(&path).await?.json())), &expected)?;
    }
    Ok(())
}

async fn selectors_that_do_not_parse_are_refused(ground: Ground) -> Verdict {
    for (query, message) in [
        ("labelSelector=a+b+c", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("labelSelector=a+in+(b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("fieldSelector=nothing", "invalid selector: 'nothing'; can't understand 'nothing'"),
    ] {
        refused(&ground.get(&ground.path(&format!("pods?{query}"))).await?, 400, "BadRequest", message)?;
    }
    Ok(())
}

async fn a_field_that_cannot_be_selected_is_refused(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("pods?fieldSelector=spec.foo%3D1")).await?;
    refused(&answer, 400, "BadRequest", "field label not supported: spec.foo")
}

async fn the_status_of_a_pod_has_its_own_path(ground: Ground) -> Verdict {
    let path = pod(&ground, "status", &json!({})).await?;
    let main = ground.patch(&path, MERGE, &json!({"status": {"phase": "Failed"}})).await?.json();
    equal("the main path", &main["status"]["phase"], &"Pending".into())?;
    let change = json!({"status": {"message": "held"}, "spec": {"nodeName": "n"}});
    let status = ground.patch(&format!("{path}/status"), MERGE, &change).await?.json();
    equal("its own", &json!([status["status"]["message"], status["spec"].get("nodeName")]), &json!(["held", null]))
}

async fn the_specification_of_a_pod_does_not_change_but_for_its_images(ground: Ground) -> Verdict {
    let path = pod(&ground, "spec", &json!({})).await?;
    let image = json!({"spec": {"containers": [{"name": "c", "image": "registry.example/other"}]}});
    coded(&ground.patch(&path, STRATEGIC, &image).await?, 200)?;
    let answer = ground.patch(&path, MERGE, &json!({"spec": {"hostname": "other"}})).await?;
    let status = answer.json();
    equal("code and reason", &json!([answer.code, status["reason"]]), &json!([422, "Invalid"]))?;
    let start = "Pod \"spec\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`";
    holds("why", status["message"].as_str().is_some_and(|message| message.starts_with(start)), &status)
}

async fn a_pod_that_never_ran_goes_at_once(ground: Ground) -> Verdict {
    let path = pod(&ground, "gone", &json!({})).await?;
    let gone = ground.delete(&path, &json!(null)).await?;
    let body = gone.json();
    equal(
        "the pod is answered",
        &json!([gone.code, body["kind"], body["metadata"]["name"]]),
        &json!([200, "Pod", "gone"]),
    )?;
    ground.until(&path, "is gone", |answer: &Answer| answer.code == 404).await
}

async fn logs_of_nothing_are_refused(ground: Ground) -> Verdict {
    let missing = ground.get(&ground.path("pods/none/log")).await?;
    refused(&missing, 404, "NotFound", "pods \"none\" not found")?;
    let path = pod(&ground, "logs", &json!({})).await?;
    let answer = ground.get(&format!("{path}/log?container=zz")).await?;
    refused(&answer, 400, "BadRequest", "container zz is not valid for pod logs")
}
