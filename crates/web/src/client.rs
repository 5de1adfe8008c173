//! A client of the API, for verbs of the command line: one question, one answer, one line when it fails.
//!
//! Owns the base address, the token, the trust and the times. Which routes there are, the caller knows. Requests to others than
//! an API of this program are `outgoing`'s, and `direct`'s where there are thousands.

mod bound;
mod direct;
#[cfg(test)]
mod fixture;
mod outgoing;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use api::Problem;
use axum::http::{StatusCode, header};
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, Response, Url};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use direct::{Direct, DirectAnswer, DirectRequest, Trust};
pub use outgoing::{
    Outgoing, OutgoingAnswer, OutgoingError, OutgoingRequest, OutgoingSettings, Targets, basic, bearer,
};

/// A listener answers a connection at once or not at all.
const CONNECT_TIME: Duration = Duration::from_secs(10);

const NO_AUTHORITY: &str = "the file of authorities holds no certificate (accepted: PEM)";

/// What is shown of an answer that is no problem: enough to recognize the proxy or the page it comes from.
const SHOWN_CHARS: usize = 200;

/// Asks one API. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
}

/// How an API is reached.
#[derive(Clone, Default)]
pub struct ClientSettings {
    /// Its address, such as `https://keelwatch.example:18080`, with a path if a proxy adds one.
    pub url: String,
    /// Sent as `Authorization: Bearer`; empty for none.
    pub token: String,
    /// PEM of the authorities that its certificate is verified by; `None` for those of the system.
    pub authorities: Option<Vec<u8>>,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
}

/// Why there is no answer, in one line that names what was asked and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The API was not reached, or did not answer in time.
    #[error("{request}: {reason}")]
    Unreachable {
        /// Method and address.
        request: String,
        /// The last cause, which says it all.
        reason: String,
    },
    /// It answered with a problem.
    #[error("{request}: {} {}: {}{}", .problem.status, .problem.kind, .problem.detail, faults(.problem))]
    Refused {
        /// Method and address.
        request: String,
        /// What it said.
        problem: Box<Problem>,
    },
    /// It answered, but not as an API of this version does.
    #[error("{request}: {status}: {reason}")]
    Strange {
        /// Method and address.
        request: String,
        /// The status of the answer.
        status: StatusCode,
        /// What is odd about it.
        reason: String,
    },
}

impl Client {
    /// A client by these settings.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let ClientSettings { url, token, authorities, timeout } = settings;
        let base = base_of(url)?;
        let mut headers = reqwest::header::HeaderMap::new();
        if !token.is_empty() {
            headers.insert(header::AUTHORIZATION, bearer(token)?);
        }
        crate::crypto::install();
        let builder = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIME)
            .timeout(*timeout)
            .redirect(reqwest::redirect::Policy::none());
        let http = trusting(builder, authorities.as_deref())?.build().map_err(|error| unusable(&last_cause(&error)))?;
        Ok(Self { base, http })
    }

    /// What GET of `path` answers; `query` is given key by key.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ClientError> {
        let url = self.url(path, query);
        self.answer(self.http.request(Method::GET, url.clone()), &format!("GET {url}")).await
    }

    /// What POST of `body` to `path` answers; `query` is given key by key.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let url = self.url(path, query);
        self.answer(self.http.request(Method::POST, url.clone()).json(body), &format!("POST {url}")).await
    }

    /// What DELETE of `path` answers.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let url = self.url(path, &[]);
        self.answer(self.http.request(Method::DELETE, url.clone()), &format!("DELETE {url}")).await
    }

    async fn answer<T: DeserializeOwned>(&self, asking: RequestBuilder, request: &str) -> Result<T, ClientError> {
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            request: request.to_owned(),
            reason: if error.is_timeout() { "no answer in time".to_owned() } else { last_cause(&error) },
        };
        let response = asking.send().await.map_err(unreachable)?;
        let (status, kind) = (response.status(), media_type(&response));
        let body = response.bytes().await.map_err(unreachable)?;
        let strange = |reason| ClientError::Strange { request: request.to_owned(), status, reason };
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| strange(format!("the answer is not understood: {error}")));
        }
        if kind == "application/problem+json"
            && let Ok(problem) = serde_json::from_slice(&body)
        {
            return Err(ClientError::Refused { request: request.to_owned(), problem: Box::new(problem) });
        }
        Err(strange(shown(&String::from_utf8_lossy(&body))))
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientSettings {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, token: _, authorities: _, timeout } = self;
        f.debug_struct("ClientSettings").field("url", url).field("timeout", timeout).finish_non_exhaustive()
    }
}

/// Trusts these authorities, or without any those of the system.
fn trusting(builder: ClientBuilder, authorities: Option<&[u8]>) -> Result<ClientBuilder, ClientError> {
    let Some(pem) = authorities else { return Ok(builder) };
    let authorities = Certificate::from_pem_bundle(pem).unwrap_or_default();
    if authorities.is_empty() {
        return Err(unusable(NO_AUTHORITY));
    }
    Ok(builder.tls_certs_only(authorities))
}

/// The authorities of a PEM, each one that is a certificate.
fn authorities(pem: &[u8]) -> Result<RootCertStore, ClientError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    if store.is_empty() { Err(unusable(NO_AUTHORITY)) } else { Ok(store) }
}

/// The address without a user, whose password would be shown.
fn base_of(text: &str) -> Result<Url, ClientError> {
    let accepted = "accepted: http:// or https://, a host, a port and a path if needed";
    let url: Url = text.parse().map_err(|error| unusable(&format!("the address is none: {error} ({accepted})")))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return Err(unusable(&format!("the address is not one of an API ({accepted})")));
    }
    Ok(url)
}

fn unusable(what: &str) -> ClientError {
    ClientError::Settings(what.to_owned())
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned()
}

/// The causes before it say only that a request was sent.
fn last_cause(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.last().map_or_else(String::new, ToString::to_string)
}

fn faults(problem: &Problem) -> String {
    let others = problem.faults.iter().filter(|fault| **fault != problem.detail);
    others.flat_map(|fault| ["; ", fault]).collect()
}

/// The first words in one line.
fn shown(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|character| !character.is_control()).take(SHOWN_CHARS).collect();
    if shown.is_empty() { "no body".to_owned() } else { shown }
}

#[cfg(test)]
mod tests;
