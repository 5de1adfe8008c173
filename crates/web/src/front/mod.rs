//! What every request passes before a route sees it, and every answer on its way out.
//!
//! Owns the limits of one request (URI, headers, body, time), what becomes of a panic, and the count of answers. Limits
//! of connections are `listener`'s matter, credentials `access`'.

mod body;
mod panic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::Clock;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tracing::{debug, error};

use crate::Fault;
use crate::access::credential;
use crate::listener::InForce;
use crate::metrics::{HttpMetrics, Refused};
use body::Arrival;

const URI_BYTES: usize = 8 * 1024;
const HEADER_BYTES: usize = 32 * 1024;
const BODY_BYTES: u64 = 1024 * 1024;

/// The label of requests that no route was found for.
const NO_ROUTE: &str = "none";

/// The way to every route of a process.
#[derive(Debug)]
pub(crate) struct Front {
    in_force: Arc<InForce>,
    clock: Arc<dyn Clock>,
    metrics: Arc<HttpMetrics>,
    panics: AtomicU64,
}

impl Front {
    /// A front that keeps the limits of `in_force`.
    pub(crate) fn new(in_force: Arc<InForce>, clock: Arc<dyn Clock>, metrics: Arc<HttpMetrics>) -> Self {
        Self { in_force, clock, metrics, panics: AtomicU64::new(0) }
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let (request, arrival) = match self.check(request) {
            Ok(checked) => checked,
            Err(fault) => return fault.into_response(),
        };
        let answer = timeout(self.in_force.limits().request_timeout, panic::caught(next.run(request))).await;
        match answer {
            _ if arrival.is_too_large() => self.body_too_large().into_response(),
            Ok(Ok(response)) => response,
            Ok(Err(message)) => self.panicked(&message).into_response(),
            Err(_) => self.overdue(&arrival).into_response(),
        }
    }

    fn check(&self, request: Request) -> Result<(Request, Arrival), Fault> {
        let uri = request.uri();
        if uri.path_and_query().is_some_and(|path| path.as_str().len() > URI_BYTES) {
            self.metrics.refused(Refused::Headers);
            return Err(uri_too_long());
        }
        if size_bytes(request.headers()) > HEADER_BYTES {
            self.metrics.refused(Refused::Headers);
            return Err(headers_too_large());
        }
        if let Some(key) = credential::in_query(uri) {
            let detail = format!("`{key}` is a credential and may not be in a URL (accepted: Authorization: Bearer)");
            return Err(Fault::bad_request("credential-in-query", detail));
        }
        if content_length(request.headers()).is_some_and(|length| length > BODY_BYTES) {
            return Err(self.body_too_large());
        }
        Ok(body::metered(request, BODY_BYTES))
    }

    fn body_too_large(&self) -> Fault {
        self.metrics.refused(Refused::Body);
        let detail = format!("the body is larger than {BODY_BYTES} bytes");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    }

    fn overdue(&self, arrival: &Arrival) -> Fault {
        if arrival.is_complete() {
            return Fault::new(
                StatusCode::GATEWAY_TIMEOUT,
                "overdue",
                "the answer took longer than listen.request_timeout",
            );
        }
        self.metrics.refused(Refused::Slow);
        let detail = "the body did not arrive within listen.request_timeout";
        Fault::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail)
    }

    fn panicked(&self, message: &str) -> Fault {
        let nth = self.panics.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}-{nth}", self.clock.now().as_millisecond());
        error!(id, "a handler panicked: {message}");
        let detail = format!("this is a fault of Keelwatch; its log says more under the id {id}");
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

/// The layer around every route and around the answer for no route.
pub(crate) async fn pass(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let started = front.clock.monotonic();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let response = front.answer(request, next).await;
    let took = front.clock.monotonic().saturating_sub(started);
    front.metrics.answered(route, &method, response.status(), took);
    debug!(route, %method, status = response.status().as_u16(), took_ms = took.as_millis(), "answered {method} {route}");
    response
}

/// The layer around the router: what every answer has, and a body for the router's own.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = method_not_allowed(response.headers()).into_response();
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The router knows the methods of a route and names them in `Allow`; this makes a problem of its empty answer.
fn method_not_allowed(headers: &HeaderMap) -> Fault {
    let allowed = headers.get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allowed = allowed.split(',').map(str::trim).collect::<Vec<_>>().join(", ");
    let detail = format!("the route does not take this method (accepted: {allowed})");
    let value = HeaderValue::try_from(allowed).expect("names of methods are a header value");
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).with_header(header::ALLOW, value)
}

fn uri_too_long() -> Fault {
    let detail = format!("the path and query are longer than {URI_BYTES} bytes");
    Fault::new(StatusCode::URI_TOO_LONG, "uri-too-long", detail)
}

fn headers_too_large() -> Fault {
    let detail = format!("the headers are larger than {HEADER_BYTES} bytes");
    Fault::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", detail)
}

/// As HTTP/1.1 writes them: name, colon, space, value, line end.
fn size_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
