//! Requests that only the leader can answer, asked of it once by whichever replica they reach.
//!
//! Owns the asking and its refusals. Who leads, the `Leaders` know; the binary fills it from the Lease.
//!
//! ```text
//! request ─► here? ─► handler
//!              ├─► at an address ─► the same request, marked ─► its answer
//!              ├─► at one that is not trusted ─► 503 not-leader
//!              └─► nowhere ─► 503 no-leader
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use reqwest::{Certificate, Client};
use tracing::warn;

use crate::Fault;
use crate::access::credential::Credential;

/// Says who leads.
pub trait Leaders: fmt::Debug + Send + Sync {
    /// Where requests that need the leader go now.
    fn leader(&self) -> Leader;
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leader {
    /// This process.
    Here,
    /// Another one, whose API is at this address, of which it is known that it belongs to this release.
    At(SocketAddr),
    /// Another one, and no credential may be sent to where it says that it is; why, and what would be accepted.
    Untrusted(String),
    /// Nobody, or somebody who has only just begun.
    Nowhere,
}

/// How a follower knows the leader under TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderTls {
    /// Authorities of its certificate, a file of PEM; empty for those of the system. Read when the leader changes.
    pub ca_file: String,
    /// The name in its certificate; empty for its address.
    pub server_name: String,
}

/// Marks a request that has come from another replica.
const FORWARDED: HeaderName = HeaderName::from_static("keelwatch-forwarded");

/// A process of this release answers a connection at once or not at all.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// When to come back: another leads within `leader.duration` and two tries, 19 s by default, and most changes are
/// faster.
const RETRY_S: u32 = 5;

/// What concerns one connection and not the request (RFC 9110, section 7.6.1), and `Host`, which is the leader's.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The way to the leader.
#[derive(Debug)]
pub(crate) struct Forward {
    leaders: Arc<dyn Leaders>,
    tls: LeaderTls,
    /// The client of the leader that was asked last. A pool of connections outlives an address, so each has its own.
    client: Mutex<Option<(Target, Client)>>,
}

/// Where and how the leader is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    address: SocketAddr,
    is_tls: bool,
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Here,
    To(SocketAddr),
}

