//! Watches: what was, then what happens, line by line.
//!
//! Owns the start of a watch, bookmarks, its end, and the form of its lines.
//!
//! ```text
//! start ─► initial events ─► bookmark "initial-events-end" ─► live events, bookmarks ─► closing bookmark
//!      └─► replay from history ──────────────────────────────┘
//!      └─► ERROR 410, end
//! ```

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::{self, Answer};
use super::render::{self, View};
use super::table::Columns;
use crate::cluster::Cluster;
use crate::fault::WatchFault;
use crate::kind::Kind;
use crate::query::ListOptions;
use crate::selector::Selection;
use crate::state::State;
use crate::status::Status;
use crate::store::{Event, EventKind, TooOld};

/// Lines that are put together before they are sent.
const CHUNK: usize = 64 << 10;
/// Chunks between the watch and its connection.
const CHUNKS: usize = 4;
/// Real servers close watches after 30 to 60 minutes.
const SHORTEST: u64 = 30 * 60;
/// A line that a fault breaks.
const HALF_AN_EVENT: &[u8] = b"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"\n";

/// A watch that was asked for.
pub(crate) struct Watch {
    pub(crate) kind: Arc<Kind>,
    pub(crate) selection: Selection,
    pub(crate) options: ListOptions,
    pub(crate) view: View,
    pub(crate) fault: WatchFault,
}

/// How a watch begins.
struct Start {
    events: Vec<Event>,
    /// The version up to which the first events tell all.
    version: u64,
    ends_with_bookmark: bool,
}

/// A watch that is sent.
struct Stream {
    cluster: Arc<Cluster>,
    watch: Watch,
    out: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
    columns: Columns,
    /// Events that were sent.
    told: u64,
}

/// Why a watch ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The client has gone.
    Left,
    /// A fault lets no more events through.
    Spent,
}

impl Watch {
    /// Begins to answer.
    pub(crate) fn answer(self, cluster: &Arc<Cluster>) -> Answer {
        let (out, body) = answer::stream(CHUNKS);
        let start =
            if self.fault.expires() { Err(TooOld { oldest: u64::MAX }) } else { self.start(&mut cluster.state()) };
        let timeout = self.options.timeout.unwrap_or_else(|| {
            let spread = cluster.state().random.next() % SHORTEST;
            Duration::from_secs(SHORTEST + spread)
        });
        let stream = Stream {
            cluster: Arc::clone(cluster),
            watch: self,
            out,
            buffer: BytesMut::new(),
            columns: Columns::Stated,
            told: 0,
        };
        tokio::spawn(stream.run(start, timeout));
        answer::json_body(200, body)
    }

    fn start(&self, state: &mut State) -> Result<(Start, mpsc::Receiver<Event>), TooOld> {
        let table = state.store.intern(&self.kind.table());
        let present = state.store.version();
        let asked = self.options.version;
        let wants_initial = self.options.wants_initial_events;
        let is_from_now = matches!(asked, None | Some(0)) && wants_initial != Some(false);
        if is_from_now || wants_initial == Some(true) {
            let entries = state.store.range(&table, self.selection.namespace.as_deref(), None);
            let admitted = entries.filter(|entry| self.selection.admits(entry));
            let events = admitted.map(|entry| Event { kind: EventKind::Added, entry: Arc::clone(entry) }).collect();
            let live = state.store.watchers.open(&table, self.selection.clone(), present);
            let ends_with_bookmark = self.options.wants_bookmarks && (asked.is_none() || wants_initial == Some(true));
            return Ok((Start { events, version: present, ends_with_bookmark }, live));
        }
        let after = asked.filter(|&version| version > 0).unwrap_or(present);
        let events = if after >= present {
            Vec::new()
        } else {
            let changes = state.store.since(after)?.filter(|change| change.table == table);
            changes.filter_map(|change| change.event(&self.selection)).collect()
        };
        let live = state.store.watchers.open(&table, self.selection.clone(), after.max(present));
        Ok((Start { events, version: after.max(present), ends_with_bookmark: false }, live))
    }
}

impl Stream {
    async fn run(mut self, start: Result<(Start, mpsc::Receiver<Event>), TooOld>, timeout: Duration) {
        match start {
            Err(TooOld { oldest }) => {
                let asked = self.watch.options.version.unwrap_or(0);
                let oldest = if oldest == u64::MAX { self.cluster.state().store.version() + 1 } else { oldest };
                self.line("ERROR", Status::too_old(asked, oldest).to_value().to_string().as_bytes());
                // The stream ends here, whether the client still listens or not.
                let _ = self.flush().await;
            }
            Ok((start, mut live)) => {
                let ended = self.go_on(start, &mut live, timeout).await;
                if ended == Err(Ended::Spent) && self.watch.fault.stalls() {
                    self.be_silent(live).await;
                }
            }
        }
    }

