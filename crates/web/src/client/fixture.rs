//! Servers that answer as no server should, for tests of clients.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Heads of requests, each with the number of its connection.
pub(crate) type Heads = mpsc::UnboundedReceiver<(usize, String)>;

/// Answers each request with the next of these bytes. A connection is held open when nothing is left to say.
pub(crate) async fn server(answers: Vec<Vec<u8>>) -> (std::net::SocketAddr, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") {
                    told.send((connection, String::from_utf8(std::mem::take(&mut head)).unwrap())).unwrap();
                    let Some(answer) = answers.next() else { std::future::pending().await };
                    if stream.write_all(&answer).await.is_err() {
                        break;
                    }
                }
            }
        }
    });
    (address, heads)
}

/// An answer with its length.
pub(crate) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// 20,000 zeros, as gzip writes them.
pub(crate) fn packed_zeros() -> Vec<u8> {
    const ZEROS: &str = "1f8b08000000000002ffedc131010000\
                         00c2a0f54f6d0d0fa000000000000000\
                         00000000000000000000000078300253\
                         2f97204e0000";
    (0..ZEROS.len() / 2).map(|at| u8::from_str_radix(&ZEROS[2 * at..][..2], 16).unwrap()).collect()
}
