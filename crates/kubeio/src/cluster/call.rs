//! One request to the API server and what its answer says.
//!
//! Owns sending, and the words for what can go wrong. What is asked is said by those who ask.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Cluster;
use crate::resource::Extent;

const AGENT: &str = concat!("keelwatch/", env!("CARGO_PKG_VERSION"));

/// A `Status` is a few hundred bytes; a body of a refusal beyond this is not read.
const REFUSAL_BYTES: usize = 64 * 1024;

/// Largest answer that is one object. etcd keeps 1.5 MiB at most.
const OBJECT_BYTES: usize = 8 * 1024 * 1024;

/// A longer wait than this is not believed: the server would not be asked again for hours.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// The plural, for metrics.
    pub(crate) resource: &'static str,
    /// With the query.
    pub(crate) path: String,
    pub(crate) extent: Extent,
    pub(crate) content: Option<Content>,
    /// Until the first byte of the answer, and between any two pieces of it.
    pub(crate) patience: Duration,
}

/// What is sent with a request.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// What is done, in the words of RBAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

/// How long a review waits for its turn.
const REVIEW_WAIT: Duration = Duration::from_secs(2);

/// Why a request has not done what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered that it will not.
    #[error("{0}")]
    Refused(Refusal),
    /// No connection came about: the server has not seen the request.
    #[error("failed to connect to the API server")]
    Connect(#[source] kube::Error),
    /// The connection broke, or the credential could not be made.
    #[error("failed to ask the API server")]
    Broken(#[source] kube::Error),
    /// So many others wait for their turn that it was not sent.
    #[error("too many requests wait to be sent to the API server")]
    Crowded,
    /// The server was silent for this long.
    #[error("no answer from the API server within {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// The answer has more bytes than this.
    #[error("the answer of the API server has more than {0} bytes")]
    TooLarge(usize),
    /// The answer has not the form that it should have.
    #[error("failed to understand the answer of the API server")]
    Malformed(#[source] serde_json::Error),
    /// What came in a watch is no event of this API.
    #[error("{0}")]
    Garbled(String),
}

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API server answers {code} {reason}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// Word of the server, for example `Conflict`; "" if it says none.
    pub reason: String,
    /// What the server says, cut to 1,024 bytes.
    pub message: String,
    /// When it may be asked again, at most five minutes.
    pub retry_after: Option<Duration>,
}

/// What is read of a `Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Content {
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self { media_type: "application/json", body: value.to_string().into_bytes() }
    }
}

impl Verb {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn method(self) -> Method {
        match self {
            Self::Get | Self::List | Self::Watch => Method::GET,
            Self::Create => Method::POST,
            Self::Update => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

impl CallError {
    /// HTTP status of a refusal.
    pub fn code(&self) -> Option<u16> {
        if let Self::Refused(refusal) = self { Some(refusal.code) } else { None }
    }

    /// Whether the server does not know the kind: it answers 404 without a `Status`, as for any path that leads nowhere.
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 404 && refusal.reason.is_empty())
    }

    /// When the server may be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Refused(refusal) = self { refusal.retry_after } else { None }
    }

    /// The error with its causes, for a line that people read.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let next = error.to_string();
            // kube and hyper repeat their causes in their own texts.
            if !text.ends_with(&next) {
                text = format!("{text}: {next}");
            }
            source = error.source();
        }
        text
    }

    fn of(error: kube::Error) -> Self {
        let connects = |error: &kube::Error| {
            let kube::Error::Service(error) = error else { return false };
            error
                .downcast_ref::<hyper_util::client::legacy::Error>()
                .is_some_and(hyper_util::client::legacy::Error::is_connect)
        };
        if connects(&error) { Self::Connect(error) } else { Self::Broken(error) }
    }
}

