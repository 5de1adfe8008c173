//! Custom resources: definitions, pruning, defaults, validation, their parts.

use serde_json::{Value, json};

use super::case::{Ending, Need, Verdict, cases};
use super::client::Answer;
use super::compare::{coded, equal, failure, holds, masked, names, owners, refused, version};
use super::ground::{APPLY, GROUP, Ground, MERGE, STRATEGIC};

cases![
    a_definition_is_established_and_described needs DEFINE,
    unknown_fields_are_pruned_and_defaults_filled_in needs DEFINE,
    a_strict_writer_is_told_of_unknown_fields needs DEFINE,
    a_strict_patch_is_told_of_unknown_fields needs DEFINE,
    what_is_required_is_missed needs DEFINE,
    wrong_values_are_told_with_their_causes needs DEFINE,
    lengths_and_numbers_are_bounded needs DEFINE,
    keys_of_a_list_are_unique needs DEFINE,
    a_body_states_its_kind needs DEFINE,
    the_status_has_its_own_path needs DEFINE,
    the_size_is_scaled needs DEFINE,
    an_update_needs_a_version needs DEFINE,
    a_strategic_patch_is_not_for_custom_resources needs DEFINE,
    items_of_lists_state_their_kind needs DEFINE,
    lists_are_applied_by_the_keys_of_the_schema needs DEFINE,
    an_apply_of_an_undeclared_field_fails needs DEFINE,
    a_table_has_the_columns_of_the_definition needs DEFINE,
    a_definition_takes_its_objects_along needs DEFINE,
];

const DEFINE: Need = Need::Right("create", "apiextensions.k8s.io", "customresourcedefinitions");
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A kind of its own for each case, since a definition may take seconds to be gone.
struct Defined {
    kind: String,
    plural: String,
    api_version: String,
    /// Of its objects in the namespace.
    path: String,
}

fn schema() -> Value {
    let part = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}}});
    let spec = json!({
        "title": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 8},
        "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "level": {"type": "string", "enum": ["low", "high"]},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "either": {"x-kubernetes-int-or-string": true},
        "note": {"type": "string", "nullable": true},
        "table": {"type": "object", "additionalProperties": {"type": "string"}},
        "parts": {
            "type": "array", "maxItems": 3, "items": part, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        },
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    });
    let status = json!({"type": "object", "properties": {"ready": {"type": "boolean"}, "size": {"type": "integer"}}});
    let spec = json!({"type": "object", "required": ["title"], "properties": spec});
    json!({"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": status}})
}

/// Defines a kind and waits until it is served.
async fn defined(ground: &Ground, word: &str) -> Result<Defined, Ending> {
    let singular = format!("{word}{}", ground.word());
    let plural = format!("{singular}s");
    let kind = format!("{}{}", word[..1].to_uppercase(), &singular[1..]);
    let columns = json!([
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Level", "type": "string", "jsonPath": ".spec.level", "priority": 1},
    ]);
    let scale = json!({"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"});
    let served = json!({
        "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema()},
        "subresources": {"status": {}, "scale": scale}, "additionalPrinterColumns": columns,
    });
    let names = json!({"plural": plural, "singular": singular, "kind": kind, "listKind": format!("{kind}List"), "shortNames": [format!("s{singular}")]});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [served]},
    });
    let made = ground.given(DEFINITIONS, &definition).await?;
    ground.remember(&format!("{DEFINITIONS}/{plural}.{GROUP}"), &made);
    let api_version = format!("{GROUP}/v1");
    let path = ground.group_path(&api_version, &plural);
    ground.until(&path, "is served", |answer| answer.code == 200).await?;
    // The first requests after a list may still meet a handler without the schema.
    let probe =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "probe"}, "spec": {"title": "ab"}});
    let made = ground.create(&format!("{path}?dryRun=All"), &probe).await?;
    coded(&made, 201)?;
    Ok(Defined { kind, plural, api_version, path })
}

