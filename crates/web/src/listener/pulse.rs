//! How a connection is doing, and when it has had its time.
//!
//! Owns the deadlines between requests: for headers, for idling, for a client that does not read. The time of a request
//! itself is `front`'s matter. Moments are those of tokio's clock, since its sleeps wait for them.
//!
//! ```text
//! bytes read, written ──┐
//! requests, answers ────┴─► Pulse ──► due at, or overdue and why
//! ```

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::in_force::{InForce, Limits};

/// What an HTTP/2 connection starts with. No method of HTTP/1.1 is `PRI`.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

// An event stream writes a comment every 15 s, so four in a row must have been stuck.
const STUCK_ANSWER: Duration = Duration::from_mins(1);

/// Shared by the socket, which tells of bytes, and the requests on it.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<State>);

/// One request, from the end of its headers to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InFlight {
    pulse: Arc<Pulse>,
    stage: Stage,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No request for too long.
    Idle,
    /// Headers began and did not end.
    SlowHeaders,
    /// The client does not read what it asked for.
    Stuck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handling,
    Answering,
}

#[derive(Debug, Clone, Copy)]
struct State {
    protocol: Protocol,
    /// Last end of a request, or progress of an answer.
    progress: Instant,
    /// First byte of headers that have not ended.
    headers: Option<Instant>,
    /// Since when the socket takes no bytes.
    stuck: Option<Instant>,
    handling: usize,
    answering: usize,
}

/// With HTTP/2 any byte may be a ping: there only requests count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Unknown,
    Http1,
    Http2,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            protocol: Protocol::Unknown,
            progress: now,
            headers: None,
            stuck: None,
            handling: 0,
            answering: 0,
        }))
    }

    pub(super) fn read(&self, bytes: &[u8], now: Instant) {
        let mut state = self.state();
        if state.protocol == Protocol::Unknown {
            state.protocol = if bytes.starts_with(HTTP2_PREFACE) { Protocol::Http2 } else { Protocol::Http1 };
        }
        if state.protocol == Protocol::Http1 && state.handling + state.answering == 0 {
            state.headers.get_or_insert(now);
        }
    }

    pub(super) fn wrote(&self, now: Instant) {
        let mut state = self.state();
        state.progress = now;
        state.stuck = None;
    }

    pub(super) fn is_stuck(&self, now: Instant) {
        self.state().stuck.get_or_insert(now);
    }

    /// A request has begun: its headers have ended.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        let mut state = self.state();
        state.headers = None;
        state.handling += 1;
        InFlight { pulse: Arc::clone(self), stage: Stage::Handling }
    }

    /// Waits until the connection has had its time, by the limits that are in force then. To be polled whenever the
    /// connection is, since every byte may move the deadline.
    pub(super) async fn overdue(&self, in_force: &InForce) -> Overdue {
        let mut sleep = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            loop {
                let now = Instant::now();
                let (due, why) = self.state().due(&in_force.limits(), now);
                if due <= now {
                    return Poll::Ready(why);
                }
                if sleep.deadline() != due {
                    sleep.as_mut().reset(due);
                }
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the connection has had its time if nothing happens until then, and why. A deadline that a request moves on
    /// another task is met late by at most the idle time, since the sleep wakes to look again.
    fn due(&self, limits: &Limits, now: Instant) -> (Instant, Overdue) {
        let idle = limits.idle_timeout;
        let stuck = idle.max(STUCK_ANSWER);
        if let Some(since) = self.stuck {
            return (since + stuck, Overdue::Stuck);
        }
        match (self.handling, self.answering, self.headers) {
            (0, 0, Some(since)) => (since + limits.header_timeout, Overdue::SlowHeaders),
            (0, 0, None) => (self.progress + idle, Overdue::Idle),
            (0, _, _) => (self.progress + stuck, Overdue::Stuck),
            (_, _, _) => (now + idle, Overdue::Idle),
        }
    }
}

impl InFlight {
    /// The handler has answered; what follows is the body.
    pub(super) fn answered(&mut self) {
        let mut state = self.pulse.state();
        state.handling -= 1;
        state.answering += 1;
        state.progress = Instant::now();
        self.stage = Stage::Answering;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        match self.stage {
            Stage::Handling => state.handling -= 1,
            Stage::Answering => state.answering -= 1,
        }
        state.progress = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_connections: 1,
        header_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(20),
    };

    /// A pulse that began at the returned moment.
    fn begun() -> (Arc<Pulse>, Instant) {
        let now = Instant::now();
        (Arc::new(Pulse::new(now)), now)
    }

    #[track_caller]
    fn check(pulse: &Pulse, since: Instant, expected: (u64, Overdue)) {
        let (due, why) = pulse.state().due(&LIMITS, since);
        assert_eq!(((due - since).as_secs(), why), expected);
    }

    fn later(since: Instant, seconds: u64) -> Instant {
        since + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_idles_and_its_first_byte_begins_headers() {
        let (pulse, begin) = begun();
        check(&pulse, begin, (20, Overdue::Idle));
        pulse.read(b"G", later(begin, 5));
        pulse.read(b"ET /", later(begin, 14));
        check(&pulse, begin, (15, Overdue::SlowHeaders));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_at_work_is_not_overdue_and_its_end_begins_to_idle() {
        let (pulse, begin) = begun();
        pulse.read(b"GET / HTTP/1.1", begin);
        let mut request = pulse.request();
        check(&pulse, begin, (20, Overdue::Idle));
        request.answered();
        check(&pulse, begin, (60, Overdue::Stuck));
        tokio::time::advance(Duration::from_secs(7)).await;
        drop(request);
        check(&pulse, begin, (27, Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_of_http2_are_no_headers_and_do_not_keep_a_connection() {
        let (pulse, begin) = begun();
        pulse.read(b"PRI * HTTP/2.0\r\n\r\nSM", begin);
        pulse.read(b"ping", later(begin, 15));
        check(&pulse, begin, (20, Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_bytes_is_stuck_until_it_takes_some() {
        let (pulse, begin) = begun();
        pulse.is_stuck(later(begin, 3));
        pulse.is_stuck(later(begin, 9));
        check(&pulse, begin, (63, Overdue::Stuck));
        pulse.wrote(later(begin, 11));
        check(&pulse, begin, (31, Overdue::Idle));
    }
}
