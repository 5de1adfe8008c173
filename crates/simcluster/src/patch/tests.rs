//! Who owns what, on the exchanges that were recorded of a real server and beyond them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const EARLY: &str = "2026-11-21T04:30:35Z";
const LATE: &str = "2026-11-21T04:30:36Z";

fn manager(name: &str, time: &str) -> Manager {
    Manager { name: name.into(), api_version: "v1".into(), subresource: None, time: time.into() }
}

fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": data})
}

fn labeled(data: Value) -> Value {
    let mut config = config(data);
    config["metadata"]["labels"] = json!({"owner": "alice"});
    config
}

fn apply(current: Option<&Value>, applied: &Value, who: &str, force: Force) -> Result<Value, ApplyError> {
    server_side_apply(current, applied, &manager(who, EARLY), force, &BuiltInLists)
}

fn update(before: Option<&Value>, after: Value, who: &str, time: &str) -> Value {
    let mut after = after;
    record_update(before, &mut after, &manager(who, time), &BuiltInLists);
    after
}

fn entry(who: &str, operation: &str, time: &str, fields: Value) -> Value {
    json!({"manager": who, "operation": operation, "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields})
}

fn owners(object: &Value) -> &Value {
    &object["metadata"]["managedFields"]
}

/// The object of the recording after alice and then, by force, bob applied.
fn taken_by_bob() -> Value {
    let first = apply(None, &labeled(json!({"k": "1", "j": "1"})), "alice", Force::No).unwrap();
    apply(Some(&first), &config(json!({"k": "2"})), "bob", Force::Yes).unwrap()
}

#[test]
fn the_first_apply_owns_its_fields() {
    let object = apply(None, &labeled(json!({"k": "1", "j": "1"})), "alice", Force::No).unwrap();
    let fields = json!({"f:data": {"f:j": {}, "f:k": {}}, "f:metadata": {"f:labels": {"f:owner": {}}}});
    assert_eq!(owners(&object), &json!([entry("alice", "Apply", EARLY, fields)]));
    assert_eq!(object["data"], json!({"k": "1", "j": "1"}));
}

#[test]
fn an_unchanged_apply_changes_not_even_the_time() {
    let wanted = labeled(json!({"k": "1"}));
    let object = apply(None, &wanted, "alice", Force::No).unwrap();
    let again = server_side_apply(Some(&object), &wanted, &manager("alice", LATE), Force::No, &BuiltInLists);
    assert_eq!(again, Ok(object));
}

#[test]
fn a_field_of_another_value_is_a_conflict() {
    let object = apply(None, &labeled(json!({"k": "1", "j": "1"})), "alice", Force::No).unwrap();
    let refused = apply(Some(&object), &config(json!({"k": "2"})), "bob", Force::No).unwrap_err();
    assert_eq!(refused.message(), "Apply failed with 1 conflict: conflict with \"alice\": .data.k");
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"alice\"", "field": ".data.k"});
    assert_eq!(refused.details(), Some(json!({"causes": [cause]})));
    assert_eq!((refused.code(), refused.reason()), (409, "Conflict"));
}

#[test]
fn several_conflicts_are_grouped_by_manager() {
    let object = apply(None, &config(json!({"k": "1", "j": "1"})), "bob", Force::No).unwrap();
    let mut other = object.clone();
    other["metadata"]["labels"] = json!({"a": "1"});
    let object = update(Some(&object), other, "kubectl-label", LATE);
    let mut wanted = config(json!({"k": "2", "j": "2"}));
    wanted["metadata"]["labels"] = json!({"a": "2"});
    let refused = apply(Some(&object), &wanted, "alice", Force::No).unwrap_err();
    let message = "Apply failed with 3 conflicts: conflicts with \"bob\":\n- .data.j\n- .data.k\n\
        conflicts with \"kubectl-label\" using v1:\n- .metadata.labels.a";
    assert_eq!(refused.message(), message);
}

#[test]
fn force_moves_the_field() {
    let alice = json!({"f:data": {"f:j": {}}, "f:metadata": {"f:labels": {"f:owner": {}}}});
    let expected =
        json!([entry("alice", "Apply", EARLY, alice), entry("bob", "Apply", EARLY, json!({"f:data": {"f:k": {}}})),]);
    let object = taken_by_bob();
    assert_eq!(owners(&object), &expected);
    assert_eq!(object["data"], json!({"j": "1", "k": "2"}));
}

#[test]
fn dropped_fields_vanish_and_an_empty_map_is_owned_as_such() {
    let object = apply(Some(&taken_by_bob()), &labeled(json!({})), "alice", Force::No).unwrap();
    let alice = json!({"f:data": {}, "f:metadata": {"f:labels": {"f:owner": {}}}});
    assert_eq!(owners(&object)[0]["fieldsV1"], alice);
    assert_eq!(object["data"], json!({"k": "2"}));
}

