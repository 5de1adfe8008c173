//! Periodic tasks: run again and again, never two runs of one at a time, with a report that people can read.
//!
//! Owns when a task runs, what becomes of a panic, and who notices that one hangs. A task takes no input: its period, a
//! nudge and a restart all mean "look again".
//!
//! ```text
//! Schedule, Nudge ─► supervise ─► Task::run ─► report ─┐
//! a thread of its own ─► External::begin ─► Run::finish ┴─► Board ─► /debug/tasks, /livez, metrics
//! ```

mod board;
mod metrics;
mod schedule;
mod state;
mod supervise;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Clock;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::board::Board;
use crate::metrics::Registry;
use crate::probes::Health;
use crate::shutdown::Stop;

pub use board::Run;
pub use schedule::Schedule;
pub use state::{LastRun, Outcome, Phase, TaskState};

/// Work that is done again and again.
pub trait Task: Send + 'static {
    /// What it is called in logs, metrics and answers: room and verb, such as `violations.collect`.
    const NAME: &'static str;
    /// What one run says of itself.
    type Report: Serialize + Send;

    /// Does it once. Idempotent, bounded, and may be dropped while it waits.
    fn run(&mut self) -> impl Future<Output = Result<Self::Report, Failure>> + Send;
}

/// Why a run achieved nothing. The next run tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

/// The tasks of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Tasks {
    board: Arc<Board>,
    stop: Stop,
    running: Arc<Mutex<JoinSet<()>>>,
}

/// Makes a task run now instead of at its next time. Several nudges before it starts are one.
#[derive(Debug, Clone)]
pub struct Nudge(Arc<Notify>);

/// A loop that runs on a thread of its own and reports each run. Dropping it says that the loop has ended.
#[derive(Debug)]
pub struct External {
    board: Arc<Board>,
    id: usize,
    schedule: Schedule,
}

impl Failure {
    /// A failure in words: lower-case, no full stop, no secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The failure that `error` and its causes tell.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
        Self(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tasks {
    /// No tasks yet. All end at `stop`; `seed` is where jitter comes from.
    pub fn new(clock: Arc<dyn Clock>, stop: Stop, seed: u64) -> Self {
        Self { board: Arc::new(Board::new(clock, seed)), stop, running: Arc::default() }
    }

    /// Adds the metrics of all tasks, those that start later too.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.board.metrics().register(registry);
    }

    /// Runs a task, first now and then by `schedule`. `make` makes it, and makes it anew after a panic.
    pub fn start<T: Task>(&self, schedule: Schedule, make: impl FnMut() -> T + Send + 'static) -> Nudge {
        let nudge = Nudge(Arc::default());
        let id = self.board.add(T::NAME, schedule.period());
        let seat = supervise::Seat {
            board: Arc::clone(&self.board),
            id,
            schedule,
            nudged: Arc::clone(&nudge.0),
            stop: self.stop.clone(),
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).spawn(supervise::supervise(seat, make));
        nudge
    }

    /// Registers a loop that someone else runs; `schedule` is how often a run is expected.
    pub fn external(&self, name: &'static str, schedule: Schedule) -> External {
        let id = self.board.add_external(name, schedule.period());
        External { board: Arc::clone(&self.board), id, schedule }
    }

    /// Looks for tasks that hang, every half minute until the process stops, whether or not anyone asks for
    /// [`Tasks::health`].
    pub fn watch(&self) {
        const EVERY: Duration = Duration::from_secs(30);
        let (board, stop) = (Arc::clone(&self.board), self.stop.clone());
        self.running.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            while tokio::time::timeout(EVERY, stop.requested()).await.is_err() {
                board.health();
            }
        });
    }

    /// Whether any task hangs: a run that takes longer than ten periods, and at least five minutes.
    pub fn health(&self) -> Health {
        self.board.health()
    }

    /// How each task does, by name.
    pub fn states(&self) -> Vec<TaskState> {
        self.board.states()
    }

    /// Waits until every task has ended its run after the stop, and gives up those that have not within `limit`. Says
    /// whether all ended.
    pub async fn drain(&self, limit: Duration) -> bool {
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while running.join_next().await.is_some() {} };
        tokio::time::timeout(limit, all).await.is_ok()
    }
}

impl Nudge {
    /// Makes the task run now; while it runs, it runs once more afterwards.
    pub fn nudge(&self) {
        self.0.notify_one();
    }
}

impl External {
    /// Says that a run begins. It ends with [`Run::finish`]; dropped before, it failed.
    pub fn begin(&self) -> Run {
        self.board.begin(self.id, self.schedule.period())
    }
}

impl Drop for External {
    fn drop(&mut self) {
        // A loop that panicked has not ended as it should: it stays on the board until the watchdog tells.
        if !std::thread::panicking() {
            self.board.end(self.id);
        }
    }
}

#[cfg(test)]
mod tests;
