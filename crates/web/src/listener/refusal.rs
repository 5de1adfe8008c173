//! The answer to a connection too many: 503, without parsing its request.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::Fault;

/// For the answer and the close: whoever is slower is cut off.
pub(super) const TIME: Duration = Duration::from_secs(1);

/// Many clients take an answer that comes before they have asked for an error of the server's, so the first bytes of
/// the request are waited for, this long.
const REQUEST_TIME: Duration = Duration::from_millis(250);

/// Refusals at the same time. Each takes at most `TIME`; beyond, connections are closed without a word.
pub(super) const AT_ONCE: usize = 64;

/// What a client may have sent already; unread, it would turn the close into a reset that takes the answer with it.
const UNREAD_BYTES: u64 = 64 * 1024;

/// Says that there are too many connections and closes this one.
pub(super) async fn refuse<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    // Whatever goes wrong or takes too long: it is closed, and counted as refused already.
    let _ = timeout(TIME, say(&mut io)).await;
}

async fn say<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I) -> io::Result<()> {
    if let Ok(read) = timeout(REQUEST_TIME, io.read(&mut [0; 1024])).await {
        read?;
    }
    io.write_all(&answer()).await?;
    io.shutdown().await?;
    tokio::io::copy(&mut io.take(UNREAD_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}

fn answer() -> Vec<u8> {
    let detail = "there are listen.max_connections connections already";
    let body = Fault::unavailable("too-many-connections", detail, 1).body();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         connection: close\r\nretry-after: 1\r\nx-content-type-options: nosniff\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
