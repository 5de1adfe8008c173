//! What a server says of itself: version, groups, resources.

use serde_json::{Value, json};

use super::case::{Verdict, cases};
use super::compare::{coded, equal, holds, same};
use super::ground::Ground;

cases![
    the_version_names_its_parts,
    the_core_versions_are_listed,
    the_leases_are_described_with_their_verbs_sorted,
    a_group_that_is_not_served_is_a_page_not_found,
    groups_are_listed_with_their_preferred_version,
    the_server_is_alive_and_ready,
    a_document_describes_every_group_for_openapi,
    a_document_names_the_field_validation_of_a_patch,
];

async fn the_version_names_its_parts(ground: Ground) -> Verdict {
    let answer = ground.get("/version").await?;
    coded(&answer, 200)?;
    let version = answer.json();
    let expected = json!(["1", "application/json", "gc"]);
    equal(
        "major, content type, compiler",
        &json!([version["major"], answer.header("content-type"), version["compiler"]]),
        &expected,
    )?;
    let keys = ["minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "platform"];
    holds("every part is a text", keys.iter().all(|key| version[key].is_string()), &version)?;
    let prefix = format!("v1.{}.", version["minor"].as_str().unwrap_or_default().trim_end_matches('+'));
    holds(
        "gitVersion begins with major and minor",
        version["gitVersion"].as_str().is_some_and(|it| it.starts_with(&prefix)),
        &version,
    )
}

async fn the_core_versions_are_listed(ground: Ground) -> Verdict {
    let mut versions = ground.get("/api").await?.json();
    versions["serverAddressByClientCIDRs"] = Value::Null;
    equal("/api", &versions, &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": null}))
}

async fn the_leases_are_described_with_their_verbs_sorted(ground: Ground) -> Verdict {
    let answer = ground.get("/apis/coordination.k8s.io/v1").await?;
    let list = answer.json();
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let lease = json!({
        "name": "leases", "singularName": "lease", "namespaced": true, "kind": "Lease", "verbs": verbs,
        "storageVersionHash": "gqkMMb/YqFM=",
    });
    let expected = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "coordination.k8s.io/v1", "resources": [lease],
    });
    equal("/apis/coordination.k8s.io/v1", &list, &expected)
}

async fn a_group_that_is_not_served_is_a_page_not_found(ground: Ground) -> Verdict {
    let paths = [
        format!("/apis/missing.{}/v1", super::ground::GROUP),
        format!("/apis/missing.{}/v1/namespaces/{}/things", super::ground::GROUP, ground.namespace),
    ];
    for path in paths {
        let answer = ground.get(&path).await?;
        let got =
            json!([answer.code, answer.text, answer.header("content-type"), answer.header("x-content-type-options")]);
        equal(&path, &got, &json!([404, "404 page not found\n", "text/plain; charset=utf-8", "nosniff"]))?;
    }
    Ok(())
}

async fn groups_are_listed_with_their_preferred_version(ground: Ground) -> Verdict {
    let groups = ground.get("/apis").await?.json();
    let apps = groups["groups"].as_array().into_iter().flatten().find(|group| group["name"] == "apps");
    let version = json!({"groupVersion": "apps/v1", "version": "v1"});
    let expected = json!({"name": "apps", "versions": [version], "preferredVersion": version});
    equal("the group apps", apps.unwrap_or(&Value::Null), &expected)?;
    let mut alone = json!({"kind": "APIGroup", "apiVersion": "v1"});
    for (key, value) in expected.as_object().into_iter().flatten() {
        alone[key] = value.clone();
    }
    same(&ground.get("/apis/apps").await?, 200, &alone)
}

async fn the_server_is_alive_and_ready(ground: Ground) -> Verdict {
    for path in ["/livez", "/readyz", "/healthz"] {
        let answer = ground.get(path).await?;
        equal(path, &json!([answer.code, answer.text]), &json!([200, "ok"]))?;
    }
    Ok(())
}

async fn a_document_describes_every_group_for_openapi(ground: Ground) -> Verdict {
    let index = ground.get("/openapi/v3").await?.json();
    for group in ["api/v1", "apis/apps/v1", "apis/coordination.k8s.io/v1"] {
        let url = index["paths"][group]["serverRelativeURL"].as_str().unwrap_or_default().to_owned();
        holds("the index links every group", url.starts_with(&format!("/openapi/v3/{group}")), &index["paths"][group])?;
        coded(&ground.get(&url).await?, 200)?;
    }
    Ok(())
}

async fn a_document_names_the_field_validation_of_a_patch(ground: Ground) -> Verdict {
    let document = ground.get("/openapi/v3/api/v1").await?.json();
    let patch = &document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"];
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    equal("the kind of a patch", &patch["x-kubernetes-group-version-kind"], &kind)?;
    let parameters: Vec<&Value> = patch["parameters"].as_array().into_iter().flatten().collect();
    let is_named = parameters.iter().any(|one| one["name"] == "fieldValidation" && one["in"] == "query");
    holds("fieldValidation is a parameter", is_named, &patch["parameters"])
}