#[test]
fn whoever_changes_later_is_listed_later() {
    let object = apply(Some(&taken_by_bob()), &labeled(json!({})), "alice", Force::No).unwrap();
    let mut wanted = config(Value::Null);
    wanted.as_object_mut().unwrap().remove("data");
    wanted["metadata"]["labels"] = json!({"owner": "dry"});
    let object = server_side_apply(Some(&object), &wanted, &manager("alice", LATE), Force::No, &BuiltInLists).unwrap();
    let expected = json!([
        entry("bob", "Apply", EARLY, json!({"f:data": {"f:k": {}}})),
        entry("alice", "Apply", LATE, json!({"f:metadata": {"f:labels": {"f:owner": {}}}})),
    ]);
    assert_eq!(owners(&object), &expected);
    assert_eq!(object["data"], json!({"k": "2"}));
}

#[test]
fn what_two_appliers_share_stays_when_one_drops_it() {
    let first = apply(None, &config(json!({"a": "1", "b": "1"})), "alice", Force::No).unwrap();
    let both = apply(Some(&first), &config(json!({"a": "1"})), "bob", Force::No).unwrap();
    let object = apply(Some(&both), &config(json!({"b": "1"})), "alice", Force::No).unwrap();
    assert_eq!(object["data"], json!({"a": "1", "b": "1"}));
    assert_eq!(owners(&object)[0]["fieldsV1"], json!({"f:data": {"f:b": {}}}));
}

#[test]
fn a_merge_patch_moves_fields_as_recorded() {
    let created = update(None, config(json!({"i": "1"})), "kubectl-create", EARLY);
    let patch = Patch::Merge(json!({"data": {"i": null, "n": "2"}}));
    let patched = apply_patch(&created, &patch, &BuiltInLists).unwrap();
    let object = update(Some(&created), patched, "curl", LATE);
    let expected = json!([
        entry("kubectl-create", "Update", EARLY, json!({"f:data": {}})),
        entry("curl", "Update", LATE, json!({"f:data": {"f:n": {}}})),
    ]);
    assert_eq!(owners(&object), &expected);
}

#[test]
fn a_manager_that_loses_its_last_field_is_not_listed() {
    let held = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "fin", "finalizers": ["example.org/hold"]}});
    let created = update(None, held, "curl", EARLY);
    let fields = json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"example.org/hold\"": {}}}});
    assert_eq!(owners(&created), &json!([entry("curl", "Update", EARLY, fields)]));
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let released = apply_patch(&created, &patch, &BuiltInLists).unwrap();
    let object = update(Some(&created), released, "curl", LATE);
    assert_eq!(object["metadata"], json!({"name": "fin"}));
}

#[test]
fn a_failed_test_of_a_json_patch_is_refused_as_recorded() {
    let patch = Patch::Json(vec![json!({"op": "test", "path": "/data/n", "value": "9"})]);
    let refused = apply_patch(&config(json!({"n": "2"})), &patch, &BuiltInLists).unwrap_err();
    assert_eq!((refused.code(), refused.reason(), refused.details()), (422, "Invalid", Some(json!({}))));
    assert_eq!(refused.message(), "the server rejected our request due to an error in our request");
}

#[test]
fn the_first_apply_to_an_unowned_object_leaves_the_rest_to_those_before() {
    let object = apply(Some(&config(json!({"a": "1"}))), &config(json!({"b": "1"})), "alice", Force::No).unwrap();
    let expected = json!([
        entry("alice", "Apply", EARLY, json!({"f:data": {"f:b": {}}})),
        entry("before-first-apply", "Update", EARLY, json!({"f:data": {".": {}, "f:a": {}}})),
    ]);
    assert_eq!(owners(&object), &expected);
}

#[test]
fn updates_of_an_object_without_owners_are_not_recorded() {
    let created = update(None, json!({"metadata": {"name": "a"}}), "curl", EARLY);
    let updated = update(Some(&created), config(json!({"x": "1"})), "curl", LATE);
    assert_eq!(owners(&updated), &Value::Null);
}

#[test]
fn a_writer_may_change_the_owners_themselves() {
    let object = apply(None, &config(json!({"a": "1"})), "alice", Force::No).unwrap();
    let mut renamed = object.clone();
    renamed["metadata"]["managedFields"][0]["manager"] = "carol".into();
    assert_eq!(owners(&update(Some(&object), renamed, "curl", LATE))[0]["manager"], "carol");
    let mut forgotten = object.clone();
    forgotten["metadata"]["managedFields"] = json!([{}]);
    assert_eq!(owners(&update(Some(&object), forgotten, "curl", LATE)), &Value::Null);
    let mut emptied = object.clone();
    emptied["metadata"]["managedFields"] = json!([]);
    assert_eq!(update(Some(&object), emptied, "curl", LATE), object);
}

