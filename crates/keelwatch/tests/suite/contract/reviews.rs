//! Reviews: whose token, and who may do what.

use serde_json::{Value, json};

use super::case::{Need, Verdict, cases};
use super::client::{Answer, ClientError};
use super::compare::{coded, equal, refused};
use super::ground::Ground;

cases![
    a_token_of_nobody_is_not_authenticated needs TOKENS,
    a_token_of_nobody_is_for_no_audience needs TOKENS,
    a_review_needs_a_token needs TOKENS,
    an_administrator_may_do_everything needs ACCESS,
    nobody_may_do_nothing needs ACCESS,
    a_review_of_access_names_somebody needs ACCESS,
    a_review_of_access_asks_for_one_thing needs ACCESS,
    a_review_of_oneself_is_answered,
    reviews_are_only_created needs TOKENS,
];

const TOKENS: Need = Need::Right("create", "authentication.k8s.io", "tokenreviews");
const ACCESS: Need = Need::Right("create", "authorization.k8s.io", "subjectaccessreviews");
/// Whom no server knows.
pub(super) const NOBODY: &str = "keelwatch-contract-nobody";
const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

async fn review_token(ground: &Ground, spec: &Value) -> Result<Answer, ClientError> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
    ground.create(TOKEN_REVIEWS, &review).await
}

async fn review_access(ground: &Ground, spec: &Value) -> Result<Answer, ClientError> {
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    ground.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await
}

async fn a_token_of_nobody_is_not_authenticated(ground: Ground) -> Verdict {
    let answer = review_token(&ground, &json!({"token": "nobody-has-this-token"})).await?;
    let review = answer.json();
    let is_authenticated = review["status"]["authenticated"] == true;
    let got = json!([answer.code, review["kind"], is_authenticated, review["status"]["user"]]);
    equal("code, kind, verdict, user", &got, &json!([201, "TokenReview", false, {}]))
}

async fn a_token_of_nobody_is_for_no_audience(ground: Ground) -> Verdict {
    let spec = json!({"token": "nobody-has-this-token", "audiences": ["contract.keelwatch.io"]});
    let answer = review_token(&ground, &spec).await?;
    let review = answer.json();
    let is_authenticated = review["status"]["authenticated"] == true;
    let got = json!([answer.code, review["spec"]["audiences"], is_authenticated, review["status"]["audiences"]]);
    equal("code, audiences, verdict", &got, &json!([201, ["contract.keelwatch.io"], false, null]))
}

async fn a_review_needs_a_token(ground: Ground) -> Verdict {
    let answer = review_token(&ground, &json!({})).await?;
    refused(&answer, 400, "BadRequest", "token is required for TokenReview in authentication")
}

async fn an_administrator_may_do_everything(ground: Ground) -> Verdict {
    for asked in [
        json!({"resourceAttributes": {"verb": "list", "resource": "pods"}}),
        json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}),
    ] {
        let mut spec = asked;
        spec["user"] = "somebody".into();
        spec["groups"] = json!(["system:masters"]);
        let answer = review_access(&ground, &spec).await?;
        let review = answer.json();
        equal(
            "code, spec, verdict",
            &json!([answer.code, review["spec"], review["status"]["allowed"]]),
            &json!([201, spec, true]),
        )?;
    }
    Ok(())
}

async fn nobody_may_do_nothing(ground: Ground) -> Verdict {
    let spec = json!({"user": NOBODY, "resourceAttributes": {"verb": "delete", "resource": "nodes"}});
    let answer = review_access(&ground, &spec).await?;
    equal("code and verdict", &json!([answer.code, answer.json()["status"]["allowed"]]), &json!([201, false]))
}

async fn a_review_of_access_names_somebody(ground: Ground) -> Verdict {
    let answer = review_access(&ground, &json!({"resourceAttributes": {"verb": "list", "resource": "pods"}})).await?;
    let why = "spec.user: Invalid value: \"\": at least one of user or group must be specified";
    refused(&answer, 422, "Invalid", &format!(".authorization.k8s.io \"\" is invalid: {why}"))
}

async fn a_review_of_access_asks_for_one_thing(ground: Ground) -> Verdict {
    let answer = review_access(&ground, &json!({"user": "somebody"})).await?;
    let why = "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
    refused(&answer, 422, "Invalid", &format!(".authorization.k8s.io \"\" is invalid: {why}"))?;
    let both = json!({"user": "x", "resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/x"}});
    coded(&review_access(&ground, &both).await?, 422)
}

async fn a_review_of_oneself_is_answered(ground: Ground) -> Verdict {
    let attributes = json!({"verb": "create", "resource": "configmaps", "namespace": ground.namespace});
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
    let answer = ground.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
    let got = json!([answer.code, answer.json()["status"]["allowed"]]);
    equal("code and verdict", &got, &json!([201, true]))
}

async fn reviews_are_only_created(ground: Ground) -> Verdict {
    let answer = ground.get(TOKEN_REVIEWS).await?;
    refused(&answer, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}