impl Defined {
    fn object(&self, name: &str, spec: &Value) -> Value {
        json!({"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": name}, "spec": spec})
    }

    async fn create(&self, ground: &Ground, query: &str, spec: &Value) -> Result<Answer, Ending> {
        Ok(ground.create(&format!("{}{query}", self.path), &self.object("one", spec)).await?)
    }

    /// Fails unless the answer refuses with these causes: fields and messages, in any order.
    fn refuses(&self, answer: &Answer, causes: &[(&str, &str, &str)]) -> Verdict {
        let status = answer.json();
        let mut got: Vec<Value> = status["details"]["causes"].as_array().cloned().unwrap_or_default();
        let mut expected: Vec<Value> = causes
            .iter()
            .map(|(reason, field, message)| json!({"reason": reason, "message": message, "field": field}))
            .collect();
        got.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        let details = &status["details"];
        let about = json!([answer.code, status["reason"], details["name"], details["group"], details["kind"]]);
        equal("about", &about, &json!([422, "Invalid", "one", GROUP, self.kind]))?;
        equal("causes", &got.into(), &expected.into())
    }
}

async fn a_definition_is_established_and_described(ground: Ground) -> Verdict {
    let kind = defined(&ground, "established").await?;
    let definition = ground.get(&format!("{DEFINITIONS}/{}.{GROUP}", kind.plural)).await?.json();
    let conditions = definition["status"]["conditions"].as_array().into_iter().flatten();
    let mut conditions: Vec<Value> = conditions.map(|one| json!([one["type"], one["status"], one["reason"]])).collect();
    conditions.sort_by_key(Value::to_string);
    let expected = json!([["Established", "True", "InitialNamesAccepted"], ["NamesAccepted", "True", "NoConflicts"]]);
    equal("conditions", &conditions.into(), &expected)?;
    let path = format!("/apis/{}", kind.api_version);
    let is_described = |answer: &Answer| answer.text.contains(&format!("\"{}\"", kind.plural));
    ground.until(&path, "describes the kind", is_described).await?;
    let list = ground.get(&path).await?.json();
    let ours = list["resources"].as_array().into_iter().flatten();
    let mut ours: Vec<Value> = ours
        .filter(|one| one["name"].as_str().is_some_and(|name| name.split('/').next() == Some(&kind.plural)))
        .map(|one| json!([one["name"], one["kind"], one["namespaced"], one["shortNames"]]))
        .collect();
    ours.sort_by_key(Value::to_string);
    let short = kind.plural.trim_end_matches('s');
    let expected = json!([
        [kind.plural, kind.kind, true, [format!("s{short}")]],
        [format!("{}/scale", kind.plural), "Scale", true, null],
        [format!("{}/status", kind.plural), kind.kind, true, null],
    ]);
    equal("resources", &ours.into(), &expected)
}

async fn unknown_fields_are_pruned_and_defaults_filled_in(ground: Ground) -> Verdict {
    let kind = defined(&ground, "pruned").await?;
    let spec = json!({"title": "abc", "colour": "red", "free": {"x": {"y": 1}}, "either": "5%", "note": null, "parts": [{"name": "a", "x": 1}]});
    let made = kind.create(&ground, "", &spec).await?;
    let expected = json!({"title": "abc", "size": 3, "free": {"x": {"y": 1}}, "either": "5%", "note": null, "parts": [{"name": "a"}]});
    equal("code and spec", &json!([made.code, made.json()["spec"]]), &json!([201, expected]))?;
    equal("generation", &made.json()["metadata"]["generation"], &1.into())
}

async fn a_strict_writer_is_told_of_unknown_fields(ground: Ground) -> Verdict {
    let kind = defined(&ground, "strict").await?;
    let spec = json!({"title": "abc", "colour": "red", "parts": [{"name": "a", "x": 1}]});
    let answer = kind.create(&ground, "?fieldValidation=Strict", &spec).await?;
    let message = format!(
        "{0} in version \"v1\" cannot be handled as a {0}: strict decoding error: unknown field \"spec.colour\", unknown field \"spec.parts[0].x\"",
        kind.kind
    );
    refused(&answer, 400, "BadRequest", &message)
}

