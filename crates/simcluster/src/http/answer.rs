//! Answers: JSON, text, streams.
//!
//! Owns headers and bodies. What is answered is for the callers.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::status::Status;

/// The body of every answer. It fails where a fault cuts it off.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answer = Response<Body>;

/// Pieces that are made while they are sent, of a length that is known.
struct Pieces {
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    left: u64,
}

/// Pieces that come as they are made. An error cuts the connection.
struct Stream(mpsc::Receiver<io::Result<Bytes>>);

pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body of `length` bytes that `pieces` make.
pub(crate) fn pieces(length: usize, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    Pieces { pieces: Box::new(pieces), left: length as u64 }.boxed_unsync()
}

/// A body to send into, and its sender; `capacity` pieces wait for the client.
pub(crate) fn stream(capacity: usize) -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(capacity);
    (sender, Stream(receiver).boxed_unsync())
}

/// A body that fails at once.
pub(crate) fn broken(error: io::Error) -> Body {
    let (sender, body) = stream(1);
    // The channel is empty.
    let _ = sender.try_send(Err(error));
    body
}

/// JSON that is encoded already.
pub(crate) fn json_body(code: u16, body: Body) -> Answer {
    with_type(code, "application/json", body)
}

pub(crate) fn json(code: u16, value: &Value) -> Answer {
    json_body(code, full(Bytes::from(value.to_string())))
}

pub(crate) fn text(code: u16, text: &'static str) -> Answer {
    with_type(code, "text/plain; charset=utf-8", full(Bytes::from_static(text.as_bytes())))
}

/// What nobody serves.
pub(crate) fn no_such_page() -> Answer {
    let mut answer = text(404, "404 page not found\n");
    answer.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}

pub(crate) fn refusal(status: &Status) -> Answer {
    let mut answer = json(status.code(), &status.to_value());
    if let Some(seconds) = status.retry_after_seconds() {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

pub(crate) fn with_type(code: u16, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
