//! The life of a watch: list, follow, and again.
//!
//! Owns waiting and the order of requests. When is `pace`'s to say, what bytes mean is `decode`'s.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::digest::{Digest, Verdict, digest};
use super::history::History;
use super::list::Listed;
use super::pace::Pace;
use super::stream::{End, Stream};
use super::{Event, List, Observer, Relist, Restart, Scope, Shared, WatchSettings};
use crate::cluster::{Call, CallError, Cluster, Verb};
use crate::resource::{Observed, Resource, encoded};

/// A list that is silent for so long is given up, and so is a request without an answer.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Bookmarks come about every minute. A connection without a line for longer may be dead on one side; resuming costs little.
const QUIET: Duration = Duration::from_secs(150);

/// A watch of objects of kind `K`.
pub(super) struct Run<K, O> {
    pub(super) cluster: Cluster,
    pub(super) scope: Scope,
    pub(super) settings: WatchSettings,
    pub(super) shared: Arc<Shared>,
    pub(super) observer: O,
    pub(super) pace: Pace,
    history: History,
    /// How lists are taken from here on; a server that refused to stream is not asked again.
    pub(super) list: List,
    /// Objects per page of the next list.
    pub(super) page_size: u32,
    kind: PhantomData<fn() -> K>,
}

/// What a piece of a watch left to do.
enum Next {
    Read,
    /// Open it again, after this long.
    Resume(Restart, Duration),
    List(Relist),
}

impl<K: Observed, O: Observer<K>> Run<K, O> {
    pub(super) fn new(
        cluster: Cluster,
        scope: Scope,
        settings: WatchSettings,
        observer: O,
        shared: Arc<Shared>,
    ) -> Self {
        let pace = Pace::new(cluster.seed());
        let WatchSettings { list, page_size } = settings;
        let history = History::new();
        Self { cluster, scope, settings, shared, observer, pace, history, list, page_size, kind: PhantomData }
    }

    /// Watches until it is dropped.
    pub(super) async fn for_ever(mut self) -> Infallible {
        let mut reason = Relist::Start;
        loop {
            sleep(self.pace.before_list(reason, self.now())).await;
            reason = match self.take_list(reason).await {
                Ok(listed) => self.follow_until_asked(listed).await,
                Err(failure) => self.list_failed(reason, &failure).await,
            };
        }
    }

    /// Waits as long as the failure is worth, and says why the next list is taken.
    async fn list_failed(&mut self, reason: Relist, failure: &CallError) -> Relist {
        self.shared.failed(failure);
        let pause = self.pace.after_failure(failure.retry_after());
        sleep(pause).await;
        match (reason, failure.code()) {
            (_, Some(410)) => Relist::Expired,
            // Nothing was known before, and nothing is now.
            (Relist::Start, _) => Relist::Start,
            _ => Relist::Broken,
        }
    }

    /// Follows until a list is needed, or settings ask for one and it may begin.
    async fn follow_until_asked(&mut self, listed: Listed) -> Relist {
        let wait = self.pace.before_list(Relist::Settings, self.now());
        let shared = Arc::clone(&self.shared);
        let asked = async move {
            sleep(wait).await;
            shared.asked_for_list().await;
        };
        tokio::select! {
            reason = self.follow(listed) => reason,
            () = asked => Relist::Settings,
        }
    }

    async fn follow(&mut self, listed: Listed) -> Relist {
        let Listed { version, stream: mut open } = listed;
        self.listed(version);
        if open.is_some() {
            self.history.opened(self.now());
        }
        loop {
            let next = match open.take() {
                Some(mut stream) => {
                    let next = self.read(&mut stream).await;
                    if matches!(next, Next::Read) {
                        open = Some(stream);
                    }
                    next
                }
                None => match self.open().await {
                    Ok(stream) => {
                        open = Some(stream);
                        Next::Read
                    }
                    Err(failure) => self.failed(&failure),
                },
            };
            match next {
                Next::Read => {}
                Next::Resume(reason, pause) => {
                    self.cluster.metrics().restarted(K::RESOURCE.plural, reason);
                    sleep(pause).await;
                }
                Next::List(reason) => return reason,
            }
        }
    }

    fn listed(&mut self, version: String) {
        if let Some(former) = self.history.listed(version) {
            let (resource, version) = (K::RESOURCE, self.history.version());
            warn!(
                resource = resource.plural,
                version, former, "the history of {resource} went back from version {former} to {version}"
            );
        }
    }

    async fn open(&mut self) -> Result<Stream, CallError> {
        let query = format!("&resourceVersion={}", encoded(self.history.version()));
        let stream = self.request(&query).await?;
        // The server has accepted the version: what is known is as good as a moment ago, but nothing was heard yet.
        self.history.opened(self.now());
        let version = self.history.version();
        debug!(resource = K::RESOURCE.plural, version, "watching {} from {version}", K::RESOURCE);
        Ok(stream)
    }

