//! `GET /api/v1/pod` in the words of the former service, the probes, and look-ups of many.

use super::*;

fn cart() -> objects::Pod {
    pod("cart-0", A).address("10.244.1.5").label("app", "cart").annotation("prometheus.io/scrape", "true")
}

const NINE: &str = r#"{"uid":"8712f785-1a3e-41ec-a00b-e2dcc77431cb","name":"cart-0","namespace":"shop","nodeName":"node-1","phase":"Running","podIP":"10.244.1.5","labels":{"app":"cart"},"annotations":{"prometheus.io/scrape":"true"},"createdAt":"2026-01-01T00:00:00Z"}"#;

#[track_caller]
fn check(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_pod_is_its_nine_fields_in_order_by_every_key() {
    let process = Process::with([cart().container("cart", "4f1c")]);
    let keys = [
        format!("uid={A}"),
        "ip=10.244.1.5".into(),
        "container=4f1c4f1c4f1c".into(),
        "namespace=shop&name=cart-0".into(),
    ];
    for key in keys {
        let answer = process.get(&format!("/api/v1/pod?{key}")).await;
        check(&answer, 200, NINE);
        assert!(answer.headers.contains_key("keelwatch-freshness"));
    }
}

#[tokio::test]
async fn what_is_empty_is_left_out_or_an_empty_text() {
    let mut bare = pod("a", "a").node("").phase("");
    bare.metadata.creation_timestamp = None;
    let process = Process::with([bare]);
    let body = r#"{"uid":"a","name":"a","namespace":"shop","nodeName":"","phase":"","podIP":"","createdAt":""}"#;
    check(&process.get("/api/v1/pod?uid=a").await, 200, body);
}

#[tokio::test]
async fn the_full_view_tells_everything() {
    let owned =
        cart().owner("ReplicaSet", "cart-7d4b9", "rs").label("pod-template-hash", "7d4b9").container("cart", "4f1c");
    let answer = Process::with([owned]).get(&format!("/api/v1/pod?uid={A}&view=full")).await;
    let id = "4f1c".repeat(16);
    let digest = "9b2f".repeat(16);
    let rest = format!(
        r#","podIPs":["10.244.1.5"],"hostNetwork":false,"configHash":null,"deleted":false,"deletedAt":null,"truncatedAnnotations":[],"owner":{{"apiVersion":"apps/v1","kind":"Deployment","name":"cart","uid":"","resolved":false}},"ownerChain":[{{"kind":"ReplicaSet","name":"cart-7d4b9"}},{{"kind":"Deployment","name":"cart"}}],"app":{{"type":"app","name":"cart"}},"containers":[{{"name":"cart","kind":"regular","id":"containerd://{id}","image":"ghcr.io/acme/cart:1.2","imageID":"ghcr.io/acme/cart@sha256:{digest}","state":"running","restarts":0}}]}}"#
    );
    let labels = r#""labels":{"app":"cart","pod-template-hash":"7d4b9"}"#;
    let nine = NINE.trim_end_matches('}').replace(r#""labels":{"app":"cart"}"#, labels);
    check(&answer, 200, &(nine + &rest));
}

#[tokio::test]
async fn a_request_without_exactly_one_good_key_is_400() {
    let process = Process::with([]);
    for query in ["", "?uid="] {
        check(&process.get(&format!("/api/v1/pod{query}")).await, 400, r#"{"error":"uid parameter is required"}"#);
    }
    let several = r#"{"error":"2 selectors are given (accepted: one of uid, ip, container, or namespace and name)"}"#;
    check(&process.get("/api/v1/pod?uid=a&ip=10.0.0.1").await, 400, several);
    let unnamed = r#"{"error":"name is given without namespace (accepted: namespace and name)"}"#;
    check(&process.get("/api/v1/pod?name=a").await, 400, unnamed);
    for query in ["ip=fe80::1%25eth0", "ip=x", "container=4f1c", "uid=%zz", "nid=a", "uid=a&view=half"] {
        assert_eq!(process.get(&format!("/api/v1/pod?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_404_with_the_key() {
    let process = Process::with([]);
    let asked = [
        ("uid=x", "with UID x"),
        ("ip=10.0.0.1", "with IP 10.0.0.1"),
        ("container=4f1c4f1c4f1c", "with container 4f1c4f1c4f1c"),
        ("namespace=a&name=b", "a/b"),
    ];
    for (query, named) in asked {
        let body = format!(r#"{{"error":"pod {named} not found"}}"#);
        check(&process.get(&format!("/api/v1/pod?{query}")).await, 404, &body);
    }
}

#[tokio::test]
async fn a_strange_uid_is_repeated_in_part_and_escaped() {
    let process = Process::with([]);
    let body = r#"{"error":"pod with UID a\"\u0000b not found"}"#;
    check(&process.get("/api/v1/pod?uid=a%22%00b").await, 404, body);
    for (sent, echoed) in [("x", "x"), ("%22", "\\\""), ("%00", "\\u0000")] {
        let long = process.get(&format!("/api/v1/pod?uid={}", sent.repeat(10 * 1024))).await;
        check(&long, 404, &format!(r#"{{"error":"pod with UID {} not found"}}"#, echoed.repeat(128)));
    }
}

#[tokio::test]
async fn a_deleted_pod_is_hinted_at_and_answered_to_who_asks_for_it() {
    let process = Process::with([cart()]);
    process.gone(cart());
    process.clock.advance(Duration::from_secs(42));
    let missing = format!(r#"{{"error":"pod with UID {A} not found","hint":"deleted 42 s ago; add deleted=true"}}"#);
    check(&process.get(&format!("/api/v1/pod?uid={A}")).await, 404, &missing);
    let answer = process.get(&format!("/api/v1/pod?uid={A}&deleted=true&view=full")).await;
    let found: wire::Pod = serde_json::from_str(&answer.body).unwrap();
    let more = found.more.unwrap();
    assert_eq!((answer.status, more.deleted, more.deleted_at.as_deref()), (200, true, Some("2026-01-01T00:00:00Z")));
    process.clock.advance(Duration::from_mins(10));
    let forgotten = format!(r#"{{"error":"pod with UID {A} not found"}}"#);
    check(&process.get(&format!("/api/v1/pod?uid={A}&deleted=true")).await, 404, &forgotten);
}

#[tokio::test]
async fn the_address_of_a_node_is_hinted_at() {
    let on_host = ["a", "b"].map(|name| pod(name, name).address("192.168.0.1").host_network());
    let answer = Process::with(on_host).get("/api/v1/pod?ip=192.168.0.1").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains(r#""hint":"2 host-network pods share this address"#), "{}", answer.body);
}

#[tokio::test]
async fn an_ambiguous_prefix_says_how_many_containers_match() {
    let ids = ["00", "11"].map(|rest| format!("{}{}", "4f".repeat(6), rest.repeat(26)));
    let process = Process::with(ids.iter().map(|id| pod(&id[12..14], &id[12..14]).container("c", id)));
    let body =
        r#"{"error":"pod with container 4f4f4f4f4f4f: 2 containers begin so (accepted: more digits, up to 64)"}"#;
    check(&process.get("/api/v1/pod?container=4f4f4f4f4f4f").await, 400, body);
}

#[tokio::test]
async fn before_the_first_complete_list_what_is_seen_is_served_and_nothing_is_said_to_be_missing() {
    let process = Process::new(&Settings::default());
    process.tell(vec![Event::Listing { reason: Relist::Start }, Event::Seen(cart())]);
    check(&process.get(&format!("/api/v1/pod?uid={A}")).await, 200, NINE);
    for path in ["/api/v1/pod?uid=x", "/ready"] {
        let answer = process.get(path).await;
        check(&answer, 503, r#"{"error":"cache not synced"}"#);
        assert_eq!(answer.headers["retry-after"], "2");
    }
    check(&process.get("/health").await, 200, r#"{"status":"healthy"}"#);
    process.list([cart()]);
    check(&process.get("/ready").await, 200, r#"{"status":"ready","podCount":1}"#);
}

#[tokio::test]
async fn other_methods_and_other_users_are_refused_in_former_words() {
    let settings = Settings {
        basic_auth: crate::settings::BasicAuth { username: "scraper".into(), password: "pass".into() },
        ..Settings::default()
    };
    let process = Process::new(&settings);
    process.list([cart()]);
    for method in [Method::POST, Method::HEAD, Method::DELETE] {
        let answer = process.ask(asking(method, "/api/v1/pod?uid=a").body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.headers["allow"].to_str().unwrap()), (405, "GET"));
    }
    let with = |path: &str, user: &str| {
        Request::builder().uri(path).header("authorization", user).body(Body::empty()).unwrap()
    };
    let (path, user) = (format!("/api/v1/pod?uid={A}"), "Basic c2NyYXBlcjpwYXNz");
    check(&process.ask(with(&path, user)).await, 200, NINE);
    let refused = process.ask(with(&path, "Basic c2NyYXBlcjpwYXNzZWQ=")).await;
    check(&refused, 401, r#"{"error":"Unauthorized"}"#);
    assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"Restricted\"");
    assert_eq!(process.ask(with("/api/v1/pods", user)).await.status, 401);
    process.pods.apply(&Settings::default());
    assert_eq!(process.ask(with(&path, user)).await.status, 401);
}

#[tokio::test]
async fn many_keys_are_answered_in_their_order() {
    let process = Process::with([cart(), pod("b", "b")]);
    let body = r#"{"keys":[{"namespace":"shop","name":"b"},{"container":"4f1c4f1c4f1c"},{"ip":"10.244.1.5"}]}"#;
    let answer = process.post("/api/v1/pods/lookup", body).await;
    let found: wire::LookupAnswer = serde_json::from_str(&answer.body).unwrap();
    let told =
        |item: &wire::LookupItem| item.pod.as_ref().map_or_else(|| item.error.clone().unwrap(), |pod| pod.name.clone());
    let items: Vec<String> = found.items.iter().map(told).collect();
    assert_eq!(items, ["b", "pod with container 4f1c4f1c4f1c not found", "cart-0"]);
    assert_eq!((answer.status, found.found, found.missing), (200, 2, 1));
    assert!(found.items[0].pod.as_ref().unwrap().more.is_some());
}

#[tokio::test]
async fn bad_keys_are_named_by_their_place() {
    let settings = Settings { lookup_max: 3, ..Settings::default() };
    let process = Process::new(&settings);
    process.list([]);
    let refused = [
        ("[", 400, "malformed-json"),
        ("[]", 422, "invalid-body"),
        (r#"{"keys":[{},{},{},{}]}"#, 422, "too-many-keys"),
        (r#"{"keys":[{"uid":"a"},{"uid":"a","ip":"10.0.0.1"}]}"#, 422, "keys[1]: 2 selectors are given"),
        (r#"{"keys":[{"uid":"a"},{}]}"#, 422, "keys[1]: has no selector"),
        (r#"{"keys":[{"uid":"a"},{"id":"a"}]}"#, 422, "keys[1]"),
    ];
    for (body, status, part) in refused {
        let answer = process.post("/api/v1/pods/lookup", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    let long = format!(r#"{{"keys":[{{"uid":"{}"}}]}}"#, "a".repeat(512 << 10));
    assert_eq!(process.post("/api/v1/pods/lookup", &long).await.status, 413);
}
