//! Reviews: whose token it is, whom it is for, who may what.

use serde_json::{Value, json};

use crate::fixture::{Answered, cluster, send, start};
use crate::{AccessRule, SimCluster, User};

const API_SERVER: &str = "https://kubernetes.default.svc.cluster.local";

async fn review(sim: &SimCluster, spec: Value) -> Answered {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
    send(sim, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", &review).await
}

#[tokio::test]
async fn reviews_answer_what_was_scripted() {
    let sim = cluster().await;
    let user = User { name: "ada".to_owned(), groups: vec!["ops".to_owned()] };
    let rule = AccessRule { path: Some("/metrics*".to_owned()), allowed: true, ..AccessRule::default() };
    sim.answers([("good".to_owned(), Some(user))].into(), vec![rule]);
    let good = review(&sim, json!({"token": "good"})).await;
    assert_eq!((good.code, &good.body["status"]["user"]["username"]), (201, &json!("ada")));
    assert_eq!(review(&sim, json!({"token": "bad"})).await.body["status"]["authenticated"], Value::Null);
    let access = |path: &str| json!({"spec": {"user": "ada", "nonResourceAttributes": {"path": path, "verb": "get"}}});
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let mut allowed = Vec::new();
    for asked in ["/metrics/x", "/debug"] {
        allowed.push(send(&sim, "POST", path, &access(asked)).await.body["status"]["allowed"].clone());
    }
    assert_eq!(allowed, [true, false]);
}

#[tokio::test]
async fn a_token_is_good_for_the_audiences_that_it_shares_with_the_review() {
    let sim = start(SimCluster::builder().control()).await;
    let answers = json!({"token_reviews": {"api": {"user": "ada"}, "two": {"user": "ada", "audiences": ["a", "b"]}}});
    assert_eq!(send(&sim, "PUT", "/_sim/answers", &answers).await.code, 200);
    for (token, asked, shared) in [
        ("api", json!([]), json!([API_SERVER])),
        ("api", json!([API_SERVER, "a"]), json!([API_SERVER])),
        ("two", json!(["c", "b", "a"]), json!(["a", "b"])),
        ("two", json!(["b"]), json!(["b"])),
    ] {
        let status = review(&sim, json!({"token": token, "audiences": asked})).await.body["status"].clone();
        assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &shared), "{token} {asked}");
    }
}

#[tokio::test]
async fn a_token_for_others_is_nobodys_and_says_whom_it_is_for() {
    let sim = cluster().await;
    let ada = User { name: "ada".to_owned(), groups: Vec::new() };
    sim.answers([("t".to_owned(), Some(ada))].into(), Vec::new());
    sim.audiences("t", &["a", "b"]);
    for (asked, target) in
        [(json!(null), format!("[\"{API_SERVER}\"]")), (json!(["c", "d"]), "[\"c\" \"d\"]".to_owned())]
    {
        let why = format!(
            "[invalid bearer token, token audiences [\"a\" \"b\"] is invalid for the target audiences {target}]"
        );
        let reviewed = review(&sim, json!({"token": "t", "audiences": asked})).await;
        assert_eq!((reviewed.code, &reviewed.body["status"]), (201, &json!({"user": {}, "error": why})));
    }
}

#[tokio::test]
async fn audiences_are_a_list_of_texts() {
    let sim = cluster().await;
    for audiences in [json!("a"), json!([1]), json!({})] {
        assert_eq!(review(&sim, json!({"token": "t", "audiences": audiences})).await.code, 400, "{audiences}");
    }
}
