//! Values that built-in kinds have where a writer leaves them out.
//!
//! Owns the few that clients rely on; full defaulting is not modelled. What the first function sets belongs to the writer,
//! as on real servers, what the second sets to nobody.

use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::random::Random;
use crate::store::text_at;

/// Fills in what the types of a kind default to.
pub(super) fn fill(kind: &Kind, object: &mut Value, random: &mut Random) {
    if kind.custom().is_some() {
        return;
    }
    match kind.plural.as_str() {
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            let labels = within(&mut object["metadata"], "labels");
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
        "pods" => fill_pod(within(object, "spec")),
        "deployments" | "replicasets" | "statefulsets" => {
            let spec = within(object, "spec");
            spec.entry("replicas").or_insert_with(|| 1.into());
            fill_template(spec);
        }
        "daemonsets" => fill_template(within(object, "spec")),
        "jobs" => fill_job(within(object, "spec")),
        "services" => fill_service(within(object, "spec"), random),
        "secrets" => fill_secret(object),
        _ => {}
    }
}

/// Sets how an object begins.
pub(super) fn begin(kind: &Kind, object: &mut Value) {
    match kind.plural.as_str() {
        "namespaces" => {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "pods" => object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"}),
        "jobs" => {
            let uid = object["metadata"]["uid"].clone();
            let name = object["metadata"]["name"].clone();
            let spec = within(object, "spec");
            spec.entry("selector")
                .or_insert_with(|| json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
            let template = template_metadata(spec);
            let labels = template.entry("labels").or_insert_with(|| json!({}));
            for (key, value) in [("controller-uid", &uid), ("job-name", &name)] {
                labels[format!("batch.kubernetes.io/{key}")] = value.clone();
                labels[key] = value.clone();
            }
        }
        _ => {}
    }
}

/// The object under `key`, made if need be.
fn within<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object[key].is_object() {
        object[key] = Value::Object(Map::new());
    }
    object[key].as_object_mut().expect("it was just made an object")
}

fn template_metadata(spec: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let template = spec.entry("template").or_insert_with(|| json!({}));
    within(template, "metadata")
}

fn fill_template(spec: &mut Map<String, Value>) {
    if let Some(template) = spec.get_mut("template").filter(|template| template.is_object()) {
        fill_pod(within(template, "spec"));
    }
}

fn fill_pod(spec: &mut Map<String, Value>) {
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        containers.into_iter().flatten().filter_map(Value::as_object_mut).for_each(fill_container);
    }
    let defaults = [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
    ];
    for (key, value) in defaults {
        spec.entry(key).or_insert(value);
    }
}

fn fill_container(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let is_moving = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains([':', '@']);
    let pull = if is_moving { "Always" } else { "IfNotPresent" };
    let defaults = [
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("imagePullPolicy", json!(pull)),
    ];
    for (key, value) in defaults {
        container.entry(key).or_insert(value);
    }
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.entry("protocol").or_insert_with(|| json!("TCP"));
        }
    }
}

fn fill_job(spec: &mut Map<String, Value>) {
    let defaults = [
        ("backoffLimit", json!(6)),
        ("completions", json!(1)),
        ("parallelism", json!(1)),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
    ];
    for (key, value) in defaults {
        spec.entry(key).or_insert(value);
    }
    fill_template(spec);
}

fn fill_service(spec: &mut Map<String, Value>, random: &mut Random) {
    spec.entry("type").or_insert_with(|| json!("ClusterIP"));
    spec.entry("sessionAffinity").or_insert_with(|| json!("None"));
    let address = format!("10.96.{}.{}", random.below(256), 1 + random.below(254));
    let address = spec.entry("clusterIP").or_insert_with(|| address.into()).clone();
    spec.entry("clusterIPs").or_insert_with(|| json!([address]));
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = port["port"].clone();
        if let Some(port) = port.as_object_mut() {
            port.entry("protocol").or_insert_with(|| json!("TCP"));
            port.entry("targetPort").or_insert(number);
        }
    }
}

fn fill_secret(secret: &mut Value) {
    if text_at(secret, "type").is_empty() {
        secret["type"] = "Opaque".into();
    }
    let Some(plain) = secret.as_object_mut().and_then(|map| map.shift_remove("stringData")) else { return };
    let data = within(secret, "data");
    for (key, value) in plain.as_object().into_iter().flatten() {
        let encoded = crate::base64::encode(value.as_str().unwrap_or_default().as_bytes());
        data.insert(key.clone(), encoded.into());
    }
}
