//! `GET /api/v1/pods`.

use super::*;

#[tokio::test]
async fn every_filter_leaves_what_it_names() {
    let process = Process::with([
        pod("a-1", "a").label("app", "a").address("10.0.0.1").node("node-2"),
        pod("a-2", "b").label("app", "b").phase("Pending").owner("StatefulSet", "db", "s"),
        pod("b-1", "c").namespace("other").container("web", "4f1c"),
        pod("b-2", "d").address("192.168.0.1").host_network(),
    ]);
    let digest = "9b2f".repeat(16);
    let filters = [
        ("", vec!["b-1", "a-1", "a-2", "b-2"]),
        ("namespace=shop", vec!["a-1", "a-2", "b-2"]),
        ("node=node-2", vec!["a-1"]),
        ("phase=Pending", vec!["a-2"]),
        ("name=a-", vec!["a-1", "a-2"]),
        ("labelSelector=app%20in%20(a,b),app!=b", vec!["a-1"]),
        ("owner=StatefulSet/shop/db", vec!["a-2"]),
        ("owner=Pod/shop/a-1", vec!["a-1"]),
        ("ownerUid=s", vec!["a-2"]),
        ("image=acme/web", vec!["b-1"]),
        (&format!("digest=sha256:{digest}"), vec!["b-1"]),
        ("ip=192.168.0.1", vec!["b-2"]),
        ("namespace=shop&phase=Running&name=a", vec!["a-1"]),
        ("node=node-9", vec![]),
    ];
    for (query, expected) in filters {
        let page = process.page(query).await;
        assert_eq!((names(&page), page.count, page.total), (expected.clone(), expected.len(), 4), "{query}");
    }
}

#[tokio::test]
async fn deleted_pods_are_listed_to_who_asks_for_them() {
    let process = Process::with([pod("a", "a"), pod("b", "b")]);
    process.gone(pod("a", "a"));
    assert_eq!(
        (names(&process.page("").await), names(&process.page("deleted=true").await)),
        (vec!["b"], vec!["a", "b"])
    );
    let page = process.page("deleted=true&namespace=shop").await;
    assert_eq!((page.count, page.total), (2, 1));
}

#[tokio::test]
async fn a_walk_neither_misses_nor_repeats_what_exists_throughout() {
    let of = |at: usize| pod(&format!("p-{at:03}"), &format!("u-{at:03}"));
    for query in ["", "&phase=Running", "&node=node-1"] {
        let process = Process::with((0..100).map(of));
        let (mut seen, mut next, mut at) = (Vec::new(), String::new(), 0);
        loop {
            let page = process.page(&format!("limit=7{query}{next}")).await;
            seen.extend(page.items.iter().map(|pod| pod.name.clone()));
            // Around the place where the walk is, pods come and go.
            process.gone(of(at * 7 + 2));
            process.seen(pod(&format!("p-{:03}-new", at * 7 + 3), &format!("n-{at}")));
            at += 1;
            let Some(token) = page.next else { break };
            next = format!("&continue={token}");
        }
        let mut unique = seen.clone();
        unique.dedup();
        let throughout = (0..100).filter(|at| at % 7 != 2).map(|at| format!("p-{at:03}"));
        assert_eq!(unique, seen);
        assert!(throughout.into_iter().all(|name| seen.contains(&name)), "{query}: {seen:?}");
    }
}

#[tokio::test]
async fn the_last_page_has_no_continue() {
    let process = Process::with(["a", "b", "c", "d"].map(|name| pod(name, name)));
    let first = process.page("limit=2").await;
    let second = process.page(&format!("limit=2&continue={}", first.next.unwrap())).await;
    assert_eq!((names(&second), &second.next, second.count), (vec!["c", "d"], &None, 4));
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_named() {
    let process = Process::with(["a", "b"].map(|name| pod(name, name)));
    let token = process.page("limit=1").await.next.unwrap();
    let refused = [
        ("labelSelector=a%20in%20(".to_owned(), "query key `labelSelector`: at position 7"),
        (
            format!("limit=1&namespace=x&continue={token}"),
            "query key `continue`: this is from a list with other filters",
        ),
        ("continue=abc".to_owned(), "query key `continue`: this is not from a list"),
        ("limit=0".to_owned(), "query key `limit`: 0 is out of range (accepted: 1 to 1000)"),
        ("owner=cart".to_owned(), "query key `owner`: `cart` is no owner (accepted: such as Deployment/shop/cart)"),
        ("digest=abc".to_owned(), "query key `digest`: `abc` is no digest"),
        ("ip=x".to_owned(), "query key `ip`: `x` is no address"),
        ("nod=a".to_owned(), "unknown query key `nod`"),
    ];
    for (query, part) in refused {
        let answer = process.get(&format!("/api/v1/pods?{query}")).await;
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &problem["error"]), (400, &problem["detail"]), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_list_waits_for_the_first_complete_one() {
    let process = Process::new(&Settings::default());
    assert_eq!(process.get("/api/v1/pods").await.status, 503);
    assert_eq!(process.get("/api/v1/pods/watch").await.status, 503);
    assert_eq!(process.post("/api/v1/pods/lookup", r#"{"keys":[{"uid":"a"}]}"#).await.status, 503);
}

#[tokio::test]
async fn other_labels_name_apps_without_a_list() {
    let process = Process::with([pod("a", "a").label("team", "red").label("app", "web")]);
    let app = async || process.page("").await.items.remove(0).more.unwrap().app.name;
    assert_eq!(app().await, "web");
    process.pods.apply(&Settings { app_labels: vec!["team".to_owned()], ..Settings::default() });
    assert_eq!(app().await, "red");
}
