//! Real sockets, and servers that answer as no server should.

use axum::http::header;
use tokio::net::TcpListener;

use super::*;
use crate::client::fixture::{Heads, answer, packed_zeros};
use crate::fixture::PATIENCE;

async fn server(answers: Vec<Vec<u8>>) -> (String, Heads) {
    let (address, heads) = crate::client::fixture::server(answers).await;
    (format!("http://{address}/v?token=s3cret"), heads)
}

fn request(url: &str) -> OutgoingRequest {
    OutgoingRequest {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: PATIENCE,
        max_body: 1000,
    }
}

fn outgoing() -> Outgoing {
    Outgoing::new(&OutgoingSettings { idle_per_address: 1, ..OutgoingSettings::default() }).unwrap()
}

async fn body(outgoing: &Outgoing, request: OutgoingRequest) -> Result<(u16, String), OutgoingError> {
    let answer = outgoing.send(request).await?;
    let status = answer.status.as_u16();
    Ok((status, String::from_utf8(answer.bytes().await?).unwrap()))
}

#[tokio::test]
async fn a_connection_is_kept_and_used_again() {
    let (url, mut heads) = server(vec![answer("200 OK", b"a"), answer("200 OK", b"b")]).await;
    let outgoing = outgoing();
    for expected in ["a", "b"] {
        let mut request = request(&url);
        request.headers.insert(header::AUTHORIZATION, bearer("t0ken").unwrap());
        assert_eq!(body(&outgoing, request).await, Ok((200, expected.to_owned())));
        let (connection, head) = heads.recv().await.unwrap();
        assert_eq!((connection, head.contains("authorization: Bearer t0ken\r\n")), (0, true));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (url, mut heads) = server(vec![answer("302 Found\r\nlocation: http://127.0.0.1:1/", b"")]).await;
    assert_eq!(body(&outgoing(), request(&url)).await, Ok((302, String::new())));
    heads.recv().await.unwrap();
    heads.try_recv().unwrap_err();
}

#[tokio::test]
async fn reading_stops_at_the_bound_also_of_a_body_without_a_length() {
    let long = [b'x'; 1001];
    let chunked = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n".as_slice(), &long, b"\r\n"].concat();
    for whole in [answer("200 OK", &long), chunked] {
        let (url, _heads) = server(vec![whole]).await;
        assert_eq!(body(&outgoing(), request(&url)).await, Err(OutgoingError::TooLarge(1000)));
    }
    let (url, _heads) = server(vec![answer("200 OK", &long[1..])]).await;
    assert_eq!(body(&outgoing(), request(&url)).await, Ok((200, "x".repeat(1000))));
}

#[tokio::test]
async fn a_compressed_body_is_counted_as_it_reads() {
    let packed = packed_zeros();
    assert!(packed.len() < 100);
    let packed = answer("200 OK\r\ncontent-encoding: gzip", &packed);
    let (url, _heads) = server(vec![packed.clone(), packed]).await;
    assert_eq!(body(&outgoing(), request(&url)).await, Err(OutgoingError::TooLarge(1000)));
    let whole = body(&outgoing(), OutgoingRequest { max_body: 20_000, ..request(&url) }).await;
    assert_eq!(whole, Ok((200, "\0".repeat(20_000))));
}

#[tokio::test]
async fn the_time_counts_for_head_and_body_together() {
    let timeout = Duration::from_millis(50);
    for started in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"] {
        let (url, _heads) = server(vec![started.into()]).await;
        let request = OutgoingRequest { timeout, ..request(&url) };
        assert_eq!(body(&outgoing(), request).await, Err(OutgoingError::Timeout));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_the_address() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let unreachable = body(&outgoing(), request(&format!("http://{gone}/?token=s3cret"))).await.unwrap_err();
    let (url, _heads) = server(vec![b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()]).await;
    let garbage = body(&outgoing(), request(&url)).await.unwrap_err();
    assert!(matches!(unreachable, OutgoingError::Unreachable(_)), "{unreachable}");
    assert!(matches!(garbage, OutgoingError::Broken(_)), "{garbage}");
    assert_eq!(body(&outgoing(), request("nowhere")).await, Err(OutgoingError::Address));
    for told in [format!("{unreachable:?}"), format!("{garbage:?}"), format!("{:?}", request(&url))] {
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_file_of_authorities_without_a_certificate_is_refused() {
    let settings = OutgoingSettings { authorities: Some(b"none".to_vec()), ..OutgoingSettings::default() };
    let error = Outgoing::new(&settings).unwrap_err().to_string();
    assert_eq!(error, "the file of authorities holds no certificate (accepted: PEM)");
}

fn checked(loopback: bool, proxy: &str) -> Outgoing {
    let targets = Targets::Checked { loopback };
    Outgoing::new(&OutgoingSettings { targets, proxy: proxy.to_owned(), ..OutgoingSettings::default() }).unwrap()
}

#[tokio::test]
async fn an_address_that_may_not_be_asked_is_refused_in_digits_and_by_name() {
    let (url, mut heads) = server(vec![answer("200 OK", b"a")]).await;
    let by_name = url.replace("127.0.0.1", "localhost");
    for url in [&url, &by_name, &url.replace("127.0.0.1", "0x7f.1"), &url.replace("127.0.0.1", "[::ffff:127.0.0.1]")] {
        let refused = body(&checked(false, ""), request(url)).await;
        assert!(matches!(refused, Err(OutgoingError::Refused(_))), "{url} {refused:?}");
    }
    let metadata = body(&checked(true, ""), request("http://169.254.169.254/latest/meta-data")).await;
    assert_eq!(metadata, Err(OutgoingError::Refused("it is an address of the link")));
    heads.try_recv().unwrap_err();
    assert_eq!(body(&checked(true, ""), request(&by_name)).await, Ok((200, "a".to_owned())));
}

#[tokio::test]
async fn a_proxy_is_asked_and_what_it_is_asked_for_is_judged_by_name() {
    let (proxy, mut heads) = server(vec![answer("200 OK", b"a")]).await;
    let proxy = proxy.split("/v?").next().unwrap();
    let proxied = checked(false, proxy);
    for url in ["http://localhost/", "http://metadata.google.internal/", "http://[::1]/", "http://169.254.169.254/"] {
        let refused = body(&proxied, request(url)).await;
        assert!(matches!(refused, Err(OutgoingError::Refused(_))), "{url} {refused:?}");
    }
    assert_eq!(body(&proxied, request("http://receiver.invalid/hook")).await, Ok((200, "a".to_owned())));
    let (_, head) = heads.recv().await.unwrap();
    assert!(head.starts_with("GET http://receiver.invalid/hook HTTP/1.1"), "{head}");
}

#[test]
fn credentials_are_encoded_and_not_shown() {
    let header = basic("Aladdin:open sesame").unwrap();
    assert_eq!((header.to_str().unwrap(), header.is_sensitive()), ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true));
}
