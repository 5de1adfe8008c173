//! Changes on their way to those who watch: each is read and encoded once, and goes to all of them.
//!
//! Owns the task that does it, which begins with the first watcher. What one of them still has to hear is `stream`'s matter; what
//! happened and in which order the store knows, so that a watcher can go on at another replica.
//!
//! ```text
//! Findings::wakes ─► changes_after ─► encoded once ─► ring ─┬─► stream of a watcher: filter ─► client
//!                                                           └─► … a thousand more
//! ```

mod stream;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::Severity;
use runtime::shutdown::Stop;
use storage::Failure;
use tokio::sync::{broadcast, watch};
use tracing::warn;
use web::events;

use crate::event::{Entry, Event, Field};
use crate::filter::Filter;
use crate::findings::{Changes, Findings};
use crate::record::Record;
pub(crate) use stream::{Start, stream};

/// Changes that a watcher may be behind. At 2 KiB each they are 8 MiB, once for all; a round of 1,000 new findings fits four
/// times. Who is further behind reads from the store.
const RING: usize = 4096;

/// Changes that are read at a time.
const PIECE: usize = 500;

/// After a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Where watchers hear of changes.
#[derive(Debug, Clone)]
pub(crate) struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    findings: Findings,
    stop: Stop,
    ring: broadcast::Sender<Arc<Told>>,
    /// Number up to which everything is in the ring, or why that is not known; none before the first look.
    told: watch::Sender<Option<Result<i64, Failure>>>,
    runs: OnceLock<()>,
}

/// A change, ready to be sent.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its place among all changes.
    pub(crate) number: i64,
    /// None if there is nothing to tell: no transition, or the finding is forgotten.
    pub(crate) body: Option<Body>,
    /// What happened before it is not known here: who listens must ask the store.
    pub(crate) follows_gap: bool,
}

/// What is told of a change.
#[derive(Debug)]
pub(crate) struct Body {
    event: events::Event,
    /// The finding as it is.
    record: Record,
    is_stale: bool,
    /// It may have been of any severity before.
    was_of_another_severity: bool,
}

impl Feed {
    pub(crate) fn new(findings: &Findings, stop: Stop) -> Self {
        let (ring, told) = (broadcast::Sender::new(RING), watch::Sender::new(None));
        Self(Arc::new(Shared { findings: findings.clone(), stop, ring, told, runs: OnceLock::new() }))
    }

    /// Hears every change from here on. What is in the ring already is known by [`Feed::number`], asked afterwards.
    fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        let heard = self.0.ring.subscribe();
        self.0.runs.get_or_init(|| {
            tokio::spawn(self.clone().run());
        });
        heard
    }

    /// Number of the last change that was told, once that is known.
    async fn number(&self) -> Result<i64, Failure> {
        let mut told = self.0.told.subscribe();
        let known = told.wait_for(Option::is_some).await.expect("the sender is in `self`");
        known.clone().expect("it was waited for")
    }

    /// Tells changes until the process stops.
    async fn run(self) {
        let Shared { findings, stop, .. } = &*self.0;
        let mut wakes = findings.wakes();
        let mut last = None;
        while !stop.is_requested() {
            wakes.mark_unchanged();
            let more = match findings.changes_after(last, PIECE).await {
                Ok(changes) => {
                    let more = changes.entries.len() == PIECE;
                    last = Some(changes.last);
                    self.tell(changes);
                    more
                }
                Err(failure) => {
                    warn!("failed to read changes for watchers: {}", failure.in_words());
                    if last.is_none() {
                        self.0.told.send_replace(Some(Err(failure)));
                    }
                    tokio::select! {
                        () = stop.requested() => {}
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                    true
                }
            };
            if !more {
                tokio::select! {
                    () = stop.requested() => {}
                    changed = wakes.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    fn tell(&self, changes: Changes) {
        let Changes { entries, last, reset } = changes;
        let gap = reset.then_some(Told { number: last, body: None, follows_gap: true });
        for told in gap.into_iter().chain(told(&self.0.findings, entries)) {
            // Nobody may be listening.
            let _ = self.0.ring.send(Arc::new(told));
        }
        self.0.told.send_replace(Some(Ok(last)));
    }
}

/// Encodes changes, with the findings as they are now.
fn told(findings: &Findings, entries: Vec<Entry>) -> Vec<Told> {
    let told = |entry: Entry| Told { number: entry.number, body: body(findings, &entry), follows_gap: false };
    entries.into_iter().map(told).collect()
}

fn body(findings: &Findings, entry: &Entry) -> Option<Body> {
    let name = entry.event.as_str();
    if !Event::TRANSITIONS.contains(&name) {
        return None;
    }
    let fingerprint = entry.about.parse().ok()?;
    let (record, stale) = findings.ask(|book| {
        let record = book.get(&fingerprint)?;
        Some((record.clone(), book.stale(record).cloned()))
    })?;
    let event = events::Event::new(name, &record.finding(stale.as_ref())).with_id(&entry.number.to_string());
    let was_of_another_severity = match &entry.event {
        Event::Changed { fields } => fields.contains(&Field::Severity),
        _ => false,
    };
    Some(Body { event, record, is_stale: stale.is_some(), was_of_another_severity })
}

/// The filter of a watcher.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Of what is told at the beginning: its states too.
    pub(crate) initial: Filter,
    /// Of changes, which lead from state to state: the same in every state.
    changes: Filter,
    /// The same, whatever the severity.
    of_any_severity: Filter,
}

impl Wish {
    pub(crate) fn new(initial: Filter) -> Self {
        let changes = Filter { state: Vec::new(), ..initial.clone() };
        let of_any_severity = Filter { severity: Severity::ALL.to_vec(), min_severity: None, ..changes.clone() };
        Self { initial, changes, of_any_severity }
    }

    /// Whether a watcher is told. One whose finding has become less severe than it asks for hears that too.
    fn is_told(&self, body: &Body) -> bool {
        let filter = if body.was_of_another_severity { &self.of_any_severity } else { &self.changes };
        filter.matches(&body.record, body.is_stale)
    }
}