#[test]
fn a_subresource_is_an_owner_of_its_own() {
    let created = update(None, json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}}), "kubelet", EARLY);
    let mut after = created.clone();
    after["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    let status = Manager { subresource: Some("status".into()), ..manager("kubelet", LATE) };
    record_update(Some(&created), &mut after, &status, &BuiltInLists);
    let condition = json!({".": {}, "f:status": {}, "f:type": {}});
    let mut expected = entry(
        "kubelet",
        "Update",
        LATE,
        json!({"f:status": {
            "f:conditions": {".": {}, "k:{\"type\":\"Ready\"}": condition},
            "f:phase": {},
        }}),
    );
    expected["subresource"] = "status".into();
    assert_eq!(owners(&after)[1], expected);
}

#[test]
fn ports_that_leave_out_the_protocol_are_tcp() {
    let service = |ports: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}});
    let object =
        apply(None, &service(json!([{"port": 80}, {"port": 80, "protocol": "UDP"}])), "alice", Force::No).unwrap();
    let fields = json!({"f:spec": {"f:ports": {
        "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
        "k:{\"port\":80,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}},
    }}});
    assert_eq!(owners(&object)[0]["fieldsV1"], fields);
    let twice =
        apply(None, &service(json!([{"port": 80}, {"port": 80, "protocol": "TCP"}])), "alice", Force::No).unwrap_err();
    let message = "failed to create typed patch object (/s; /v1, Kind=Service): .spec.ports: \
        duplicate entries for key [port=80,protocol=\"TCP\"]";
    assert_eq!((twice.code(), twice.message().as_str()), (500, message));
}

#[test]
fn references_and_selectors_are_owned_as_a_whole() {
    let wanted = json!({"metadata": {"name": "d", "ownerReferences": [{"uid": "u", "name": "o"}]},
        "spec": {"selector": {"matchLabels": {"a": "1"}}, "tolerations": [{"key": "k"}]}});
    let object = apply(None, &wanted, "alice", Force::No).unwrap();
    let fields = json!({
        "f:metadata": {"f:ownerReferences": {"k:{\"uid\":\"u\"}": {}}},
        "f:spec": {"f:selector": {}, "f:tolerations": {}},
    });
    assert_eq!(owners(&object)[0]["fieldsV1"], fields);
}

fn containers(names: &[&str]) -> Value {
    let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"metadata": {"name": "p"}, "spec": {"containers": containers}})
}

#[track_caller]
fn check_order(live: &[&str], applied: &[&str], expected: &[&str]) {
    let live = update(None, containers(live), "curl", EARLY);
    let object = apply(Some(&live), &containers(applied), "alice", Force::No).unwrap();
    assert_eq!(object["spec"], containers(expected)["spec"]);
}

#[test]
fn items_keep_the_order_of_the_configuration() {
    check_order(&["a", "b", "c"], &["x"], &["a", "b", "c", "x"]);
    check_order(&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]);
    check_order(&["a", "b", "c", "d"], &["d", "x", "b"], &["a", "c", "d", "x", "b"]);
    check_order(&["a", "b"], &["x", "a", "y"], &["x", "a", "b", "y"]);
}

#[test]
fn a_dropped_item_goes_with_all_that_is_in_it() {
    let first = apply(None, &containers(&["a", "b"]), "alice", Force::No).unwrap();
    let mut imaged = first.clone();
    imaged["spec"]["containers"][1]["image"] = "x".into();
    let imaged = update(Some(&first), imaged, "setter", LATE);
    let object = apply(Some(&imaged), &containers(&["a"]), "alice", Force::No).unwrap();
    assert_eq!(object["spec"], containers(&["a"])["spec"]);
    assert_eq!(owners(&object).as_array().unwrap().len(), 1);
}

#[test]
fn old_updates_beyond_ten_managers_are_merged() {
    let mut object = update(None, config(json!({"start": "1"})), "m-00", EARLY);
    for n in 1..12 {
        let mut after = object.clone();
        after["data"][format!("k{n}")] = "1".into();
        object = update(Some(&object), after, &format!("m-{n:02}"), LATE);
    }
    let names: Vec<_> = owners(&object).as_array().unwrap().iter().map(|entry| entry["manager"].clone()).collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
    assert_eq!(owners(&object)[0]["fieldsV1"], json!({"f:data": {".": {}, "f:k1": {}, "f:k2": {}, "f:start": {}}}));
}

