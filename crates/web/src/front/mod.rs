//! What every request passes before its handler, and every answer on its way out.
//!
//! Owns the limits of one request (URI, headers, body, time), what becomes of a panic, the words of faults, and the
//! count of answers. Limits of connections are `listener`'s matter, credentials `access`', the leader `forward`'s.
//!
//! ```text
//! request ─► limits ─► table ─► gate ─► here, or the leader ─► handler
//!              └─ 4xx    └─ 404, 405    every answer ─► words, headers, counts
//! ```

mod body;
mod former;
mod panic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::Clock;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tracing::{debug, error};

use crate::Fault;
use crate::access::{Asking, Gate, Who, credential};
use crate::forward::{Forward, Way};
use crate::listener::{InForce, Peer};
use crate::metrics::{HttpMetrics, Refused};
use crate::page::echo;
use crate::routes::{Found, Params, Place, Runs, Served, Table, URI_BYTES, Words};
use body::Arrival;
pub(crate) use former::FormerError;

const HEADER_BYTES: usize = 32 * 1024;
/// The way to every route of a process.
#[derive(Debug)]
pub(crate) struct Front {
    in_force: Arc<InForce>,
    gate: Arc<Gate>,
    forward: std::sync::OnceLock<Forward>,
    clock: Arc<dyn Clock>,
    metrics: Arc<HttpMetrics>,
    panics: AtomicU64,
}

impl Front {
    /// A front that keeps the limits of `in_force` and asks `gate`.
    pub(crate) fn new(
        in_force: Arc<InForce>,
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        metrics: Arc<HttpMetrics>,
    ) -> Self {
        Self { in_force, gate, forward: std::sync::OnceLock::new(), clock, metrics, panics: AtomicU64::new(0) }
    }

    /// From now on requests that need the leader go by `forward`. The first one stays.
    pub(crate) fn forward_by(&self, forward: Forward) {
        self.forward.get_or_init(|| forward);
    }

    /// Answers a request from `peer` by the routes of `table`.
    pub(crate) async fn serve(&self, table: &Table, request: Request, peer: &Peer) -> Response {
        let started = self.clock.monotonic();
        let method = request.method().clone();
        let (found, Place { route, words, counts, .. }) = table.find(request.uri().path(), &method);
        let mut response = match self.check(&request, &found) {
            Ok(()) => self.answer(found, request, peer).await,
            Err(fault) => fault.into_response(),
        };
        if *words == Words::Former {
            response = former::in_former_words(response);
        }
        if method == Method::HEAD {
            response = without_body(response);
        }
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let took = self.clock.monotonic().saturating_sub(started);
        counts.answered(&method, response.status(), took);
        debug!(route, %method, status = response.status().as_u16(), took_us = took.as_micros(), "answered {method} {route}");
        response
    }

    async fn answer(&self, found: Found<'_>, request: Request, peer: &Peer) -> Response {
        let (served, params) = match found {
            Found::Route(served, params) => (served, params),
            Found::OtherMethods(allow) => return method_not_allowed(allow).into_response(),
            Found::Nothing => return not_found(request.uri().path()).into_response(),
        };
        let (request, arrival) = body::metered(request, served.body_bytes);
        let handling = panic::caught(self.handle(served, params, request, peer));
        match timeout(self.in_force.limits().request_timeout, handling).await {
            _ if arrival.is_too_large() => self.body_too_large(served.body_bytes).into_response(),
            Ok(Ok(response)) => response,
            Ok(Err(message)) => self.panicked(&message).into_response(),
            Err(_) => self.overdue(&arrival).into_response(),
        }
    }

    /// Asks the gate, then the handler or the leader.
    async fn handle(&self, served: &Served, params: Params, mut request: Request, peer: &Peer) -> Response {
        let (method, headers) = (request.method(), request.headers());
        let asking = Asking { peer, method, path: request.uri().path(), headers, params: &params };
        let who = match &served.needs {
            None => Ok(Who::anonymous()),
            Some(needs) => self.gate.admit(asking, needs).await,
        };
        let who = match who {
            Ok(who) => who,
            Err(fault) => return fault.into_response(),
        };
        if served.runs == Runs::OnLeader
            && let Some(forward) = self.forward.get()
        {
            match forward.way(request.headers(), peer.common_name.as_deref()) {
                Ok(Way::Here) => {}
                Ok(Way::To(address)) => {
                    let is_tls = self.in_force.certificate().is_some();
                    // Large and rare: kept out of what every request is made of and moved with.
                    let asked = Box::pin(forward.ask(address, is_tls, request)).await;
                    return asked.unwrap_or_else(IntoResponse::into_response);
                }
                Err(fault) => return fault.into_response(),
            }
        }
        if !params.is_empty() {
            request.extensions_mut().insert(params);
        }
        request.extensions_mut().insert(who);
        served.call(request).await
    }

    fn check(&self, request: &Request, found: &Found<'_>) -> Result<(), Fault> {
        let uri = request.uri();
        let most = match found {
            Found::Route(served, _) => served.uri_bytes,
            Found::OtherMethods(_) | Found::Nothing => URI_BYTES,
        };
        if uri.path_and_query().is_some_and(|path| path.as_str().len() > most) {
            self.metrics.refused(Refused::Headers);
            return Err(uri_too_long(most));
        }
        if size_bytes(request.headers()) > HEADER_BYTES {
            self.metrics.refused(Refused::Headers);
            return Err(headers_too_large());
        }
        if let Some(key) = credential::in_query(uri) {
            let detail = format!("`{key}` is a credential and may not be in a URL (accepted: Authorization: Bearer)");
            return Err(Fault::bad_request("credential-in-query", detail));
        }
        match found {
            Found::Route(Served { body_bytes, .. }, _)
                if content_length(request.headers()).is_some_and(|length| length > *body_bytes) =>
            {
                Err(self.body_too_large(*body_bytes))
            }
            Found::Route(..) | Found::OtherMethods(_) | Found::Nothing => Ok(()),
        }
    }

    fn body_too_large(&self, limit: u64) -> Fault {
        self.metrics.refused(Refused::Body);
        let detail = format!("the body is larger than {limit} bytes");
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

/// What a GET would be answered, without its body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

fn not_found(path: &str) -> Fault {
    Fault::not_found(format!("there is no route `{}`", echo(path)))
}

fn method_not_allowed(allow: &HeaderValue) -> Fault {
    let accepted = allow.to_str().expect("names of methods are text");
    let detail = format!("the route does not take this method (accepted: {accepted})");
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).with_header(header::ALLOW, allow.clone())
}

fn uri_too_long(limit: usize) -> Fault {
    let detail = format!("the path and query are longer than {limit} bytes");
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