async fn a_strict_patch_is_told_of_unknown_fields(ground: Ground) -> Verdict {
    let kind = defined(&ground, "patched").await?;
    kind.create(&ground, "", &json!({"title": "abc"})).await?;
    let path = format!("{}/one?fieldValidation=Strict", kind.path);
    let answer = ground.patch(&path, MERGE, &json!({"spec": {"colour": "red"}})).await?;
    let status = answer.json();
    let got = json!([answer.code, status["reason"], status["details"]["causes"][0]["field"]]);
    equal("code, reason, field", &got, &json!([422, "Invalid", "patch"]))?;
    let end = "strict decoding error: unknown field \"spec.colour\"";
    holds("why", status["message"].as_str().is_some_and(|message| message.ends_with(end)), &status["message"])
}

async fn what_is_required_is_missed(ground: Ground) -> Verdict {
    let kind = defined(&ground, "required").await?;
    let answer = kind.create(&ground, "", &json!({"size": 1})).await?;
    refused(&answer, 422, "Invalid", &format!("{}.{GROUP} \"one\" is invalid: spec.title: Required value", kind.kind))?;
    kind.refuses(&answer, &[("FieldValueRequired", "spec.title", "Required value")])?;
    let bare = json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "one"}});
    let answer = ground.create(&kind.path, &bare).await?;
    kind.refuses(&answer, &[("FieldValueRequired", "spec", "Required value")])
}

async fn wrong_values_are_told_with_their_causes(ground: Ground) -> Verdict {
    let kind = defined(&ground, "wrong").await?;
    let spec = json!({"title": "A1", "level": "mid", "either": true, "table": {"a": 1}});
    let answer = kind.create(&ground, "", &spec).await?;
    kind.refuses(
        &answer,
        &[
            ("FieldValueInvalid", "spec.title", "Invalid value: \"A1\": spec.title in body should match '^[a-z]+$'"),
            ("FieldValueNotSupported", "spec.level", "Unsupported value: \"mid\": supported values: \"low\", \"high\""),
            (
                "FieldValueTypeInvalid",
                "spec.either",
                "Invalid value: \"boolean\": spec.either in body must be of type integer,string: \"boolean\"",
            ),
            (
                "FieldValueTypeInvalid",
                "spec.table.a",
                "Invalid value: \"integer\": spec.table.a in body must be of type string: \"integer\"",
            ),
        ],
    )
}

async fn lengths_and_numbers_are_bounded(ground: Ground) -> Verdict {
    let kind = defined(&ground, "bounded").await?;
    let high = kind.create(&ground, "", &json!({"title": "abcdefghijk", "size": 10})).await?;
    kind.refuses(
        &high,
        &[
            (
                "FieldValueInvalid",
                "spec.size",
                "Invalid value: 10: spec.size in body should be less than or equal to 9",
            ),
            ("FieldValueTooLong", "spec.title", "Too long: may not be more than 8 bytes"),
        ],
    )?;
    let parts = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]);
    let low = kind.create(&ground, "", &json!({"title": "a", "size": 0, "parts": parts})).await?;
    kind.refuses(
        &low,
        &[
            (
                "FieldValueInvalid",
                "spec.size",
                "Invalid value: 0: spec.size in body should be greater than or equal to 1",
            ),
            (
                "FieldValueInvalid",
                "spec.title",
                "Invalid value: \"a\": spec.title in body should be at least 2 chars long",
            ),
            ("FieldValueTooMany", "spec.parts", "Too many: 4: must have at most 3 items"),
        ],
    )
}

async fn keys_of_a_list_are_unique(ground: Ground) -> Verdict {
    let kind = defined(&ground, "unique").await?;
    let spec = json!({"title": "abc", "parts": [{"name": "a"}, {"name": "a"}], "tags": ["t", "t"]});
    let answer = kind.create(&ground, "", &spec).await?;
    kind.refuses(
        &answer,
        &[
            ("FieldValueDuplicate", "spec.parts[1]", "Duplicate value: {\"name\":\"a\"}"),
            ("FieldValueDuplicate", "spec.tags[1]", "Duplicate value: \"t\""),
        ],
    )
}

