//! Patches of three kinds, and what they refuse.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::compare::{coded, equal, failure, masked, owners, refused, same, version};
use super::ground::{Ground, JSON_PATCH, MERGE, STRATEGIC};

cases![
    a_merge_patch_sets_and_removes,
    a_merge_patch_owns_what_it_changed,
    a_strategic_patch_merges_labels,
    a_strategic_patch_merges_lists_by_their_key,
    a_strategic_patch_deletes_and_replaces,
    a_json_patch_runs_in_order,
    a_json_patch_whose_test_fails_changes_nothing,
    a_json_patch_of_a_missing_path_is_refused,
    a_patch_of_an_unknown_type_is_refused,
    a_patch_of_a_missing_object_is_not_found,
    a_patch_cannot_rename,
    a_patch_with_a_stale_version_is_a_conflict,
    a_patch_that_changes_nothing_keeps_the_version,
];

fn map(name: &str, labels: &Value, data: &Value) -> Value {
    let mut metadata = json!({
        "name": name, "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
    });
    if labels != &json!({}) {
        metadata["labels"] = labels.clone();
    }
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data})
}

async fn a_merge_patch_sets_and_removes(ground: Ground) -> Verdict {
    ground.given_map("merge", &json!({"set": "merge"}), &json!({"i": "1"})).await?;
    let answer = ground.patch(&ground.path("configmaps/merge"), MERGE, &json!({"data": {"i": null, "n": "2"}})).await?;
    same(&answer, 200, &map("merge", &json!({"set": "merge"}), &json!({"n": "2"})))
}

async fn a_merge_patch_owns_what_it_changed(ground: Ground) -> Verdict {
    let maps = ground.path("configmaps?fieldManager=maker");
    ground.given(&maps, &json!({"metadata": {"name": "owned", "labels": {"set": "x"}}, "data": {"i": "1"}})).await?;
    let path = ground.path("configmaps/owned?fieldManager=changer");
    let changed = ground.patch(&path, MERGE, &json!({"data": {"i": null, "n": "2"}})).await?.json();
    let expected = json!([
        {"manager": "changer", "operation": "Update", "fieldsV1": {"f:data": {"f:n": {}}}},
        {"manager": "maker", "operation": "Update", "fieldsV1": {"f:data": {}, "f:metadata": {"f:labels": {".": {}, "f:set": {}}}}},
    ]);
    equal("owners", &owners(&changed), &expected)
}

async fn a_strategic_patch_merges_labels(ground: Ground) -> Verdict {
    ground.given_map("strategic", &json!({"a": "1"}), &json!({"i": "1"})).await?;
    let change = json!({"metadata": {"labels": {"probe": "1"}}});
    let answer = ground.patch(&ground.path("configmaps/strategic"), STRATEGIC, &change).await?;
    same(&answer, 200, &map("strategic", &json!({"a": "1", "probe": "1"}), &json!({"i": "1"})))
}

/// A Deployment without replicas: nothing of it ever runs.
async fn deployment(ground: &Ground, name: &str) -> Result<String, Ending> {
    let container =
        |name: &str| json!({"name": name, "image": "registry.example/none", "env": [{"name": "A", "value": "1"}]});
    let template =
        json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [container("one"), container("two")]}});
    let spec = json!({"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template});
    let path = ground.group_path("apps/v1", "deployments");
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec});
    ground.given(&path, &object).await?;
    Ok(format!("{path}/{name}"))
}

/// Name, image and environment of each container.
fn containers(deployment: &Value) -> Value {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|one| json!([one["name"], one["image"], one["env"]])).collect()
}

async fn a_strategic_patch_merges_lists_by_their_key(ground: Ground) -> Verdict {
    let path = deployment(&ground, "by-key").await?;
    let two = json!({"name": "two", "image": "registry.example/new", "env": [{"name": "B", "value": "2"}]});
    let change = json!({"spec": {"template": {"spec": {"containers": [two]}}}});
    let answer = ground.patch(&path, STRATEGIC, &change).await?;
    coded(&answer, 200)?;
    let (a, b) = (json!({"name": "A", "value": "1"}), json!({"name": "B", "value": "2"}));
    equal(
        "containers",
        &sorted(&answer.json()),
        &json!([["one", "registry.example/none", [a]], ["two", "registry.example/new", [a, b]]]),
    )
}

/// As [`containers`], in an order of its own: where new items go is not promised.
fn sorted(deployment: &Value) -> Value {
    let mut containers = containers(deployment);
    let by_text = |list: &mut Vec<Value>| list.sort_by_key(Value::to_string);
    for container in containers.as_array_mut().into_iter().flatten() {
        container[2].as_array_mut().into_iter().for_each(by_text);
    }
    containers.as_array_mut().into_iter().for_each(by_text);
    containers
}

