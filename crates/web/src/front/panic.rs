//! A panic of a handler, caught: the connection and the process live on.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What `handling` returns, or the message of its panic.
///
/// A handler that panicked is dropped and its request with it. What it shares with others must be whole at every panic:
/// locks are poisoned by it, channels closed.
pub(super) async fn caught<T>(handling: impl Future<Output = T>) -> Result<T, String> {
    let mut handling = pin!(handling);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(message(panic.as_ref()))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let fixed = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    fixed.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
