//! The metrics listener lives while the API is under attack, and the attack is not paid in memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::*;
use crate::fixture::Served;

const IDLE: usize = 1000;
const SLOW: usize = 200;
const MEMORY_KIB: u64 = 40 * 1024;

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Both ends of every connection are ours here.
fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

async fn start(purpose: Purpose) -> Served {
    Setup { purpose, ..Setup::default() }.start().await
}

async fn connections(server: &Served, number: usize, first_bytes: &[u8]) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..number {
        let mut stream = server.connect().await;
        stream.write_all(first_bytes).await.unwrap();
        connections.push(stream);
    }
    connections
}

/// Sends `head` and then bytes without end, until the server has enough; then again.
async fn flood(address: SocketAddr, head: &'static [u8]) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        if stream.write_all(head).await.is_ok() {
            while stream.write_all(&[b'a'; 16 * 1024]).await.is_ok() {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_answered_while_the_api_is_under_attack() {
    allow_many_descriptors();
    let (api, metrics) = (start(Purpose::Api).await, start(Purpose::Metrics).await);
    let client = client();
    let probe = async || client.get(metrics.url("/open")).send().await.unwrap().status().as_u16();
    assert_eq!(probe().await, 200);
    let before = resident_kib();
    let _idle = connections(&api, IDLE, b"").await;
    let _slow = connections(&api, SLOW, b"GET /open HTTP/1.1\r\nx-slow: ").await;
    let mut floods = JoinSet::new();
    floods.spawn(flood(api.address, b"GET /open HTTP/1.1\r\nx-large: "));
    floods.spawn(flood(api.address, b"POST /body HTTP/1.1\r\nhost: k\r\ncontent-length: 10000000000\r\n\r\n"));
    until(|| api.metrics().refusals(Refused::Headers) > 1 && api.metrics().refusals(Refused::Body) > 1).await;
    for _ in 0..100 {
        assert_eq!(tokio::time::timeout(PATIENCE, probe()).await, Ok(200));
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown <= MEMORY_KIB, "the attack costs {grown} KiB");
}
