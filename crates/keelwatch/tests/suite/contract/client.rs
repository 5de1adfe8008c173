//! A thin client: requests go out as they are written, answers come back as they came.
//!
//! Owns the connection. It decodes nothing but JSON and judges nothing.

use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

/// How long an answer, or the next line of a watch, may take; real servers under load need seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to one server.
#[derive(Clone)]
pub(super) struct Client(kube::Client);

/// What goes out.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) accept: &'static str,
    pub(super) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// A watch, read line by line.
pub(super) struct Lines {
    pub(super) code: u16,
    body: Body,
    read: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("{0} could not be sent")]
    Send(String, #[source] kube::Error),
    #[error("the answer to {0} broke off")]
    Receive(String, #[source] kube::Error),
    #[error("{0} was not answered within {PATIENCE:?}")]
    Silent(String),
    /// The user of the connection may not ask this.
    #[error("{0}")]
    NotAllowed(String),
}

impl Client {
    pub(super) fn new(client: kube::Client) -> Self {
        Self(client)
    }

    pub(super) async fn send(&self, ask: Ask) -> Result<Answer, ClientError> {
        let what = format!("{} {}", ask.method, ask.path);
        let (head, body) = self.begin(ask).await?.into_parts();
        let body = patiently(&what, body.collect()).await?;
        let bytes = body.map_err(|error| ClientError::Receive(what, error))?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer { code: head.status.as_u16(), headers: head.headers, text };
        answer.denial().map_or(Ok(answer), |why| Err(ClientError::NotAllowed(why)))
    }

    /// Opens a watch; returns with the head of its answer.
    pub(super) async fn watch(&self, ask: Ask) -> Result<Lines, ClientError> {
        let (head, body) = self.begin(ask).await?.into_parts();
        Ok(Lines { code: head.status.as_u16(), body, read: Vec::new() })
    }

    async fn begin(&self, ask: Ask) -> Result<Response<Body>, ClientError> {
        let what = format!("{} {}", ask.method, ask.path);
        let mut request = Request::builder().method(ask.method).uri(&ask.path).header("user-agent", "contract/1");
        for (name, value) in [("content-type", ask.content_type), ("accept", ask.accept)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::from(ask.body)).expect("paths and headers of cases are valid");
        let answer = patiently(&what, self.0.send(request)).await?;
        answer.map_err(|error| ClientError::Send(what, error))
    }
}

impl Answer {
    /// What the rights of the user rule out; all other refusals are answers.
    fn denial(&self) -> Option<String> {
        let message = self.json()["message"].as_str()?.to_owned();
        (self.code == 403 && message.contains(" is forbidden: User \"")).then_some(message)
    }

    /// The body; its text, where that is no JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| self.text.as_str().into())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Lines {
    /// The next line; `None` when the watch has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Value>, ClientError> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(serde_json::from_str(&text).unwrap_or_else(|_| text.trim_end().into())));
            }
            let Some(frame) = patiently("a watch", self.body.frame()).await? else { return Ok(None) };
            let frame = frame.map_err(|error| ClientError::Receive("a watch".to_owned(), error))?;
            self.read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..]));
        }
    }
}

async fn patiently<T>(what: &str, answer: impl Future<Output = T>) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, answer).await.map_err(|_| ClientError::Silent(what.to_owned()))
}
