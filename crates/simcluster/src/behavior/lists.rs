//! Pages, snapshots, selectors, forms.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{MAPS, cluster, create_maps, delete, get, send};

#[tokio::test]
async fn pages_are_of_one_snapshot_whatever_happens_between() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c", "d", "e"]).await;
    let first = get(&sim, &format!("{MAPS}?limit=2")).await;
    delete(&sim, &format!("{MAPS}/d")).await;
    create_maps(&sim, &["c2"]).await;
    let second = get(&sim, &format!("{MAPS}?limit=2&continue={}", first.token())).await;
    let third = get(&sim, &format!("{MAPS}?limit=2&continue={}", second.token())).await;
    assert_eq!((first.names(), second.names(), third.names()), (vec!["a", "b"], vec!["c", "d"], vec!["e"]));
    assert_eq!((first.version(), third.token()), (third.version(), ""));
    assert_eq!(first.body["metadata"]["remainingItemCount"], 3);
}

#[tokio::test]
async fn a_token_expires_and_its_refusal_says_how_to_go_on() {
    let sim = cluster().await;
    create_maps(&sim, &["a", "b", "c"]).await;
    let first = get(&sim, &format!("{MAPS}?limit=2")).await;
    create_maps(&sim, &["bb"]).await;
    sim.step(Duration::from_secs(301));
    let expired = get(&sim, &format!("{MAPS}?limit=2&continue={}", first.token())).await;
    assert_eq!((expired.code, expired.body["reason"].as_str()), (410, Some("Expired")));
    let rest = get(&sim, &format!("{MAPS}?limit=2&continue={}", expired.token())).await;
    assert_eq!(rest.names(), ["bb", "c"]);
}

#[tokio::test]
async fn an_exact_version_is_that_version() {
    let sim = cluster().await;
    create_maps(&sim, &["a"]).await;
    let then = get(&sim, MAPS).await.version();
    create_maps(&sim, &["b"]).await;
    delete(&sim, &format!("{MAPS}/a")).await;
    let exact = get(&sim, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await;
    assert_eq!((exact.names(), exact.version()), (vec!["a"], then));
    assert_eq!(
        get(&sim, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=NotOlderThan")).await.names(),
        ["b"]
    );
    sim.expire_history();
    let gone = get(&sim, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await;
    assert_eq!((gone.code, gone.body["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test]
async fn a_version_of_the_future_is_not_there_yet() {
    let sim = cluster().await;
    let answer = get(&sim, &format!("{MAPS}?resourceVersion=100000")).await;
    assert_eq!((answer.code, answer.body["reason"].as_str()), (504, Some("Timeout")));
}

#[tokio::test]
async fn selectors_select_by_labels_and_fields() {
    let sim = cluster().await;
    for (name, tier) in [("a", "front"), ("b", "back"), ("c", "none")] {
        let map = json!({"metadata": {"name": name, "labels": {"tier": tier}}});
        send(&sim, "POST", MAPS, &map).await;
    }
    create_maps(&sim, &["d"]).await;
    let cases = [
        ("labelSelector=tier%3Dfront", vec!["a"]),
        ("labelSelector=tier+in+(front,back)", vec!["a", "b"]),
        ("labelSelector=tier+notin+(front,back)", vec!["c", "d"]),
        ("labelSelector=tier!%3Dfront,tier", vec!["b", "c"]),
        ("labelSelector=!tier", vec!["d"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault", vec!["a", "c", "d"]),
    ];
    for (selector, names) in cases {
        assert_eq!(get(&sim, &format!("{MAPS}?{selector}")).await.names(), names, "{selector}");
    }
}

#[tokio::test]
async fn pods_are_selected_by_the_node_they_run_on() {
    let sim = cluster().await;
    for (name, node) in [("a", "n1"), ("b", "n2")] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": {"nodeName": node}});
        sim.put(pod).unwrap();
    }
    assert_eq!(get(&sim, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2").await.names(), ["b"]);
}
