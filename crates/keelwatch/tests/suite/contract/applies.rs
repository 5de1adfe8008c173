//! Server-side apply: who owns a field, and what follows.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::client::Answer;
use super::compare::{coded, equal, failure, owners, refused, same, version};
use super::ground::{APPLY, Ground, MERGE};

cases![
    an_apply_creates,
    an_apply_that_changes_nothing_keeps_the_version,
    an_applied_field_of_another_is_a_conflict,
    conflicts_are_grouped_by_their_managers,
    force_moves_the_ownership,
    a_field_that_is_no_longer_applied_vanishes,
    a_field_that_another_owns_too_stays,
    an_apply_names_its_manager,
    a_dry_run_of_an_apply_stores_nothing,
    an_update_takes_a_field_from_who_applied_it,
    an_apply_with_a_stale_version_is_a_conflict,
    an_apply_of_managed_fields_is_refused,
    an_apply_without_a_kind_is_refused,
    lists_are_applied_by_their_key,
    finalizers_are_applied_as_a_set,
    the_list_of_owners_can_be_emptied,
    an_apply_is_read_as_yaml,
];

async fn apply(ground: &Ground, name: &str, query: &str, rest: &Value) -> Result<Answer, Ending> {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        if key == "labels" { object["metadata"]["labels"] = value.clone() } else { object[key] = value.clone() }
    }
    Ok(ground.patch(&ground.path(&format!("configmaps/{name}?{query}")), APPLY, &object).await?)
}

fn map(name: &str, labels: &Value, data: &Value) -> Value {
    let metadata = json!({
        "name": name, "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
        "labels": labels,
    });
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data})
}

fn applied(manager: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": "Apply", "fieldsV1": fields})
}

const ALICE: &str = "fieldManager=alice";
const BOB: &str = "fieldManager=bob";

/// What alice applies in the recording.
fn alices() -> Value {
    json!({"labels": {"owner": "alice"}, "data": {"k": "1", "j": "1"}})
}

async fn an_apply_creates(ground: Ground) -> Verdict {
    let made = apply(&ground, "created", ALICE, &alices()).await?;
    same(&made, 201, &map("created", &json!({"owner": "alice"}), &json!({"j": "1", "k": "1"})))?;
    let fields = json!({"f:data": {"f:j": {}, "f:k": {}}, "f:metadata": {"f:labels": {"f:owner": {}}}});
    equal("owners", &owners(&made.json()), &json!([applied("alice", &fields)]))
}

async fn an_apply_that_changes_nothing_keeps_the_version(ground: Ground) -> Verdict {
    let made = apply(&ground, "unchanged", ALICE, &alices()).await?.json();
    for _ in 0..20 {
        let again = apply(&ground, "unchanged", ALICE, &alices()).await?;
        coded(&again, 200)?;
        equal("the object, times and all", &again.json(), &made)?;
    }
    Ok(())
}

async fn an_applied_field_of_another_is_a_conflict(ground: Ground) -> Verdict {
    apply(&ground, "conflict", ALICE, &alices()).await?;
    let answer = apply(&ground, "conflict", BOB, &json!({"data": {"k": "2"}})).await?;
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"alice\"", "field": ".data.k"});
    let message = "Apply failed with 1 conflict: conflict with \"alice\": .data.k";
    same(&answer, 409, &failure(409, "Conflict", message, &json!({"causes": [cause]})))
}

async fn conflicts_are_grouped_by_their_managers(ground: Ground) -> Verdict {
    apply(&ground, "conflicts", ALICE, &json!({"data": {"a": "1", "b": "1"}})).await?;
    apply(&ground, "conflicts", BOB, &json!({"data": {"c": "1"}})).await?;
    let answer =
        apply(&ground, "conflicts", "fieldManager=carol", &json!({"data": {"a": "2", "b": "2", "c": "2"}})).await?;
    let message = "Apply failed with 3 conflicts: conflicts with \"alice\":\n- .data.a\n- .data.b\nconflicts with \"bob\":\n- .data.c";
    let cause = |who: &str, field: &str| json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{who}\""), "field": field});
    let causes = json!([cause("alice", ".data.a"), cause("alice", ".data.b"), cause("bob", ".data.c")]);
    // Servers list the causes by manager, in an order of their own.
    let mut status = answer.json();
    if let Some(causes) = status["details"]["causes"].as_array_mut() {
        causes.sort_by_key(|cause| cause["field"].to_string());
    }
    let expected = failure(409, "Conflict", message, &json!({"causes": causes}));
    equal("code and body", &json!([answer.code, status]), &json!([409, expected]))
}

