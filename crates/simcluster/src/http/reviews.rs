//! TokenReview, SubjectAccessReview and its form for oneself.
//!
//! Owns their shape. The answers are `access`'.

use serde_json::Value;

use super::answer::{self, Answer};
use super::objects::Ask;
use crate::patch::go_type;
use crate::status::{Cause, Status};
use crate::store::text_at;
use crate::write::parse_object;

pub(super) fn answer(ask: &Ask<'_>) -> Result<Answer, Status> {
    let kind = &ask.target.kind;
    let mut review = parse_object(kind, &ask.call.body, false)?;
    if !review["spec"].is_object() {
        review["spec"] = Value::Object(serde_json::Map::new());
    }
    let answers = &ask.cluster.answers;
    let status = if kind.plural == "tokenreviews" {
        let token = text_at(&review, "spec.token");
        if token.is_empty() {
            return Err(Status::bad_request("token is required for TokenReview in authentication"));
        }
        answers.review_token(token, &audiences(&review)?)
    } else {
        let is_of_oneself = kind.plural == "selfsubjectaccessreviews";
        let checked = if is_of_oneself { Ok(()) } else { check_subject(&review) };
        // Refusals of reviews name no kind.
        checked
            .and_then(|()| check_attributes(&review))
            .map_err(|cause| Status::invalid_kind(&kind.group, "", "", &[cause]))?;
        if kind.plural == "selfsubjectaccessreviews" {
            let user = answers.user(ask.call.token.as_deref());
            review["spec"]["user"] = user.map_or(Value::Null, |user| user.name.into());
        }
        let status = answers.review_access(&review["spec"]);
        if kind.plural == "selfsubjectaccessreviews" {
            super::objects::drop_key(&mut review["spec"], "user");
        }
        status
    };
    review["kind"] = kind.kind.as_str().into();
    review["apiVersion"] = kind.api_version().into();
    if review["metadata"].is_null() {
        review["metadata"] = Value::Object(serde_json::Map::new());
    }
    review["status"] = status;
    Ok(answer::json(201, &review))
}

fn audiences(review: &Value) -> Result<Vec<String>, Status> {
    let stated = &review["spec"]["audiences"];
    if stated.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(stated.clone()).map_err(|_| {
        Status::bad_request(format!(
            "TokenReview in version \"v1\" cannot be handled as a TokenReview: json: cannot unmarshal {} into Go struct field \
             TokenReviewSpec.spec.audiences of type []string",
            go_type(stated)
        ))
    })
}

fn check_subject(review: &Value) -> Result<(), Cause> {
    let has_groups = review["spec"]["groups"].as_array().is_some_and(|groups| !groups.is_empty());
    if has_groups || !text_at(review, "spec.user").is_empty() {
        return Ok(());
    }
    Err(Cause::invalid("spec.user", &"".into(), "at least one of user or group must be specified"))
}

fn check_attributes(review: &Value) -> Result<(), Cause> {
    let given = |key: &str| review["spec"].get(key).is_some_and(|value| !value.is_null());
    let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    match (given("resourceAttributes"), given("nonResourceAttributes")) {
        (true, false) | (false, true) => Ok(()),
        (true, true) => Err(Cause::invalid(
            "spec.nonResourceAttributes",
            &Value::Null,
            "cannot be specified in combination with resourceAttributes",
        )),
        (false, false) => Err(Cause::invalid("spec.resourceAttributes", &Value::Null, why)),
    }
}
