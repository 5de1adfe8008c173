//! Sockets that wait for the next request, one an address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::exchange::Socket;
use crate::client::outgoing::IDLE_TIME;

/// Sockets that are not in use.
#[derive(Default)]
pub(super) struct Idle(Mutex<Sockets>);

#[derive(Default)]
struct Sockets {
    kept: HashMap<SocketAddr, (Socket, Instant)>,
    is_watched: bool,
}

impl Idle {
    /// The socket that was kept for an address, if the server has said nothing on it since.
    pub(super) async fn take(&self, address: SocketAddr) -> Option<Socket> {
        let (mut socket, since) = self.sockets().kept.remove(&address)?;
        // What has come meanwhile is noticed when the runtime has looked, which it does before it goes on here.
        tokio::task::yield_now().await;
        (since.elapsed() < IDLE_TIME && is_silent(&mut socket)).then_some(socket)
    }

    /// Keeps a socket until it is taken, for a while.
    pub(super) fn put(self: Arc<Self>, address: SocketAddr, socket: Socket) {
        let mut sockets = self.sockets();
        sockets.kept.insert(address, (socket, Instant::now()));
        if !std::mem::replace(&mut sockets.is_watched, true) {
            tokio::spawn(close_old(Arc::downgrade(&self)));
        }
    }

    /// Closes what has been kept for too long, and says whether anything is left.
    fn sweep(&self) -> bool {
        let mut sockets = self.sockets();
        sockets.kept.retain(|_, (_, since)| since.elapsed() < IDLE_TIME);
        sockets.is_watched = !sockets.kept.is_empty();
        sockets.is_watched
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn close_old(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(IDLE_TIME).await;
        if !idle.upgrade().is_some_and(|idle| idle.sweep()) {
            return;
        }
    }
}

/// A server that speaks unasked ends the connection, or is no HTTP server.
fn is_silent(socket: &mut Socket) -> bool {
    let mut byte = [0];
    let reading = Pin::new(socket).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
    matches!(reading, Poll::Pending)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_is_kept_for_one_address_and_closed_when_nobody_wants_it() {
        let (idle, address) = (Arc::new(Idle::default()), SocketAddr::from(([127, 0, 0, 1], 80)));
        let (mine, mut other) = tokio::io::duplex(8);
        idle.clone().put(address, Box::new(mine));
        assert!(idle.take(SocketAddr::from(([127, 0, 0, 2], 80))).await.is_none());
        let socket = idle.take(address).await.expect("it was kept");
        assert!(idle.take(address).await.is_none());
        idle.clone().put(address, socket);
        advance(IDLE_TIME * 9 / 10).await;
        let socket = idle.take(address).await.expect("it is not old");
        idle.clone().put(address, socket);
        // The clock goes on by itself until the socket is closed.
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
        assert!(idle.take(address).await.is_none());
    }
}
