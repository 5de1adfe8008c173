//! What a watch and those who hold its handle both know.
//!
//! Owns one lock around a few words, taken once a batch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Clock;
use runtime::probes::Check;
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::Freshness;
use crate::cluster::CallError;
use crate::resource::Resource;

/// The state of one watch.
#[derive(Debug)]
pub(crate) struct Shared {
    resource: Resource,
    clock: Arc<dyn Clock>,
    view: Mutex<View>,
    /// A complete list is wanted.
    relist: Notify,
}

#[derive(Debug, Default)]
struct View {
    version: String,
    /// When something was last heard, monotonic.
    heard: Option<Duration>,
    trouble: Option<Trouble>,
    has_ended: bool,
}

#[derive(Debug)]
struct Trouble {
    cause: Cause,
    words: String,
}

/// What is wrong, as far as a log line is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Refused(u16),
    Unreachable,
    Silent,
    Garbled,
}

impl Shared {
    pub(super) fn new(resource: Resource, clock: Arc<dyn Clock>) -> Self {
        Self { resource, clock, view: Mutex::default(), relist: Notify::new() }
    }

    pub(crate) const fn resource(&self) -> &Resource {
        &self.resource
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let now = self.clock.monotonic();
        let view = self.view();
        Freshness { version: view.version.clone(), age: view.heard.map(|heard| now.saturating_sub(heard)) }
    }

    pub(super) fn check(&self) -> Check {
        let view = self.view();
        match &view.trouble {
            _ if view.has_ended => Check::Fail(format!("the watch of {} has ended", self.resource)),
            Some(trouble) => Check::Warn(format!("failed to watch {}: {}", self.resource, trouble.words)),
            None => Check::Ok,
        }
    }

    pub(super) fn ask_for_list(&self) {
        self.relist.notify_one();
    }

    /// Returns when somebody asks for a list, or has asked since the last time.
    pub(super) async fn asked_for_list(&self) {
        self.relist.notified().await;
    }

    /// Something was heard; `version` is the newest of it, if it says so.
    pub(super) fn heard(&self, version: Option<&str>) {
        let now = self.clock.monotonic();
        let mut view = self.view();
        view.heard = Some(now);
        if let Some(version) = version {
            version.clone_into(&mut view.version);
        }
        if view.trouble.take().is_some() {
            info!(resource = self.resource.plural, "{} are heard of again", self.resource);
        }
    }

    /// Something went wrong. Logged once per change of its cause.
    pub(super) fn failed(&self, failure: &CallError) {
        let (cause, words) = (Cause::of(failure), failure.chain());
        let before = self.view().trouble.replace(Trouble { cause, words: words.clone() });
        if before.is_some_and(|before| before.cause == cause) {
            return;
        }
        let plural = self.resource.plural;
        // Waiting does not help a missing permission: somebody has to grant it.
        if let Cause::Refused(401 | 403) = cause {
            error!(resource = plural, "failed to watch {}: {words}", self.resource);
        } else {
            warn!(resource = plural, "failed to watch {}: {words}", self.resource);
        }
    }

    pub(super) fn ended(&self) {
        self.view().has_ended = true;
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    const fn of(failure: &CallError) -> Self {
        match failure {
            CallError::Refused(refusal) => Self::Refused(refusal.code),
            CallError::Connect(_) | CallError::Broken(_) => Self::Unreachable,
            CallError::Silent(_) | CallError::Crowded => Self::Silent,
            CallError::TooLarge(_) | CallError::Malformed(_) | CallError::Garbled(_) => Self::Garbled,
        }
    }
}
