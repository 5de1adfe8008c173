//! Which fields an object has, in the form of `metadata.managedFields`.
//!
//! Owns the translation of encoded fields into FieldsV1, read straight off the bytes that `json` wrote; so that what is
//! said to be owned is always there. Who owns them is said by whoever writes the object.

use super::json::Json;

/// Lists whose items are known by keys, with these keys. All other lists are owned whole.
const KEYED: &[(&str, &[&str])] = &[
    ("addresses", &["type"]),
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostIPs", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("ownerReferences", &["uid"]),
    ("podIPs", &["ip"]),
    ("ports", &["containerPort", "port", "protocol"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
];

/// Objects that are owned whole.
const ATOMIC: &[&str] = &[
    "configMapKeyRef",
    "fieldRef",
    "labelSelector",
    "nodeSelector",
    "roleRef",
    "scaleTargetRef",
    "secretKeyRef",
    "selector",
];

/// Parts that are always there, so that nobody owns their being there.
const STRUCTURAL: &[&str] = &[
    "containers",
    "initContainers",
    "jobTemplate",
    "metadata",
    "spec",
    "status",
    "strategy",
    "template",
    "updateStrategy",
];

/// How fields of one sort of objects are owned.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope {
    /// Owned by nobody, wherever they are.
    pub(crate) without: &'static [&'static str],
    /// Owned whole.
    pub(crate) whole: &'static [&'static str],
}

/// Writes the fields of `members`, which is what stands between the braces of an object.
pub(crate) fn write(json: &mut Json, members: &[u8], scope: &Scope) {
    each_member(members, |key, value| {
        if !scope.without.contains(&key) {
            json.field(key, |json| write_value(json, key, value, scope));
        }
    });
}

fn write_value(json: &mut Json, key: &str, value: &[u8], scope: &Scope) {
    let is_whole = ATOMIC.contains(&key) || scope.whole.contains(&key) || value.len() <= 2;
    let keys = KEYED.iter().find(|(list, _)| *list == key).map(|(_, keys)| *keys);
    match (value.first(), keys) {
        (Some(b'{'), _) if !is_whole => {
            exists(json, key);
            write(json, inside(value), scope);
        }
        (Some(b'['), Some(keys)) if !is_whole => {
            exists(json, key);
            each_value(inside(value), |item| {
                json.object(&format!("k:{{{}}}", identity(item, keys)), |json| {
                    exists(json, "");
                    write(json, inside(item), scope);
                });
            });
        }
        _ => {}
    }
}

fn exists(json: &mut Json, key: &str) {
    if !STRUCTURAL.contains(&key) {
        json.object(".", |_| {});
    }
}

/// `"name":"web"`: the members of an item that tell it from others.
fn identity(item: &[u8], keys: &[&str]) -> String {
    let mut parts: Vec<String> = Vec::new();
    each_member(inside(item), |key, value| {
        if keys.contains(&key) {
            parts.push(format!("\"{key}\":{}", text(value)));
        }
    });
    parts.sort_unstable();
    parts.join(",")
}

fn inside(value: &[u8]) -> &[u8] {
    &value[1..value.len() - 1]
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what was written is UTF-8")
}

fn each_member<'a>(members: &'a [u8], mut found: impl FnMut(&'a str, &'a [u8])) {
    let mut rest = members;
    while !rest.is_empty() {
        let (key, value) = rest.split_at(value_length(rest));
        let value = &value[1..];
        let (value, after) = value.split_at(value_length(value));
        found(text(inside(key)), value);
        rest = after.get(1..).unwrap_or_default();
    }
}

fn each_value<'a>(values: &'a [u8], mut found: impl FnMut(&'a [u8])) {
    let mut rest = values;
    while !rest.is_empty() {
        let (value, after) = rest.split_at(value_length(rest));
        found(value);
        rest = after.get(1..).unwrap_or_default();
    }
}

/// Length of the value at the beginning of `bytes`: up to the comma, colon or closing bracket that ends it.
fn value_length(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at += quoted_length(&bytes[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b':' | b'}' | b']' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn quoted_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(members: &str, expected: &Value) {
        let mut json = Json::default();
        json.item(|json| write(json, members.as_bytes(), &Scope { without: &["nodeName"], whole: &["limits"] }));
        assert_eq!(&serde_json::from_slice::<Value>(json.bytes()).unwrap(), expected);
    }

    #[test]
    fn fields_of_objects_are_owned_one_by_one() {
        check(
            r#""spec":{"replicas":2,"selector":{"matchLabels":{"app":"x"}},"limits":{"cpu":"1,}\""}},"nodeName":"n""#,
            &json!({"f:spec": {"f:replicas": {}, "f:selector": {}, "f:limits": {}}}),
        );
    }

    #[test]
    fn items_of_keyed_lists_are_owned_by_their_keys_and_others_whole() {
        check(
            r#""containers":[{"name":"web","ports":[{"containerPort":80,"protocol":"TCP"}],"args":["a","b"]}],"env":[]"#,
            &json!({
                "f:containers": {r#"k:{"name":"web"}"#: {
                    ".": {}, "f:name": {}, "f:args": {},
                    "f:ports": {".": {}, r#"k:{"containerPort":80,"protocol":"TCP"}"#:
                        {".": {}, "f:containerPort": {}, "f:protocol": {}}},
                }},
                "f:env": {},
            }),
        );
    }
}
