//! Whatever is sent is answered by a Status, and harms nobody else.

use serde_json::json;

use crate::fixture::{MAPS, call, cluster, config_map, create_maps, get, send, send_as, text};

#[tokio::test]
async fn bodies_that_are_no_objects_are_refused() {
    let sim = cluster().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for body in ["", "{", "[]", "null", "1", "{\"kind\": 5}", "{\"metadata\": []}", "\u{0}", deep.as_str()] {
        let answer = call(&sim, "POST", MAPS, Some("application/json"), body).await;
        assert_eq!(answer.status().as_u16(), 400, "{body}");
        assert!(text(answer).await.contains("\"BadRequest\""), "{body}");
    }
    assert_eq!(get(&sim, MAPS).await.names().len(), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let sim = cluster().await;
    let mut map = config_map("a");
    map["data"]["k"] = "x".repeat(3 << 20).into();
    let refused = send(&sim, "POST", MAPS, &map).await;
    assert_eq!((refused.code, refused.refusal().1), (413, "RequestEntityTooLarge"));
}

#[tokio::test]
async fn queries_that_mean_nothing_are_refused() {
    let sim = cluster().await;
    let queries = [
        "watch=maybe",
        "limit=many",
        "resourceVersion=new",
        "labelSelector=a+b+c",
        "labelSelector=a+in+(b",
        "labelSelector=%3D",
        "fieldSelector=spec.foo%3D1",
        "fieldSelector=nothing",
    ];
    for query in queries {
        let answer = get(&sim, &format!("{MAPS}?{query}")).await;
        assert_eq!((answer.code, answer.refusal().1), (400, "BadRequest"), "{query}: {answer:?}");
    }
    for selector in ["labelSelector=a+b+c", "fieldSelector=spec.foo%3D1"] {
        assert_eq!(get(&sim, &format!("/apis/metrics.k8s.io/v1beta1/pods?{selector}")).await.code, 400, "{selector}");
    }
    let unknown = get(&sim, &format!("{MAPS}?fieldSelector=spec.foo%3D1")).await;
    assert_eq!(unknown.refusal().2, "field label not supported: spec.foo");
}

#[tokio::test]
async fn names_without_sense_are_refused() {
    let sim = cluster().await;
    for name in ["A", "a_b", "-a", &"a".repeat(300)] {
        assert_eq!(send(&sim, "POST", MAPS, &config_map(name)).await.code, 422, "{name}");
    }
}

#[tokio::test]
async fn workloads_of_wrong_shapes_are_refused_and_everything_moves_on() {
    let sim = cluster().await;
    let specs = [
        json!("x"),
        json!({"selector": "x"}),
        json!({"selector": {"matchLabels": "x"}}),
        json!({"template": "x"}),
        json!({"template": {"metadata": "x"}}),
        json!({"template": {"metadata": {"labels": "x"}}}),
        json!({"template": {"spec": "x"}}),
        json!({"template": {"spec": {"affinity": "x"}}}),
        json!({"template": {"spec": {"affinity": {"nodeAffinity": []}}}}),
    ];
    let kinds = [
        ("apps/v1", "Deployment", "deployments"),
        ("apps/v1", "StatefulSet", "statefulsets"),
        ("apps/v1", "DaemonSet", "daemonsets"),
        ("batch/v1", "Job", "jobs"),
    ];
    for (version, kind, plural) in kinds {
        for spec in &specs {
            let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec});
            let answer = send(&sim, "POST", &format!("/apis/{version}/namespaces/default/{plural}"), &object).await;
            assert_eq!((answer.code, answer.refusal().1), (400, "BadRequest"), "{kind} {spec}");
        }
    }
    sim.step(std::time::Duration::from_mins(1));
}

#[tokio::test]
async fn an_object_is_as_deep_as_it_can_be_read_again_and_no_deeper() {
    let sim = cluster().await;
    let of_depth = |levels: usize| {
        let deep = (0..levels).fold(json!("x"), |inner, _| json!({"a": inner}));
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{levels}")}, "data": deep})
    };
    assert_eq!(send(&sim, "POST", MAPS, &of_depth(100)).await.code, 201);
    assert_eq!(get(&sim, &format!("{MAPS}/m100")).await.code, 200);
    for levels in [112, 120] {
        assert_eq!(send(&sim, "POST", MAPS, &of_depth(levels)).await.code, 400, "{levels}");
    }
}

