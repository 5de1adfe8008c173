//! Deletions: finalizers, preconditions, propagation, collections.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::compare::{coded, equal, masked, names, not_found, refused, same, version};
use super::ground::{Ground, MERGE};

cases![
    a_deletion_names_what_it_deleted,
    a_finalizer_holds_an_object,
    no_finalizer_is_added_to_what_goes,
    a_collection_is_deleted_by_its_labels,
    a_collection_is_deleted_in_one_namespace_only,
    a_collection_that_is_refused_half_way_stays_half_gone,
    a_deletion_of_another_uid_is_a_conflict,
    a_deletion_of_another_version_is_a_conflict,
    an_unknown_propagation_is_refused,
    a_dry_run_of_a_deletion_deletes_nothing,
    orphans_are_left_when_their_owner_goes,
    dependents_go_after_their_owner,
    dependents_go_before_an_owner_in_the_foreground,
    a_dependent_stays_with_the_last_of_its_owners,
];

async fn a_deletion_names_what_it_deleted(ground: Ground) -> Verdict {
    ground.given_map("named", &json!({}), &json!({})).await?;
    let answer = ground.delete(&ground.path("configmaps/named"), &json!(null)).await?;
    let details = json!({"name": "named", "kind": "configmaps", "uid": "<uid>"});
    same(
        &answer,
        200,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    )
}

async fn held(ground: &Ground, name: &str) -> Result<Value, Ending> {
    let metadata = json!({"name": name, "finalizers": ["example.org/hold"]});
    ground
        .given(&ground.path("configmaps"), &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        .await
}

async fn a_finalizer_holds_an_object(ground: Ground) -> Verdict {
    let made = held(&ground, "held").await?;
    let path = ground.path("configmaps/held");
    let mut metadata = json!({
        "name": "held", "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
        "deletionTimestamp": "<time>", "deletionGracePeriodSeconds": 0, "finalizers": ["example.org/hold"],
    });
    let going = ground.delete(&path, &json!(null)).await?;
    same(&going, 200, &json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))?;
    equal("it is there as it was answered", &ground.get(&path).await?.json(), &going.json())?;
    equal("a second deletion changes nothing", &ground.delete(&path, &json!(null)).await?.json(), &going.json())?;
    let gone = ground.patch(&path, MERGE, &json!({"metadata": {"finalizers": null}})).await?;
    metadata.as_object_mut().unwrap().shift_remove("finalizers");
    same(&gone, 200, &json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))?;
    equal("uid", &gone.json()["metadata"]["uid"], &made["metadata"]["uid"])?;
    same(&ground.get(&path).await?, 404, &not_found("configmaps", "held"))
}

async fn no_finalizer_is_added_to_what_goes(ground: Ground) -> Verdict {
    held(&ground, "going").await?;
    let path = ground.path("configmaps/going");
    ground.delete(&path, &json!(null)).await?;
    let change = json!({"metadata": {"finalizers": ["example.org/hold", "example.org/more"]}});
    let answer = ground.patch(&path, MERGE, &change).await?;
    let message = "ConfigMap \"going\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
        deleted, found new finalizers []string{\"example.org/more\"}";
    refused(&answer, 422, "Invalid", message)?;
    coded(&ground.patch(&path, MERGE, &json!({"metadata": {"finalizers": null}})).await?, 200)
}

async fn a_collection_is_deleted_by_its_labels(ground: Ground) -> Verdict {
    let none = ground.delete(&ground.path("configmaps?labelSelector=set%3Dnone"), &json!(null)).await?;
    let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "<resourceVersion>"}, "items": []});
    same(&none, 200, &list)?;
    for (name, set) in [("many-1", "many"), ("many-2", "many"), ("few-1", "few")] {
        ground.given_map(name, &json!({"set": set}), &json!({})).await?;
    }
    let deleted = ground.delete(&ground.path("configmaps?labelSelector=set%3Dmany"), &json!(null)).await?.json();
    equal(
        "what was deleted",
        &json!([deleted["kind"], names(&deleted)]),
        &json!(["ConfigMapList", ["many-1", "many-2"]]),
    )?;
    let left = ground.get(&ground.path("configmaps?labelSelector=set+in+(many,few)")).await?.json();
    equal("what is left", &json!(names(&left)), &json!(["few-1"]))
}

async fn a_collection_is_deleted_in_one_namespace_only(ground: Ground) -> Verdict {
    // A server that took it would delete nothing either.
    let answer =
        ground.delete("/api/v1/configmaps?dryRun=All&labelSelector=keelwatch-contract%3Dnone", &json!(null)).await?;
    refused(&answer, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

async fn a_collection_that_is_refused_half_way_stays_half_gone(ground: Ground) -> Verdict {
    let first = ground.given_map("half-1", &json!({"set": "half"}), &json!({})).await?;
    ground.given_map("half-2", &json!({"set": "half"}), &json!({})).await?;
    let path = ground.path("configmaps?labelSelector=set%3Dhalf");
    let watched = format!("{path}&watch=true&resourceVersion={}&timeoutSeconds=30", version(&first));
    let mut lines = ground.watch(&watched).await?;
    let options = json!({"preconditions": {"uid": first["metadata"]["uid"]}});
    let answer = ground.delete(&path, &options).await?;
    equal("code and reason", &json!([answer.code, answer.json()["reason"]]), &json!([409, "Conflict"]))?;
    equal("what is left", &json!(names(&ground.get(&path).await?.json())), &json!(["half-2"]))?;
    let mut told = Vec::new();
    for _ in 0..2 {
        let event = lines.next().await?.unwrap_or_default();
        told.push(json!([event["type"], event["object"]["metadata"]["name"]]));
    }
    equal("events", &told.into(), &json!([["ADDED", "half-2"], ["DELETED", "half-1"]]))
}

async fn a_deletion_of_another_uid_is_a_conflict(ground: Ground) -> Verdict {
    let map = ground.given_map("other-uid", &json!({}), &json!({})).await?;
    let options = json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}});
    let answer = ground.delete(&ground.path("configmaps/other-uid"), &options).await?;
    let uid = map["metadata"]["uid"].as_str().unwrap_or_default();
    let message = format!(
        "Operation cannot be fulfilled on ConfigMap \"other-uid\": the UID in the precondition \
         (11111111-1111-1111-1111-111111111111) does not match the UID in record ({uid}). The object might have been deleted and then \
         recreated"
    );
    refused(&answer, 409, "Conflict", &message)?;
    let options = json!({"preconditions": {"uid": uid}});
    coded(&ground.delete(&ground.path("configmaps/other-uid"), &options).await?, 200)
}