async fn a_body_states_its_kind(ground: Ground) -> Verdict {
    let kind = defined(&ground, "stated").await?;
    let bare = ground.create(&kind.path, &json!({"metadata": {"name": "one"}, "spec": {"title": "abc"}})).await?;
    let message = bare.json()["message"].as_str().unwrap_or_default().to_owned();
    coded(&bare, 400)?;
    let start =
        format!("the object provided is unrecognized (must be of type {}): Object 'Kind' is missing in '", kind.kind);
    holds("the kind is missed", message.starts_with(&start), &message.into())?;
    let mut other = kind.object("one", &json!({"title": "abc"}));
    other["apiVersion"] = format!("{GROUP}/v2").into();
    let answer = ground.create(&kind.path, &other).await?;
    let message =
        format!("the API version in the data ({GROUP}/v2) does not match the expected API version ({GROUP}/v1)");
    refused(&answer, 400, "BadRequest", &message)
}

async fn the_status_has_its_own_path(ground: Ground) -> Verdict {
    let kind = defined(&ground, "status").await?;
    kind.create(&ground, "", &json!({"title": "abc"})).await?;
    let path = format!("{}/one", kind.path);
    let main = ground.patch(&path, MERGE, &json!({"spec": {"size": 5}, "status": {"ready": true}})).await?.json();
    equal("main", &json!([main["spec"]["size"], main["status"]]), &json!([5, null]))?;
    let change = json!({"spec": {"size": 7}, "status": {"ready": true, "foo": 1}});
    let status = ground.patch(&format!("{path}/status?fieldManager=alice"), MERGE, &change).await?.json();
    let got = json!([status["spec"]["size"], status["status"], status["metadata"]["generation"]]);
    equal("status", &got, &json!([5, {"ready": true}, 2]))?;
    let fields = json!({"f:status": {".": {}, "f:ready": {}}});
    let expected = json!({"manager": "alice", "operation": "Update", "subresource": "status", "fieldsV1": fields});
    let owners = owners(&status);
    holds("the status is alice's", owners.as_array().is_some_and(|all| all.contains(&expected)), &owners)
}

async fn the_size_is_scaled(ground: Ground) -> Verdict {
    let kind = defined(&ground, "scaled").await?;
    kind.create(&ground, "", &json!({"title": "abc", "size": 5})).await?;
    let path = format!("{}/one", kind.path);
    let scale = |replicas: u8| {
        let metadata = json!({
            "name": "one", "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
        });
        let (spec, status) = (json!({"replicas": replicas}), json!({"replicas": 0}));
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
    };
    equal("before", &masked(ground.get(&format!("{path}/scale")).await?.json()), &scale(5))?;
    let scaled = ground.patch(&format!("{path}/scale"), MERGE, &json!({"spec": {"replicas": 4}})).await?;
    equal("after", &masked(scaled.json()), &scale(4))?;
    equal("size", &ground.get(&path).await?.json()["spec"]["size"], &4.into())
}

async fn an_update_needs_a_version(ground: Ground) -> Verdict {
    let kind = defined(&ground, "versioned").await?;
    let made = kind.create(&ground, "", &json!({"title": "abc"})).await?.json();
    let path = format!("{}/one", kind.path);
    let mut object = kind.object("one", &json!({"title": "abd"}));
    let message = format!(
        "{}.{GROUP} \"one\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
        kind.plural
    );
    refused(&ground.update(&path, &object).await?, 422, "Invalid", &message)?;
    object["metadata"]["resourceVersion"] = version(&made).into();
    coded(&ground.update(&path, &object).await?, 200)
}

async fn a_strategic_patch_is_not_for_custom_resources(ground: Ground) -> Verdict {
    let kind = defined(&ground, "strategic").await?;
    kind.create(&ground, "", &json!({"title": "abc"})).await?;
    let answer = ground.patch(&format!("{}/one", kind.path), STRATEGIC, &json!({"spec": {"size": 5}})).await?;
    equal("code and reason", &json!([answer.code, answer.json()["reason"]]), &json!([415, "UnsupportedMediaType"]))
}