async fn force_moves_the_ownership(ground: Ground) -> Verdict {
    apply(&ground, "forced", ALICE, &alices()).await?;
    let forced = apply(&ground, "forced", "fieldManager=bob&force=true", &json!({"data": {"k": "2"}})).await?;
    same(&forced, 200, &map("forced", &json!({"owner": "alice"}), &json!({"j": "1", "k": "2"})))?;
    let alice = applied("alice", &json!({"f:data": {"f:j": {}}, "f:metadata": {"f:labels": {"f:owner": {}}}}));
    equal("owners", &owners(&forced.json()), &json!([alice, applied("bob", &json!({"f:data": {"f:k": {}}}))]))
}

async fn a_field_that_is_no_longer_applied_vanishes(ground: Ground) -> Verdict {
    apply(&ground, "dropped", ALICE, &alices()).await?;
    apply(&ground, "dropped", "fieldManager=bob&force=true", &json!({"data": {"k": "2"}})).await?;
    let left = apply(&ground, "dropped", ALICE, &json!({"labels": {"owner": "alice"}, "data": {}})).await?;
    same(&left, 200, &map("dropped", &json!({"owner": "alice"}), &json!({"k": "2"})))?;
    let alice = applied("alice", &json!({"f:data": {}, "f:metadata": {"f:labels": {"f:owner": {}}}}));
    equal("owners", &owners(&left.json()), &json!([alice, applied("bob", &json!({"f:data": {"f:k": {}}}))]))
}

async fn a_field_that_another_owns_too_stays(ground: Ground) -> Verdict {
    apply(&ground, "shared", ALICE, &json!({"labels": {"x": "y"}, "data": {"a": "1", "b": "1"}})).await?;
    apply(&ground, "shared", BOB, &json!({"data": {"a": "1"}})).await?;
    let left = apply(&ground, "shared", ALICE, &json!({"labels": {"x": "y"}, "data": {"b": "1"}})).await?;
    same(&left, 200, &map("shared", &json!({"x": "y"}), &json!({"a": "1", "b": "1"})))?;
    let alice = applied("alice", &json!({"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {"f:x": {}}}}));
    equal("owners", &owners(&left.json()), &json!([alice, applied("bob", &json!({"f:data": {"f:a": {}}}))]))
}

async fn an_apply_names_its_manager(ground: Ground) -> Verdict {
    let answer = apply(&ground, "nobody", "", &json!({})).await?;
    let why = "Required value: is required for apply patch";
    let cause = json!({"reason": "FieldValueRequired", "message": why, "field": "fieldManager"});
    let details = json!({"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]});
    let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: {why}");
    same(&answer, 422, &failure(422, "Invalid", &message, &details))
}

async fn a_dry_run_of_an_apply_stores_nothing(ground: Ground) -> Verdict {
    let made = apply(&ground, "rehearsed", ALICE, &alices()).await?.json();
    let dry =
        apply(&ground, "rehearsed", "fieldManager=alice&dryRun=All", &json!({"labels": {"owner": "dry"}})).await?;
    let mut expected = map("rehearsed", &json!({"owner": "dry"}), &json!(null));
    expected.as_object_mut().unwrap().shift_remove("data");
    same(&dry, 200, &expected)?;
    equal("version", &version(&dry.json()).into(), &version(&made).into())?;
    equal("what is stored", &ground.get(&ground.path("configmaps/rehearsed")).await?.json(), &made)
}

async fn an_update_takes_a_field_from_who_applied_it(ground: Ground) -> Verdict {
    apply(&ground, "taken", ALICE, &json!({"data": {"a": "1", "b": "1"}})).await?;
    let path = ground.path("configmaps/taken?fieldManager=bob");
    let taken = ground.patch(&path, MERGE, &json!({"data": {"a": "2"}})).await?.json();
    let bob = json!({"manager": "bob", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}});
    equal("owners", &owners(&taken), &json!([applied("alice", &json!({"f:data": {"f:b": {}}})), bob]))?;
    let answer = apply(&ground, "taken", ALICE, &json!({"data": {"a": "1", "b": "1"}})).await?;
    let message = "Apply failed with 1 conflict: conflict with \"bob\" using v1: .data.a";
    refused(&answer, 409, "Conflict", message)
}

async fn an_apply_with_a_stale_version_is_a_conflict(ground: Ground) -> Verdict {
    apply(&ground, "stale-apply", ALICE, &alices()).await?;
    let metadata = json!({"name": "stale-apply", "resourceVersion": "1"});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "3"}});
    let answer = ground.patch(&ground.path(&format!("configmaps/stale-apply?{ALICE}")), APPLY, &object).await?;
    let message = "Operation cannot be fulfilled on configmaps \"stale-apply\": the object has been modified; please apply your changes \
        to the latest version and try again";
    refused(&answer, 409, "Conflict", message)
}

async fn an_apply_of_managed_fields_is_refused(ground: Ground) -> Verdict {
    let made = apply(&ground, "managed", ALICE, &alices()).await?.json();
    let metadata = json!({"name": "managed", "managedFields": made["metadata"]["managedFields"]});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    let answer = ground.patch(&ground.path(&format!("configmaps/managed?{ALICE}")), APPLY, &object).await?;
    refused(&answer, 400, "BadRequest", "metadata.managedFields must be nil")
}

async fn an_apply_without_a_kind_is_refused(ground: Ground) -> Verdict {
    let path = ground.path(&format!("configmaps/kindless?{ALICE}"));
    let answer = ground.patch(&path, APPLY, &json!({"metadata": {"name": "kindless"}})).await?;
    equal("code and reason", &json!([answer.code, answer.json()["reason"]]), &json!([400, "BadRequest"]))
}

async fn lists_are_applied_by_their_key(ground: Ground) -> Verdict {
    let path = ground.path("services/keyed");
    let service = |port: u16, name: &str| {
        let ports = json!([{"name": name, "port": port, "protocol": "TCP"}]);
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "keyed"}, "spec": {"ports": ports}})
    };
    coded(&ground.patch(&format!("{path}?{ALICE}"), APPLY, &service(80, "http")).await?, 201)?;
    let both = ground.patch(&format!("{path}?{BOB}"), APPLY, &service(443, "https")).await?;
    coded(&both, 200)?;
    let ports = |service: &Value| -> Value {
        let ports = service["spec"]["ports"].as_array().into_iter().flatten();
        ports.map(|port| json!([port["name"], port["port"]])).collect()
    };
    equal("both ports", &ports(&both.json()), &json!([["http", 80], ["https", 443]]))?;
    let key = "k:{\"port\":443,\"protocol\":\"TCP\"}";
    let fields = json!({"f:spec": {"f:ports": {key: {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}}}});
    let bobs = owners(&both.json()).as_array().into_iter().flatten().find(|one| one["manager"] == "bob").cloned();
    equal("what bob owns", &bobs.unwrap_or_default(), &applied("bob", &fields))
}

