//! What is refused, and how it is named.

use super::*;

#[tokio::test]
async fn a_key_or_value_that_is_not_known_is_refused_and_named() {
    let process = Process::new().await;
    let cases = [
        ("/api/v1/findings?colour=red", "unknown query key `colour`"),
        ("/api/v1/findings?severity=bad", "query key `severity`: unknown variant `bad`"),
        ("/api/v1/findings?severity=low&severity=bad", "query key `severity`: unknown variant `bad`"),
        (
            "/api/v1/findings?min_severity=low&min_severity=high",
            "query key `min_severity`: given 2 times (accepted: once)",
        ),
        ("/api/v1/findings?source=host", "query key `source`: unknown variant `host`"),
        ("/api/v1/findings?state=shut", "query key `state`: unknown variant `shut`"),
        ("/api/v1/findings?stale=perhaps", "query key `stale`: `perhaps` is not true or false"),
        ("/api/v1/findings?since=yesterday", "query key `since`: `yesterday` is no time (accepted: RFC 3339, such as"),
        (
            "/api/v1/findings?owner=cart",
            "query key `owner`: `cart` is no owner (accepted: such as Deployment/shop/cart)",
        ),
        ("/api/v1/findings?owner=Deployment//cart", "query key `owner`: `Deployment//cart` is no owner"),
        ("/api/v1/findings?sort=name", "query key `sort`: `name` is no order (accepted: severity, first_seen"),
        ("/api/v1/findings?limit=0", "query key `limit`: 0 is out of range (accepted: 1 to 1000)"),
        ("/api/v1/findings?limit=1001", "query key `limit`: 1001 is out of range (accepted: 1 to 1000)"),
        ("/api/v1/findings?continue=17", "query key `continue`: this is not from a list"),
        ("/api/v1/findings/summary", "query key `by`: is missing"),
        ("/api/v1/findings/summary?by=colour", "query key `by`: unknown variant `colour`"),
        ("/api/v1/findings/summary?by=rule&sort=severity", "unknown query key `sort`"),
        ("/api/v1/findings/trend?step=30m", "query key `step`: `30m` is out of range (accepted: 1h to 7d)"),
        ("/api/v1/findings/trend?step=soon", "query key `step`: `soon` is no duration (accepted: 1h to 7d)"),
        ("/api/v1/findings/trend?step=90m", "query key `step`: `90m` is no whole number of hours (accepted: 1h to 7d)"),
        ("/api/v1/findings/watch?limit=3", "unknown query key `limit`"),
        ("/api/v1/findings/export", "query key `format`: is missing (accepted: sarif, jsonl or csv)"),
        ("/api/v1/findings/export?format=xml", "query key `format`: unknown variant `xml`"),
        ("/api/v1/findings/export?format=csv&limit=3", "unknown query key `limit`"),
        ("/api/v1/findings/51c1", "`51c1` is no fingerprint (accepted: 32 hex digits)"),
        ("/api/v1/findings/zzc1a2699889f2178cd1d27121a3f655", "is no fingerprint (accepted: 32 hex digits)"),
        ("/api/v1/coverage?source=process", "unknown query key `source` (accepted: none)"),
        ("/api/v1/silences?state=open", "query key `state`: unknown variant `open`"),
    ];
    for (path, expected) in cases {
        let answer = process.get(path).await;
        let (status, _, detail) = answer.problem();
        assert!(status == 400 && detail.as_str().unwrap().contains(expected), "{path}: {status} {detail}");
    }
}

#[tokio::test]
async fn a_place_of_one_list_is_none_of_another() {
    let process = Process::with(four()).await;
    let list = process.json("/api/v1/findings?limit=1").await;
    let next = list["continue"].as_str().unwrap();
    for query in ["severity=low", "sort=-severity", "state=all", "q=a"] {
        let answer = process.get(&format!("/api/v1/findings?{query}&continue={next}")).await;
        let (status, _, detail) = answer.problem();
        assert!(status == 400 && detail.as_str().unwrap().contains("a list with other filters"), "{query}: {detail}");
    }
    assert_eq!(process.get(&format!("/api/v1/findings?limit=3&continue={next}")).await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let process = Process::new().await;
    let none = "0".repeat(32);
    for path in [format!("/api/v1/findings/{none}"), "/api/v1/silences/s-none".to_owned()] {
        assert_eq!(process.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(process.delete("/api/v1/silences/s-none").await.status, 404);
}
