//! When settings are read again: on SIGHUP, when a file changes, and every half minute in any case.
//!
//! Owns the watch on folders. A folder is watched rather than a file, since editors and the kubelet replace files instead
//! of writing them. Many changes in a row are one: files are read once they stay the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::contents::Contents;
use super::load::{self, Attempt};
use super::{Environment, Live, Root};
use crate::shutdown::Stop;

/// Not every file system tells of changes.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// Whoever is told of a changed file reads it after that. If the file has changed again by then, and later changes back,
/// it holds what was seen, and not what was read: so a change this soon after is told even if there seems to be none.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Why the files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Somebody asked for it: read them even if they are the same.
    Asked,
    /// They may have changed.
    Changed,
}

/// What was read last.
#[derive(Debug, Clone)]
struct Seen {
    /// What the settings are made of: their file, and files with secrets.
    sources: Contents,
    /// What the settings name.
    named: Contents,
    /// When a change of these was told last.
    told: Option<Instant>,
}

/// Tells of changes in the folders of some files.
struct Folders {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    changed: mpsc::Receiver<()>,
}

impl<T: Root> Live<T> {
    /// Reads the settings again whenever there is a reason to, until the stop.
    pub async fn follow(self, environment: Environment, stop: Stop) {
        let mut hangup = signal(SignalKind::hangup()).inspect_err(|error| warn!(%error, "SIGHUP is not heard")).ok();
        let mut folders = Folders::new();
        let mut seen = Seen::of(&self);
        // The first look finds what changed since they were loaded.
        let mut cause = Cause::Changed;
        loop {
            folders.watch(&seen);
            seen.steady().await;
            let (live, environment) = (self.clone(), environment.clone());
            let looked = tokio::task::spawn_blocking(move || seen.look(&live, &environment, cause));
            seen = looked.await.unwrap_or_else(|error| {
                warn!(%error, "failed to look at the settings");
                Seen::of(&self)
            });
            folders.watch(&seen);
            cause = tokio::select! {
                () = stop.requested() => return,
                () = asked(&mut hangup) => Cause::Asked,
                () = folders.changed() => Cause::Changed,
                () = sleep(COMPARE_EVERY) => Cause::Changed,
            };
        }
    }
}

impl Seen {
    fn of<T: Root>(live: &Live<T>) -> Self {
        let loaded = live.loaded();
        Self { sources: loaded.source.contents.clone(), named: loaded.named.clone(), told: None }
    }

    /// Waits until no file is being written: half of a file may be good as it stands, and is not meant.
    async fn steady(&self) {
        self.sources.steady().await;
        self.named.steady().await;
    }

    fn look<T: Root>(self, live: &Live<T>, environment: &Environment, cause: Cause) -> Self {
        let Self { mut sources, named, mut told } = self;
        if cause == Cause::Asked || sources.again() != sources {
            let path = live.loaded().source.path.clone();
            let Attempt { source, outcome } = load::attempt(path.as_deref(), environment);
            sources = source.contents;
            live.offer(outcome);
        }
        let now = Contents::of(&live.current().files());
        let changed: Vec<&PathBuf> = named.changed(&now).collect();
        if cause == Cause::Asked || !changed.is_empty() {
            info!(files = ?changed, "files that the settings name are read again");
            told = Some(Instant::now());
            live.renew();
        } else if told.is_some_and(|told| told.elapsed() < READ_WITHIN) {
            live.renew();
        }
        Self { sources, named: now, told }
    }

    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.files().chain(self.named.files())
    }
}

impl Folders {
    fn new() -> Self {
        // One change that is not yet looked at stands for all of them.
        let (sender, changed) = mpsc::channel(1);
        let tell = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| changes_content(event.kind)) {
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(tell)
            .inspect_err(|error| warn!(%error, "changes of settings are found by comparing them every 30 s only"))
            .ok();
        Self { watcher, watched: BTreeSet::new(), changed }
    }

    fn watch(&mut self, seen: &Seen) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeSet<PathBuf> = seen.files().flat_map(|file| folders_of(file)).collect();
        for gone in self.watched.difference(&wanted) {
            // The folder itself may be gone, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        let is_watched = |folder: &PathBuf| {
            let watching = self.watched.contains(folder) || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
            if !watching {
                debug!(folder = %folder.display(), "a folder cannot be watched; its files are compared every 30 s");
            }
            watching
        };
        self.watched = wanted.into_iter().filter(is_watched).collect();
    }

    /// Waits for a change.
    async fn changed(&mut self) {
        if self.changed.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

async fn asked(hangup: &mut Option<Signal>) {
    if let Some(hangup) = hangup
        && hangup.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Our own reading is told as well, and must not be a reason to read.
fn changes_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

/// As many links in a row as the kernel follows.
const LINKS: usize = 40;

/// The folder of a file, and if the file is a link, those of every file that it leads over.
fn folders_of(file: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let target = |file: &PathBuf| Some(folder_of(file).join(std::fs::read_link(file).ok()?));
    std::iter::successors(Some(file.to_owned()), target).take(LINKS).map(|file| folder_of(&file))
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests;
