//! Counts a body while it arrives.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};

/// How much of a body has arrived; nothing is marked of a request without a body.
#[derive(Debug, Clone)]
pub(super) struct Arrival(Option<Arc<Marks>>);

#[derive(Debug, Default)]
struct Marks {
    complete: AtomicBool,
    too_large: AtomicBool,
}

struct Metered {
    body: Body,
    left: u64,
    marks: Arc<Marks>,
}

/// The body is larger than its route takes.
#[derive(Debug, thiserror::Error)]
#[error("the body is too large")]
struct TooLarge;

impl Arrival {
    /// Whether all of it has arrived; true for a request without a body.
    pub(super) fn is_complete(&self) -> bool {
        self.0.as_ref().is_none_or(|marks| marks.complete.load(Ordering::Relaxed))
    }

    /// Whether more has arrived than allowed. The handler has seen an error then, and none of the rest.
    pub(super) fn is_too_large(&self) -> bool {
        self.0.as_ref().is_some_and(|marks| marks.too_large.load(Ordering::Relaxed))
    }
}

/// The same request with a body that ends with an error after `limit` bytes.
pub(super) fn metered(request: Request, limit: u64) -> (Request, Arrival) {
    if request.body().is_end_stream() {
        return (request, Arrival(None));
    }
    let marks = Arc::new(Marks::default());
    let arrival = Arrival(Some(Arc::clone(&marks)));
    (request.map(|body| Body::new(Metered { body, left: limit, marks })), arrival)
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
            self.marks.complete.store(true, Ordering::Relaxed);
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else {
            self.marks.too_large.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooLarge.into())));
        };
        self.left = left;
        // Who knows the length need not ask for the end.
        self.marks.complete.store(self.body.is_end_stream(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
