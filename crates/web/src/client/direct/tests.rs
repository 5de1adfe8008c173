//! Real sockets, and servers that answer as no server should.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::{Accept, TlsAcceptor};

use super::*;
use crate::client::bearer;
use crate::client::fixture::{answer, packed_zeros, server};
use crate::fixture::PATIENCE;

fn request(address: SocketAddr) -> DirectRequest {
    let path = "/v?token=s3cret".to_owned();
    DirectRequest { address, path, headers: HeaderMap::new(), timeout: PATIENCE, max_body: 1000 }
}

fn direct() -> Direct {
    Direct::new(Trust::Plain).unwrap()
}

async fn body(direct: &Direct, request: &DirectRequest) -> Result<(u16, String), OutgoingError> {
    let mut answer = direct.send(request).await?;
    let mut whole = Vec::new();
    while let Some(piece) = answer.piece().await? {
        whole.extend_from_slice(&piece);
    }
    Ok((answer.status.as_u16(), String::from_utf8(whole).unwrap()))
}

/// Which connection each request came on.
async fn connections(answers: Vec<Vec<u8>>) -> Vec<usize> {
    let asked = answers.len();
    let (address, mut heads) = server(answers).await;
    let (direct, mut connections) = (direct(), Vec::new());
    for _ in 0..asked {
        body(&direct, &request(address)).await.unwrap();
        connections.push(heads.recv().await.unwrap().0);
    }
    connections
}

#[tokio::test]
async fn a_connection_is_kept_after_whole_answers_and_asked_as_the_first_time() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n".to_vec();
    let nothing_new = b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec();
    let answers =
        vec![answer("200 OK", b"a"), chunked, nothing_new, answer("401 Unauthorized", b"no"), answer("200 OK", b"")];
    assert_eq!(connections(answers).await, [0; 5]);
    let (address, mut heads) = server(vec![answer("200 OK", b"a"), answer("200 OK", b"b")]).await;
    let (direct, mut asked) = (direct(), request(address));
    asked.headers.insert(header::AUTHORIZATION, bearer("t0ken").unwrap());
    for expected in ["a", "b"] {
        assert_eq!(body(&direct, &asked).await, Ok((200, expected.to_owned())));
        let expected = format!(
            "GET /v?token=s3cret HTTP/1.1\r\nauthorization: Bearer t0ken\r\nhost: {address}\r\naccept-encoding: gzip\r\n\r\n"
        );
        assert_eq!(heads.recv().await.unwrap(), (0, expected));
    }
}

#[tokio::test]
async fn a_connection_that_is_not_good_for_another_request_is_not_kept() {
    let ends = [
        answer("200 OK\r\nconnection: close", b"a"),
        answer("200 OK\r\nconnection: x, Close", b"a"),
        [answer("200 OK", b"a"), b"HTTP/1.1 200 OK\r\n".to_vec()].concat(),
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na".to_vec(),
    ];
    for end in ends {
        assert_eq!(
            connections(vec![end.clone(), answer("200 OK", b"b")]).await,
            [0, 1],
            "{}",
            String::from_utf8_lossy(&end)
        );
    }
}

/// Takes two connections: on the first it answers once and then does as it is told.
async fn twice(then: impl AsyncFn(&mut TcpStream)) -> Result<(u16, String), OutgoingError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, direct) = (listener.local_addr().unwrap(), direct());
    let serving = async {
        let (mut first, _) = listener.accept().await.unwrap();
        first.read_exact(&mut [0; 10]).await.unwrap();
        first.write_all(&answer("200 OK", b"a")).await.unwrap();
        first
    };
    let (mut first, told) = tokio::join!(serving, async { body(&direct, &request(address)).await });
    assert_eq!(told, Ok((200, "a".to_owned())));
    then(&mut first).await;
    let serving = async {
        let (mut second, _) = listener.accept().await.unwrap();
        second.read_exact(&mut [0; 10]).await.unwrap();
        second.write_all(&answer("200 OK", b"b")).await.unwrap();
        second
    };
    let (_second, told) = tokio::join!(serving, async { body(&direct, &request(address)).await });
    told
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_or_spoken_on_is_not_used() {
    let closed = twice(async |first| first.shutdown().await.unwrap()).await;
    assert_eq!(closed, Ok((200, "b".to_owned())));
    let late = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let spoken = twice(async |first| first.write_all(late).await.unwrap()).await;
    assert_eq!(spoken, Ok((200, "b".to_owned())));
}