async fn finalizers_are_applied_as_a_set(ground: Ground) -> Verdict {
    apply_finalizers(&ground, ALICE, &json!(["example.org/a"])).await?;
    let both = apply_finalizers(&ground, BOB, &json!(["example.org/b"])).await?;
    equal("both", &both["metadata"]["finalizers"], &json!(["example.org/a", "example.org/b"]))?;
    let fields = |one: &str| json!({"f:metadata": {"f:finalizers": {format!("v:\"example.org/{one}\""): {}}}});
    equal("owners", &owners(&both), &json!([applied("alice", &fields("a")), applied("bob", &fields("b"))]))?;
    let left = apply_finalizers(&ground, ALICE, &json!([])).await?;
    equal("one is left", &left["metadata"]["finalizers"], &json!(["example.org/b"]))
}

async fn apply_finalizers(ground: &Ground, who: &str, finalizers: &Value) -> Result<Value, Ending> {
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "set", "finalizers": finalizers}});
    Ok(ground.patch(&ground.path(&format!("configmaps/set?{who}")), APPLY, &object).await?.json())
}

async fn the_list_of_owners_can_be_emptied(ground: Ground) -> Verdict {
    apply(&ground, "emptied", ALICE, &alices()).await?;
    let path = ground.path("configmaps/emptied");
    let emptied = ground.patch(&path, MERGE, &json!({"metadata": {"managedFields": [{}]}})).await?.json();
    equal("owners", &owners(&emptied), &json!([]))?;
    let bobs = apply(&ground, "emptied", BOB, &json!({"data": {"k": "2"}})).await?;
    coded(&bobs, 409)?;
    let message = "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.k";
    refused(&bobs, 409, "Conflict", message)
}

async fn an_apply_is_read_as_yaml(ground: Ground) -> Verdict {
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\n  labels: {a: b}\ndata:\n  k: |\n    two\n    lines\n";
    let made = ground.send("PATCH", &ground.path(&format!("configmaps/yaml?{ALICE}")), APPLY, yaml).await?;
    same(&made, 201, &map("yaml", &json!({"a": "b"}), &json!({"k": "two\nlines\n"})))
}
