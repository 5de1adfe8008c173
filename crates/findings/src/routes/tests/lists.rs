//! Lists.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_list_has_the_findings_that_match_and_counts_all_of_them() {
    let process = Process::with(four()).await;
    let list = process.json("/api/v1/findings?namespace=ns-1&limit=1").await;
    let expected = json!({
        "items": [{
            "fingerprint": sighting(3).told.fingerprint, "source": "process", "rule": "miner-name", "severity": "critical",
            "state": "open", "stale": false, "title": "xmrig runs", "description": "A miner.",
            "subject": {"kind": "process", "name": "xmrig", "namespace": "ns-1", "pod": "cart-0", "container": "web", "node": "worker-3"},
            "owner": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "ns-shop", "name": "cart"},
            "app": {"type": "app", "name": "cart"}, "image": format!("sha256:{:064}", 1),
            "first_seen": at(0), "last_seen": at(0), "changed_at": at(0), "count": 1, "reopened": 0,
            "resolved_at": null, "resolved_reason": null, "stale_since": null, "stale_reason": null, "silence": null, "evidence": {},
        }],
        "continue": list["continue"],
        "count": 2,
        "by_severity": {"low": 0, "medium": 1, "high": 0, "critical": 1},
        "by_source": {"process": 2, "workload": 0, "image": 0, "inspection": 0},
        "as_of": at(0),
        "complete": true,
    });
    assert_eq!(list, expected);
    let next = list["continue"].as_str().unwrap();
    let second = process.json(&format!("/api/v1/findings?namespace=ns-1&limit=5&continue={next}")).await;
    assert_eq!(
        (fingerprints(&second["items"]), second.get("continue")),
        (vec![sighting(1).told.fingerprint.as_str()], None)
    );
}

#[tokio::test]
async fn a_list_shows_what_is_open_unless_another_state_is_asked_for() {
    let process = Process::with(four()).await;
    process.look(Vec::new(), &[0]).await;
    let until = Timestamp::from(at(3600)).to_string();
    let silence = json!({"owner": "ops", "reason": "known", "until": until, "match": {"fingerprint": sighting(1).told.fingerprint}});
    assert_eq!(process.post("/api/v1/silences", &silence).await.status, 201);
    let mut told = Vec::new();
    for query in
        ["", "?state=open", "?state=resolved", "?state=silenced", "?state=resolved&state=silenced", "?state=all"]
    {
        let list = process.json(&format!("/api/v1/findings{query}")).await;
        let numbers = fingerprints(&list["items"]).into_iter();
        let number = |text: &str| (0..4).find(|number| sighting(*number).told.fingerprint.as_str() == text).unwrap();
        told.push((query, numbers.map(number).collect::<Vec<u32>>()));
    }
    let expected = [
        ("", vec![3, 2]),
        ("?state=open", vec![3, 2]),
        ("?state=resolved", vec![0]),
        ("?state=silenced", vec![1]),
        ("?state=resolved&state=silenced", vec![1, 0]),
        ("?state=all", vec![3, 2, 1, 0]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn values_of_a_key_are_alternatives_and_keys_are_conditions() {
    let process = Process::with(four()).await;
    let mut counts = Vec::new();
    for query in [
        "severity=low&severity=critical",
        "severity=low&severity=critical&namespace=ns-0",
        "min_severity=medium",
        "min_severity=medium&namespace=ns-0&namespace=ns-9",
        "owner=Deployment/ns-shop/cart&app=cart&node=worker-3&kind=process&rule=miner-name&source=process",
        "owner=Deployment/ns-shop/other",
        "image=sha256:0",
        "q=XMRIG%20R",
        "q=ns-0",
        "q=nothing",
        "since=2000-01-01T00:00:00Z",
        "since=2100-01-01T00:00:00%2B01:00",
        "stale=false",
        "stale=true",
        "stale=true&stale=false",
    ] {
        let list = process.json(&format!("/api/v1/findings?{query}")).await;
        counts.push((query, list["count"].as_u64().unwrap()));
    }
    let counts: Vec<u64> = counts.into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts, [2, 1, 3, 1, 4, 0, 0, 4, 2, 0, 4, 0, 4, 0, 4]);
}

#[tokio::test]
async fn a_client_that_has_the_list_is_told_so_until_it_changes() {
    let process = Process::with(four()).await;
    let first = process.get("/api/v1/findings").await;
    assert_eq!(first.headers["keelwatch-freshness"], "age=0, stale=?0");
    let again = || {
        let request = asking(Method::GET, "/api/v1/findings", "reader").header("if-none-match", &first.headers["etag"]);
        process.ask(request.body(Body::empty()).unwrap())
    };
    process.clock.advance(std::time::Duration::from_secs(7));
    let known = again().await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    assert_eq!(known.headers["keelwatch-freshness"], "age=7, stale=?0");
    process.look(Vec::new(), &[0]).await;
    assert_eq!(again().await.status, 200);
}

#[tokio::test]
async fn what_was_not_looked_at_since_the_start_is_stale_and_the_list_incomplete() {
    let process = Process::with(four()).await;
    let next = process.again().await;
    let list = next.json("/api/v1/findings?stale=true").await;
    assert_eq!((&list["count"], &list["complete"]), (&json!(4), &json!(false)));
    assert_eq!(list["items"][0]["stale_reason"], "not-looked-yet");
    assert_eq!(next.get("/api/v1/findings").await.headers["keelwatch-freshness"], "age=0, stale=?1");
    next.rounds.set(7);
    next.look(four(), &[]).await;
    let list = next.json("/api/v1/findings").await;
    assert_eq!((&list["items"][0]["stale"], &list["complete"]), (&json!(false), &json!(true)));
}
