//! Each object by itself, and what objects say of each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{decode, objects, of_kind, sizes};
use crate::population::{Object, Sizes, population};

fn texts<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

#[test]
fn what_is_said_beside_an_encoding_is_what_it_says() {
    for (object, version) in objects(7, &sizes(300)).iter().zip(2_u64..) {
        let decoded = decode(object);
        let metadata = &decoded["metadata"];
        let labels: Vec<(Box<str>, Box<str>)> = metadata["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str().into(), value.as_str().unwrap().into()))
            .collect();
        assert_eq!(
            (object.version, metadata["resourceVersion"].as_str()),
            (version, Some(version.to_string().as_str()))
        );
        assert_eq!(texts(&decoded, "/kind"), Some(object.kind));
        assert_eq!(texts(&decoded, "/apiVersion"), Some(object.api_version));
        assert_eq!(texts(metadata, "/name"), Some(&*object.name));
        assert_eq!(texts(metadata, "/namespace").unwrap_or_default(), &*object.namespace);
        assert_eq!(texts(metadata, "/uid"), Some(&*object.uid));
        assert_eq!(texts(metadata, "/ownerReferences/0/uid"), object.owner.as_deref());
        assert_eq!(labels, object.labels.to_vec());
        assert!(labels.is_sorted());
    }
}

#[test]
fn selectable_fields_are_those_of_the_encoding() {
    for object in objects(7, &sizes(300)) {
        let decoded = decode(&object);
        for (path, value) in &object.fields {
            let found = match decoded.pointer(&format!("/{}", path.replace('.', "/"))) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None if *path == "spec.hostNetwork" || *path == "spec.unschedulable" => "false".to_owned(),
                None if *path == "status.successful" => {
                    decoded["status"]["succeeded"].as_i64().unwrap_or(0).to_string()
                }
                None => String::new(),
            };
            assert_eq!(found, **value, "{path} of {} {}", object.kind, object.name);
        }
    }
}

#[test]
fn an_encoding_is_compact_and_holds_no_key_twice() {
    for object in objects(7, &sizes(200)) {
        let again = serde_json::to_vec(&decode(&object)).unwrap();
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&object.body));
    }
}

#[test]
fn versions_count_up_from_the_one_that_was_given() {
    let versions: Vec<u64> = population(7, &sizes(50)).objects(100).map(|object| object.version).collect();
    assert!(versions.iter().zip(100..).all(|(found, expected)| *found == expected));
}

#[test]
fn names_and_label_values_are_valid() {
    let is_name = |name: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !name.is_empty()
            && name.len() <= 63
            && name.bytes().all(inner)
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    for Object { name, labels, .. } in objects(7, &sizes(500)) {
        assert!(is_name(&name), "{name}");
        assert!(labels.iter().all(|(_, value)| value.len() <= 63), "{labels:?}");
    }
}

#[test]
fn owners_that_are_served_exist_and_come_first() {
    let mut seen: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    for object in objects(7, &sizes(1_000)) {
        let decoded = decode(&object);
        let metadata = &decoded["metadata"];
        for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
            let is_foreign =
                ["Devbox", "RayCluster", "VirtualMachineInstance"].contains(&owner["kind"].as_str().unwrap());
            let found = seen.get(owner["uid"].as_str().unwrap());
            let expected = (!is_foreign).then(|| (owner["kind"].clone(), owner["name"].clone()));
            assert_eq!(found, expected.as_ref(), "{} {}", object.kind, object.name);
        }
        seen.insert(object.uid.into(), (decoded["kind"].clone(), metadata["name"].clone()));
    }
}

#[test]
fn every_namespace_exists_before_what_is_in_it() {
    let mut seen = BTreeSet::from([String::new()]);
    for object in objects(7, &sizes(300)) {
        assert!(seen.contains(&*object.namespace), "{}", object.namespace);
        if object.kind == "Namespace" {
            seen.insert(object.name.into());
        }
    }
}

/// Whether what FieldsV1 names is there.
fn exists(fields: &Value, value: &Value) -> bool {
    fields.as_object().unwrap().iter().all(|(key, below)| {
        let found = match key.split_at(2.min(key.len())) {
            (".", "") => return true,
            ("f:", name) => value.get(name),
            ("k:", keys) => {
                let keys: Value = serde_json::from_str(keys).unwrap();
                let matches =
                    |item: &&Value| keys.as_object().unwrap().iter().all(|(key, value)| item.get(key) == Some(value));
                value.as_array().and_then(|items| items.iter().find(matches))
            }
            _ => None,
        };
        found.is_some_and(|found| exists(below, found))
    })
}

#[test]
fn managers_own_fields_that_are_there() {
    for object in objects(7, &sizes(300)) {
        let decoded = decode(&object);
        let entries = decoded["metadata"]["managedFields"].as_array().unwrap();
        assert!(!entries.is_empty());
        for entry in entries {
            assert!(exists(&entry["fieldsV1"], &decoded), "{} {}", object.kind, object.name);
        }
    }
}

