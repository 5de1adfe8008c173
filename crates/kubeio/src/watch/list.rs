//! A complete list: streamed as the first events of a watch, or page by page.
//!
//! Owns both ways and the change from one to the other. Nothing is held but one page.

use std::time::Duration;

use super::decode;
use super::digest::digest;
use super::run::{PATIENCE, Run, log_skipped};
use super::stream::{End, Stream};
use super::{Event, List, ListMode, Observer, Relist};
use crate::cluster::{CallError, Verb};
use crate::resource::{Observed, encoded};

/// Largest page that is read: 5,000 pods of 44 KB are 220 MB.
const PAGE_BYTES: usize = 256 * 1024 * 1024;

/// Largest page that is asked for. Each expired token doubles a page: it takes half the requests, and half the time.
const LARGEST_PAGE: u32 = 20_000;

/// Where a list ended.
#[derive(Debug)]
pub(super) struct Listed {
    /// The version to go on from.
    pub(super) version: String,
    /// The watch that it came by, if it did.
    pub(super) stream: Option<Stream>,
}

/// A list that has not come about.
struct Failed {
    failure: CallError,
    /// Whether the observer was told that a list begins.
    was_told: bool,
}

impl<K: Observed, O: Observer<K>> Run<K, O> {
    /// Takes a list, in the way that works here.
    pub(super) async fn take_list(&mut self, reason: Relist) -> Result<Listed, CallError> {
        let mut began = self.now();
        let result = match self.list {
            List::Paged => self.paged(reason, began).await,
            List::Streaming => self.streamed(reason, began).await,
            List::Auto => self.in_either_way(reason, &mut began).await,
        };
        // A server that was not reached has not been asked.
        if !matches!(&result, Err(Failed { failure: CallError::Connect(_), .. })) {
            self.pace.list_began(reason, began);
        }
        result.map_err(|failed| {
            if failed.was_told {
                self.observe(vec![Event::ListFailed]);
            }
            failed.failure
        })
    }

    async fn in_either_way(&mut self, reason: Relist, began: &mut Duration) -> Result<Listed, Failed> {
        let failed = match self.streamed(reason, *began).await {
            Ok(listed) => return Ok(listed),
            Err(failed) => failed,
        };
        let is_refused = matches!(failed.failure.code(), Some(400 | 404 | 422));
        if !is_refused && !matches!(failed.failure, CallError::Silent(_)) {
            return Err(failed);
        }
        if failed.was_told {
            self.observe(vec![Event::ListFailed]);
        }
        // The first one may have been silent for a minute: the next list is as far from this one.
        *began = self.now();
        let listed = self.paged(reason, *began).await?;
        if is_refused {
            self.list = List::Paged;
        }
        Ok(listed)
    }

    async fn streamed(&mut self, reason: Relist, began: Duration) -> Result<Listed, Failed> {
        let before = |failure| Failed { failure, was_told: false };
        let within = |failure| Failed { failure, was_told: true };
        self.cluster.turn().await;
        let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        let mut stream = self.request(query).await.map_err(before)?;
        self.observe(vec![Event::Listing { reason }]);
        loop {
            let lines = stream.next::<K>(PATIENCE).await.map_err(|end| within(end.within_a_list()))?;
            let digest = digest(lines, Some(self.now().saturating_sub(began)));
            let (version, is_listing) = (digest.version.clone(), digest.is_listing);
            if let Some(verdict) = self.tell(digest) {
                return Err(within(verdict.into()));
            }
            tokio::task::yield_now().await;
            if !is_listing {
                let version = version.unwrap_or_default();
                return Ok(Listed { version, stream: Some(stream) });
            }
        }
    }

    async fn paged(&mut self, reason: Relist, began: Duration) -> Result<Listed, Failed> {
        let (mut version, mut next) = (String::new(), String::new());
        let mut was_told = false;
        loop {
            let page = self.page(&next).await;
            if let Err(failure) = &page
                && failure.code() == Some(410)
            {
                // Pages that are read in half the requests are read before the token expires again.
                self.page_size = self.page_size.saturating_mul(2).min(LARGEST_PAGE);
            }
            let page = page.map_err(|failure| Failed { failure, was_told })?;
            let mut events = Vec::with_capacity(page.items.len() + 2);
            if !was_told {
                events.push(Event::Listing { reason });
                version = page.version;
                was_told = true;
            }
            next = page.next;
            events.extend(page.items.into_iter().map(event));
            if next.is_empty() {
                let took = self.now().saturating_sub(began);
                events.push(Event::Listed { mode: ListMode::Paged, took });
            }
            self.observe(events);
            self.shared.heard(next.is_empty().then_some(version.as_str()));
            tokio::task::yield_now().await;
            if next.is_empty() {
                self.page_size = self.settings.page_size;
                return Ok(Listed { version, stream: None });
            }
        }
    }

    /// The page after `next`. There is never a resourceVersion: with it, servers ignore the limit and send everything at once.
    async fn page(&mut self, next: &str) -> Result<decode::Page<K>, CallError> {
        self.cluster.turn().await;
        let token = if next.is_empty() { String::new() } else { format!("&continue={}", encoded(next)) };
        let call = self.call(Verb::List, &format!("limit={}{token}", self.page_size));
        let body = self.cluster.read(call, PAGE_BYTES).await?;
        decode::page(&body).map_err(CallError::Malformed)
    }
}

/// What an item of a page is to an observer.
fn event<K: Observed>(item: Result<K, (decode::Who, String)>) -> Event<K> {
    let (decode::Who { namespace, name, .. }, why) = match item {
        Ok(object) => return Event::Seen(object),
        Err(unreadable) => unreadable,
    };
    log_skipped(&K::RESOURCE, &format!("{namespace}/{name}: {why}"));
    Event::Unreadable { namespace, name }
}

impl End {
    /// A watch may end at any time, but not before its initial events do.
    fn within_a_list(self) -> CallError {
        match self {
            Self::Closed => CallError::Garbled("the watch ended before its initial events did".to_owned()),
            Self::Failed(failure) => failure,
        }
    }
}