#[tokio::test]
async fn metadata_of_wrong_shapes_is_refused() {
    let sim = cluster().await;
    let metadata = [
        json!({"name": "a", "labels": []}),
        json!({"name": "a", "labels": {"a": 1}}),
        json!({"name": "a", "annotations": "x"}),
        json!({"name": "a", "finalizers": {}}),
        json!({"name": "a", "finalizers": [1]}),
        json!({"name": "a", "ownerReferences": ["x"]}),
    ];
    for metadata in metadata {
        let answer = send(&sim, "POST", MAPS, &json!({"metadata": metadata})).await;
        assert_eq!(answer.code, 400, "{metadata}: {answer:?}");
    }
}

#[tokio::test]
async fn patches_of_nothing_and_of_wrong_forms_are_refused() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    assert_eq!(send(&sim, "PATCH", &format!("{MAPS}/nope"), &json!({})).await.code, 404);
    let json_patch = "application/json-patch+json";
    for patch in
        [json!({}), json!([1]), json!([{"op": "jump", "path": "/a"}]), json!([{"op": "remove", "path": "/data/none"}])]
    {
        let answer = send_as(&sim, "PATCH", &format!("{MAPS}/a"), json_patch, &patch).await;
        assert!(matches!(answer.code, 400 | 422), "{patch}: {answer:?}");
    }
    for patch in [json!([]), json!({"kind": "Secret"}), json!({"metadata": {"name": "b"}}), json!({"metadata": null})] {
        let answer = send(&sim, "PATCH", &format!("{MAPS}/a"), &patch).await;
        assert!(matches!(answer.code, 400 | 422), "{patch}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_not_modelled_is_counted() {
    let sim = cluster().await;
    let pages = ["/apis/nope.example.org/v1/things", "/api/v1/namespaces/default/pods/p/exec/x", "/metrics"];
    for page in pages {
        assert_eq!(get(&sim, page).await.code, 404, "{page}");
    }
    assert_eq!(call(&sim, "TRACE", MAPS, None, "").await.status().as_u16(), 405);
    assert_eq!(sim.unknown_requests(), 4);
}

#[tokio::test]
async fn requests_beyond_all_measure_are_used_as_far_as_can_be_told() {
    let sim = cluster().await;
    let requests = json!({"cpu": "1e30", "memory": "9999999999999999999Gi"});
    let container = |name: &str| json!({"name": name, "image": "i", "resources": {"requests": requests}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default", "annotations": {"sim.keelwatch.io/usage": "1000"}},
        "spec": {"nodeName": "n", "containers": [container("a"), container("b")]}, "status": {"phase": "Running"},
    });
    sim.put(node).unwrap();
    sim.put(pod).unwrap();
    for path in ["/apis/metrics.k8s.io/v1beta1/nodes/n", "/api/v1/nodes/n/proxy/stats/summary"] {
        assert_eq!(get(&sim, path).await.code, 200, "{path}");
    }
}

#[tokio::test]
async fn a_scale_has_nowhere_to_go_in_what_is_no_object() {
    let sim = cluster().await;
    let free = json!({"type": "object", "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": true}}});
    let scale = json!({"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": free}, "subresources": {"scale": scale}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"}, "versions": [version]},
    });
    assert_eq!(
        send(&sim, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.code,
        201
    );
    let widgets = "/apis/example.org/v1/namespaces/default/widgets";
    let widget = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": "x"});
    assert_eq!(send(&sim, "POST", widgets, &widget).await.code, 201);
    let refused = send(&sim, "PATCH", &format!("{widgets}/w/scale"), &json!({"spec": {"replicas": 1}})).await;
    let message = "value cannot be set because .spec is not a map[string]interface{}";
    assert_eq!(refused.refusal(), (500, "", message));
}
