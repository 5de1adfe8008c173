//! Bodies in JSON, strict: what is malformed is refused with its place, what does not fit with its path.
//!
//! Owns the extractor and the answer. What fields mean is for the route that takes them; whether unknown keys are refused,
//! their type says (`deny_unknown_fields`).
//!
//! ```text
//! body ─► media type ─► strict ─► T
//!           │ 415         │ 400   │ 422, all faults at once
//! ```

mod strict;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use document::{Document, Limits};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Fault;

/// A body in JSON: of a request, which must be one `T` and nothing beside, or of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// What the faults of a body are counted up to.
const FAULTS: usize = 100;

/// Bodies up to this size are read a second time to find all their faults; of larger ones the first is told.
const ALL_FAULTS_BYTES: usize = 64 * 1024;

impl<T: DeserializeOwned + JsonSchema, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        check_media_type(&parts.headers)?;
        // The front counts the bytes, and answers for what is too large or cut off.
        let bytes = axum::body::to_bytes(body, usize::MAX).await;
        let bytes = bytes.map_err(|_| Fault::bad_request("incomplete-body", "the body did not arrive whole"))?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).expect("an answer has text as keys, and its types become JSON");
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, APPLICATION_JSON);
        response
    }
}

const APPLICATION_JSON: axum::http::HeaderValue = axum::http::HeaderValue::from_static("application/json");

/// The `T` that `bytes` are, or what is wrong with them.
fn parse<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<T, Fault> {
    strict::check(bytes).map_err(|error| Fault::bad_request("malformed-json", told(&error)))?;
    serde_json::from_slice(bytes).map_err(|error| {
        let faults = if bytes.len() <= ALL_FAULTS_BYTES { all_faults::<T>(bytes) } else { Vec::new() };
        let detail = match faults.as_slice() {
            [] => told(&error),
            [only] => only.clone(),
            [first, ..] => format!("{first} (and {} more)", faults.len() - 1),
        };
        Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", detail).with_faults(faults)
    })
}

/// Every fault by its path. Empty if the checks of schemas find none: then the type itself refuses the text.
fn all_faults<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let limits = Limits { bytes: ALL_FAULTS_BYTES, depth: strict::DEPTH };
    let Ok(document) = Document::parse("body", text, limits) else { return Vec::new() };
    let faults = document.decode::<T>().err().unwrap_or_default();
    let told = faults.iter().map(|fault| match fault.path.as_str() {
        "" => fault.message.clone(),
        place => format!("{place}: {}", fault.message),
    });
    told.take(FAULTS).collect()
}

/// `line 3, column 5: what is wrong`.
fn told(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    if line == 0 { message.to_owned() } else { format!("line {line}, column {column}: {message}") }
}

/// JSON has a media type and a suffix for others made of it; a client that names none means it.
fn check_media_type(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(sent) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = sent.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = format!("a body of type `{}` is not taken (accepted: application/json)", essence.escape_debug());
    Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail))
}

#[cfg(test)]
mod tests;
