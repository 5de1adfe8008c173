//! The document: every route once, problems and credentials once.

use api::Problem;
use serde_json::{Map, Value, json};

use super::Operation;
use super::operation::{Described, Schemas};
use crate::front::FormerError;
use crate::routes::{Declared, Facts, Runs, Words};

/// What a document says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// What is described, such as `Keelwatch controller`.
    pub title: &'static str,
    /// The version of the program.
    pub version: &'static str,
}

/// The document of `routes`, in which paths and schemas are sorted.
pub(crate) fn document<'a>(info: Info, routes: impl Iterator<Item = &'a Declared>) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.of::<Problem>();
    let former = schemas.of::<FormerError<'_>>();
    let mut paths: Map<String, Value> = Map::new();
    for declared in routes {
        let facts = &declared.route.facts;
        let mut operation = Operation::new(facts.path, schemas);
        (facts.describe)(&mut operation);
        let (described, rest) = operation.finish();
        schemas = rest;
        let path = paths.entry(facts.path).or_insert_with(|| json!({}));
        path[facts.method.as_str().to_ascii_lowercase()] = written(declared, described);
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {"title": info.title, "version": info.version},
        "paths": paths,
        "components": {
            "schemas": schemas.into_named(),
            "responses": {
                "Problem": response("What is wrong, as RFC 9457 writes it.", "application/problem+json", &json!(problem)),
                "FormerError": response("What is wrong, as the former tools wrote it.", "application/json", &json!(former)),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    })
}

fn response(description: &str, media_type: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {media_type: {"schema": schema}}})
}

fn written(declared: &Declared, described: Described) -> Value {
    let Facts { about, words, basic, runs, is_deprecated, .. } = &declared.route.facts;
    let Described { parameters, body, mut answers } = described;
    let mut operation = json!({"summary": about});
    if *is_deprecated {
        operation["deprecated"] = json!(true);
    }
    match declared.scope {
        None => operation["security"] = json!([]),
        Some(scope) => {
            let mut security = vec![json!({"bearer": []}), json!({"apiKey": []})];
            security.extend(basic.as_ref().map(|_| json!({"basic": []})));
            operation["security"] = json!(security);
            operation["x-scope"] = json!(scope);
        }
    }
    if *runs == Runs::OnLeader {
        operation["x-runs-on"] = json!("leader");
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    let fault = json!({"$ref": match words {
        Words::Problem => "#/components/responses/Problem",
        Words::Former => "#/components/responses/FormerError",
    }});
    for answer in answers.values_mut().filter(|answer| answer.get("$ref").is_some()) {
        answer.clone_from(&fault);
    }
    answers.sort_keys();
    answers.insert("default".to_owned(), fault);
    operation["responses"] = json!(answers);
    operation
}
