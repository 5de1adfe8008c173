//! Whatever is sent is answered by a Status that says why, and nothing comes of it.

use serde_json::{Value, json};

use super::case::{Verdict, cases};
use super::client::Answer;
use super::compare::{equal, holds, refused};
use super::ground::{APPLY, Ground, JSON_PATCH, MERGE};

cases![
    bodies_that_are_no_objects_are_refused,
    metadata_of_wrong_shapes_is_refused,
    a_body_that_is_too_large_is_refused,
    a_name_that_is_too_long_is_invalid,
    a_content_type_that_is_unknown_is_refused,
    a_number_that_is_none_is_refused,
    patches_that_are_no_patches_are_refused,
    labels_that_are_no_labels_are_invalid,
    an_apply_that_is_no_yaml_is_refused,
];

/// Fails unless the answer is a Status with this code, a reason and a message.
fn is_refusal(what: &str, answer: &Answer, code: u16, reason: &str) -> Verdict {
    let status = answer.json();
    let got = json!([answer.code, status["kind"], status["code"], status["reason"]]);
    equal(what, &got, &json!([code, "Status", code, reason]))?;
    holds(what, status["message"].as_str().is_some_and(|message| !message.is_empty()), &status)
}

async fn bodies_that_are_no_objects_are_refused(ground: Ground) -> Verdict {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let path = ground.path("configmaps");
    for body in ["", "{", "[]", "1", "\"s\"", "x: 1", "{\"kind\": 5}", "{\"metadata\": []}", "\u{0}", deep.as_str()] {
        is_refusal(body, &ground.send("POST", &path, "application/json", body).await?, 400, "BadRequest")?;
    }
    let not_text: &[u8] = b"{\"metadata\": {\"name\": \xff\xfe}}";
    is_refusal("no UTF-8", &ground.send("POST", &path, "application/json", not_text).await?, 400, "BadRequest")
}

async fn metadata_of_wrong_shapes_is_refused(ground: Ground) -> Verdict {
    for metadata in [
        json!({"name": "a", "labels": []}),
        json!({"name": "a", "labels": {"a": 1}}),
        json!({"name": "a", "annotations": "x"}),
        json!({"name": "a", "finalizers": {}}),
        json!({"name": "a", "finalizers": [1]}),
        json!({"name": "a", "ownerReferences": ["x"]}),
        json!({"name": 5}),
    ] {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        let answer = ground.create(&ground.path("configmaps"), &object).await?;
        is_refusal(&metadata.to_string(), &answer, 400, "BadRequest")?;
    }
    Ok(())
}

async fn a_body_that_is_too_large_is_refused(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {"k": "x".repeat(3 << 20)}});
    let answer = ground.create(&ground.path("configmaps"), &map).await?;
    refused(&answer, 413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
}

async fn a_name_that_is_too_long_is_invalid(ground: Ground) -> Verdict {
    let name = "a".repeat(300);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let answer = ground.create(&ground.path("configmaps"), &map).await?;
    let message = format!(
        "ConfigMap \"{name}\" is invalid: metadata.name: Invalid value: \"{name}\": must be no more than 253 characters"
    );
    refused(&answer, 422, "Invalid", &message)
}

async fn a_content_type_that_is_unknown_is_refused(ground: Ground) -> Verdict {
    let answer =
        ground.send("POST", &ground.path("configmaps"), "text/plain", "{\"metadata\":{\"name\":\"q\"}}").await?;
    is_refusal("text/plain", &answer, 415, "UnsupportedMediaType")
}

async fn a_number_that_is_none_is_refused(ground: Ground) -> Verdict {
    for (query, text) in [("limit=many", "many"), ("watch=1&timeoutSeconds=soon", "soon")] {
        let answer = ground.get(&ground.path(&format!("configmaps?{query}"))).await?;
        refused(&answer, 400, "BadRequest", &format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))?;
    }
    Ok(())
}

async fn patches_that_are_no_patches_are_refused(ground: Ground) -> Verdict {
    ground.given_map("unpatched", &json!({}), &json!({"a": "1"})).await?;
    let path = ground.path("configmaps/unpatched");
    for (content_type, change, code, reason) in [
        (JSON_PATCH, "{}", 400, "BadRequest"),
        (JSON_PATCH, "[1]", 400, "BadRequest"),
        (JSON_PATCH, "x", 400, "BadRequest"),
        (JSON_PATCH, "[{\"op\":\"jump\",\"path\":\"/a\"}]", 422, "Invalid"),
        (JSON_PATCH, "[{\"op\":\"add\",\"path\":\"/x/y\",\"value\":1}]", 422, "Invalid"),
        (MERGE, "[]", 400, "BadRequest"),
        (MERGE, "x", 400, "BadRequest"),
        (MERGE, "{\"metadata\":null}", 400, "BadRequest"),
    ] {
        is_refusal(change, &ground.send("PATCH", &path, content_type, change).await?, code, reason)?;
    }
    let data: Value = ground.get(&path).await?.json()["data"].clone();
    equal("nothing came of them", &data, &json!({"a": "1"}))
}

async fn labels_that_are_no_labels_are_invalid(ground: Ground) -> Verdict {
    for labels in [json!({"a b": "1"}), json!({"a": "b c"}), json!({"/a": "1"}), json!({"a": "x".repeat(64)})] {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "labels", "labels": labels}});
        let answer = ground.create(&ground.path("configmaps"), &map).await?;
        is_refusal(&labels.to_string(), &answer, 422, "Invalid")?;
        equal("field", &answer.json()["details"]["causes"][0]["field"], &"metadata.labels".into())?;
    }
    Ok(())
}

async fn an_apply_that_is_no_yaml_is_refused(ground: Ground) -> Verdict {
    let path = ground.path("configmaps/no-yaml?fieldManager=alice");
    is_refusal("a: [1", &ground.send("PATCH", &path, APPLY, "a: [1").await?, 400, "BadRequest")
}