async fn a_deletion_of_another_version_is_a_conflict(ground: Ground) -> Verdict {
    let map = ground.given_map("other-version", &json!({}), &json!({})).await?;
    let options = json!({"preconditions": {"resourceVersion": "1"}});
    let answer = ground.delete(&ground.path("configmaps/other-version"), &options).await?;
    let message = format!(
        "Operation cannot be fulfilled on ConfigMap \"other-version\": the ResourceVersion in the precondition (1) does not match the \
         ResourceVersion in record ({}). The object might have been modified",
        version(&map)
    );
    refused(&answer, 409, "Conflict", &message)
}

async fn an_unknown_propagation_is_refused(ground: Ground) -> Verdict {
    ground.given_map("propagated", &json!({}), &json!({})).await?;
    let options = json!({"propagationPolicy": "Sideways"});
    let answer = ground.delete(&ground.path("configmaps/propagated"), &options).await?;
    let message = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Sideways\": supported values: \
        \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
    refused(&answer, 422, "Invalid", message)
}

async fn a_dry_run_of_a_deletion_deletes_nothing(ground: Ground) -> Verdict {
    let map = ground.given_map("dry-deletion", &json!({}), &json!({})).await?;
    let path = ground.path("configmaps/dry-deletion");
    coded(&ground.delete(&format!("{path}?dryRun=All"), &json!(null)).await?, 200)?;
    coded(&ground.delete(&path, &json!({"dryRun": ["All"]})).await?, 200)?;
    equal("it is there", &ground.get(&path).await?.json(), &map)
}

/// An owner and a dependent of the given owners.
async fn dependent(ground: &Ground, name: &str, owners: &[&Value]) -> Result<String, Ending> {
    let references: Vec<Value> = owners
        .iter()
        .map(|owner| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true}))
        .collect();
    let metadata = json!({"name": name, "ownerReferences": references});
    ground
        .given(&ground.path("configmaps"), &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        .await?;
    Ok(ground.path(&format!("configmaps/{name}")))
}

async fn orphans_are_left_when_their_owner_goes(ground: Ground) -> Verdict {
    let owner = ground.given_map("orphan-owner", &json!({}), &json!({})).await?;
    let path = dependent(&ground, "orphan", &[&owner]).await?;
    let owner = ground.path("configmaps/orphan-owner");
    ground.delete(&owner, &json!({"propagationPolicy": "Orphan"})).await?;
    ground.until_gone(&owner).await?;
    let left = ground.get(&path).await?;
    let metadata = masked(left.json())["metadata"].clone();
    equal("the reference is taken off", &json!([left.code, metadata.get("ownerReferences")]), &json!([200, null]))
}

async fn dependents_go_after_their_owner(ground: Ground) -> Verdict {
    let owner = ground.given_map("background-owner", &json!({}), &json!({})).await?;
    let path = dependent(&ground, "background", &[&owner]).await?;
    let owner = ground.path("configmaps/background-owner");
    coded(&ground.delete(&owner, &json!({"propagationPolicy": "Background"})).await?, 200)?;
    coded(&ground.get(&owner).await?, 404)?;
    ground.until_gone(&path).await
}

async fn dependents_go_before_an_owner_in_the_foreground(ground: Ground) -> Verdict {
    let owner = ground.given_map("foreground-owner", &json!({}), &json!({})).await?;
    let path = dependent(&ground, "foreground", &[&owner]).await?;
    let owner = ground.path("configmaps/foreground-owner");
    let going = ground.delete(&owner, &json!({"propagationPolicy": "Foreground"})).await?.json();
    equal("what holds the owner", &going["metadata"]["finalizers"], &json!(["foregroundDeletion"]))?;
    ground.until_gone(&owner).await?;
    coded(&ground.get(&path).await?, 404)
}

async fn a_dependent_stays_with_the_last_of_its_owners(ground: Ground) -> Verdict {
    let one = ground.given_map("owner-one", &json!({}), &json!({})).await?;
    let two = ground.given_map("owner-two", &json!({}), &json!({})).await?;
    let of_two = dependent(&ground, "of-two", &[&one, &two]).await?;
    let of_one = dependent(&ground, "of-one", &[&one]).await?;
    ground.delete(&ground.path("configmaps/owner-one"), &json!({"propagationPolicy": "Background"})).await?;
    ground.until_gone(&of_one).await?;
    coded(&ground.get(&of_two).await?, 200)?;
    ground.delete(&ground.path("configmaps/owner-two"), &json!({"propagationPolicy": "Background"})).await?;
    ground.until_gone(&of_two).await
}