async fn items_of_lists_state_their_kind(ground: Ground) -> Verdict {
    let kind = defined(&ground, "listed").await?;
    kind.create(&ground, "", &json!({"title": "abc"})).await?;
    let list = ground.get(&kind.path).await?.json();
    let item = &list["items"][0];
    let got = json!([list["kind"], list["apiVersion"], item["kind"], item["apiVersion"]]);
    equal("kinds", &got, &json!([format!("{}List", kind.kind), kind.api_version, kind.kind, kind.api_version]))?;
    let selected = ground.get(&format!("{}?fieldSelector=metadata.name%3Done", kind.path)).await?.json();
    equal("by name", &json!(names(&selected)), &json!(["one"]))?;
    let unknown = ground.get(&format!("{}?fieldSelector=spec.size%3D1", kind.path)).await?;
    refused(&unknown, 400, "BadRequest", "field label not supported: spec.size")
}

async fn lists_are_applied_by_the_keys_of_the_schema(ground: Ground) -> Verdict {
    let kind = defined(&ground, "applied").await?;
    let path = |who: &str| format!("{}/one?fieldManager={who}", kind.path);
    let spec = |part: Value, tag: &str| kind.object("one", &json!({"title": "abc", "parts": [part], "tags": [tag]}));
    let made = ground.patch(&path("alice"), APPLY, &spec(json!({"name": "a", "weight": 1}), "x")).await?;
    coded(&made, 201)?;
    let both = ground.patch(&path("bob"), APPLY, &spec(json!({"name": "b", "weight": 1}), "y")).await?.json();
    let expected = json!({
        "title": "abc", "size": 3, "parts": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}], "tags": ["x", "y"],
    });
    equal("both", &both["spec"], &expected)?;
    let answer = ground.patch(&path("bob"), APPLY, &spec(json!({"name": "a", "weight": 2}), "y")).await?;
    refused(
        &answer,
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"alice\": .spec.parts[name=\"a\"].weight",
    )
}

async fn an_apply_of_an_undeclared_field_fails(ground: Ground) -> Verdict {
    let kind = defined(&ground, "undeclared").await?;
    let object = kind.object("one", &json!({"title": "abc", "colour": "red"}));
    let answer = ground.patch(&format!("{}/one?fieldManager=alice", kind.path), APPLY, &object).await?;
    let message = format!(
        "failed to create typed patch object (/one; {}, Kind={}): .spec.colour: field not declared in schema",
        kind.api_version, kind.kind
    );
    let mut expected = failure(500, "", &message, &json!(null));
    expected.as_object_mut().unwrap().shift_remove("reason");
    equal("code and body", &json!([answer.code, answer.json()]), &json!([500, expected]))
}

async fn a_table_has_the_columns_of_the_definition(ground: Ground) -> Verdict {
    let kind = defined(&ground, "columned").await?;
    kind.create(&ground, "", &json!({"title": "abc", "level": "low"})).await?;
    let table = ground.get_as(&kind.path, "application/json;as=Table;v=v1;g=meta.k8s.io").await?.json();
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let columns: Value = columns.map(|one| json!([one["name"], one["type"], one["priority"]])).collect();
    equal("columns", &columns, &json!([["Name", "string", 0], ["Size", "integer", 0], ["Level", "string", 1]]))?;
    equal("cells", &table["rows"][0]["cells"], &json!(["one", 3, "low"]))
}

async fn a_definition_takes_its_objects_along(ground: Ground) -> Verdict {
    let kind = defined(&ground, "taken").await?;
    kind.create(&ground, "", &json!({"title": "abc"})).await?;
    let path = format!("{DEFINITIONS}/{}.{GROUP}", kind.plural);
    coded(&ground.delete(&path, &json!(null)).await?, 200)?;
    ground.until_gone(&path).await?;
    ground.until_gone(&kind.path).await
}
