//! Clients that waste connections on the API do not keep the probes of a node from answering.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::node::{Node, OPEN, PATIENCE};
use crate::proc_tree::ordinary;

const IDLE: usize = 1_000;
const SLOW: usize = 200;

/// What the process may need for all of it.
const GROWTH_KIB: u64 = 40 * 1024;

/// At most this much of a body that is refused is sent; an honest server closes long before.
const MOST_SENT: usize = 256 << 20;

fn resident_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.program.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

async fn send(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Sends a head and then zeros until the server has had enough; the first line of its answer, if one came.
async fn flood(address: String, head: String) -> (usize, String) {
    let stream = send(&address, head.as_bytes()).await;
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        let (mut sent, chunk) = (0, [b'a'; 8 << 10]);
        while sent < MOST_SENT && writer.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    };
    let mut answer = Vec::new();
    // A reset in the middle of the answer is an end like another.
    let (sent, _) = tokio::join!(sending, reader.read_to_end(&mut answer));
    (sent, String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn probes_answer_while_clients_waste_the_api_and_memory_stays() {
    let room = processes::raise_open_files(256);
    let node = Node::start(&ordinary(), OPEN);
    node.until_ready_says("[+]first-pass ok").await;
    let idle = if room < IDLE + SLOW { room / 2 } else { IDLE };
    let before = resident_kib(&node);
    let address = node.api.strip_prefix("http://").unwrap().to_owned();
    let mut connections = Vec::new();
    for number in 0..idle + SLOW.min(idle) {
        let bytes: &[u8] = if number < idle { b"" } else { b"GET /health HTTP/1.1\r\nhost: no" };
        connections.push(send(&address, bytes).await);
    }
    let mut floods = JoinSet::new();
    let head = "GET /health HTTP/1.1\r\nhost: node\r\nx: ";
    floods.spawn(flood(address.clone(), head.to_owned()));
    let head = format!("POST /api/violations HTTP/1.1\r\nhost: node\r\ncontent-length: {}\r\n\r\n", 10_u64 << 30);
    floods.spawn(flood(address, head));
    let url = format!("{}/livez", node.metrics);
    let mut ends = Vec::new();
    let all = async {
        while ends.len() < 2 {
            tokio::select! {
                Some(end) = floods.join_next() => ends.push(end.unwrap()),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            assert_eq!(node.client.get(&url).send().await.unwrap().text().await.unwrap(), "ok");
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert!(ends.iter().all(|(sent, _)| *sent < MOST_SENT), "{ends:?}");
    let grown = resident_kib(&node).saturating_sub(before);
    assert!(grown <= GROWTH_KIB, "{grown} KiB");
    assert_eq!(connections.len(), idle + SLOW.min(idle));
}
