//! The same objects in the forms that clients ask for by `Accept`.

use serde_json::{Value, json};

use crate::SimCluster;
use crate::fixture::{self, Answered, MAPS, cluster, create_maps, get};

const ONE: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

async fn ask(sim: &SimCluster, path: &str, accept: &str) -> hyper::Response<crate::Body> {
    let request = hyper::Request::builder().uri(path).header("accept", accept);
    let request = request.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap();
    tower::ServiceExt::oneshot(sim.service(), request).await.unwrap()
}

async fn answered(sim: &SimCluster, path: &str, accept: &str) -> Answered {
    let answer = ask(sim, path, accept).await;
    let code = answer.status().as_u16();
    Answered { code, body: serde_json::from_str(&fixture::text(answer).await).unwrap() }
}

/// What of an object is answered to those who want its metadata alone.
fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

#[tokio::test]
async fn an_object_and_a_list_are_answered_as_metadata_alone() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b"]).await;
    let whole = get(&sim, MAPS).await;
    let items: Vec<Value> = whole.body["items"].as_array().unwrap().iter().map(partial).collect();
    let expected = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": whole.body["metadata"], "items": items,
    });
    assert_eq!(answered(&sim, MAPS, LIST).await, Answered { code: 200, body: expected });
    assert_eq!(answered(&sim, &format!("{MAPS}/b"), ONE).await, Answered { code: 200, body: items[1].clone() });
}

#[tokio::test]
async fn pages_of_metadata_go_on_as_others_do() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c"]).await;
    let first = answered(&sim, &format!("{MAPS}?limit=2"), LIST).await;
    let token = first.body["metadata"]["continue"].as_str().unwrap();
    assert_eq!((first.names(), &first.body["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(1)));
    assert_eq!(answered(&sim, &format!("{MAPS}?limit=2&continue={token}"), LIST).await.names(), ["c"]);
}

#[tokio::test]
async fn a_watch_tells_metadata_alone_in_events_and_bookmarks() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let path = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=60"
    );
    let mut events = fixture::Events::of(ask(&sim, &path, ONE).await);
    let (added, bookmark) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert_eq!(added, json!({"type": "ADDED", "object": partial(&get(&sim, &format!("{MAPS}/a")).await.body)}));
    assert_eq!((&bookmark["type"], &bookmark["object"]["kind"]), (&json!("BOOKMARK"), &json!("PartialObjectMetadata")));
    assert_eq!(bookmark["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    fixture::delete(&sim, &format!("{MAPS}/a")).await;
    let deleted = events.next().await.unwrap();
    assert_eq!((&deleted["type"], &deleted["object"]["kind"]), (&json!("DELETED"), &json!("PartialObjectMetadata")));
}

#[tokio::test]
async fn metadata_of_a_list_and_of_one_object_have_names_of_their_own() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let object = format!("{MAPS}/a");
    for (path, accept) in [(MAPS, ONE), (object.as_str(), LIST), (&format!("{MAPS}?watch=1"), LIST)] {
        let refused = answered(&sim, path, accept).await;
        assert_eq!((refused.code, refused.refusal().1), (406, "NotAcceptable"), "{path}");
    }
}

#[tokio::test]
async fn the_first_form_that_is_known_is_taken() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let protobuf =
        format!("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{LIST}");
    assert_eq!(answered(&sim, MAPS, &protobuf).await.body["kind"], "PartialObjectMetadataList");
    let unknown = "application/json;as=Picture;v=v1;g=meta.k8s.io,application/json";
    assert_eq!(answered(&sim, MAPS, unknown).await.body["kind"], "ConfigMapList");
    assert_eq!(answered(&sim, MAPS, "application/vnd.kubernetes.protobuf").await.code, 406);
}
