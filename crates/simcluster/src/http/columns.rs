//! The columns that kubectl prints of built-in kinds.
//!
//! Owns their names, order and cells, as of Kubernetes 1.36; wide ones have priority 1.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::store::text_at;

/// Name, type, priority.
type Column = (&'static str, &'static str, i64);

const POD: &[Column] = &[
    ("Name", "string", 0),
    ("Ready", "string", 0),
    ("Status", "string", 0),
    ("Restarts", "string", 0),
    ("Age", "string", 0),
    ("IP", "string", 1),
    ("Node", "string", 1),
    ("Nominated Node", "string", 1),
    ("Readiness Gates", "string", 1),
];
const NODE: &[Column] = &[
    ("Name", "string", 0),
    ("Status", "string", 0),
    ("Roles", "string", 0),
    ("Age", "string", 0),
    ("Version", "string", 0),
    ("Internal-IP", "string", 1),
    ("External-IP", "string", 1),
    ("OS-Image", "string", 1),
    ("Kernel-Version", "string", 1),
    ("Container-Runtime", "string", 1),
];
const NAMESPACE: &[Column] = &[("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)];
const CONFIG_MAP: &[Column] = &[("Name", "string", 0), ("Data", "string", 0), ("Age", "string", 0)];
const DEPLOYMENT: &[Column] = &[
    ("Name", "string", 0),
    ("Ready", "string", 0),
    ("Up-to-date", "integer", 0),
    ("Available", "integer", 0),
    ("Age", "string", 0),
    ("Containers", "string", 1),
    ("Images", "string", 1),
    ("Selector", "string", 1),
];
const JOB: &[Column] = &[
    ("Name", "string", 0),
    ("Status", "string", 0),
    ("Completions", "string", 0),
    ("Duration", "string", 0),
    ("Age", "string", 0),
    ("Containers", "string", 1),
    ("Images", "string", 1),
    ("Selector", "string", 1),
];
const EVENT: &[Column] = &[
    ("Last Seen", "string", 0),
    ("Type", "string", 0),
    ("Reason", "string", 0),
    ("Object", "string", 0),
    ("Subobject", "string", 1),
    ("Source", "string", 1),
    ("Message", "string", 0),
    ("First Seen", "string", 1),
    ("Count", "integer", 1),
    ("Name", "string", 1),
];
const OTHER: &[Column] = &[("Name", "string", 0), ("Age", "string", 0)];

/// The columns of a kind.
pub(super) fn of(kind: &Kind) -> &'static [Column] {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => POD,
        ("", "nodes") => NODE,
        ("", "namespaces") => NAMESPACE,
        ("", "configmaps") => CONFIG_MAP,
        ("apps", "deployments") => DEPLOYMENT,
        ("batch", "jobs") => JOB,
        ("" | "events.k8s.io", "events") => EVENT,
        _ => OTHER,
    }
}

/// The cells of an object.
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let age = Value::from(age(text_at(object, "metadata.creationTimestamp"), now));
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod(object, name, age),
        ("", "nodes") => node(object, name, age),
        ("", "configmaps") => {
            let count = |key: &str| object[key].as_object().map_or(0, serde_json::Map::len);
            vec![name, (count("data") + count("binaryData")).into(), age]
        }
        ("", "namespaces") => vec![name, object["status"]["phase"].clone(), age],
        ("apps", "deployments") => deployment(object, name, age),
        ("batch", "jobs") => job(object, name, age, now),
        ("" | "events.k8s.io", "events") => event(object, name, now),
        _ => vec![name, age],
    }
}

/// How long ago that was, in the short form of kubectl.
pub(super) fn age(since: &str, now: Timestamp) -> String {
    match since.parse::<Timestamp>() {
        Ok(since) => short(now.duration_since(since).as_secs()),
        Err(_) => "<unknown>".to_owned(),
    }
}

