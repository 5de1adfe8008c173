//! Requests to thousands of servers by their addresses, again and again: agents of nodes.
//!
//! Owns connections that are kept, trust, times, and that no answer is larger than it may be, as `outgoing` does for the few whose
//! names somebody wrote down. A connection that is not in use is a socket and nothing else: with a client that keeps its buffers,
//! five thousand of them take 200 MiB.
//!
//! ```text
//! send ─► idle socket, or a new one ─► exchange ─► DirectAnswer ─► piece … end ─► idle socket
//! ```

mod exchange;
mod idle;

use std::fmt;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use flate2::write::GzDecoder;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use self::exchange::{Exchange, Socket};
use self::idle::Idle;
use super::bound::Bound;
use super::outgoing::CONNECT_TIME;
use super::{ClientError, OutgoingError, last_cause, unusable};

/// Sends requests. Clones share its connections.
#[derive(Clone)]
pub struct Direct {
    tls: Option<TlsConnector>,
    idle: Arc<Idle>,
}

/// How servers are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust<'a> {
    /// They are asked in the clear.
    Plain,
    /// Their certificates are verified by the authorities in this PEM, `None` for those of the system, and name their addresses.
    Tls(Option<&'a [u8]>),
}

/// A GET request.
#[derive(Clone)]
pub struct DirectRequest {
    /// Who is asked.
    pub address: SocketAddr,
    /// Path and query.
    pub path: String,
    /// Its headers, credentials included.
    pub headers: HeaderMap,
    /// For connection, head and body together; a connection alone gets at most three seconds of it.
    pub timeout: Duration,
    /// Bytes of an answer, counted after decompression. Little more is read.
    pub max_body: u64,
}

/// An answer, of whatever status, whose body is still to be read. Its connection is kept once that has been read to its end.
pub struct DirectAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    exchange: Exchange,
    kept: Option<(Arc<Idle>, SocketAddr)>,
    unpacking: Option<Unpacking>,
    deadline: Instant,
    bound: Bound,
}

/// A body that is compressed: what has come of it and is not unpacked yet.
struct Unpacking {
    decoder: GzDecoder<Vec<u8>>,
    packed: Bytes,
}

/// Bytes that are unpacked at a time: they become a megabyte at most, and only then can be counted.
const PACKED_BYTES: usize = 1 << 10;

impl Direct {
    /// A sender by this trust.
    pub fn new(trust: Trust<'_>) -> Result<Self, ClientError> {
        let tls = match trust {
            Trust::Plain => None,
            Trust::Tls(authorities) => Some(connector(authorities)?),
        };
        Ok(Self { tls, idle: Arc::default() })
    }

    /// Sends a request and waits for the head of its answer. It is given up when this is dropped.
    pub async fn send(&self, request: &DirectRequest) -> Result<DirectAnswer, OutgoingError> {
        let DirectRequest { address, timeout, max_body, .. } = *request;
        let deadline = Instant::now() + timeout;
        let asked = async {
            if let Some(socket) = self.idle.take(address).await
                && let Ok(answered) = exchange::begin(socket, written(request)?).await
            {
                return Ok(answered);
            }
            // Nothing came, or the server had closed what was kept: GET may be asked twice.
            let socket = self.connect(address, deadline).await?;
            exchange::begin(socket, written(request)?).await
        };
        let (head, exchange) = timeout_at(deadline, asked).await.map_err(|_| OutgoingError::Timeout)??;
        let is_packed = head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let mut answer = DirectAnswer {
            status: head.status,
            headers: head.headers,
            exchange,
            kept: Some((self.idle.clone(), address)),
            unpacking: is_packed.then(|| Unpacking { decoder: GzDecoder::new(Vec::new()), packed: Bytes::new() }),
            deadline,
            bound: Bound::new(max_body),
        };
        if answer.exchange.has_ended() {
            answer.unpacking = None;
            answer.keep().await;
        }
        Ok(answer)
    }

