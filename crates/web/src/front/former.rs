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

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use crate::fixture::{Setup, client};

    /// Method, path, authorization; status, body, and one header.
    async fn check(asked: (Method, &str, &str), expected: (u16, &str, (&str, &str))) {
        let server = Setup::default().start().await;
        let (method, path, authorization) = asked;
        let request = client().request(method, server.url(path)).header("authorization", authorization);
        let response = request.send().await.unwrap();
        let (status, body, (name, value)) = expected;
        assert_eq!((response.status().as_u16(), &response.headers()[name]), (status, &value.parse().unwrap()));
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.text().await.unwrap(), body);
    }

    const TOKEN: &str = "Bearer t0ken";
    /// `scraper:pass`.
    const BASIC: &str = "Basic c2NyYXBlcjpwYXNz";
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[tokio::test]
    async fn a_token_and_the_user_of_the_route_pass() {
        for authorization in [TOKEN, BASIC] {
            check((Method::GET, "/former?name=a", authorization), (200, r#"{"name":"a"}"#, JSON)).await;
        }
    }

    #[tokio::test]
    async fn a_wrong_user_is_told_in_the_words_of_the_former_tool() {
        let expected = (401, r#"{"error":"Unauthorized"}"#, ("www-authenticate", r#"Basic realm="Restricted""#));
        for authorization in ["Basic c2NyYXBlcjpwYXNzZWQ=", "Bearer t0kem", "nonsense"] {
            check((Method::GET, "/former?name=a", authorization), expected).await;
        }
    }

    #[tokio::test]
    async fn every_other_method_is_405_with_or_without_a_credential() {
        let body = r#"{"error":"Method not allowed"}"#;
        check((Method::POST, "/former", "nonsense"), (405, body, ("allow", "GET"))).await;
        check((Method::HEAD, "/former", TOKEN), (405, "", ("allow", "GET"))).await;
    }

    #[tokio::test]
    async fn other_faults_have_one_member_and_perhaps_a_hint() {
        let body = r#"{"error":"b not found","hint":"ask for a"}"#;
        check((Method::GET, "/former?name=b", TOKEN), (404, body, JSON)).await;
        let body = r#"{"error":"query key `name` is missing"}"#;
        check((Method::GET, "/former", TOKEN), (400, body, JSON)).await;
    }

    #[tokio::test]
    async fn the_user_of_one_route_is_nobody_on_another() {
        let server = Setup::default().start().await;
        let response = client().get(server.url("/read")).header("authorization", BASIC).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
}