/// Why the leader cannot be asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("failed to read leader.ca_file `{0}`")]
    ReadAuthorities(String, #[source] std::io::Error),
    #[error("leader.ca_file `{0}` holds no certificate")]
    NoAuthority(String),
    #[error("failed to prepare a client")]
    Prepare(#[source] reqwest::Error),
}

impl Forward {
    pub(crate) fn new(leaders: Arc<dyn Leaders>, tls: LeaderTls) -> Self {
        Self { leaders, tls, client: Mutex::default() }
    }

    /// Where this request goes; refused if it cannot go anywhere.
    pub(crate) fn way(&self, headers: &HeaderMap, common_name: Option<&str>) -> Result<Way, Fault> {
        let address = match self.leaders.leader() {
            Leader::Here => return Ok(Way::Here),
            Leader::Nowhere => return Err(no_leader("nobody leads at the moment")),
            Leader::Untrusted(why) => return Err(not_leader(why)),
            Leader::At(address) => address,
        };
        if headers.contains_key(FORWARDED) {
            return Err(no_leader("this was asked of a leader that does not lead any more"));
        }
        match Credential::of(headers, common_name) {
            Credential::Certificate(_) => Err(not_leader(beyond_a_certificate(address))),
            Credential::Missing
            | Credential::Bearer(_)
            | Credential::Key(_)
            | Credential::Basic(_)
            | Credential::Unreadable => Ok(Way::To(address)),
        }
    }

    /// Asks the leader, and answers what it answers. `is_tls` says how processes of this release serve.
    pub(crate) async fn ask(&self, address: SocketAddr, is_tls: bool, request: Request) -> Result<Response, Fault> {
        let target = Target { address, is_tls };
        let client = self.client(target).map_err(|error| {
            warn!(%address, "failed to ask the leader at {address}: {}", with_causes(&error));
            no_leader("this process cannot verify the leader; its log says why")
        })?;
        let asked = client.execute(self.request(target, request)).await;
        asked.map(answer).map_err(|error| {
            // The next request reads the authorities again, and resolves nothing from before.
            self.forget(target);
            let never_reached = error.is_connect();
            warn!(%address, "failed to ask the leader at {address}: {}", with_causes(&error.without_url()));
            if never_reached { unreached(address) } else { unanswered(address) }
        })
    }

    fn request(&self, target: Target, request: Request) -> reqwest::Request {
        let (parts, body) = request.into_parts();
        let url = self.url(target, &parts.uri).parse().expect("an address and a path that was routed are a URL");
        let mut asked = reqwest::Request::new(parts.method, url);
        *asked.headers_mut() = of_the_request(parts.headers);
        asked.headers_mut().insert(FORWARDED, HeaderValue::from_static("?1"));
        *asked.body_mut() = Some(reqwest::Body::wrap_stream(body.into_data_stream()));
        asked
    }

    fn url(&self, target: Target, uri: &Uri) -> String {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let Target { address, is_tls } = target;
        match (is_tls, self.tls.server_name.as_str()) {
            (false, _) => format!("http://{address}{path}"),
            (true, "") => format!("https://{address}{path}"),
            (true, name) => format!("https://{name}:{}{path}", address.port()),
        }
    }

    fn client(&self, target: Target) -> Result<Client, AskError> {
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, client)) = &*known
            && *of == target
        {
            return Ok(client.clone());
        }
        let client = self.new_client(target)?;
        *known = Some((target, client.clone()));
        Ok(client)
    }

    fn new_client(&self, target: Target) -> Result<Client, AskError> {
        let LeaderTls { ca_file, server_name } = &self.tls;
        crate::crypto::install();
        // The credential goes to the leader and nowhere else: neither to a proxy nor where an answer points.
        let mut client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .retry(reqwest::retry::never())
            // What the leader answers goes on as it is.
            .no_gzip();
        if !server_name.is_empty() {
            client = client.resolve(server_name, target.address);
        }
        if target.is_tls && !ca_file.is_empty() {
            let pem = std::fs::read(ca_file).map_err(|error| AskError::ReadAuthorities(ca_file.clone(), error))?;
            let authorities = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if authorities.is_empty() {
                return Err(AskError::NoAuthority(ca_file.clone()));
            }
            client = client.tls_certs_only(authorities);
        }
        client.build().map_err(AskError::Prepare)
    }

    fn forget(&self, target: Target) {
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|(of, _)| *of == target);
    }
}

fn answer(answered: reqwest::Response) -> Response {
    let answered: axum::http::Response<reqwest::Body> = answered.into();
    let (mut parts, body) = answered.into_parts();
    parts.headers = of_the_request(parts.headers);
    parts.extensions.clear();
    Response::from_parts(parts, Body::new(body))
}

/// What goes on to the other side.
fn of_the_request(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
    headers
}

fn no_leader(detail: &str) -> Fault {
    Fault::unavailable("no-leader", detail, RETRY_S)
}

fn not_leader(detail: String) -> Fault {
    Fault::unavailable("not-leader", detail, RETRY_S)
}

fn beyond_a_certificate(address: SocketAddr) -> String {
    format!(
        "the leader is at {address}, and a client certificate cannot be passed on to it (accepted: ask it there, or \
         send a token)"
    )
}

/// Nothing was sent, so asking again does no harm.
fn unreached(address: SocketAddr) -> Fault {
    no_leader(&format!("the leader at {address} cannot be reached"))
}

fn unanswered(address: SocketAddr) -> Fault {
    let detail = format!("the leader at {address} did not answer; whether it did what was asked is not known");
    Fault::new(StatusCode::BAD_GATEWAY, "leader-unanswered", detail)
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn std::error::Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
