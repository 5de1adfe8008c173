//! Requests to addresses that somebody else serves: agents of nodes, receivers of messages.
//!
//! Owns connections that are kept, trust, times, and that no answer is larger than it may be. What is asked, and what an answer
//! means, is for the room that asks. No redirect is followed, and a proxy used only if the settings name one: a credential goes where
//! it was meant to go.

mod targets;

use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;

pub use self::targets::Targets;
use super::bound::Bound;
use super::{ClientError, last_cause, trusting, unusable};

/// A server that is there takes a connection at once; a dropped packet is sent again after one second and after three.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(3);

/// Shorter than the 75 s after which listeners of this program close what is idle: a request never meets a connection that is
/// being closed.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(70);

/// Sends requests. Clones share its connections.
#[derive(Clone)]
pub struct Outgoing {
    http: reqwest::Client,
    targets: Targets,
    is_proxied: bool,
}

/// How others are reached.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OutgoingSettings {
    /// PEM of the authorities that servers are verified by; `None` for those of the system.
    pub authorities: Option<Vec<u8>>,
    /// Idle connections that are kept to one address.
    pub idle_per_address: usize,
    /// Which addresses may be asked. The proxy itself is not judged.
    pub targets: Targets,
    /// Address of a proxy, `http://` or `https://`; "" for none. It resolves the names, so that only these can be judged.
    pub proxy: String,
}

/// One request.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// Method.
    pub method: Method,
    /// Where it goes: `http://` or `https://`, and an IPv6 address in brackets. Never shown, because it may hold a secret.
    pub url: String,
    /// Its headers, credentials included.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// For connection, headers and bodies together; a connection alone gets at most three seconds of it.
    pub timeout: Duration,
    /// Bytes of an answer, counted after decompression. No more is read.
    pub max_body: u64,
}

/// An answer, of whatever status, whose body is still to be read.
pub struct OutgoingAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    bound: Bound,
}

/// Why there is no answer, or not all of it. Names neither the address nor a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// It was never sent: this is no address.
    #[error("the address cannot be used")]
    Address,
    /// It was never sent: this address may not be asked.
    #[error("the address is refused: {0}")]
    Refused(&'static str),
    /// No connection came about: nothing was sent.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The time was over.
    #[error("no answer in time")]
    Timeout,
    /// It has more bytes than this.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
    /// The connection broke, or what came is no HTTP.
    #[error("no whole answer: {0}")]
    Broken(String),
}

impl Outgoing {
    /// A sender by these settings.
    pub fn new(settings: &OutgoingSettings) -> Result<Self, ClientError> {
        let OutgoingSettings { authorities, idle_per_address, targets, proxy } = settings;
        crate::crypto::install();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIME)
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(*idle_per_address)
            .gzip(true);
        let is_proxied = !proxy.is_empty();
        if is_proxied {
            let proxy = reqwest::Proxy::all(proxy.as_str()).map_err(|_| unusable("the proxy has no address"))?;
            builder = builder.proxy(proxy);
        } else {
            builder = builder.dns_resolver(*targets);
        }
        let http = trusting(builder, authorities.as_deref())?.build();
        let http = http.map_err(|error| unusable(&last_cause(&error)))?;
        Ok(Self { http, targets: *targets, is_proxied })
    }

    /// Sends a request and waits for the head of its answer. It is given up when this is dropped.
    pub async fn send(&self, request: OutgoingRequest) -> Result<OutgoingAnswer, OutgoingError> {
        let OutgoingRequest { method, url, headers, body, timeout, max_body } = request;
        let url: Url = url.parse().map_err(|_| OutgoingError::Address)?;
        self.targets.admit_host(url.host_str().ok_or(OutgoingError::Address)?, self.is_proxied)?;
        let mut asked = reqwest::Request::new(method, url);
        *asked.headers_mut() = headers;
        *asked.timeout_mut() = Some(timeout);
        if !body.is_empty() {
            *asked.body_mut() = Some(body.into());
        }
        let mut response = self.http.execute(asked).await.map_err(OutgoingError::of)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(OutgoingAnswer { status, headers, response, bound: Bound::new(max_body) })
    }
}

impl OutgoingAnswer {
    /// Whether the body can be within its bound, as far as its head tells.
    pub fn may_fit(&self) -> bool {
        self.bound.admits(self.response.content_length())
    }

    /// The next piece of the body; `None` at its end. Of one that is too large everything within the bound comes first.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        self.bound.check()?;
        let Some(piece) = self.response.chunk().await.map_err(OutgoingError::of)? else { return Ok(None) };
        self.bound.cut(piece).map(Some)
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Vec<u8>, OutgoingError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

impl OutgoingError {
    fn of(error: reqwest::Error) -> Self {
        let (is_late, never_reached) = (error.is_timeout(), error.is_connect());
        let mut causes =
            std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
        if let Some(refused) = causes.find_map(|cause| cause.downcast_ref::<targets::Refused>()) {
            return (*refused).into();
        }
        let why = || last_cause(&error.without_url());
        match (is_late, never_reached) {
            (true, _) => Self::Timeout,
            (false, true) => Self::Unreachable(why()),
            (false, false) => Self::Broken(why()),
        }
    }
}

/// The value of `Authorization` for a bearer token; it is not shown.
pub fn bearer(token: &str) -> Result<HeaderValue, ClientError> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| unusable("the token holds characters that no header can"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The value of `Authorization` for `user:password`; it is not shown.
pub fn basic(credentials: &str) -> Result<HeaderValue, ClientError> {
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)));
    let mut value = value.map_err(|_| unusable("the credentials cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

impl fmt::Debug for OutgoingSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, idle_per_address, targets, proxy: _ } = self;
        let mut shown = f.debug_struct("OutgoingSettings");
        shown.field("authorities", &authorities.is_some()).field("idle_per_address", idle_per_address);
        shown.field("targets", targets).finish_non_exhaustive()
    }
}

impl fmt::Debug for OutgoingRequest {
    /// Neither the address nor the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url: _, headers: _, body, timeout, max_body } = self;
        let mut shown = f.debug_struct("OutgoingRequest");
        shown.field("method", method).field("bytes", &body.len()).field("timeout", timeout);
        shown.field("max_body", max_body).finish_non_exhaustive()
    }
}

impl fmt::Debug for OutgoingAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingAnswer")
            .field("status", &self.status)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