impl Refusal {
    /// The refusal that a `Status` of the server tells of.
    pub(crate) fn of(status: Status, code: u16, retry_after: Option<Duration>) -> Self {
        const MESSAGE_BYTES: usize = 1024;
        let Status { code: _, reason, mut message } = status;
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        Self { code, reason, message, retry_after }
    }
}

impl Cluster {
    /// Sends a request, and returns the body of a successful answer, unread.
    pub(crate) async fn send(&self, call: Call) -> Result<Body, CallError> {
        let Call { verb, resource, patience, .. } = call;
        let answer = tokio::time::timeout(patience, self.inner.client.send(call.request())).await;
        let code = answer.as_ref().ok().and_then(|answer| Some(answer.as_ref().ok()?.status().as_u16()));
        self.inner.metrics.answered(verb, resource, code);
        let answer = answer.map_err(|_| CallError::Silent(patience))?.map_err(CallError::of)?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let (parts, body) = answer.into_parts();
        Err(CallError::Refused(refusal(parts.status, &parts.headers, body, patience).await))
    }

    /// The answer to a request, read whole.
    pub(crate) async fn read(&self, call: Call, most: usize) -> Result<Bytes, CallError> {
        let patience = call.patience;
        let body = self.send(call).await?;
        collect(body, patience, most).await
    }

    /// The object that a request is answered with. Waits for its turn.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        self.inner.limit.turn().await;
        self.ask_now(call).await
    }

    /// As [`Cluster::ask`], in the turns of reviews. Whoever asks waits for a request of its own to be let in: if there are too
    /// many, it hears so soon, and they are not all late for it.
    pub(crate) async fn review<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        if !self.inner.reviews.turn_within(REVIEW_WAIT).await {
            return Err(CallError::Crowded);
        }
        self.ask_now(call).await
    }

    /// As [`Cluster::ask`], without a turn: leadership has a pace of its own, and must not wait behind writes.
    pub(crate) async fn ask_now<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let answer = self.read(call, OBJECT_BYTES).await?;
        serde_json::from_slice(&answer).map_err(CallError::Malformed)
    }

    /// Waits until a list or a write may be sent.
    pub(crate) async fn turn(&self) {
        self.inner.limit.turn().await;
    }
}

impl Call {
    const fn accepted(&self) -> &'static str {
        match (self.extent, self.verb) {
            (Extent::Whole, _) => "application/json",
            (Extent::Metadata, Verb::List) => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
            (Extent::Metadata, _) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
        }
    }

    fn request(self) -> Request<Body> {
        let request = Request::builder().method(self.verb.method()).header(USER_AGENT, AGENT);
        let request = request.header(ACCEPT, self.accepted()).uri(self.path);
        let built = match self.content {
            Some(Content { media_type, body }) => request.header(CONTENT_TYPE, media_type).body(Body::from(body)),
            None => request.body(Body::empty()),
        };
        built.expect("a path of encoded parts and constant headers make a request")
    }
}

/// A body as one piece.
async fn collect(mut body: Body, patience: Duration, most: usize) -> Result<Bytes, CallError> {
    let mut pieces: Vec<u8> = Vec::new();
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| CallError::Silent(patience))?;
        let Some(frame) = frame else { return Ok(pieces.into()) };
        let Ok(data) = frame.map_err(CallError::Broken)?.into_data() else { continue };
        if pieces.len() + data.len() > most {
            return Err(CallError::TooLarge(most));
        }
        pieces.extend_from_slice(&data);
    }
}

async fn refusal(status: StatusCode, headers: &HeaderMap, body: Body, patience: Duration) -> Refusal {
    // What cannot be read leaves the code, and that is what is decided by.
    let text = tokio::time::timeout(patience, Limited::new(body, REFUSAL_BYTES).collect()).await;
    let text = text.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let said = serde_json::from_slice(&text)
        .unwrap_or_else(|_| Status { message: String::from_utf8_lossy(&text).trim().to_owned(), ..Status::default() });
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    Refusal::of(said, status.as_u16(), retry_after)
}
