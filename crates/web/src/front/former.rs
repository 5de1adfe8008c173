//! Faults in the words of the former tools: `{"error": "…"}`.
//!
//! Owns the form only. Which routes speak so, they say (`Route::in_former_words`).

use api::Problem;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

/// What goes wrong, as the former tools said it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FormerError<'a> {
    /// What is wrong and what would be accepted.
    error: &'a str,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// The same answer in former words, if it is a fault. Two of them have texts that clients may compare.
pub(super) fn in_former_words(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let error = match response.status() {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
        _ => &problem.detail,
    };
    let body = serde_json::to_vec(&FormerError { error, hint: problem.hint.as_deref() });
    *response.body_mut() = Body::from(body.expect("two texts become JSON"));
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    if is_unauthorized {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Restricted\""));
    }
    response
}
