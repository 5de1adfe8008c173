//! Connections: their limits, their end, and who gets none.

mod attack;
mod tls;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::fixture::{PATIENCE, Setup, client, client_with, read_to_close, until};
use crate::metrics::Refused;

const GET: &[u8] = b"GET /open HTTP/1.1\r\nhost: k\r\n\r\n";
const BRIEF: Duration = Duration::from_millis(50);

#[tokio::test]
async fn both_protocols_are_served_on_one_port() {
    let server = Setup::default().start().await;
    let by_http2 = client_with(reqwest::ClientBuilder::http2_prior_knowledge);
    for (client, version) in [(client(), "HTTP/1.1"), (by_http2, "HTTP/2.0")] {
        let response = client.get(server.url("/open")).send().await.unwrap();
        assert_eq!(format!("{:?}", response.version()), version);
        assert_eq!(response.text().await.unwrap(), "open");
    }
}

#[tokio::test]
async fn headers_that_do_not_end_in_time_close_the_connection() {
    let server = Setup::listen(|listen| listen.header_timeout = BRIEF).start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /open HTTP/1.1\r\nx-slow: ").await.unwrap();
    assert_eq!(read_to_close(&mut stream).await, "");
    until(|| server.metrics().refusals(Refused::Slow) == 1).await;
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_save_slow_headers() {
    let server = Setup::listen(|listen| listen.header_timeout = BRIEF).start().await;
    let mut stream = server.connect().await;
    let dribble = async {
        // Ends by a reset once the server has closed.
        while stream.write_all(b"P").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dribble).await.expect("the server closes");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_being_called_slow() {
    let server = Setup::listen(|listen| listen.idle_timeout = BRIEF).start().await;
    let mut silent = server.connect().await;
    assert_eq!(read_to_close(&mut silent).await, "");
    let mut used = server.connect().await;
    used.write_all(GET).await.unwrap();
    assert!(read_to_close(&mut used).await.ends_with("open"));
    assert_eq!(server.metrics().refusals(Refused::Slow), 0);
    until(|| server.metrics().open_connections("api") == 0).await;
}

#[tokio::test]
async fn an_idle_connection_of_http2_is_closed_too() {
    let server = Setup::listen(|listen| listen.idle_timeout = BRIEF).start().await;
    let client = client_with(reqwest::ClientBuilder::http2_prior_knowledge);
    assert_eq!(client.get(server.url("/open")).send().await.unwrap().text().await.unwrap(), "open");
    until(|| server.metrics().open_connections("api") == 0).await;
}

#[tokio::test]
async fn a_changed_limit_holds_for_connections_that_are_open() {
    let setup = Setup::default();
    let mut listen = setup.listen.clone();
    let server = setup.start().await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    stream.read_u8().await.unwrap();
    listen.idle_timeout = BRIEF;
    server.apply(&listen);
    stream.write_all(GET).await.unwrap();
    assert!(read_to_close(&mut stream).await.ends_with("open"));
}

#[tokio::test]
async fn a_connection_too_many_is_answered_503_and_closed() {
    let server = Setup::listen(|listen| listen.max_connections = 2).start().await;
    let _held = (server.connect().await, server.connect().await);
    let answer = server.exchange(GET).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"type\":\"too-many-connections\""), "{answer}");
    assert_eq!(client().get(server.url("/open")).send().await.unwrap().status(), 503);
    assert_eq!(server.metrics().refusals(Refused::Connections), 2);
    assert_eq!(server.metrics().open_connections("api"), 2);
}

#[tokio::test]
async fn there_is_room_again_when_a_connection_ends() {
    let server = Setup::listen(|listen| listen.max_connections = 1).start().await;
    let held = server.connect().await;
    until(|| server.metrics().open_connections("api") == 1).await;
    drop(held);
    until(|| server.metrics().open_connections("api") == 0).await;
    assert_eq!(client().get(server.url("/open")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_metrics_listener_keeps_its_connections_whatever_the_settings_say() {
    let mut setup = Setup::listen(|listen| listen.max_connections = 1);
    setup.purpose = Purpose::Metrics;
    let server = setup.start().await;
    let mut held = Vec::new();
    for _ in 0..METRICS_CONNECTIONS {
        held.push(server.connect().await);
    }
    assert!(server.exchange(GET).await.starts_with("HTTP/1.1 503 "));
    held[0].write_all(GET).await.unwrap();
    assert_eq!(held[0].read_u8().await.unwrap(), b'H');
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_address() {
    let server = Setup::default().start().await;
    let address = server.address.to_string();
    let error = Listener::bind(Purpose::Api, &address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("failed to listen on {address}"));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_port_without_a_host_is_every_address() {
    let listener = Listener::bind(Purpose::Api, ":0").await.unwrap();
    assert!(listener.address().ip().is_unspecified());
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let server = Setup::default().start().await;
    let mut idle = server.connect().await;
    let mut used = server.connect().await;
    used.write_all(GET).await.unwrap();
    used.read_u8().await.unwrap();
    server.stop();
    assert_eq!(read_to_close(&mut idle).await, "");
    assert!(read_to_close(&mut used).await.ends_with("open"));
    server.ended().await;
}

#[tokio::test]
async fn a_stop_ends_idle_connections_of_http2_too() {
    let server = Setup::default().start().await;
    let client = client_with(reqwest::ClientBuilder::http2_prior_knowledge);
    assert_eq!(client.get(server.url("/open")).send().await.unwrap().status(), 200);
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn a_request_in_flight_at_a_stop_is_answered() {
    let server = Setup::default().start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nhost: k\r\ncontent-length: 4\r\n\r\n").await.unwrap();
    until(|| server.metrics().open_connections("api") == 1).await;
    // The server has seen the headers once it answers a request that came later.
    client().get(server.url("/open")).send().await.unwrap();
    server.stop();
    stream.write_all(b"late").await.unwrap();
    assert!(read_to_close(&mut stream).await.ends_with("\r\n\r\n4"));
    server.ended().await;
}

#[tokio::test]
async fn what_does_not_end_in_time_after_a_stop_is_cut_off() {
    let server = Setup { drain: BRIEF, ..Setup::default() }.start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: k\r\n\r\n").await.unwrap();
    until(|| server.metrics().open_connections("api") == 1).await;
    server.stop();
    read_to_close(&mut stream).await;
    server.ended().await;
}
