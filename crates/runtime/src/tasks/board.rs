//! What every task did last and does now, and which of them hang.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Clock;
use jiff::Timestamp;
use serde::Serialize;
use tracing::{error, warn};

use super::Failure;
use super::metrics::TaskMetrics;
use super::state::{LastRun, Outcome, Phase, TaskState};
use crate::probes::Health;

/// A run longer than this many periods hangs.
const PATIENCE_PERIODS: u32 = 10;
/// No run hangs before it took this long.
const PATIENCE: Duration = Duration::from_mins(5);

/// All tasks of a process.
pub(super) struct Board {
    clock: Arc<dyn Clock>,
    metrics: TaskMetrics,
    entries: Mutex<Vec<Entry>>,
    chances: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    driver: Driver,
    period: Duration,
    activity: Activity,
    next_run: Option<Timestamp>,
    last: Option<LastRun>,
    runs: u64,
    failures: u64,
    restarts: u64,
    /// Whether the log says already that it hangs.
    told: bool,
}

/// Who starts the runs of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driver {
    /// The supervisor, which never forgets one.
    Supervisor,
    /// Somebody else, whose loop may have died between two runs.
    External,
}

/// What a task does, with monotonic times.
#[derive(Debug, Clone, Copy)]
enum Activity {
    Waiting { since: Duration },
    Running { since: Duration },
    Ended,
}

/// A run that has begun. Dropped before it is finished, it failed.
#[derive(Debug)]
pub struct Run {
    board: Arc<Board>,
    id: usize,
    name: &'static str,
    since: Duration,
    finished: bool,
}

impl Board {
    pub(super) fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, metrics: TaskMetrics::default(), entries: Mutex::default(), chances: AtomicU64::new(seed) }
    }

    pub(super) const fn metrics(&self) -> &TaskMetrics {
        &self.metrics
    }

    pub(super) fn add(&self, name: &'static str, period: Duration) -> usize {
        self.add_driven(name, period, Driver::Supervisor)
    }

    pub(super) fn add_external(&self, name: &'static str, period: Duration) -> usize {
        self.add_driven(name, period, Driver::External)
    }

    fn add_driven(&self, name: &'static str, period: Duration, driver: Driver) -> usize {
        self.metrics.added(name);
        let activity = Activity::Waiting { since: self.clock.monotonic() };
        let (next_run, last) = (Some(in_milliseconds(self.clock.now())), None);
        let entry =
            Entry { name, driver, period, activity, next_run, last, runs: 0, failures: 0, restarts: 0, told: false };
        let mut entries = self.entries();
        entries.push(entry);
        entries.len() - 1
    }

    pub(super) fn begin(self: &Arc<Self>, id: usize, period: Duration) -> Run {
        let since = self.clock.monotonic();
        let mut entries = self.entries();
        let entry = &mut entries[id];
        entry.period = period;
        entry.activity = Activity::Running { since };
        entry.next_run = None;
        Run { board: Arc::clone(self), id, name: entry.name, since, finished: false }
    }

    pub(super) fn plan(&self, id: usize, pause: Duration) {
        self.entries()[id].next_run = self.clock.now().checked_add(pause).ok().map(in_milliseconds);
    }

    pub(super) fn restarted(&self, id: usize) {
        let mut entries = self.entries();
        entries[id].restarts += 1;
        self.metrics.restarted(entries[id].name);
    }

    pub(super) fn end(&self, id: usize) {
        let mut entries = self.entries();
        entries[id].activity = Activity::Ended;
        entries[id].next_run = None;
    }

    /// How many runs of a task did their work.
    pub(super) fn successes(&self, id: usize) -> u64 {
        let entries = self.entries();
        entries[id].runs - entries[id].failures
    }

    pub(super) fn health(&self) -> Health {
        let now = self.clock.monotonic();
        let mut wedged = Vec::new();
        for entry in self.entries().iter_mut() {
            let hangs = entry.hangs(now);
            if hangs {
                wedged.push(entry.name.to_owned());
            }
            if hangs && !entry.told {
                let task = entry.name;
                error!(
                    task,
                    period_s = entry.period.as_secs_f64(),
                    "task {task} hangs; the process is no longer alive"
                );
            }
            entry.told = hangs;
        }
        if wedged.is_empty() { Health::Alive } else { Health::Wedged(wedged) }
    }

    pub(super) fn states(&self) -> Vec<TaskState> {
        let now = self.clock.monotonic();
        let mut states: Vec<TaskState> = self.entries().iter().map(|entry| entry.state(now)).collect();
        states.sort_by_key(|state| state.name);
        states
    }

    /// The next number between 0 and 1, by `SplitMix64`: good enough to spread starts, and the same in every test.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(super) fn chance(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.chances.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn record(&self, run: &Run, outcome: Outcome) -> Duration {
        let (now, ended) = (self.clock.monotonic(), self.clock.now());
        let took = now.saturating_sub(run.since);
        let mut entries = self.entries();
        let entry = &mut entries[run.id];
        entry.runs += 1;
        match &outcome {
            Outcome::Report(_) => self.metrics.succeeded(run.name, took, ended),
            Outcome::Error(_) => {
                entry.failures += 1;
                self.metrics.failed(run.name, took);
            }
        }
        entry.activity = Activity::Waiting { since: now };
        entry.next_run = ended.checked_add(entry.period.saturating_sub(took)).ok().map(in_milliseconds);
        let ended = in_milliseconds(ended);
        entry.last = Some(LastRun { ended, took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), outcome });
        took
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Board").field(&*self.entries()).finish()
    }
}

impl Run {
    /// Says how the run ended, and how long it took.
    pub fn finish<R: Serialize>(mut self, result: Result<R, Failure>) -> Duration {
        self.finished = true;
        let task = self.name;
        let outcome = match result.map(serde_json::to_value) {
            Ok(Ok(report)) => Outcome::Report(report),
            Ok(Err(error)) => Outcome::Error(format!("its report cannot be shown: {error}")),
            Err(Failure(why)) => Outcome::Error(why),
        };
        if let Outcome::Error(error) = &outcome {
            warn!(task, error, "task {task} failed");
        }
        self.board.record(&self, outcome)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let why = if std::thread::panicking() { "it panicked" } else { "it was given up" };
        self.board.record(self, Outcome::Error(why.to_owned()));
    }
}

impl Entry {
    fn hangs(&self, now: Duration) -> bool {
        let patience = self.period.saturating_mul(PATIENCE_PERIODS).max(PATIENCE);
        match (self.activity, self.driver) {
            (Activity::Running { since }, Driver::Supervisor | Driver::External)
            | (Activity::Waiting { since }, Driver::External) => now.saturating_sub(since) > patience,
            (Activity::Waiting { .. }, Driver::Supervisor)
            | (Activity::Ended, Driver::Supervisor | Driver::External) => false,
        }
    }

    fn state(&self, now: Duration) -> TaskState {
        let (phase, running_s) = match self.activity {
            Activity::Waiting { .. } => (Phase::Waiting, None),
            Activity::Running { since } => (Phase::Running, Some(now.saturating_sub(since).as_secs_f64())),
            Activity::Ended => (Phase::Ended, None),
        };
        TaskState {
            name: self.name,
            phase: if self.hangs(now) { Phase::Wedged } else { phase },
            period_s: self.period.as_secs_f64(),
            running_s,
            next_run: self.next_run,
            last: self.last.clone(),
            runs: self.runs,
            failures: self.failures,
            restarts: self.restarts,
        }
    }
}

/// Nobody reads nanoseconds of a task.
fn in_milliseconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}
