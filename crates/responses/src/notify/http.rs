//! One POST to a receiver.
//!
//! Owns secrets in files, the client of one notifier, and the bounds of an answer. What the answer means is said by `answer`.

use std::io::Read as _;
use std::sync::Arc;

use api::Clock;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use web::client::{Outgoing, OutgoingAnswer, OutgoingError, OutgoingRequest, OutgoingSettings, Targets, basic, bearer};

use super::answer::{Answer, Outcome, no_answer, retry_after};
use super::settings::NotifierSettings;

/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 << 10;

/// Bytes of a secret, and of a file of authorities.
const FILE_BYTES: u64 = 1 << 20;

/// Asks the receivers of one notifier, on connections that are kept.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    clock: Arc<dyn Clock>,
    client: Option<(OutgoingSettings, Outgoing)>,
    idle: usize,
}

/// What is sent.
pub(crate) struct Post {
    /// Where to. Never shown.
    pub(crate) url: String,
    /// Headers beside those of credentials and media type.
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// JSON.
    pub(crate) body: Vec<u8>,
    /// Whether the body of a good answer is of interest.
    pub(crate) reads_answer: bool,
}

impl Http {
    /// A client without a connection; `idle` are kept to one address.
    pub(crate) fn new(clock: &Arc<dyn Clock>, idle: usize) -> Self {
        Self { clock: Arc::clone(clock), client: None, idle }
    }

    /// Sends, and reads the answer as far as it is of interest; or else what became of it.
    pub(crate) async fn post(&mut self, settings: &NotifierSettings, post: Post) -> Result<Answer, Outcome> {
        let Post { url, headers: more, body, reads_answer } = post;
        let mut headers = credentials(settings).await?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("keelwatch"));
        for (name, value) in more {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| never("a header cannot be sent"))?);
        }
        let client = self.client(settings).await?.clone();
        let request = OutgoingRequest {
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(body),
            timeout: settings.timeout,
            max_body: ANSWER_BYTES as u64,
        };
        let sent = client.send(request).await.map_err(|error| no_answer(&error))?;
        let (status, after) = (sent.status, retry_after(&sent.headers, self.clock.now()));
        let is_read = reads_answer || !status.is_success();
        let body = if is_read { read(sent).await.map_err(|error| no_answer(&error))? } else { Vec::new() };
        Ok(Answer { status, after, body })
    }

    async fn client(&mut self, settings: &NotifierSettings) -> Result<&Outgoing, Outcome> {
        let authorities = file(&settings.ca_file, "ca_file").await?.map(String::into_bytes);
        let wanted = OutgoingSettings {
            authorities,
            idle_per_address: self.idle,
            targets: Targets::Checked { loopback: settings.allow_loopback },
            proxy: settings.proxy.clone(),
        };
        if self.client.as_ref().is_none_or(|(known, _)| *known != wanted) {
            let client = Outgoing::new(&wanted).map_err(|error| later(error.to_string()))?;
            self.client = Some((wanted, client));
        }
        Ok(self.client.as_ref().map(|(_, client)| client).expect("it was made above"))
    }
}

/// Where messages go: the address, or what the file of it holds.
pub(crate) async fn address(settings: &NotifierSettings) -> Result<String, Outcome> {
    Ok(file(&settings.url_file, "url_file").await?.unwrap_or_else(|| settings.url.clone()))
}

/// What messages are signed with.
pub(crate) async fn secret(settings: &NotifierSettings) -> Result<Option<String>, Outcome> {
    file(&settings.secret_file, "secret_file").await
}

async fn credentials(settings: &NotifierSettings) -> Result<HeaderMap, Outcome> {
    let mut headers = HeaderMap::new();
    let unusable = |error: web::client::ClientError| later(error.to_string());
    if let Some(token) = file(&settings.token_file, "token_file").await? {
        headers.insert(header::AUTHORIZATION, bearer(&token).map_err(unusable)?);
    }
    if let Some(credentials) = file(&settings.basic_auth_file, "basic_auth_file").await? {
        if !credentials.contains(':') {
            return Err(later("basic_auth_file holds no user:password".to_owned()));
        }
        headers.insert(header::AUTHORIZATION, basic(&credentials).map_err(unusable)?);
    }
    Ok(headers)
}

/// The text of a file, one newline at its end off; nothing if no file is named. Files are small, and are read where a slow disk
/// holds up nobody else.
async fn file(path: &str, key: &'static str) -> Result<Option<String>, Outcome> {
    if path.is_empty() {
        return Ok(None);
    }
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::fs::File::open(path)?.take(FILE_BYTES).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    let text = read.await.map_err(|_| later(format!("failed to read {key}")))?;
    let text = text.map_err(|error| later(format!("failed to read {key}: {}", error.kind())))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// A body, of a long one the beginning.
async fn read(mut answer: OutgoingAnswer) -> Result<Vec<u8>, OutgoingError> {
    let mut body = Vec::new();
    loop {
        match answer.piece().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) | Err(OutgoingError::TooLarge(_)) => return Ok(body),
            Err(error) => return Err(error),
        }
    }
}

/// A file may be there the next time.
fn later(why: String) -> Outcome {
    Outcome::Again { why, after: None, is_down: true }
}

fn never(why: &str) -> Outcome {
    Outcome::Never { why: why.to_owned() }
}
