//! A receiver of webhooks on loopback: it takes every message and remembers it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// A receiver; it ends with its test.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Message>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn({
            let taken = Arc::clone(&taken);
            async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    let taken = Arc::clone(&taken);
                    tokio::spawn(async move {
                        // One request a connection: what is cut off was not taken.
                        let Some(message) = read(&mut socket).await else { return };
                        taken.lock().unwrap().push(message);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                        let _ = socket.write_all(answer).await;
                    });
                }
            }
        });
        Self { address, taken, serving }
    }

    /// Everything that came so far.
    pub(crate) fn taken(&self) -> Vec<Message> {
        self.taken.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn read(socket: &mut tokio::net::TcpStream) -> Option<Message> {
    let mut taken = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        taken.extend_from_slice(&piece[..count]);
        let Some(end) = taken.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&taken[..end]).into_owned();
        let headers: Vec<(String, String)> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse::<usize>().ok()?;
        let body = &taken[end + 4..];
        if body.len() >= length {
            return Some(Message { headers, body: Bytes::copy_from_slice(&body[..length]) });
        }
    }
}
