//! What holds for every object and every change of it.

use proptest::prelude::*;
use serde_json::json;

use super::tests::{EARLY, LATE, apply, config, manager, owners, update};
use super::*;

fn data() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-e]", "[0-2]", 0..5).prop_map(|map| json!(map))
}

/// Something like a pod: lists within lists, with keys. None is empty: nobody owns an empty list of that kind.
fn pod() -> impl Strategy<Value = Value> {
    let env = proptest::collection::btree_map("[XY]", "[0-1]", 1..3)
        .prop_map(|env| env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>());
    let container = (proptest::option::of("[0-1]"), proptest::option::of(env));
    let shuffled = proptest::collection::btree_map("[a-d]", container, 1..4).prop_map(Vec::from_iter).prop_shuffle();
    (shuffled, data()).prop_map(|(containers, labels)| {
        let containers: Vec<Value> = containers
            .into_iter()
            .map(|(name, (image, env))| {
                let mut container = json!({"name": name});
                if let Some(image) = image {
                    container["image"] = image.into();
                }
                if let Some(env) = env {
                    container["env"] = env.into();
                }
                container
            })
            .collect();
        json!({"metadata": {"name": "p", "labels": labels}, "spec": {"containers": containers}})
    })
}

/// Whether `object` has all that `wanted` says, lists by name.
fn covers(object: &Value, wanted: &Value) -> bool {
    match (object, wanted) {
        (Value::Object(object), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| object.get(key).is_some_and(|value| covers(value, wanted)))
        }
        (Value::Array(items), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| items.iter().any(|item| item["name"] == wanted["name"] && covers(item, wanted)))
        }
        (value, wanted) => value == wanted,
    }
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
    fn an_applied_pod_has_all_that_was_applied_and_stays_so(first in pod(), second in pod(), live in pod()) {
        let live = update(None, live, "curl", EARLY);
        let bob = apply(Some(&live), &first, "bob", Force::Yes).unwrap();
        let once = apply(Some(&bob), &second, "alice", Force::Yes).unwrap();
        prop_assert!(covers(&once, &second), "{once}");
        let twice = server_side_apply(Some(&once), &second, &manager("alice", LATE), Force::No, &BuiltInLists);
        prop_assert_eq!(twice, Ok(once));
    }

    #[test]
    fn an_applier_that_drops_all_leaves_what_bob_applies(wanted in pod(), bob in pod()) {
        let start = apply(None, &bob, "bob", Force::No).unwrap();
        // What is taken by force does not come back.
        if let Ok(both) = apply(Some(&start), &wanted, "alice", Force::No) {
            let left = apply(Some(&both), &json!({"metadata": {"name": "p"}}), "alice", Force::No).unwrap();
            prop_assert_eq!(owners(&left), owners(&start));
            prop_assert!(covers(&left, &start) && covers(&start, &left), "{}", left);
        }
    }

    #[test]
    fn odd_objects_break_nothing(live in tree(), wanted in tree()) {
        let object = |odd: &Value| {
            let metadata = json!({"name": "p", "finalizers": odd, "managedFields": odd});
            json!({"metadata": metadata, "spec": {"containers": odd, "x": odd}})
        };
        let (live, wanted) = (object(&live), object(&wanted));
        let mut after = wanted.clone();
        record_update(Some(&live), &mut after, &manager("curl", EARLY), &BuiltInLists);
        if let Ok(once) = apply(Some(&live), &wanted, "alice", Force::Yes) {
            prop_assert_eq!(apply(Some(&once), &wanted, "alice", Force::No), Ok(once));
        }
        if let Ok(patched) = apply_patch(&live, &Patch::Strategic(wanted), &BuiltInLists) {
            prop_assert!(patched.is_object());
        }
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
        let patched = apply_patch(&target, &Patch::Merge(patch.clone()), &BuiltInLists);
        prop_assert_eq!(patched, Ok(naive_merge(&target, &patch)));
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
    fn a_json_patch_of_a_list_does_what_a_vector_does(
        start in 0..5_usize,
        moves in proptest::collection::vec((any::<bool>(), 0..6_usize), 0..8),
    ) {
        let mut model: Vec<usize> = (0..start).collect();
        let mut fits = true;
        let mut operations = Vec::new();
        for (nth, (adds, at)) in moves.into_iter().enumerate() {
            let path = format!("/{at}");
            operations.push(if adds {
                json!({"op": "add", "path": path, "value": 100 + nth})
            } else {
                json!({"op": "remove", "path": path})
            });
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
