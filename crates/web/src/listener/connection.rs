//! One connection, from its first byte to its close.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::pulse::{InFlight, Overdue, Pulse};
use super::socket::Socket;
use super::{Peer, Shared};
use crate::metrics::Refused;

/// Headers of 32 KiB, a URI of 32 KiB where a route takes so long a one, and the room that HTTP/2 counts for each name.
/// `front` draws the exact line, with a problem as its answer; whatever is beyond this is refused while it is read. A
/// connection at work holds this much at most, one that has sent nothing none of it: two thousand that send heads and do
/// not end them, 144 MiB.
const HEAD_BYTES: usize = 72 * 1024;

/// Of answers on their way to a client of HTTP/2.
const SEND_BYTES: usize = 64 * 1024;

// Per connection a client of HTTP/2 makes us hold at most this much: two thousand of them, 500 MiB, if every one of
// them sends bodies that no handler reads; bodies are at most 1 MiB, so a window of this size costs an honest client
// nothing.
const WINDOW_BYTES: u32 = 256 * 1024;
const STREAMS: u32 = 100;

/// How long an idle connection may take for its farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where a connection is served.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) shared: Shared,
    /// True once the process stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// What every request of a connection needs.
struct Asked {
    shared: Shared,
    peer: Peer,
    pulse: Arc<Pulse>,
}

/// A body of an answer that holds its request in flight until the last byte.
struct Answer {
    body: Body,
    _in_flight: InFlight,
}

/// How the serving ended.
enum End {
    Closed(Result<(), Box<dyn std::error::Error + Send + Sync>>),
    Overdue(Overdue),
    Stopping,
}

impl Site {
    /// Serves requests until the client or a limit ends the connection, or the process stops and the last is answered.
    pub(super) async fn serve<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, io: I, peer: Peer) {
        let pulse = Arc::new(Pulse::new(Instant::now()));
        let io = TokioIo::new(Socket::new(io, Arc::clone(&pulse)));
        let asked = Arc::new(Asked { shared: self.shared.clone(), peer, pulse: Arc::clone(&pulse) });
        let service = service_fn(move |request| answer(Arc::clone(&asked), request));
        let builder = builder();
        let mut connection = std::pin::pin!(builder.serve_connection(io, service));
        let stopping = self.stopping.wait_for(|stopping| *stopping);
        let end = tokio::select! {
            biased;
            closed = connection.as_mut() => End::Closed(closed),
            why = pulse.overdue(&self.shared.in_force) => End::Overdue(why),
            // Without its sender the listener is gone, and so is this connection soon.
            _ = stopping => End::Stopping,
        };
        match end {
            End::Closed(result) => self.closed(result),
            End::Stopping => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    closed = connection.as_mut() => self.closed(closed),
                    _ = pulse.overdue(&self.shared.in_force) => {}
                }
            }
            End::Overdue(Overdue::Idle) => {
                connection.as_mut().graceful_shutdown();
                // Who does not take the farewell goes without.
                if let Ok(closed) = timeout(FAREWELL, connection).await {
                    self.closed(closed);
                }
            }
            End::Overdue(Overdue::SlowHeaders | Overdue::Stuck) => self.shared.metrics.refused(Refused::Slow),
        }
    }

    fn closed(&self, result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
        let Err(error) = result else { return };
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            self.shared.metrics.refused(Refused::Headers);
        }
        debug!("a connection ended with an error: {error}");
    }
}

async fn answer(asked: Arc<Asked>, request: Request<Incoming>) -> Result<Response<Answer>, std::convert::Infallible> {
    let Asked { shared, peer, pulse } = &*asked;
    let mut in_flight = pulse.request();
    // Most requests have no body, and an empty one costs nothing.
    let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
    let response = shared.answering.answer_to(peer, request).await;
    in_flight.answered();
    Ok(response.map(|body| Answer { body, _in_flight: in_flight }))
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // The pulse keeps time from the first byte; this one would begin while the connection idles.
        .header_read_timeout(None)
        // Most answers are small: one piece, and the plain call to send it, cost less than a list of pieces.
        .writev(false)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BYTES).expect("72 KiB"))
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES);
    builder
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