#[test]
fn the_fields_of_a_pod_are_all_owned() {
    let nobodys = ["nodeName", "dnsPolicy", "schedulerName", "priority", "tolerations"];
    for pod in of_kind(&objects(7, &sizes(1_000)), "Pod") {
        let fields = |entry: usize| &pod["metadata"]["managedFields"][entry]["fieldsV1"];
        for (part, owned) in [("spec", &fields(0)["f:spec"]), ("status", &fields(1)["f:status"])] {
            let keys = pod[part].as_object().unwrap().keys().filter(|key| !nobodys.contains(&key.as_str()));
            let expected: BTreeSet<String> = keys.map(|key| format!("f:{key}")).collect();
            let found: BTreeSet<String> = owned.as_object().unwrap().keys().cloned().collect();
            assert_eq!(found, expected, "{}", pod["metadata"]["name"]);
        }
    }
}

#[test]
fn addresses_of_pods_are_their_own_and_in_the_range_of_their_node() {
    let objects = objects(7, &Sizes { nodes: 7, ..sizes(1_000) });
    let nodes = of_kind(&objects, "Node");
    let range =
        |name: &str| nodes.iter().find(|node| node["metadata"]["name"] == name).unwrap()["spec"]["podCIDR"].as_str();
    let mut seen = BTreeSet::new();
    for pod in of_kind(&objects, "Pod").iter().filter(|pod| pod["spec"].get("hostNetwork").is_none()) {
        let Some(address) = texts(pod, "/status/podIP") else { continue };
        let (base, bits) = range(texts(pod, "/spec/nodeName").unwrap()).unwrap().split_once('/').unwrap();
        let number = |text: &str| u32::from(text.parse::<std::net::Ipv4Addr>().unwrap());
        assert_eq!(
            (number(address) ^ number(base)) >> (32 - bits.parse::<u32>().unwrap()),
            0,
            "{address} in {base}/{bits}"
        );
        assert!(seen.insert(address.to_owned()), "{address} twice");
    }
    assert!(seen.len() > 800);
}

#[test]
fn endpoints_are_the_pods_that_their_service_selects() {
    let objects = objects(7, &sizes(1_000));
    let pods: BTreeMap<String, Value> = objects
        .iter()
        .filter(|object| object.kind == "Pod")
        .map(|object| (object.uid.to_string(), decode(object)))
        .collect();
    let slices = of_kind(&objects, "EndpointSlice");
    let endpoints: Vec<&Value> = slices.iter().filter_map(|slice| slice["endpoints"].as_array()).flatten().collect();
    assert!(endpoints.len() > 200);
    for endpoint in endpoints {
        let pod = &pods[endpoint["targetRef"]["uid"].as_str().unwrap()];
        let ready = pod["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True");
        assert_eq!(endpoint["addresses"][0], pod["status"]["podIP"]);
        assert_eq!(endpoint["targetRef"]["name"], pod["metadata"]["name"]);
        assert_eq!(endpoint["nodeName"], pod["spec"]["nodeName"]);
        assert_eq!(endpoint["conditions"]["ready"], ready);
    }
}

#[test]
fn container_statuses_name_the_containers_of_the_specification() {
    for pod in of_kind(&objects(7, &sizes(500)), "Pod") {
        let names = |value: &Value| -> Vec<Value> {
            value.as_array().into_iter().flatten().map(|one| one["name"].clone()).collect()
        };
        let (spec, status) = (&pod["spec"], &pod["status"]);
        if status.get("containerStatuses").is_none() {
            continue;
        }
        for (list, statuses) in [
            ("containers", "containerStatuses"),
            ("initContainers", "initContainerStatuses"),
            ("ephemeralContainers", "ephemeralContainerStatuses"),
        ] {
            assert_eq!(names(&spec[list]), names(&status[statuses]), "{pod}");
        }
    }
}

/// What `motion` makes of a template: FNV-1a, ten letters.
fn hash_of(template: &Value) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = template.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let mut letters = String::new();
    for _ in 0..10 {
        letters.push(char::from(b"bcdfghjklmnpqrstvwxz2456789"[usize::try_from(hash % 27).unwrap()]));
        hash /= 27;
    }
    letters
}

#[test]
fn replica_sets_are_named_as_the_controller_would_name_them() {
    let objects = objects(7, &sizes(300));
    let sets: BTreeSet<String> = of_kind(&objects, "ReplicaSet")
        .iter()
        .map(|set| set["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    let deployments = of_kind(&objects, "Deployment");
    assert!(deployments.len() > 20);
    for deployment in deployments {
        let name = format!(
            "{}-{}",
            deployment["metadata"]["name"].as_str().unwrap(),
            hash_of(&deployment["spec"]["template"])
        );
        assert!(sets.contains(&name), "{name}");
    }
}
