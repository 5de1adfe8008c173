//! One request and its answer on one socket, which is given back when the answer has ended.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::response::Parts as Head;
use axum::http::{HeaderMap, Request, Version, header};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Parts};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{OutgoingError, last_cause};

/// A connection, in the clear or not.
pub(super) type Socket = Box<dyn Stream>;

/// What bytes go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Running = Pin<Box<dyn Future<Output = Result<Parts<TokioIo<Socket>>, hyper::Error>> + Send>>;

/// An answer whose body is under way.
pub(super) struct Exchange {
    body: Incoming,
    connection: Connection,
    /// Whether the server will take another request on this connection.
    goes_on: bool,
}

enum Connection {
    Running(Running),
    Ended(Option<Socket>),
}

/// Sends a request, and waits for the head of its answer.
pub(super) async fn begin(socket: Socket, request: Request<Body>) -> Result<(Head, Exchange), OutgoingError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(|error| broken(&error))?;
    let mut connection = Connection::Running(Box::pin(connection.without_shutdown()));
    let mut answered = pin!(sender.send_request(request));
    let answer = poll_fn(|cx| {
        // An answer counts, whatever comes behind it.
        let ended = connection.poll(cx);
        match (answered.as_mut().poll(cx), ended) {
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (answer, _) => answer,
        }
    });
    let (head, body) = answer.await.map_err(|error| broken(&error))?.into_parts();
    let goes_on = head.version == Version::HTTP_11 && !closes(&head.headers);
    Ok((head, Exchange { body, connection, goes_on }))
}

impl Exchange {
    /// Whether there is no body, or none is left.
    pub(super) fn has_ended(&self) -> bool {
        self.body.is_end_stream()
    }

    /// The next piece of the body; none at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        poll_fn(|cx| {
            // If it fails, the body says so, unless all of that has come.
            let _ = self.connection.poll(cx);
            loop {
                return match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(None) => Poll::Ready(Ok(None)),
                    Poll::Ready(Some(Err(error))) => Poll::Ready(Err(broken(&error))),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) => Poll::Ready(Ok(Some(piece))),
                        // Trailers: nobody asked for any.
                        Err(_) => continue,
                    },
                };
            }
        })
        .await
    }

    /// The socket, once the body has been read; none if it is not good for another request.
    pub(super) async fn end(&mut self) -> Option<Socket> {
        let ended = poll_fn(|cx| self.connection.poll(cx)).await;
        match &mut self.connection {
            Connection::Ended(socket) if ended.is_ok() && self.goes_on => socket.take(),
            Connection::Ended(_) | Connection::Running(_) => None,
        }
    }
}

impl Connection {
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), hyper::Error>> {
        let Self::Running(running) = self else { return Poll::Ready(Ok(())) };
        let ended = match running.as_mut().poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(ended) => ended,
        };
        let (socket, told) = match ended {
            // What came behind the answer belongs to no request.
            Ok(parts) => (parts.read_buf.is_empty().then(|| parts.io.into_inner()), Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self = Self::Ended(socket);
        Poll::Ready(told)
    }
}

fn closes(headers: &HeaderMap) -> bool {
    let words = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    words.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"))
}

fn broken(error: &hyper::Error) -> OutgoingError {
    OutgoingError::Broken(last_cause(error))
}
