//! What is refused, and in which words.

use serde_json::json;

use super::case::{Verdict, cases};
use super::compare::{failure, not_found, refused, same};
use super::ground::Ground;

cases![
    an_object_that_is_missing_is_not_found,
    a_deletion_of_nothing_is_not_found,
    an_object_is_created_once,
    a_name_in_capitals_is_invalid,
    half_a_body_is_quoted,
    a_stale_update_is_a_conflict,
    a_namespace_that_is_missing_takes_nothing,
    a_name_that_differs_from_the_path_is_refused,
    a_namespace_that_differs_from_the_path_is_refused,
    an_object_without_a_name_is_invalid,
    a_new_object_states_no_version,
    a_kind_that_differs_from_the_path_is_refused,
    a_method_that_makes_no_sense_is_not_allowed,
];

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end \
    with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

async fn an_object_that_is_missing_is_not_found(ground: Ground) -> Verdict {
    same(&ground.get(&ground.path("configmaps/nope")).await?, 404, &not_found("configmaps", "nope"))
}

async fn a_deletion_of_nothing_is_not_found(ground: Ground) -> Verdict {
    let answer = ground.delete(&ground.path("configmaps/nope"), &json!(null)).await?;
    same(&answer, 404, &not_found("configmaps", "nope"))
}

async fn an_object_is_created_once(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "once"}});
    let made = ground.create(&ground.path("configmaps"), &map).await?;
    let metadata = json!({
        "name": "once", "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
    });
    same(&made, 201, &json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))?;
    let again = ground.create(&ground.path("configmaps"), &map).await?;
    let details = json!({"name": "once", "kind": "configmaps"});
    same(&again, 409, &failure(409, "AlreadyExists", "configmaps \"once\" already exists", &details))
}

async fn a_name_in_capitals_is_invalid(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "HighCPUUsage"}});
    let answer = ground.create(&ground.path("configmaps"), &map).await?;
    let why = format!("Invalid value: \"HighCPUUsage\": {NAME_RULE}");
    let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": "metadata.name"});
    let details = json!({"name": "HighCPUUsage", "kind": "ConfigMap", "causes": [cause]});
    let message = format!("ConfigMap \"HighCPUUsage\" is invalid: metadata.name: {why}");
    same(&answer, 422, &failure(422, "Invalid", &message, &details))
}

async fn half_a_body_is_quoted(ground: Ground) -> Verdict {
    let half = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{";
    let answer = ground.send("POST", &ground.path("configmaps"), "application/json", half).await?;
    let message = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: \
        unexpected end of JSON input ({\"apiVersion\":\"v1\",\"kind\":\"Con ...)";
    same(&answer, 400, &failure(400, "BadRequest", message, &json!(null)))
}

async fn a_stale_update_is_a_conflict(ground: Ground) -> Verdict {
    ground.given_map("stale", &json!({}), &json!({})).await?;
    let metadata = json!({"name": "stale", "resourceVersion": "1"});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "1"}});
    let answer = ground.update(&ground.path("configmaps/stale"), &map).await?;
    let message = "Operation cannot be fulfilled on configmaps \"stale\": the object has been modified; please apply your changes to \
        the latest version and try again";
    same(&answer, 409, &failure(409, "Conflict", message, &json!({"name": "stale", "kind": "configmaps"})))
}

async fn a_namespace_that_is_missing_takes_nothing(ground: Ground) -> Verdict {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let path = format!("/api/v1/namespaces/{}-nowhere/configmaps", ground.namespace);
    let name = format!("{}-nowhere", ground.namespace);
    let answer = ground.create(&path, &map).await?;
    refused(
        &answer,
        404,
        "NotFound",
        &format!("namespaces \"{}\" not found", name.replace(&ground.namespace, "<namespace>")),
    )
}

async fn a_name_that_differs_from_the_path_is_refused(ground: Ground) -> Verdict {
    ground.given_map("path", &json!({}), &json!({})).await?;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    let answer = ground.update(&ground.path("configmaps/path"), &other).await?;
    let message = "the name of the object (other) does not match the name on the URL (path)";
    refused(&answer, 400, "BadRequest", message)
}

async fn a_namespace_that_differs_from_the_path_is_refused(ground: Ground) -> Verdict {
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "elsewhere", "namespace": "default"}});
    let answer = ground.create(&ground.path("configmaps"), &map).await?;
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    refused(&answer, 400, "BadRequest", message)
}

async fn an_object_without_a_name_is_invalid(ground: Ground) -> Verdict {
    let answer = ground.create(&ground.path("configmaps"), &json!({"apiVersion": "v1", "kind": "ConfigMap"})).await?;
    let message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required";
    refused(&answer, 422, "Invalid", message)
}

async fn a_new_object_states_no_version(ground: Ground) -> Verdict {
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "versioned", "resourceVersion": "5"}});
    let answer = ground.create(&ground.path("configmaps"), &map).await?;
    let message = "resourceVersion should not be set on objects to be created";
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": 500});
    same(&answer, 500, &status)
}

async fn a_kind_that_differs_from_the_path_is_refused(ground: Ground) -> Verdict {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kind"}});
    let answer = ground.create(&ground.path("configmaps"), &secret).await?;
    let message = "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion";
    refused(&answer, 400, "BadRequest", message)
}

async fn a_method_that_makes_no_sense_is_not_allowed(ground: Ground) -> Verdict {
    let answer = ground.update(&ground.path("configmaps"), &json!({})).await?;
    refused(&answer, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}
