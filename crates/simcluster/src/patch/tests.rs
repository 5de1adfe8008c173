//! Who owns what, on the exchanges that were recorded of a real server and beyond them.

#![expect(clippy::needless_pass_by_value, reason = "json! makes values")]

use serde_json::json;

use super::*;
use crate::schema::Schema;

pub(super) const EARLY: &str = "2026-11-21T04:30:35Z";
pub(super) const LATE: &str = "2026-11-21T04:30:36Z";

pub(super) fn manager(name: &str, time: &str) -> Manager {
    Manager { name: name.into(), api_version: "v1".into(), subresource: None, time: time.into() }
}

pub(super) fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": data})
}

fn labeled(data: Value) -> Value {
    let mut config = config(data);
    config["metadata"]["labels"] = json!({"owner": "alice"});
    config
}

pub(super) fn apply(current: Option<&Value>, applied: &Value, who: &str, force: Force) -> Result<Value, ApplyError> {
    server_side_apply(current, applied, &manager(who, EARLY), force, &BuiltInLists)
}

pub(super) fn update(before: Option<&Value>, after: Value, who: &str, time: &str) -> Value {
    let mut after = after;
    record_update(before, &mut after, &manager(who, time), &BuiltInLists);
    after
}

fn entry(who: &str, operation: &str, time: &str, fields: Value) -> Value {
    json!({
        "manager": who, "operation": operation, "apiVersion": "v1", "time": time,
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    })
}

pub(super) fn owners(object: &Value) -> &Value {
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
    let metadata = json!({"name": "fin", "finalizers": ["example.org/hold"]});
    let held = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata});
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
    let service = |ports: Value| {
        let spec = json!({"ports": ports});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec})
    };
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

#[test]
fn all_faults_of_a_configuration_are_reported_with_their_places() {
    let env = json!([{"name": "A"}, {"name": "A"}, {"value": "b"}]);
    let wanted = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": [{"name": "c", "env": env}], "volumes": ["v"]},
    });
    let refused = apply(None, &wanted, "alice", Force::No).unwrap_err();
    let expected = [
        "failed to create typed patch object (n/p; /v1, Kind=Pod): errors:",
        "  .spec.containers[name=\"c\"].env: duplicate entries for key [name=\"A\"]",
        "  .spec.containers[name=\"c\"].env: element 2: associative list with keys has an element that omits key field \
         \"name\" (and doesn't have default value)",
        "  .spec.volumes: element 0: associative list with keys may not have non-map elements",
    ];
    assert_eq!(refused.message(), expected.join("\n"));
}

#[test]
fn what_go_never_omits_is_not_owned_and_what_it_omits_is() {
    let template = json!({
        "metadata": {"labels": {"app": "nginx"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx", "resources": {}}], "restartPolicy": "Always"},
    });
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nginx"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "nginx"}}, "template": template,
        "strategy": {"rollingUpdate": {"maxSurge": "25%"}, "type": "RollingUpdate"},
    }});
    let container = json!({".": {}, "f:image": {}, "f:name": {}, "f:resources": {}});
    let fields = json!({"f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}},
        "f:template": {
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"nginx\"}": container}, "f:restartPolicy": {}},
        },
    }});
    let created = update(None, deployment, "kubectl-create", EARLY);
    assert_eq!(owners(&created)[0]["fieldsV1"], fields);
    let emptied = json!({"metadata": {"name": "nginx", "managedFields": owners(&created)}});
    assert_eq!(update(Some(&created), emptied, "curl", LATE), json!({"metadata": {"name": "nginx"}}));
}

#[test]
fn a_conflict_names_the_item() {
    let pod = |image: &str| json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": image}]}});
    let object = update(None, pod("a"), "kubectl-create", EARLY);
    let refused = apply(Some(&object), &pod("b"), "alice", Force::No).unwrap_err();
    let owner = "conflict with \"kubectl-create\" using v1";
    let message = format!("Apply failed with 1 conflict: {owner}: .spec.containers[name=\"c\"].image");
    assert_eq!(refused.message(), message);
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

#[test]
fn entries_of_a_map_are_owned_beside_what_is_in_them() {
    let language = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "i18ns": {"type": "object", "additionalProperties": language},
    }}}});
    let schema = Schema::parse(&schema).unwrap();
    let wanted = json!({"metadata": {"name": "n"}, "spec": {"i18ns": {"zh": {"title": "t"}}}});
    let mut created = wanted.clone();
    record_update(None, &mut created, &manager("curl", EARLY), &schema);
    let inner = json!({".": {}, "f:title": {}});
    assert_eq!(owners(&created)[0]["fieldsV1"], json!({"f:spec": {".": {}, "f:i18ns": {".": {}, "f:zh": inner}}}));
    let applied = server_side_apply(None, &wanted, &manager("alice", EARLY), Force::No, &schema).unwrap();
    assert_eq!(owners(&applied)[0]["fieldsV1"], json!({"f:spec": {"f:i18ns": {"f:zh": inner}}}));
}