fn data() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-e]", "[0-2]", 0..5).prop_map(|map| json!(map))
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// RFC 7386, word by word.
fn naive_merge(target: &Value, patch: &Value) -> Value {
    let Some(patch) = patch.as_object() else { return patch.clone() };
    let mut merged = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        let old = merged.remove(key).unwrap_or_default();
        if !value.is_null() {
            merged.insert(key.clone(), naive_merge(&old, value));
        }
    }
    Value::Object(merged)
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(start in data(), wanted in data()) {
        let live = update(None, config(start), "curl", EARLY);
        let once = apply(Some(&live), &config(wanted.clone()), "alice", Force::Yes).unwrap();
        let twice = server_side_apply(Some(&once), &config(wanted), &manager("alice", LATE), Force::No, &BuiltInLists);
        prop_assert_eq!(twice, Ok(once));
    }

    #[test]
    fn dropping_all_removes_exactly_what_only_the_applier_owned(start in data(), wanted in data()) {
        let live = update(None, config(start.clone()), "curl", EARLY);
        let applied = apply(Some(&live), &config(wanted.clone()), "alice", Force::Yes).unwrap();
        let object = apply(Some(&applied), &json!({"metadata": {"name": "ssa"}}), "alice", Force::No).unwrap();
        let mut left = start.clone();
        // What both wanted alike is still the other's; what alice forced is hers alone, and goes with her.
        left.as_object_mut().unwrap().retain(|key, value| wanted.get(key).is_none_or(|wanted| wanted == value));
        prop_assert_eq!(object.get("data").cloned().unwrap_or_else(|| json!({})), left);
        prop_assert!(!owners(&object).to_string().contains("alice"));
    }

    #[test]
    fn a_conflict_is_reported_exactly_for_what_another_owns_and_has_otherwise(start in data(), wanted in data()) {
        let live = apply(None, &config(start.clone()), "bob", Force::No).unwrap();
        let fields: Vec<String> = match apply(Some(&live), &config(wanted.clone()), "alice", Force::No) {
            Err(ApplyError::Conflicts(conflicts)) => conflicts.into_iter().map(|conflict| conflict.field).collect(),
            other => { other.unwrap(); Vec::new() }
        };
        let differs = |key: &str| wanted.get(key).is_some_and(|value| *value != start[key]);
        let expected: Vec<String> =
            start.as_object().unwrap().keys().filter(|key| differs(key)).map(|key| format!(".data.{key}")).collect();
        prop_assert_eq!(fields, expected);
    }

    #[test]
    fn a_merge_patch_does_what_its_rfc_says(target in tree(), patch in tree()) {
        prop_assert_eq!(apply_patch(&target, &Patch::Merge(patch.clone()), &BuiltInLists), Ok(naive_merge(&target, &patch)));
    }

    #[test]
    fn a_json_patch_that_adds_and_removes_leaves_all_as_it_was(target in data(), value in tree()) {
        let patch = Patch::Json(vec![
            json!({"op": "add", "path": "/new", "value": value}),
            json!({"op": "test", "path": "/new", "value": value}),
            json!({"op": "move", "from": "/new", "path": "/moved"}),
            json!({"op": "remove", "path": "/moved"}),
        ]);
        prop_assert_eq!(apply_patch(&target, &patch, &BuiltInLists), Ok(target));
    }

    #[test]
    fn a_json_patch_of_a_list_does_what_a_vector_does(start in 0..5_usize, moves in proptest::collection::vec((any::<bool>(), 0..6_usize), 0..8)) {
        let mut model: Vec<usize> = (0..start).collect();
        let mut fits = true;
        let mut operations = Vec::new();
        for (nth, (adds, at)) in moves.into_iter().enumerate() {
            let path = format!("/{at}");
            operations.push(if adds { json!({"op": "add", "path": path, "value": 100 + nth}) } else { json!({"op": "remove", "path": path}) });
            match adds {
                true if at <= model.len() => model.insert(at, 100 + nth),
                false if at < model.len() => drop(model.remove(at)),
                true | false => { fits = false; break; }
            }
        }
        let list: Vec<usize> = (0..start).collect();
        let patched = apply_patch(&json!(list), &Patch::Json(operations), &BuiltInLists);
        prop_assert_eq!(patched, if fits { Ok(json!(model)) } else { Err(PatchError::Unprocessable) });
    }

    #[test]
    fn no_update_leaves_a_field_to_two_writers(first in data(), second in data()) {
        let created = update(None, config(first.clone()), "a", EARLY);
        let object = update(Some(&created), config(second.clone()), "b", LATE);
        for (key, value) in second.as_object().unwrap() {
            let owner = if first.get(key) == Some(value) { "a" } else { "b" };
            let names: Vec<_> = owners(&object).as_array().unwrap().iter()
                .filter(|entry| entry["fieldsV1"]["f:data"].get(format!("f:{key}")).is_some())
                .map(|entry| entry["manager"].clone()).collect();
            prop_assert_eq!(names, vec![json!(owner)]);
        }
    }
}
