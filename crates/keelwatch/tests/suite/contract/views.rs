//! Other forms of objects, by Accept: metadata alone, tables.

use serde_json::{Value, json};

use super::case::{Verdict, cases};
use super::compare::{equal, masked, version};
use super::ground::Ground;

cases![
    a_list_of_metadata_has_nothing_else,
    an_object_of_metadata_has_nothing_else,
    a_watch_of_metadata_has_nothing_else,
    the_form_of_a_list_is_not_for_an_object_nor_the_other_way,
    a_list_as_a_table_has_cells,
    a_watch_as_a_table_states_its_columns_once,
    the_first_form_that_is_known_is_taken,
    a_form_that_is_not_served_is_not_acceptable,
];

const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn metadata(name: &str, set: &str) -> Value {
    let metadata = json!({
        "name": name, "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>", "creationTimestamp": "<time>",
        "labels": {"set": set},
    });
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

async fn a_list_of_metadata_has_nothing_else(ground: Ground) -> Verdict {
    ground.given_map("meta-list", &json!({"set": "meta-list"}), &json!({"a": "1"})).await?;
    let list = ground.get_as(&ground.path("configmaps?labelSelector=set%3Dmeta-list"), METADATA_LIST).await?.json();
    let expected = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "<resourceVersion>"},
        "items": [metadata("meta-list", "meta-list")],
    });
    equal("list", &masked(list), &expected)
}

async fn an_object_of_metadata_has_nothing_else(ground: Ground) -> Verdict {
    ground.given_map("meta", &json!({"set": "meta"}), &json!({"a": "1"})).await?;
    let object = ground.get_as(&ground.path("configmaps/meta"), METADATA).await?.json();
    equal("object", &masked(object), &metadata("meta", "meta"))
}

async fn a_watch_of_metadata_has_nothing_else(ground: Ground) -> Verdict {
    let map = ground.given_map("meta-watch", &json!({"set": "meta-watch"}), &json!({"a": "1"})).await?;
    let path = format!(
        "configmaps?watch=true&labelSelector=set%3Dmeta-watch&resourceVersion={}&timeoutSeconds=30",
        version(&map)
    );
    let mut lines = ground.watch_as(&ground.path(&path), METADATA).await?;
    ground.delete(&ground.path("configmaps/meta-watch"), &json!(null)).await?;
    let event = lines.next().await?.unwrap_or_default();
    equal("event", &masked(event), &json!({"type": "DELETED", "object": metadata("meta-watch", "meta-watch")}))
}

async fn the_form_of_a_list_is_not_for_an_object_nor_the_other_way(ground: Ground) -> Verdict {
    ground.given_map("forms", &json!({}), &json!({})).await?;
    for (path, accept) in [("configmaps", METADATA), ("configmaps/forms", METADATA_LIST)] {
        let answer = ground.get_as(&ground.path(path), accept).await?;
        equal(path, &json!([answer.code, answer.json()["reason"]]), &json!([406, "NotAcceptable"]))?;
    }
    Ok(())
}

async fn a_list_as_a_table_has_cells(ground: Ground) -> Verdict {
    ground.given_map("table", &json!({"set": "table"}), &json!({"a": "1", "b": "2"})).await?;
    let table = ground.get_as(&ground.path("configmaps?labelSelector=set%3Dtable"), TABLE).await?.json();
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let columns: Value = columns.map(|one| json!([one["name"], one["type"], one["format"], one["priority"]])).collect();
    let expected = json!([["Name", "string", "name", 0], ["Data", "string", "", 0], ["Age", "string", "", 0]]);
    equal("columns", &columns, &expected)?;
    let row = &table["rows"][0];
    equal("cells", &json!([row["cells"][0], row["cells"][1]]), &json!(["table", 2]))?;
    equal("object", &masked(row["object"].clone()), &metadata("table", "table"))?;
    equal("kind", &json!([table["kind"], table["apiVersion"]]), &json!(["Table", "meta.k8s.io/v1"]))
}

async fn a_watch_as_a_table_states_its_columns_once(ground: Ground) -> Verdict {
    for name in ["rows-1", "rows-2"] {
        ground.given_map(name, &json!({"set": "rows"}), &json!({"a": "1"})).await?;
    }
    let path = ground.path("configmaps?watch=true&labelSelector=set%3Drows&resourceVersion=0&timeoutSeconds=30");
    let mut lines = ground.watch_as(&path, TABLE).await?;
    let mut told = Vec::new();
    for _ in 0..2 {
        let table = lines.next().await?.unwrap_or_default()["object"].clone();
        told.push(json!([table["columnDefinitions"].is_array(), table["rows"][0]["cells"][0]]));
    }
    equal("columns and names", &told.into(), &json!([[true, "rows-1"], [false, "rows-2"]]))
}

async fn the_first_form_that_is_known_is_taken(ground: Ground) -> Verdict {
    let path = ground.path("configmaps?labelSelector=set%3Dnone");
    let accept =
        "application/json;as=Nope;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    equal("kind", &ground.get_as(&path, accept).await?.json()["kind"], &"Table".into())?;
    equal("kind", &ground.get_as(&path, "*/*").await?.json()["kind"], &"ConfigMapList".into())
}

async fn a_form_that_is_not_served_is_not_acceptable(ground: Ground) -> Verdict {
    for accept in ["text/html", "application/json;as=Nope;v=v1;g=meta.k8s.io"] {
        let answer = ground.get_as(&ground.path("configmaps"), accept).await?;
        equal(accept, &json!([answer.code, answer.json()["reason"]]), &json!([406, "NotAcceptable"]))?;
    }
    Ok(())
}
