//! What becomes of requests that exceed a limit or go wrong.

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::fixture::{Served, Setup, client, read_to_close};
use crate::metrics::Refused;

const BODY_BYTES: usize = 1024 * 1024;

async fn get(server: &Served, path: &str) -> Response {
    client().get(server.url(path)).send().await.unwrap()
}

/// Status, kind and detail of a problem; asserts its form.
async fn problem(response: Response) -> (u16, String, String) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["error"]), (&json!(status), &body["detail"]));
    (status, body["type"].as_str().unwrap().to_owned(), body["detail"].as_str().unwrap().to_owned())
}

fn told(status: u16, kind: &str, detail: &str) -> (u16, String, String) {
    (status, kind.to_owned(), detail.to_owned())
}

#[tokio::test]
async fn an_unknown_route_is_404() {
    let server = Setup::default().start().await;
    let expected = told(404, "not-found", "there is no route `/nowhere`");
    assert_eq!(problem(get(&server, "/nowhere?a=b").await).await, expected);
    let expected = told(404, "not-found", &format!("there is no route `/{}`", "n".repeat(127)));
    assert_eq!(problem(get(&server, &format!("/{}", "n".repeat(1000))).await).await, expected);
}

#[tokio::test]
async fn another_method_is_405_and_told_which_are_accepted() {
    let server = Setup::default().start().await;
    let response = client().delete(server.url("/open")).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    let detail = "the route does not take this method (accepted: GET, HEAD)";
    assert_eq!(problem(response).await, told(405, "method-not-allowed", detail));
    let response = client().delete(server.url("/read")).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let server = Setup::default().start().await;
    let response = client().head(server.url("/open")).send().await.unwrap();
    assert_eq!((response.status(), &response.headers()["content-length"]), (StatusCode::OK, &"4".parse().unwrap()));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_path_up_to_8_kib_is_served_and_a_longer_one_is_414() {
    let server = Setup::default().start().await;
    let path = |bytes: usize| format!("/open?{}", "a".repeat(bytes - "/open?".len()));
    assert_eq!(get(&server, &path(8192)).await.status(), StatusCode::OK);
    let expected = told(414, "uri-too-long", "the path and query are longer than 8192 bytes");
    assert_eq!(problem(get(&server, &path(8193)).await).await, expected);
    assert_eq!(server.metrics().refusals(Refused::Headers), 1);
}

#[tokio::test]
async fn a_route_may_take_a_longer_path() {
    let server = Setup::default().start().await;
    let path = |bytes: usize| format!("/long?{}", "a".repeat(bytes - "/long?".len()));
    assert_eq!(get(&server, &path(32_768)).await.status(), StatusCode::OK);
    let expected = told(414, "uri-too-long", "the path and query are longer than 32768 bytes");
    assert_eq!(problem(get(&server, &path(32_769)).await).await, expected);
}

#[tokio::test]
async fn headers_over_32_kib_are_431_by_either_protocol() {
    let server = Setup::default().start().await;
    let large = "a".repeat(33 * 1024);
    let request = client().get(server.url("/open")).header("x-large", &large);
    let expected = told(431, "headers-too-large", "the headers are larger than 32768 bytes");
    assert_eq!(problem(request.send().await.unwrap()).await, expected);
    let by_http2 = crate::fixture::client_with(reqwest::ClientBuilder::http2_prior_knowledge);
    let request = by_http2.get(server.url("/open")).header("x-large", &large);
    assert_eq!(problem(request.send().await.unwrap()).await, expected);
}

#[tokio::test]
async fn a_header_of_a_megabyte_is_431_before_it_is_read_whole() {
    let server = Setup::default().start().await;
    let request = format!("GET /open HTTP/1.1\r\nhost: k\r\nx-large: {}\r\n\r\n", "a".repeat(1_000_000));
    let answer = server.exchange(request.as_bytes()).await;
    // Whole, and not cut off by a reset.
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    crate::fixture::until(|| server.metrics().refusals(Refused::Headers) == 1).await;
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_413_before_it_is_read() {
    let server = Setup::default().start().await;
    let head = "POST /body HTTP/1.1\r\nhost: k\r\ncontent-length: 10000000000\r\n\r\n";
    let answer = server.exchange(&[head.as_bytes(), &vec![0; 300_000]].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.metrics().refusals(Refused::Body), 1);
}

#[tokio::test]
async fn a_body_of_unknown_size_is_counted_while_it_arrives() {
    let server = Setup::default().start().await;
    let chunked = |bytes: usize| {
        let head = "POST /body HTTP/1.1\r\nhost: k\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        [head.as_bytes(), format!("{bytes:x}\r\n").as_bytes(), &vec![0; bytes], b"\r\n0\r\n\r\n"].concat()
    };
    let answer = server.exchange(&chunked(BODY_BYTES)).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{BODY_BYTES}")), "{answer}");
    let answer = server.exchange(&chunked(BODY_BYTES + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_no_handler_reads_does_not_hurt_the_answer() {
    let server = Setup::default().start().await;
    let head = format!("POST /ignored-body HTTP/1.1\r\nhost: k\r\ncontent-length: {BODY_BYTES}\r\n\r\n");
    let answer = server.exchange(&[head.as_bytes(), &vec![0; 500_000]].concat()).await;
    assert!(answer.ends_with("not read"), "{answer}");
}

#[tokio::test]
async fn a_credential_in_the_query_is_refused_and_not_repeated() {
    let server = Setup::default().start().await;
    let detail = "`token` is a credential and may not be in a URL (accepted: Authorization: Bearer)";
    assert_eq!(problem(get(&server, "/open?token=t0ken").await).await, told(400, "credential-in-query", detail));
}

#[tokio::test]
async fn a_panic_is_500_with_an_id_and_the_next_request_is_served() {
    let server = Setup::default().start().await;
    let detail = |nth| format!("this is a fault of Keelwatch; its log says more under the id 0-{nth}");
    assert_eq!(problem(get(&server, "/panic").await).await, told(500, "internal", &detail(0)));
    assert_eq!(problem(get(&server, "/panic").await).await, told(500, "internal", &detail(1)));
    assert_eq!(get(&server, "/open").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_504() {
    let server = Setup::listen(|listen| listen.request_timeout = Duration::from_millis(50)).start().await;
    let expected = told(504, "overdue", "the answer took longer than listen.request_timeout");
    assert_eq!(problem(get(&server, "/never").await).await, expected);
    assert_eq!(server.metrics().refusals(Refused::Slow), 0);
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_408_and_the_connection_is_closed() {
    let server = Setup::listen(|listen| listen.request_timeout = Duration::from_millis(50)).start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nhost: k\r\ncontent-length: 10\r\n\r\nslow").await.unwrap();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.metrics().refusals(Refused::Slow), 1);
}

#[tokio::test]
async fn contradicting_lengths_are_refused() {
    let server = Setup::default().start().await;
    for head in ["content-length: 4\r\ncontent-length: 5", "content-length: +4", "transfer-encoding: gzip"] {
        let request = format!("POST /body HTTP/1.1\r\nhost: k\r\n{head}\r\n\r\nbody");
        let answer = server.exchange(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn answers_are_counted_by_the_template_of_their_route() {
    let server = Setup::default().start().await;
    get(&server, "/open?a=b").await;
    get(&server, "/nowhere").await;
    client().delete(server.url("/open")).send().await.unwrap();
    client().post(server.url("/beat/edge-1")).send().await.unwrap();
    let counted = [
        ("/open", "GET", "200"),
        ("none", "GET", "404"),
        ("/open", "DELETE", "405"),
        ("/beat/{agent_id}", "POST", "401"),
    ];
    assert_eq!(counted.map(|(route, method, code)| server.metrics().answers(route, method, code)), [1; 4]);
}
