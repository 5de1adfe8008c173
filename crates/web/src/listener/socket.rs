//! A socket that tells its pulse, and that hears its client out before it closes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::pulse::Pulse;

/// Closing a socket with unread bytes resets it, and the client loses the answer that says why. So what it still sends
/// is read away: this long, and this much.
const HEAR_OUT: Duration = Duration::from_secs(1);
const HEAR_OUT_BYTES: usize = 1024 * 1024;

/// The plain side of a connection: TCP, or TLS over it.
pub(super) struct Socket<I> {
    io: I,
    pulse: Arc<Pulse>,
    closing: Closing,
}

enum Closing {
    Open,
    HearingOut { until: Pin<Box<Sleep>>, left: usize },
}

impl<I> Socket<I> {
    pub(super) fn new(io: I, pulse: Arc<Pulse>) -> Self {
        Self { io, pulse, closing: Closing::Open }
    }

    fn told(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Pending => self.pulse.is_stuck(Instant::now()),
            Poll::Ready(Ok(_)) => self.pulse.wrote(Instant::now()),
            Poll::Ready(Err(_)) => {}
        }
        wrote
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Socket<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let known = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let bytes = &buffer.filled()[known..];
        if !bytes.is_empty() {
            self.pulse.read(bytes, Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.told(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.told(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = &mut *self;
        if matches!(socket.closing, Closing::Open) {
            ready!(Pin::new(&mut socket.io).poll_shutdown(cx))?;
            socket.closing = Closing::HearingOut { until: Box::pin(sleep(HEAR_OUT)), left: HEAR_OUT_BYTES };
        }
        let Closing::HearingOut { until, left } = &mut socket.closing else { return Poll::Ready(Ok(())) };
        let mut scratch = [0; 4096];
        loop {
            if *left == 0 || until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            // An error here is the client's end of the connection, which is what was waited for.
            match ready!(Pin::new(&mut socket.io).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
