//! Answering as an agent.
//!
//! Owns the routes of an agent and what its manner makes of them.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::agent::{Agent, Garbage, Manner};
use crate::http::answer::{self, Answer};
use crate::query::Query;

/// How long an accept that failed is not tried again; descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(100);
/// Pieces of a body that drips.
const PIECES: usize = 1;

/// Takes connections until it is dropped; they go with it.
pub(super) async fn listen(socket: TcpListener, agent: Arc<Agent>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&agent)));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, agent: Arc<Agent>) {
    // Small answers are not held back; a socket that refuses this serves all the same.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let agent = Arc::clone(&agent);
        async move { Ok::<Answer, Infallible>(answer(&agent, &request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new());
    // The client went away, or the agent's manner cut it off.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(agent: &Arc<Agent>, request: &Request<Incoming>) -> Answer {
    agent.count_request();
    match agent.manner() {
        Manner::Answers => routed(agent, request),
        Manner::Slow(wait) => {
            tokio::time::sleep(wait).await;
            routed(agent, request)
        }
        Manner::Drips(pause) => drip(routed(agent, request), pause),
        // Nobody asks one that is dead, but on a connection that was open when it died.
        Manner::Silent | Manner::Dead => std::future::pending().await,
        Manner::Status(code) => problem(code, "it was told to"),
        Manner::Garbage(garbage) => spoiled(garbage),
        Manner::Huge(bytes) => huge(bytes),
    }
}

fn routed(agent: &Agent, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path();
    if !matches!(path, "/api/violations" | "/health" | "/livez" | "/readyz") {
        return problem(404, "there is no such page");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return with(problem(405, "only reading is possible"), [(ALLOW, "GET, HEAD".to_owned())]);
    }
    match path {
        "/health" => answer::json(200, &json!({"status": "ok"})),
        "/api/violations" => violations(agent, request),
        _ => answer::text(200, "ok"),
    }
}

fn violations(agent: &Agent, request: &Request<Incoming>) -> Answer {
    let header =
        |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !agent.admits(header(AUTHORIZATION)) {
        let refused = problem(401, "a token is needed");
        return with(refused, [(WWW_AUTHENTICATE, "Bearer".to_owned())]);
    }
    let text = request.uri().query().unwrap_or_default();
    let query = Query::parse(text);
    if text.split('&').any(|pair| !pair.is_empty() && pair.split('=').next() != Some("state")) {
        return problem(400, "the query has an unknown key (accepted: state)");
    }
    let wanted: fn(&Value) -> bool = match query.get("state") {
        "" | "open" => |record| record["status"] == "active",
        "resolved" => |record| record["status"] == "resolved",
        "all" => |_| true,
        _ => return problem(400, "state is unknown (accepted: open, resolved, all)"),
    };
    let shown = agent.shown(wanted);
    if shown.passes == 0 {
        return with(problem(503, "not-scanned-yet"), [(RETRY_AFTER, "1".to_owned())]);
    }
    let headers = shown.headers(agent).into_iter().map(|(name, value)| (HeaderName::from_static(name), value));
    if header(IF_NONE_MATCH).split(',').any(|known| known.trim() == shown.etag) {
        agent.count_unchanged();
        return with(answer::with_type(304, "application/json", answer::full(Bytes::new())), headers);
    }
    with(answer::json_body(200, answer::full(shown.body.into())), headers)
}

fn problem(code: u16, detail: &str) -> Answer {
    let title = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or("refused");
    let problem = json!({"type": "about:blank", "title": title, "status": code, "detail": detail, "error": detail});
    answer::with_type(code, "application/problem+json", answer::full(problem.to_string().into()))
}

fn with(answer: Answer, headers: impl IntoIterator<Item = (HeaderName, String)>) -> Answer {
    let mut answer = answer;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn spoiled(garbage: Garbage) -> Answer {
    let body: &[u8] = match garbage {
        Garbage::Html => b"<!doctype html><title>login</title>",
        Garbage::Object => b"{\"violations\":[]}",
        Garbage::Null => b"null",
        Garbage::Truncated => b"[{\"pod\":\"cart-0\",\"namesp",
        Garbage::Binary => &[0xff, 0xfe, 0x00, 0x5b, 0x5d],
    };
    let content_type = if garbage == Garbage::Html { "text/html" } else { "application/json" };
    answer::with_type(200, content_type, answer::full(Bytes::from_static(body)))
}

/// A list of one kind of record, again and again, that is made while it is sent.
fn huge(bytes: usize) -> Answer {
    const RECORD: &[u8] = br#"{"pod":"cart-0","namespace":"ns-shop","process":"xmrig","cmdline":"./xmrig","regex":"xmrig","status":"active","type":"app","name":"cart","timestamp":"2026-11-21T04:31:02Z"}"#;
    let records = bytes.div_ceil(RECORD.len() + 1).max(1);
    let length = 1 + records * (RECORD.len() + 1);
    let pieces = (0..records).map(|nth| {
        let before: &[u8] = if nth == 0 { b"[" } else { b"," };
        Bytes::from([before, RECORD].concat())
    });
    answer::json_body(200, answer::pieces(length, pieces.chain([Bytes::from_static(b"]")])))
}

/// The answer a byte at a time. Its length is told first, so that whoever waits for the end waits long.
fn drip(answer: Answer, pause: Duration) -> Answer {
    use http_body_util::BodyExt;

    let (mut parts, body) = answer.into_parts();
    let (sender, stream) = answer::stream(PIECES);
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    tokio::spawn(async move {
        let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        for at in 0..whole.len() {
            let sent: io::Result<Bytes> = Ok(whole.slice(at..=at));
            if sender.send(sent).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    Response::from_parts(parts, stream)
}