#[tokio::test]
async fn a_kept_connection_that_ends_without_an_answer_is_asked_once_more_on_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, direct) = (listener.local_addr().unwrap(), direct());
    let serving = async {
        let (mut first, _) = listener.accept().await.unwrap();
        first.read_exact(&mut [0; 10]).await.unwrap();
        first.write_all(&answer("200 OK", b"a")).await.unwrap();
        // The rest of the first request, and of the second one what comes first.
        let mut read = 10;
        while read < 2 * request_bytes(address) {
            read += first.read(&mut [0; 1024]).await.unwrap();
        }
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        second.write_all(&answer("200 OK", b"b")).await.unwrap();
        second
    };
    let asking = async { [body(&direct, &request(address)).await, body(&direct, &request(address)).await] };
    let (_second, told) = tokio::time::timeout(PATIENCE, async { tokio::join!(serving, asking) }).await.unwrap();
    assert_eq!(told, ["a", "b"].map(|text| Ok((200, text.to_owned()))));
}

fn request_bytes(address: SocketAddr) -> usize {
    format!("GET /v?token=s3cret HTTP/1.1\r\nhost: {address}\r\naccept-encoding: gzip\r\n\r\n").len()
}

#[tokio::test]
async fn reading_stops_at_the_bound_also_of_a_body_without_a_length() {
    let long = [b'x'; 1001];
    let chunked = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n".as_slice(), &long, b"\r\n"].concat();
    for whole in [answer("200 OK", &long), chunked] {
        let (address, _heads) = server(vec![whole]).await;
        assert_eq!(body(&direct(), &request(address)).await, Err(OutgoingError::TooLarge(1000)));
    }
    let (address, _heads) = server(vec![answer("200 OK", &long), answer("200 OK", &long[1..])]).await;
    let direct = direct();
    assert!(!direct.send(&request(address)).await.unwrap().may_fit());
    let (address, _heads) = server(vec![answer("200 OK", &long[1..])]).await;
    assert!(direct.send(&request(address)).await.unwrap().may_fit());
}

#[tokio::test]
async fn a_compressed_body_is_counted_as_it_reads() {
    let packed = answer("200 OK\r\ncontent-encoding: gzip", &packed_zeros());
    let (cut, _heads) = server(vec![answer("200 OK\r\ncontent-encoding: gzip", &packed_zeros()[..20])]).await;
    let (address, _heads) = server(vec![packed.clone(), packed]).await;
    assert_eq!(body(&direct(), &request(address)).await, Err(OutgoingError::TooLarge(1000)));
    let (address, _heads) = server(vec![answer("200 OK\r\ncontent-encoding: gzip", &packed_zeros())]).await;
    let whole = body(&direct(), &DirectRequest { max_body: 20_000, ..request(address) }).await;
    assert_eq!(whole, Ok((200, "\0".repeat(20_000))));
    let broken = body(&direct(), &DirectRequest { max_body: 20_000, ..request(cut) }).await;
    assert!(matches!(broken, Err(OutgoingError::Broken(_))), "{broken:?}");
}

#[tokio::test]
async fn the_time_counts_for_head_and_body_together() {
    let timeout = Duration::from_millis(50);
    for started in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"] {
        let (address, _heads) = server(vec![started.into()]).await;
        assert_eq!(body(&direct(), &DirectRequest { timeout, ..request(address) }).await, Err(OutgoingError::Timeout));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_what_was_asked() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let unreachable = body(&direct(), &request(gone)).await.unwrap_err();
    let (address, _heads) = server(vec![b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()]).await;
    let garbage = body(&direct(), &request(address)).await.unwrap_err();
    assert!(matches!(unreachable, OutgoingError::Unreachable(_)), "{unreachable}");
    assert!(matches!(garbage, OutgoingError::Broken(_)), "{garbage}");
    for told in [format!("{unreachable:?}"), format!("{garbage:?}"), format!("{:?}", request(address))] {
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// Answers in TLS, the first request of each connection with `a` and the second with `b`; tells the authority of its address.
async fn tls_server() -> (SocketAddr, String) {
    crate::crypto::install();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![own.der().clone()], key.serialize_der().try_into().unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(acceptor.accept(stream)));
        }
    });
    (address, authority.pem())
}

async fn serve(accepted: Accept<TcpStream>) {
    // Whoever does not trust the certificate ends the connection.
    let Ok(mut stream) = accepted.await else { return };
    for text in [b"a", b"b"] {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&answer("200 OK", text)).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_is_verified_by_the_authorities_and_its_connection_kept() {
    let (address, authority) = tls_server().await;
    let (_, other) = tls_server().await;
    let trusted = |pem: &str| Direct::new(Trust::Tls(Some(pem.as_bytes()))).unwrap();
    let direct = trusted(&authority);
    let asked = DirectRequest { path: "/".to_owned(), ..request(address) };
    for expected in ["a", "b"] {
        assert_eq!(body(&direct, &asked).await, Ok((200, expected.to_owned())));
    }
    let refused = body(&trusted(&other), &asked).await.unwrap_err();
    assert!(matches!(refused, OutgoingError::Unreachable(_)), "{refused:?}");
    let error = Direct::new(Trust::Tls(Some(b"none"))).unwrap_err().to_string();
    assert_eq!(error, "the file of authorities holds no certificate (accepted: PEM)");
}