    async fn connect(&self, address: SocketAddr, deadline: Instant) -> Result<Socket, OutgoingError> {
        let unreachable = |error: std::io::Error| OutgoingError::Unreachable(last_cause(&error));
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(match &self.tls {
                None => Box::new(stream) as Socket,
                Some(tls) => Box::new(tls.connect(ServerName::IpAddress(address.ip().into()), stream).await?),
            })
        };
        let limit = deadline.min(Instant::now() + CONNECT_TIME);
        timeout_at(limit, connected).await.map_err(|_| OutgoingError::Timeout)?.map_err(unreachable)
    }
}

impl DirectAnswer {
    /// Whether the body can be within its bound, as far as its head tells.
    pub fn may_fit(&self) -> bool {
        let length =
            self.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        self.bound.admits(length)
    }

    /// The next piece of the body; `None` at its end. Of one that is too large everything within the bound comes first.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        self.bound.check()?;
        let Some(piece) = self.unpacked().await? else { return Ok(None) };
        self.bound.cut(piece).map(Some)
    }

    async fn unpacked(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        loop {
            if let Some(unpacking) = &mut self.unpacking
                && let Some(piece) = unpacking.next()?
            {
                return Ok(Some(piece));
            }
            let frame = timeout_at(self.deadline, self.exchange.piece()).await.map_err(|_| OutgoingError::Timeout)?;
            match (frame?, &mut self.unpacking) {
                (Some(piece), Some(unpacking)) => unpacking.packed = piece,
                (Some(piece), None) => return Ok(Some(piece)),
                (None, unpacking) => {
                    let rest = unpacking.take().map(Unpacking::finish).transpose()?.filter(|rest| !rest.is_empty());
                    self.keep().await;
                    return Ok(rest);
                }
            }
        }
    }

    /// The answer has ended: its socket is for the next request.
    async fn keep(&mut self) {
        let Some((idle, address)) = self.kept.take() else { return };
        if let Ok(Some(socket)) = timeout_at(self.deadline, self.exchange.end()).await {
            idle.put(address, socket);
        }
    }
}

impl Unpacking {
    /// What the next bytes unpack to; none if they are all unpacked.
    fn next(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        while !self.packed.is_empty() {
            let some = self.packed.split_to(PACKED_BYTES.min(self.packed.len()));
            self.decoder.write_all(&some).map_err(|error| OutgoingError::Broken(last_cause(&error)))?;
            let unpacked = std::mem::take(self.decoder.get_mut());
            if !unpacked.is_empty() {
                return Ok(Some(unpacked.into()));
            }
        }
        Ok(None)
    }

    /// What is left of a body that has come whole.
    fn finish(self) -> Result<Bytes, OutgoingError> {
        self.decoder.finish().map(Bytes::from).map_err(|error| OutgoingError::Broken(last_cause(&error)))
    }
}

/// Trusts these authorities, or without any those of the system.
fn connector(authorities: Option<&[u8]>) -> Result<TlsConnector, ClientError> {
    crate::crypto::install();
    let builder = rustls::ClientConfig::builder();
    let config = match authorities {
        None => builder.with_platform_verifier().map_err(|error| unusable(&last_cause(&error)))?.with_no_client_auth(),
        Some(pem) => builder.with_root_certificates(super::authorities(pem)?).with_no_client_auth(),
    };
    Ok(Arc::new(config).into())
}

fn written(request: &DirectRequest) -> Result<Request<Body>, OutgoingError> {
    let DirectRequest { address, path, headers, timeout: _, max_body: _ } = request;
    // An IPv6 address is written in brackets.
    let host = HeaderValue::try_from(address.to_string()).map_err(|_| OutgoingError::Address)?;
    let mut asked = Request::get(path.as_str()).body(Body::empty()).map_err(|_| OutgoingError::Address)?;
    asked.headers_mut().extend(headers.clone());
    asked.headers_mut().insert(header::HOST, host);
    asked.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(asked)
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for DirectRequest {
    /// Neither the path nor the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, path: _, headers: _, timeout, max_body } = self;
        let mut shown = f.debug_struct("DirectRequest");
        shown.field("address", address).field("timeout", timeout).field("max_body", max_body).finish_non_exhaustive()
    }
}

impl fmt::Debug for DirectAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectAnswer").field("status", &self.status).field("bound", &self.bound).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
