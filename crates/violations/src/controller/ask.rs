//! One question to one node, and its answer as it arrives.
//!
//! Owns the request, which answers count, and that no body is held whole. What an answer changes is `hand_in`'s to find out.
//!
//! ```text
//! GET …?state=all, If-None-Match ─► 304 ─► unchanged
//!                                 ─► 200 ─► pieces ─► elements ─► records, or malformed
//!                                 ─► else, or too late, too large, no list ─► Failure
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use api::{Clock, Time, Violation};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use processes::redact::Redactor;
use tracing::debug;
use web::client::{Direct, DirectAnswer, DirectRequest, OutgoingError};

use super::about::About;
use super::budget::Share;
use super::decode::{Element, Elements};
use super::discovery::Addresses;
use super::failure::Failure;
use super::told::Reader;
use crate::settings::ControllerSettings;

/// Records of one answer. A node keeps 1,500; one that tells more than this fills the store of all.
pub(crate) const RECORDS: usize = 10_000;

/// How nodes are asked in one round.
#[derive(Debug)]
pub(crate) struct Manner {
    direct: Direct,
    port: u16,
    path: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    max_body: u64,
    redactor: Redactor,
}

/// One node to be asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) node: String,
    pub(crate) addresses: Addresses,
    pub(crate) etag: Option<HeaderValue>,
}

/// What a node has answered, once its body has ended.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) about: About,
    /// When.
    pub(crate) at: Time,
    /// None if nothing is new.
    pub(crate) list: Option<List>,
}

/// Records that have been read and not handed in yet.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) records: Vec<Violation>,
    /// Records that cannot be read, so far.
    pub(crate) malformed: u64,
    /// What they hold of the budget of all.
    pub(crate) share: Share,
}

/// Who takes records before the last one has come, when all bodies together hold too much.
pub(crate) trait Early: Send {
    /// Takes all that is there.
    fn hand_in(&mut self, about: &About, at: Time, records: Vec<Violation>) -> impl Future<Output = ()> + Send;
}

impl Manner {
    pub(crate) fn new(settings: &ControllerSettings, direct: Direct, authorization: Option<HeaderValue>) -> Self {
        let separator = if settings.api_path.contains('?') { '&' } else { '?' };
        Self {
            direct,
            port: settings.api_port,
            path: format!("{}{separator}state=all", settings.api_path),
            authorization,
            timeout: settings.timeout,
            max_body: settings.max_body,
            redactor: Redactor::new(&[]).unwrap_or_else(|_| unreachable!("no pattern is a bad one")),
        }
    }

    /// Asks a node at its first address, and at its other one if that takes no connection.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        clock: &dyn Clock,
        share: Share,
        early: &mut impl Early,
    ) -> Result<Answered, Failure> {
        let answer = self.reach(question).await.inspect_err(|failure| {
            debug!(node = question.node, "failed to ask node {}: {failure}", question.node);
        })?;
        let (about, at) = (About::of(&answer.headers), Time::of(clock.now()));
        match answer.status {
            StatusCode::NOT_MODIFIED if question.etag.is_some() => Ok(Answered { about, at, list: None }),
            StatusCode::OK => {
                let list = List { records: Vec::new(), malformed: 0, share };
                let reader = Reader { node: &question.node, now: at, redactor: &self.redactor };
                let list = read(answer, &about, list, (&reader, early)).await?;
                Ok(Answered { about, at, list: Some(list) })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Unauthorized),
            other => Err(Failure::Status(other.as_u16())),
        }
    }

    async fn reach(&self, question: &Question) -> Result<DirectAnswer, Failure> {
        let mut failed = OutgoingError::Address;
        for address in &question.addresses {
            let request = self.request(SocketAddr::new(*address, self.port), question.etag.clone());
            match self.direct.send(&request).await {
                Ok(answer) => return Ok(answer),
                Err(error @ OutgoingError::Unreachable(_)) => failed = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(failed.into())
    }

    fn request(&self, address: SocketAddr, etag: Option<HeaderValue>) -> DirectRequest {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        headers.extend(etag.map(|etag| (header::IF_NONE_MATCH, etag)));
        let path = self.path.clone();
        DirectRequest { address, path, headers, timeout: self.timeout, max_body: self.max_body }
    }
}

async fn read(
    mut answer: DirectAnswer,
    about: &About,
    mut list: List,
    (reader, early): (&Reader<'_>, &mut impl Early),
) -> Result<List, Failure> {
    if !answer.may_fit() {
        return Err(Failure::TooLarge);
    }
    let (mut elements, mut count, mut grown) = (Elements::default(), 0, 0);
    while let Some(piece) = answer.piece().await? {
        let each = |element: Element<'_>| {
            count += 1;
            match element {
                Element::Text(text) => match reader.read(text) {
                    Ok(record) => {
                        grown += text.len();
                        list.records.push(record);
                    }
                    Err(_) => list.malformed += 1,
                },
                Element::TooLarge => list.malformed += 1,
            }
        };
        elements.feed(&piece, each).map_err(|_| Failure::Malformed)?;
        if count > RECORDS {
            return Err(Failure::TooLarge);
        }
        if !list.share.grow(std::mem::take(&mut grown)) && !list.records.is_empty() {
            early.hand_in(about, reader.now, std::mem::take(&mut list.records)).await;
            list.share.empty();
        }
    }
    elements.end().map_err(|_| Failure::Malformed)?;
    Ok(list)
}