    /// Sends a watch request with this at the end of its query.
    pub(super) async fn request(&mut self, query: &str) -> Result<Stream, CallError> {
        let seconds = self.pace.watch_for().as_secs();
        let watch = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}{query}");
        let body = self.cluster.send(self.call(Verb::Watch, &watch)).await?;
        Ok(Stream::new(body, self.now()))
    }

    /// A request about the objects of the scope.
    pub(super) fn call(&self, verb: Verb, query: &str) -> Call {
        let Scope { fields, labels, namespace } = &self.scope;
        let mut path = format!("{}?{query}", K::RESOURCE.path(namespace.as_deref()));
        for (key, selector) in [("fieldSelector", fields), ("labelSelector", labels)] {
            if !selector.is_empty() {
                path = format!("{path}&{key}={}", encoded(selector));
            }
        }
        Call { verb, resource: K::RESOURCE.plural, path, extent: K::EXTENT, content: None, patience: PATIENCE }
    }

    async fn read(&mut self, stream: &mut Stream) -> Next {
        let lines = match stream.next::<K>(QUIET).await {
            Ok(lines) => lines,
            Err(end) => return self.ended(stream.opened, end),
        };
        let digest = digest(lines, None);
        let goes_on = self.history.heard(digest.version.as_deref());
        if digest.events.iter().any(|event| matches!(event, Event::Bookmark)) {
            self.history.bookmarked();
        }
        let lost_deletion = digest.lost_deletion;
        let end = self.tell(digest);
        // Other tasks of this thread have their turn, however much there is to read.
        tokio::task::yield_now().await;
        match end {
            Some(verdict) => {
                self.lived(stream.opened);
                self.failed(&verdict.into())
            }
            None if lost_deletion || !goes_on => Next::List(Relist::Broken),
            None => Next::Read,
        }
    }

    /// Tells the observer, and those who ask how fresh it is.
    pub(super) fn tell(&mut self, digest: Digest<K>) -> Option<Verdict> {
        let Digest { events, version, is_listing: _, end, skipped, lost_deletion: _ } = digest;
        for object in skipped {
            log_skipped(&K::RESOURCE, &object);
        }
        if !events.is_empty() {
            self.observer.observe(events);
            self.shared.heard(version.as_deref());
        }
        end
    }

    fn ended(&mut self, opened: Duration, end: End) -> Next {
        let lived = self.lived(opened);
        let next = match end {
            End::Closed => Next::Resume(Restart::Ended, self.pace.after_end(lived)),
            End::Failed(failure) => self.failed(&failure),
        };
        let is_doubtful = self.history.ended(self.now());
        match next {
            Next::Resume(reason, _) if is_doubtful => {
                let resource = K::RESOURCE;
                info!(
                    resource = resource.plural,
                    "watches of {resource} bring nothing: a list tells if anything is missed"
                );
                self.cluster.metrics().restarted(resource.plural, reason);
                Next::List(Relist::Broken)
            }
            next => next,
        }
    }

    /// A watch is over that was opened then.
    fn lived(&mut self, opened: Duration) -> Duration {
        let lived = self.now().saturating_sub(opened);
        self.pace.lived(lived);
        lived
    }

    fn failed(&mut self, failure: &CallError) -> Next {
        let metrics = self.cluster.metrics();
        match failure.code() {
            Some(410) => {
                metrics.restarted(K::RESOURCE.plural, Restart::Expired);
                return Next::List(Relist::Expired);
            }
            // The server does not take the version: it may have been set up anew, or be another one.
            Some(400 | 422) => {
                metrics.restarted(K::RESOURCE.plural, Restart::Refused);
                self.shared.failed(failure);
                return Next::List(Relist::Broken);
            }
            _ => self.shared.failed(failure),
        }
        Next::Resume(Restart::of(failure), self.pace.after_failure(failure.retry_after()))
    }

    pub(super) fn now(&self) -> Duration {
        self.cluster.clock().monotonic()
    }

    pub(super) fn observe(&mut self, events: Vec<Event<K>>) {
        self.observer.observe(events);
    }
}

/// Logs an object that is not understood; `object` is its name and why.
pub(super) fn log_skipped(resource: &Resource, object: &str) {
    // The text of an error may repeat what stood there.
    const BYTES: usize = 300;
    let object = object[..object.floor_char_boundary(BYTES)].escape_debug();
    info!(resource = resource.plural, "skipped one of {resource} that is not understood: {object}");
}

impl Restart {
    const fn of(failure: &CallError) -> Self {
        match failure {
            CallError::Refused(_) => Self::Refused,
            CallError::Connect(_) | CallError::Broken(_) => Self::Broken,
            CallError::Silent(_) | CallError::Crowded => Self::Silent,
            CallError::TooLarge(_) | CallError::Malformed(_) | CallError::Garbled(_) => Self::Garbled,
        }
    }
}

impl From<Verdict> for CallError {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Refused(refusal) => Self::Refused(refusal),
            Verdict::Unknown(words) => Self::Garbled(words),
        }
    }
}
