//! How a request is refused: one problem envelope (RFC 9457) for every fault.
//!
//! Owns the status, the headers that belong to it and the media type. Which fault it is, the rooms decide.

use api::Problem;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request is not answered as asked; served as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    status: StatusCode,
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    /// A fault of this kind, a stable word in kebab-case; `detail` says what is wrong and what would be accepted.
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { status, problem: Box::new(Problem::new(status.as_u16(), title, kind, detail)), headers: Vec::new() }
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }

    /// 401: no credential, or none of ours. Says by header how to send one.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: the caller is known and may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is nothing of this name.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 503: not now; the client may come back after this many seconds.
    pub fn unavailable(kind: &str, detail: impl Into<String>, retry_after_s: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail).retry_after(retry_after_s)
    }

    /// Says after how many seconds to come back.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a sentence that may help.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Adds every fault of a body, each with its path.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<String>) -> Self {
        self.problem.faults = faults;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the answer, as JSON.
    pub(crate) fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.problem).expect("a problem has only text, a number and a list of text")
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        headers.extend(self.headers);
        // For routes that tell it in other words.
        response.extensions_mut().insert(*self.problem);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_repeats_its_detail_for_clients_of_the_former_tools() {
        let body = Fault::bad_request("unknown-query-key", "no key `stat`").body();
        let expected = r#"{"type":"unknown-query-key","title":"Bad Request","status":400,"detail":"no key `stat`","error":"no key `stat`"}"#;
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn a_fault_is_served_with_its_media_type_and_headers() {
        let response = Fault::unauthorized("send a token").retry_after(1).into_response();
        let headers = response.headers();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(headers[header::RETRY_AFTER], "1");
    }
}