    /// Stays open without a word until the client or all watches end.
    async fn be_silent(&self, mut live: mpsc::Receiver<Event>) {
        let closed = async { while live.recv().await.is_some() {} };
        tokio::select! {
            () = closed => {}
            () = self.out.closed() => {}
        }
    }

    async fn go_on(&mut self, start: Start, live: &mut mpsc::Receiver<Event>, timeout: Duration) -> Result<(), Ended> {
        let Start { events, version, ends_with_bookmark } = start;
        let deadline = later(self.cluster.clock.now(), timeout);
        self.check_fault().await?;
        for event in events {
            self.event(&event).await?;
        }
        let mut bookmarked = version;
        if ends_with_bookmark {
            self.bookmark(version, IsInitialEnd::Yes);
        } else if !self.watch.options.wants_bookmarks {
            bookmarked = u64::MAX;
        }
        if self.watch.fault.breaks_a_line() {
            self.buffer.extend_from_slice(HALF_AN_EVENT);
        }
        self.flush().await?;
        let every = self.cluster.bookmark_every();
        let mut next_bookmark = later(self.cluster.clock.now(), every);
        loop {
            let (cluster, out) = (Arc::clone(&self.cluster), self.out.clone());
            tokio::select! {
                biased;
                event = live.recv() => {
                    let Some(event) = event else { return Ok(()) };
                    self.event(&event).await?;
                    while let Ok(event) = live.try_recv() {
                        self.event(&event).await?;
                    }
                    self.flush().await?;
                }
                () = cluster.clock.sleep_until(deadline.min(next_bookmark)) => {
                    let now = cluster.clock.now();
                    let version = cluster.state().store.version();
                    self.drain(live).await?;
                    if self.watch.options.wants_bookmarks && !self.watch.fault.hides_bookmarks()
                        && (now < deadline || version > bookmarked) {
                        self.bookmark(version, IsInitialEnd::No);
                        bookmarked = version;
                    }
                    self.flush().await?;
                    if now >= deadline {
                        return Ok(());
                    }
                    next_bookmark = later(now, every);
                }
                () = out.closed() => return Err(Ended::Left),
            }
        }
    }

    /// Sends what is queued already: a bookmark must not overtake it.
    async fn drain(&mut self, live: &mut mpsc::Receiver<Event>) -> Result<(), Ended> {
        while let Ok(event) = live.try_recv() {
            self.event(&event).await?;
        }
        Ok(())
    }

    async fn event(&mut self, event: &Event) -> Result<(), Ended> {
        let now = self.cluster.clock.now();
        let body = render::object(&self.watch.kind, &event.entry, self.watch.view, now, self.columns);
        let body = self.watch.fault.disturb(body, self.told);
        self.told += 1;
        self.columns = Columns::Known;
        self.line(event.kind.name(), &body);
        if self.watch.fault.repeats() {
            self.line(event.kind.name(), &body);
        }
        if self.buffer.len() >= CHUNK {
            self.flush().await?;
        }
        self.check_fault().await
    }

    /// Ends the watch if its fault lets no more events through; those before it arrive.
    async fn check_fault(&mut self) -> Result<(), Ended> {
        if !self.watch.fault.is_spent(self.told) {
            return Ok(());
        }
        self.flush().await?;
        Err(Ended::Spent)
    }

    fn bookmark(&mut self, version: u64, is_initial_end: IsInitialEnd) {
        let kind = &self.watch.kind;
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if is_initial_end == IsInitialEnd::Yes {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.watch.view {
            View::Object => json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata}),
            View::Table(_) => table_bookmark(kind, &metadata, self.columns),
            View::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
        };
        self.line("BOOKMARK", object.to_string().as_bytes());
    }

    fn line(&mut self, kind: &'static str, object: &[u8]) {
        self.cluster.metrics.watch_event(kind);
        self.buffer.extend_from_slice(b"{\"type\":\"");
        self.buffer.extend_from_slice(kind.as_bytes());
        self.buffer.extend_from_slice(b"\",\"object\":");
        self.buffer.extend_from_slice(object);
        self.buffer.extend_from_slice(b"}\n");
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.buffer).freeze();
        self.out.send(Ok(chunk)).await.map_err(|_| Ended::Left)
    }
}

/// Whether a bookmark says that all initial events were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IsInitialEnd {
    Yes,
    No,
}

fn table_bookmark(kind: &Kind, metadata: &Value, columns: Columns) -> Value {
    let object = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata});
    let row = json!({"cells": [], "object": render::metadata_only(&object)});
    super::table::table(kind, &[row], &json!({"resourceVersion": metadata["resourceVersion"]}), columns)
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