fn short(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let both = |big: i64, unit: char, small: i64, lesser: char| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{lesser}") }
    };
    match seconds {
        ..0 => "<invalid>".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => both(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => both(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => both(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => both(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

fn pod(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let statuses = object["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    let all = object["spec"]["containers"].as_array().map_or(0, Vec::len);
    let restarts: i64 = statuses.iter().filter_map(|status| status["restartCount"].as_i64()).sum();
    vec![
        name,
        format!("{ready}/{all}").into(),
        pod_status(object, statuses).into(),
        restarts.to_string().into(),
        age,
        or_none(text_at(object, "status.podIP")),
        or_none(text_at(object, "spec.nodeName")),
        or_none(text_at(object, "status.nominatedNodeName")),
        or_none(""),
    ]
}

/// One word: what holds the pod up, else its phase.
fn pod_status(object: &Value, statuses: &[Value]) -> String {
    if object["metadata"].get("deletionTimestamp").is_some() {
        return "Terminating".to_owned();
    }
    let stated = text_at(object, "status.reason");
    if !stated.is_empty() {
        return stated.to_owned();
    }
    let held = statuses.iter().find_map(|status| {
        let state = &status["state"];
        let reason = state["waiting"]["reason"].as_str().or(state["terminated"]["reason"].as_str());
        reason.filter(|reason| !reason.is_empty())
    });
    held.unwrap_or_else(|| text_at(object, "status.phase")).to_owned()
}

fn node(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.clone().find(|condition| condition["type"] == "Ready");
    let mut status = match ready.map(|condition| &condition["status"]) {
        Some(Value::String(status)) if status == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if object["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<&str> = labels.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    let address = |kind: &str| {
        let addresses = object["status"]["addresses"].as_array().into_iter().flatten();
        let found = addresses.clone().find(|address| address["type"] == kind);
        or_none(found.map_or("", |address| text_at(address, "address")))
    };
    let info = |key: &str| Value::from(text_at(&object["status"]["nodeInfo"], key));
    vec![
        name,
        status.into(),
        or_none(&roles.join(",")),
        age,
        info("kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn deployment(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let count = |key: &str| object["status"][key].as_i64().unwrap_or(0);
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let (containers, images) = containers(&object["spec"]["template"]["spec"]);
    vec![
        name,
        format!("{}/{wanted}", count("readyReplicas")).into(),
        count("updatedReplicas").into(),
        count("availableReplicas").into(),
        age,
        containers,
        images,
        selector(&object["spec"]["selector"]),
    ]
}

fn job(object: &Value, name: Value, age: Value, now: Timestamp) -> Vec<Value> {
    let done = object["status"]["succeeded"].as_i64().unwrap_or(0);
    let wanted = object["spec"]["completions"].as_i64().unwrap_or(1);
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut fulfilled = conditions.filter(|condition| condition["status"] == "True");
    let status = fulfilled.find_map(|condition| condition["type"].as_str()).unwrap_or("Running");
    let started = text_at(object, "status.startTime").parse::<Timestamp>().ok();
    let ended = text_at(object, "status.completionTime").parse::<Timestamp>().unwrap_or(now);
    let duration = started.map_or(Value::from(""), |started| short(ended.duration_since(started).as_secs()).into());
    let (containers, images) = containers(&object["spec"]["template"]["spec"]);
    let status = if status == "SuccessCriteriaMet" { "Complete" } else { status };
    vec![
        name,
        status.into(),
        format!("{done}/{wanted}").into(),
        duration,
        age,
        containers,
        images,
        selector(&object["spec"]["selector"]),
    ]
}

fn event(object: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    let first_of = |paths: &[&str]| {
        let texts = paths.iter().map(|path| text_at(object, path));
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    };
    let last = first_of(&[
        "series.lastObservedTime",
        "lastTimestamp",
        "deprecatedLastTimestamp",
        "eventTime",
        "metadata.creationTimestamp",
    ]);
    let first = first_of(&["firstTimestamp", "deprecatedFirstTimestamp", "eventTime", "metadata.creationTimestamp"]);
    let kind = first_of(&["involvedObject.kind", "regarding.kind"]).to_lowercase();
    let of = first_of(&["involvedObject.name", "regarding.name"]);
    let count = object["count"].as_i64().or(object["series"]["count"].as_i64()).unwrap_or(1);
    vec![
        age(&last, now).into(),
        first_of(&["type"]).into(),
        first_of(&["reason"]).into(),
        format!("{kind}/{of}").into(),
        first_of(&["involvedObject.fieldPath", "regarding.fieldPath"]).into(),
        first_of(&["source.component", "reportingComponent", "reportingController"]).into(),
        first_of(&["message", "note"]).into(),
        age(&first, now).into(),
        count.into(),
        name,
    ]
}

fn containers(spec: &Value) -> (Value, Value) {
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let joined = |key: &str| {
        let texts: Vec<&str> = containers.iter().map(|container| text_at(container, key)).collect();
        Value::from(texts.join(","))
    };
    (joined("name"), joined("image"))
}

fn selector(selector: &Value) -> Value {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let terms: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    or_none(&terms.join(","))
}

fn or_none(text: &str) -> Value {
    if text.is_empty() { json!("<none>") } else { json!(text) }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn ages_are_as_short_as_those_of_kubectl() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let ages = [5, 119, 125, 599, 3_000, 11_000, 40_000, 200_000, 800_000];
        let shown: Vec<String> =
            ages.iter().map(|&age_s: &i64| age(&(now - age_s.seconds()).to_string(), now)).collect();
        assert_eq!(shown, ["5s", "119s", "2m5s", "9m59s", "50m", "3h3m", "11h", "2d7h", "9d"]);
    }
}
