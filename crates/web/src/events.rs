//! Server-sent events: the answer of a route whose client listens.
//!
//! Owns the form (as the HTML standard has it), the comments that keep a quiet stream open, and its end when the process
//! stops. What is sent, and how much may wait for a slow client, is for the route: its stream has a bounded queue.
//!
//! ```text
//! stream of a room ─► Events ─► id, event, data … ─► client
//!                       ├─ 15 s of silence: a comment
//!                       └─ stop: retry, and the end
//! ```

use std::convert::Infallible;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use hyper::body::Frame;
use runtime::shutdown::Stop;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep};

use crate::openapi::{Answers, Operation};

/// Without a word for so long, a proxy may take the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// When a client comes back after the process has stopped: another replica may be asked at once, but not by all
/// clients in the same moment.
const RETRY: Duration = Duration::from_secs(2);

/// One event, encoded. A copy shares its bytes, so that what goes to many clients is encoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Bytes);

/// A stream of events whose data is a `T` as JSON. It ends when its stream does, when the client goes, or when the
/// process stops.
pub struct Events<T> {
    body: EventBody,
    of: PhantomData<fn() -> T>,
}

struct EventBody {
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    stopping: BoxFuture<'static, ()>,
    silence: Pin<Box<Sleep>>,
    has_ended: bool,
}

impl Event {
    /// An event of this name, a fixed word, whose data is `data` as JSON.
    pub fn new(name: &'static str, data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).expect("data has text as keys, and its types become JSON");
        Self::of_json(name, &data)
    }

    /// The same with data that is JSON already, in one line.
    pub fn of_json(name: &'static str, data: &str) -> Self {
        Self(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
    }

    /// Where a client that comes back goes on, which it sends as `Last-Event-ID`. Characters that would end the line are
    /// left out.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        let id: String = id.chars().filter(|character| !matches!(character, '\r' | '\n' | '\0')).collect();
        // Before the empty line that ends it.
        let lines = &self.0[..self.0.len() - 1];
        Self(Bytes::from([lines, b"id: ", id.as_bytes(), b"\n\n"].concat()))
    }
}

impl<T> Events<T> {
    /// Sends what `events` yields until the process is to stop.
    pub fn new(events: impl Stream<Item = Event> + Send + 'static, stop: Stop) -> Self {
        let stopping: BoxFuture<'static, ()> = Box::pin(async move { stop.requested().await });
        let body =
            EventBody { events: Box::pin(events), stopping, silence: Box::pin(sleep(SILENCE)), has_ended: false };
        Self { body, of: PhantomData }
    }
}

impl<T> std::fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl EventBody {
    /// The last words: when to come back.
    fn farewell(&mut self) -> Bytes {
        self.has_ended = true;
        let mut text = String::new();
        write!(text, "retry: {}\n\n", RETRY.as_millis()).expect("a string takes every text");
        Bytes::from(text)
    }
}

impl HttpBody for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let bytes = if self.stopping.as_mut().poll(cx).is_ready() {
            self.farewell()
        } else {
            match self.events.as_mut().poll_next(cx) {
                Poll::Ready(Some(event)) => event.0,
                Poll::Ready(None) => {
                    self.has_ended = true;
                    return Poll::Ready(None);
                }
                Poll::Pending if self.silence.as_mut().poll(cx).is_ready() => Bytes::from_static(b":\n\n"),
                Poll::Pending => return Poll::Pending,
            }
        };
        self.silence.as_mut().reset(Instant::now() + SILENCE);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl<T> IntoResponse for Events<T> {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(self.body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

impl<T: JsonSchema> Answers for Events<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_events::<T>();
    }
}

#[cfg(test)]
mod tests;
