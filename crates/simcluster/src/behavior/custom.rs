//! Custom resources: from the definition to pruned and validated objects.

use serde_json::{Value, json};

use crate::SimCluster;
use crate::fixture::{Answered, cluster, delete, get, send, watch};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.org/v1/namespaces/default/widgets";

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
                    "spec": {"type": "object", "required": ["title"], "properties": {
                        "title": {"type": "string", "pattern": "^[a-z]+$"},
                        "size": {"type": "integer", "minimum": 1, "default": 3},
                    }},
                    "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
                }}},
            }],
        },
    })
}

fn widget(spec: &Value) -> Value {
    json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

async fn with_widgets() -> SimCluster {
    let sim = cluster().await;
    assert_eq!(send(&sim, "POST", CRDS, &definition()).await.code, 201);
    sim
}

async fn create(sim: &SimCluster, query: &str, spec: &Value) -> Answered {
    send(sim, "POST", &format!("{WIDGETS}{query}"), &widget(spec)).await
}

#[tokio::test]
async fn a_definition_is_established_and_served() {
    let sim = with_widgets().await;
    let established = get(&sim, &format!("{CRDS}/widgets.example.org")).await.body["status"]["conditions"][1].clone();
    assert_eq!((&established["type"], &established["status"]), (&json!("Established"), &json!("True")));
    let list = get(&sim, "/apis/example.org/v1").await.body;
    let names: Vec<&str> =
        list["resources"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["widgets", "widgets/status"]);
}

#[tokio::test]
async fn unknown_fields_are_pruned_and_defaults_filled_in() {
    let sim = with_widgets().await;
    let made = create(&sim, "", &json!({"title": "a", "colour": "red"})).await;
    assert_eq!((made.code, &made.body["spec"]), (201, &json!({"title": "a", "size": 3})));
}

#[tokio::test]
async fn a_strict_writer_is_told_of_unknown_fields() {
    let sim = with_widgets().await;
    let refused = create(&sim, "?fieldValidation=Strict", &json!({"title": "a", "colour": "red"})).await;
    let message =
        "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.colour\"";
    assert_eq!(refused.refusal(), (400, "BadRequest", message));
}

#[tokio::test]
async fn faults_are_told_with_their_causes() {
    let sim = with_widgets().await;
    let refused = create(&sim, "", &json!({"size": 1})).await;
    let message = "Widget.example.org \"w\" is invalid: spec.title: Required value";
    assert_eq!(refused.refusal(), (422, "Invalid", message));
    assert_eq!(refused.body["details"]["causes"][0]["field"], "spec.title");
    assert_eq!(create(&sim, "", &json!({"title": "A1"})).await.code, 422);
}

#[tokio::test]
async fn status_and_generation_follow_the_definition() {
    let sim = with_widgets().await;
    create(&sim, "", &json!({"title": "a"})).await;
    let path = format!("{WIDGETS}/w");
    send(&sim, "PATCH", &format!("{path}/status"), &json!({"status": {"ready": true}})).await;
    send(&sim, "PATCH", &path, &json!({"spec": {"size": 5}, "status": {"ready": false}})).await;
    let object = get(&sim, &path).await.body;
    assert_eq!((&object["metadata"]["generation"], &object["status"]["ready"]), (&json!(2), &json!(true)));
    assert_eq!(send(&sim, "PUT", &path, &widget(&json!({"title": "b"}))).await.code, 422);
}

#[tokio::test]
async fn items_of_custom_lists_state_their_kind() {
    let sim = with_widgets().await;
    create(&sim, "", &json!({"title": "a"})).await;
    let list = get(&sim, "/apis/example.org/v1/widgets").await.body;
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("WidgetList"), &json!("Widget")));
}

#[tokio::test]
async fn a_definition_takes_its_objects_and_watches_along() {
    let sim = with_widgets().await;
    create(&sim, "", &json!({"title": "a"})).await;
    let events = watch(&sim, &format!("{WIDGETS}?watch=1&resourceVersion=0")).await;
    delete(&sim, &format!("{CRDS}/widgets.example.org")).await;
    assert_eq!(events.rest().await, ["ADDED w", "DELETED w"]);
    assert_eq!(get(&sim, WIDGETS).await.code, 404);
}

#[tokio::test]
async fn a_definition_of_another_name_is_refused() {
    let sim = cluster().await;
    let mut wrong = definition();
    wrong["metadata"]["name"] = "gadgets.example.org".into();
    assert_eq!(send(&sim, "POST", CRDS, &wrong).await.code, 422);
}

#[tokio::test]
async fn an_apply_of_a_field_that_the_schema_does_not_declare_fails() {
    let sim = with_widgets().await;
    let object = widget(&json!({"title": "a", "colour": "red"}));
    let path = format!("{WIDGETS}/w?fieldManager=alice");
    let refused = crate::fixture::send_as(&sim, "PATCH", &path, crate::fixture::APPLY, &object).await;
    let message = "failed to create typed patch object (/w; example.org/v1, Kind=Widget): .spec.colour: field not declared in schema";
    assert_eq!(refused.refusal(), (500, "", message));
}

#[tokio::test]
async fn a_strict_writer_is_told_of_a_status_that_is_not_kept_and_of_what_a_patch_adds() {
    let sim = with_widgets().await;
    let mut object = widget(&json!({"title": "a"}));
    object["status"] = json!({"colour": "red"});
    let refused = send(&sim, "POST", &format!("{WIDGETS}?fieldValidation=Strict"), &object).await;
    assert_eq!(refused.code, 400);
    create(&sim, "", &json!({"title": "a"})).await;
    let patched =
        send(&sim, "PATCH", &format!("{WIDGETS}/w?fieldValidation=Strict"), &json!({"spec": {"colour": "red"}})).await;
    let (code, reason, message) = patched.refusal();
    let (start, end) =
        (" \"\" is invalid: patch: Invalid value: ", "strict decoding error: unknown field \"spec.colour\"");
    assert!((code, reason) == (422, "Invalid") && message.starts_with(start) && message.ends_with(end), "{message}");
}
