//! How a node ends: on one signal, on two, and when it cannot start.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::node::{Node, OPEN};
use crate::proc_tree::ordinary;
use crate::program::keelwatch;
use crate::wait::until;

/// A connection that has been answered and stays open.
fn kept_alive(url: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: node\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn a_connection_that_is_kept_alive_does_not_keep_the_node() {
    let mut node = Node::start(&ordinary(), OPEN);
    let _connections = (kept_alive(&node.api), kept_alive(&node.metrics));
    let signaled = Instant::now();
    node.program.signal(Signal::TERM);
    assert_eq!(node.program.0.wait().unwrap().code(), Some(0));
    // Five seconds, and as much again for a machine that is busy with other tests.
    assert!(signaled.elapsed() < Duration::from_secs(10), "{:?}", signaled.elapsed());
    assert!(node.has_told("stopping on SIGTERM"));
}

#[tokio::test]
async fn a_second_signal_ends_the_node_at_once() {
    let mut node = Node::start(&ordinary(), OPEN);
    let mut connection = kept_alive(&node.api);
    // A body that never comes is what the first signal waits for.
    connection.write_all(b"GET /health HTTP/1.1\r\nhost: node\r\ncontent-length: 9\r\n\r\n").unwrap();
    node.program.signal(Signal::TERM);
    until("the first signal to be heard", || node.has_told("stopping on SIGTERM").then_some(()));
    node.program.signal(Signal::INT);
    assert_eq!(node.program.0.wait().unwrap().code(), Some(1));
}

#[test]
fn a_missing_settings_file_is_one_line() {
    keelwatch(&["node", "--settings", "missing.yaml"]).is_refused_with("missing.yaml:1:1: failed to read the settings");
}