async fn a_strategic_patch_deletes_and_replaces(ground: Ground) -> Verdict {
    let path = deployment(&ground, "directives").await?;
    let delete = json!({"spec": {"template": {"spec": {"containers": [{"name": "one", "$patch": "delete"}]}}}});
    let left = ground.patch(&path, STRATEGIC, &delete).await?.json();
    let a = json!({"name": "A", "value": "1"});
    equal("after the deletion", &containers(&left), &json!([["two", "registry.example/none", [a]]]))?;
    let three = json!({"name": "three", "image": "registry.example/none"});
    let replace = json!({"spec": {"template": {"spec": {"containers": [three, {"$patch": "replace"}]}}}});
    let replaced = ground.patch(&path, STRATEGIC, &replace).await?.json();
    equal("after the replacement", &containers(&replaced), &json!([["three", "registry.example/none", null]]))
}

async fn a_json_patch_runs_in_order(ground: Ground) -> Verdict {
    ground.given_map("ordered", &json!({}), &json!({"n": "2"})).await?;
    let change = json!([
        {"op": "test", "path": "/data/n", "value": "2"},
        {"op": "copy", "from": "/data/n", "path": "/data/m"},
        {"op": "replace", "path": "/data/n", "value": "3"},
        {"op": "move", "from": "/data/m", "path": "/data/o"},
        {"op": "add", "path": "/data/z", "value": "4"},
        {"op": "remove", "path": "/data/z"},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/example.org~1a~0b", "value": "5"},
        {"op": "move", "from": "/metadata/annotations/example.org~1a~0b", "path": "/data/p"},
    ]);
    let answer = ground.patch(&ground.path("configmaps/ordered"), JSON_PATCH, &change).await?;
    same(&answer, 200, &map("ordered", &json!({}), &json!({"n": "3", "o": "2", "p": "5"})))
}

async fn a_json_patch_whose_test_fails_changes_nothing(ground: Ground) -> Verdict {
    ground.given_map("tested", &json!({}), &json!({"n": "2"})).await?;
    let path = ground.path("configmaps/tested");
    let change =
        json!([{"op": "test", "path": "/data/n", "value": "9"}, {"op": "replace", "path": "/data/n", "value": "3"}]);
    let message = "the server rejected our request due to an error in our request";
    same(&ground.patch(&path, JSON_PATCH, &change).await?, 422, &failure(422, "Invalid", message, &json!({})))?;
    same(&ground.get(&path).await?, 200, &map("tested", &json!({}), &json!({"n": "2"})))
}

async fn a_json_patch_of_a_missing_path_is_refused(ground: Ground) -> Verdict {
    ground.given_map("no-path", &json!({}), &json!({"n": "2"})).await?;
    let change = json!([{"op": "remove", "path": "/data/none"}]);
    let answer = ground.patch(&ground.path("configmaps/no-path"), JSON_PATCH, &change).await?;
    let message = "the server rejected our request due to an error in our request";
    same(&answer, 422, &failure(422, "Invalid", message, &json!({})))
}

async fn a_patch_of_an_unknown_type_is_refused(ground: Ground) -> Verdict {
    ground.given_map("typed", &json!({}), &json!({})).await?;
    let answer = ground.send("PATCH", &ground.path("configmaps/typed"), "text/plain", "x").await?;
    same(&answer, 415, &failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", &json!({})))
}

async fn a_patch_of_a_missing_object_is_not_found(ground: Ground) -> Verdict {
    for content_type in [MERGE, STRATEGIC] {
        let answer = ground.patch(&ground.path("configmaps/none"), content_type, &json!({"data": {"a": "1"}})).await?;
        refused(&answer, 404, "NotFound", "configmaps \"none\" not found")?;
    }
    Ok(())
}

async fn a_patch_cannot_rename(ground: Ground) -> Verdict {
    ground.given_map("renamed", &json!({}), &json!({})).await?;
    let change = json!({"metadata": {"name": "other"}});
    let answer = ground.patch(&ground.path("configmaps/renamed"), MERGE, &change).await?;
    refused(&answer, 400, "BadRequest", "the name of the object (other) does not match the name on the URL (renamed)")
}

async fn a_patch_with_a_stale_version_is_a_conflict(ground: Ground) -> Verdict {
    ground.given_map("stale-patch", &json!({}), &json!({})).await?;
    let change = json!({"metadata": {"resourceVersion": "1"}, "data": {"a": "1"}});
    let answer = ground.patch(&ground.path("configmaps/stale-patch"), MERGE, &change).await?;
    let message = "Operation cannot be fulfilled on configmaps \"stale-patch\": the object has been modified; please apply your changes \
        to the latest version and try again";
    refused(&answer, 409, "Conflict", message)
}

async fn a_patch_that_changes_nothing_keeps_the_version(ground: Ground) -> Verdict {
    let made = ground.given_map("same-patch", &json!({}), &json!({"a": "1"})).await?;
    let patched =
        ground.patch(&ground.path("configmaps/same-patch"), MERGE, &json!({"data": {"a": "1"}})).await?.json();
    equal("version", &version(&patched).into(), &version(&made).into())?;
    equal("object", &masked(patched), &masked(made))
}
