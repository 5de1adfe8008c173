//! The document of routes of every kind.

use serde_json::{Value, json};

use super::Info;
use crate::access::BasicAuth;
use crate::fixture;

fn document() -> Value {
    let info = Info { title: "Keelwatch test", version: "1.2.3" };
    serde_json::from_str(&fixture::routes(&BasicAuth::new()).documented(info).document(info)).unwrap()
}

const PROBLEM: &str = "#/components/responses/Problem";

#[test]
fn a_read_says_its_scope_credentials_query_and_answer() {
    let problem = json!({"$ref": PROBLEM});
    let expected = json!({
        "summary": "Answers its query.",
        "security": [{"bearer": []}, {"apiKey": []}],
        "x-scope": "read",
        "parameters": [
            {"name": "name", "in": "query", "required": true, "schema": {"type": "string"}, "description": "The name."},
        ],
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Named"}}},
            },
            "400": problem,
            "default": problem,
        },
    });
    assert_eq!(document()["paths"]["/named"]["get"], expected);
}

#[test]
fn a_body_is_described_with_what_may_be_wrong_with_it() {
    let document = document();
    let echo = &document["paths"]["/echo"]["post"];
    let schema = &echo["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!((&schema["required"], &schema["additionalProperties"]), (&json!(["name"]), &json!(false)));
    let answers: Vec<&String> = echo["responses"].as_object().unwrap().keys().collect();
    assert_eq!(answers, ["200", "400", "413", "415", "422", "default"]);
}

#[test]
fn a_former_route_says_so_and_how_its_faults_are_told() {
    let document = document();
    let former = &document["paths"]["/former"]["get"];
    assert_eq!(former["deprecated"], true);
    assert_eq!(former["security"], json!([{"bearer": []}, {"apiKey": []}, {"basic": []}]));
    assert_eq!(former["responses"]["default"], json!({"$ref": "#/components/responses/FormerError"}));
    let fields = document["components"]["schemas"]["FormerError"]["properties"].as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["error", "hint"]);
}

#[test]
fn open_routes_need_nothing_and_those_of_the_leader_are_marked() {
    let document = document();
    assert_eq!(document["paths"]["/open"]["get"]["security"], json!([]));
    assert_eq!(document["paths"]["/led"]["post"]["x-runs-on"], "leader");
    assert_eq!(document["paths"]["/beat/{agent_id}"]["post"]["parameters"][0]["name"], "agent_id");
}

#[test]
fn the_document_describes_itself_and_every_reference_leads_somewhere() {
    let document = document();
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&json!("3.1.0"), &json!("1.2.3")));
    assert_eq!(document["paths"]["/openapi.json"]["get"]["x-scope"], "read");
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn it_is_served_to_readers() {
    let server = fixture::Setup::default().start().await;
    let url = server.url("/openapi.json");
    assert_eq!(fixture::client().get(&url).send().await.unwrap().status(), 401);
    let response = fixture::client().get(&url).header("x-api-key", "t0ken").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json::<Value>().await.unwrap(), document());
}
