//! A request, as far as everybody who answers needs it.
//!
//! Owns what is read from the head and the limit of bodies.

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use crate::query::Query;
use crate::status::Status;

/// The largest body that real servers take.
const LARGEST_BODY: usize = 3 << 20;

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query_text: String,
    pub(crate) query: Query,
    pub(crate) agent: String,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Bytes,
}

impl Call {
    /// A call whose body is yet to be read.
    pub(crate) fn of(parts: &Parts) -> Self {
        let query_text = parts.uri.query().unwrap_or_default().to_owned();
        let token = header(&parts.headers, AUTHORIZATION.as_str());
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: Query::parse(&query_text),
            query_text,
            agent: header(&parts.headers, USER_AGENT.as_str()),
            accept: header(&parts.headers, ACCEPT.as_str()),
            content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
            token: token.strip_prefix("Bearer ").map(str::to_owned),
            body: Bytes::new(),
        }
    }

    /// The manager of fields that are written without saying whose they are.
    pub(crate) fn default_manager(&self) -> String {
        let manager = self.agent.split('/').next().unwrap_or_default();
        if manager.is_empty() { "unknown".to_owned() } else { manager.chars().take(128).collect() }
    }

    /// People who read with their eyes get lines and indents, as from real servers.
    pub(crate) fn wants_pretty(&self) -> bool {
        match self.query.get("pretty") {
            "" => ["curl", "Wget", "Mozilla/5.0"].iter().any(|agent| self.agent.starts_with(agent)),
            "0" | "false" => false,
            _ => true,
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Reads a body up to the limit.
pub(crate) async fn read_body<B>(body: B) -> Result<Bytes, Status>
where
    B: HttpBody,
    B::Data: Buf,
{
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::bad_request("the body could not be read"))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.remaining() > LARGEST_BODY {
                let message = format!("Request entity too large: limit is {LARGEST_BODY}");
                return Err(Status::new(413, "RequestEntityTooLarge", message));
            }
            bytes.extend_from_slice(data.chunk());
            // One chunk is all that the bodies of hyper and kube hold.
            debug_assert_eq!(data.chunk().len(), data.remaining());
        }
    }
    Ok(bytes.freeze())
}
