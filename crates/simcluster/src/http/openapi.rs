//! OpenAPI v3, as much as kubectl asks before it applies.
//!
//! Owns the index and a document per group and version. Only custom resources come with their schema.

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::kind::Kind;

/// `/openapi/v3`.
pub(super) fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for (group, versions) in catalog.groups() {
        for version in versions {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let url = format!("/openapi/v3/{path}?hash={:016X}", hash(catalog, group, version));
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// The document of a group and version.
pub(super) fn document(catalog: &Catalog, group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<_> = catalog.version(group, version).collect();
    if kinds.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in kinds {
        let identity = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
        paths.insert(object_path(kind), operations(kind, &identity));
        schemas.insert(schema_name(kind), schema(kind, &identity));
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

fn object_path(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
    let place = if kind.is_namespaced() { "/namespaces/{namespace}" } else { "" };
    format!("{root}{place}/{}/{{name}}", kind.plural)
}

fn schema_name(kind: &Kind) -> String {
    let group = if kind.group.is_empty() { "core" } else { &kind.group };
    format!("io.k8s.api.{group}.{}.{}", kind.version, kind.kind)
}

fn schema(kind: &Kind, identity: &Value) -> Value {
    let mut schema = match kind.custom() {
        Some(custom) => custom.open_api.clone(),
        None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    };
    schema["x-kubernetes-group-version-kind"] = json!([identity]);
    schema
}

fn operations(kind: &Kind, identity: &Value) -> Value {
    let parameter =
        |name: &str, of: &str| json!({"name": name, "in": "query", "schema": {"type": of, "uniqueItems": true}});
    let parameters = [
        parameter("dryRun", "string"),
        parameter("fieldManager", "string"),
        parameter("fieldValidation", "string"),
        parameter("force", "boolean"),
    ];
    let reference = json!({"$ref": format!("#/components/schemas/{}", schema_name(kind))});
    let content = json!({"application/json": {"schema": reference}});
    let operation = |action: &str| {
        json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": identity,
        })
    };
    json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch"), "delete": operation("delete")})
}

/// Changes when the kinds of a document change: clients keep documents by it.
fn hash(catalog: &Catalog, group: &str, version: &str) -> u64 {
    let text: String =
        catalog.version(group, version).map(|kind| schema(kind, &Value::Null).to_string() + &kind.plural).collect();
    // FNV-1a.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
