//! Exec events: reads a process the moment it executes a program, before it can be gone.
//!
//! Owns the thread that listens, its budget and its counts. Judging what it read is `watch`'s job: events and passes
//! share one table, so nothing is reported twice.
//!
//! ```text
//! kernel ──► Connector ──► thread: look at once ──► inbox of the watch
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use api::Clock;
use api::coverage::{ExecCoverage, ExecSource};

use crate::budget::{Bucket, thread_cpu};
use crate::connector::{Connector, ConnectorError, Message as Told, Received, Sequences, What};
use crate::evidence;
use crate::inbox::{Message, ProcessEvent};
use crate::look::{Hold, Limits, Look, Looker, Seen};
use crate::matches::ConnectorState;
use crate::tree::{OpenError, Tree};

/// How long to wait before the connector is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// How long a wait for events may last before the thread looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(500);

/// Events taken in one go: at 30 µs for an exec, the watch hears of the first one within 2 ms.
const BATCH: usize = 64;

/// The listening thread as the watch sees it.
#[derive(Debug)]
pub(crate) struct Events {
    shared: Arc<Shared>,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// What the thread, its replacement and the watch share.
#[derive(Debug)]
pub(crate) struct Shared {
    counts: Mutex<ExecCoverage>,
    bucket: Mutex<Bucket>,
    /// Number of the read that is under way; 0 between reads.
    reading: AtomicU64,
    connector: Mutex<Option<Arc<Connector>>>,
    limits: Mutex<Option<Limits>>,
    clock: Arc<dyn Clock>,
}

/// What the thread works with.
pub(crate) struct Listener {
    pub(crate) tree: Arc<Tree>,
    pub(crate) looker: Looker,
    pub(crate) inbox: SyncSender<Message>,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, share: f64) -> Arc<Self> {
        let bucket = Mutex::new(Bucket::full(share, clock.monotonic()));
        let counts = ExecCoverage { source: ExecSource::Failing, ..ExecCoverage::default() };
        Arc::new(Self {
            counts: Mutex::new(counts),
            bucket,
            reading: AtomicU64::new(0),
            connector: Mutex::default(),
            limits: Mutex::default(),
            clock,
        })
    }

    /// The counts of this moment.
    pub(crate) fn counts(&self) -> ExecCoverage {
        *lock(&self.counts)
    }

    /// Charges what judging an event cost.
    pub(crate) fn spend(&self, cpu: Duration) {
        lock(&self.bucket).spend(cpu);
    }

    /// Fills the bucket at another rate from now on.
    pub(crate) fn set_share(&self, share: f64) {
        lock(&self.bucket).set_share(share, self.clock.monotonic());
    }

    /// Reads within these limits from now on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        *lock(&self.limits) = Some(limits);
    }

    /// Number of the read that is under way; 0 between reads.
    pub(crate) fn reading(&self) -> u64 {
        self.reading.load(Ordering::Relaxed)
    }

    /// Execs that were read and then left to the next pass.
    pub(crate) fn count_skipped(&self, execs: u64) {
        self.count(|counts| {
            counts.seen = counts.seen.saturating_sub(execs);
            counts.read = counts.read.saturating_sub(execs);
            counts.skipped += execs;
        });
    }

    fn count(&self, change: impl FnOnce(&mut ExecCoverage)) {
        change(&mut lock(&self.counts));
    }
}

impl Events {
    /// Starts the thread.
    pub(crate) fn start(shared: Arc<Shared>, listener: Listener) -> Result<Self, OpenError> {
        let (stop, stopped) = channel();
        let run = Run { shared: shared.clone(), listener, stopped, sequences: Sequences::default(), reads: 0 };
        let thread = std::thread::Builder::new()
            .name("processes-exec".to_owned())
            .stack_size(512 << 10)
            .spawn(move || run.listen_until_stopped())
            .map_err(OpenError::Thread)?;
        Ok(Self { shared, stop, thread })
    }

    /// Leaves a thread behind that does not return, and goes on with another one at the same socket.
    pub(crate) fn replace(&mut self, listener: Listener) -> Result<(), OpenError> {
        self.shared.reading.store(0, Ordering::Relaxed);
        // Replacing the sender tells the old thread, should it ever come back, that it is no longer wanted.
        *self = Self::start(self.shared.clone(), listener)?;
        Ok(())
    }

    /// Stops listening, and waits for the thread unless it is stuck.
    pub(crate) fn stop(self) {
        // A thread that has ended needs no telling.
        let _ = self.stop.send(());
        if self.shared.reading() == 0 {
            // A panic of the thread has been counted as a silent connector already.
            let _ = self.thread.join();
        }
    }
}

/// The thread's own state.
struct Run {
    shared: Arc<Shared>,
    listener: Listener,
    stopped: Receiver<()>,
    sequences: Sequences,
    reads: u64,
}

impl Run {
    fn listen_until_stopped(mut self) {
        loop {
            let state = match self.listen() {
                Ok(()) => return,
                Err(error) => ConnectorState::Failing(chain(&error)),
            };
            *lock(&self.shared.connector) = None;
            self.shared.count(|counts| counts.source = ExecSource::Failing);
            if self.listener.inbox.send(Message::Connector(state)).is_err() {
                return;
            }
            if self.stopped.recv_timeout(RETRY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Listens until it is to stop, or the connector fails.
    fn listen(&mut self) -> Result<(), ConnectorError> {
        // The socket of a thread that was left behind goes on; its backlog is not lost.
        let taken_over = lock(&self.shared.connector).clone();
        let connector = match taken_over {
            Some(connector) => connector,
            None => Arc::new(Connector::listen(std::process::id())?),
        };
        *lock(&self.shared.connector) = Some(connector.clone());
        self.shared.count(|counts| counts.source = ExecSource::Connector);
        let state = ConnectorState::Listening { buffer_bytes: connector.buffer_bytes };
        let mut listening = self.listener.inbox.send(Message::Connector(state)).is_ok();
        while listening {
            match self.stopped.try_recv() {
                Err(TryRecvError::Empty) => {}
                // Another thread listens at this socket now.
                Err(TryRecvError::Disconnected) => return Ok(()),
                Ok(()) => break,
            }
            connector.wait(WAIT)?;
            if let Some(limits) = lock(&self.shared.limits).take() {
                self.listener.looker.limit(limits);
            }
            let before = thread_cpu();
            let events = self.take(&connector)?;
            self.shared.spend(thread_cpu().saturating_sub(before));
            listening = events.is_empty() || self.listener.inbox.send(Message::Events(events)).is_ok();
        }
        connector.ignore(std::process::id());
        Ok(())
    }

    /// Takes what has come, a batch at most.
    fn take(&mut self, connector: &Connector) -> Result<Vec<ProcessEvent>, ConnectorError> {
        let mut events = Vec::new();
        for _ in 0..BATCH {
            match connector.receive()? {
                Received::Message(told) => self.hear(&told, &mut events),
                Received::Nothing => break,
                Received::Overrun => events.push(ProcessEvent::Lost),
                Received::Foreign => {}
            }
        }
        Ok(events)
    }

    fn hear(&mut self, told: &Told, events: &mut Vec<ProcessEvent>) {
        let missing = self.sequences.missing_before(told);
        if missing > 0 {
            self.shared.count(|counts| counts.lost += missing);
            events.push(ProcessEvent::Lost);
        }
        match told.what {
            What::Exec(pid) => events.extend(self.read(pid)),
            What::Exit(pid) => events.push(ProcessEvent::Exit(pid)),
            What::Answer(_) | What::Other => {}
        }
    }

    fn read(&mut self, pid: u32) -> Option<ProcessEvent> {
        if !lock(&self.shared.bucket).has_some(self.shared.clock.monotonic()) {
            self.shared.count(|counts| counts.skipped += 1);
            return None;
        }
        self.reads += 1;
        self.shared.reading.store(self.reads, Ordering::Relaxed);
        let seen = self.listener.looker.look(&Look { pid, known: None, hold: Hold::No });
        let read = match seen {
            Seen::Fresh(fresh) => Some(ProcessEvent::Exec(fresh, evidence::cgroup(&self.listener.tree, pid))),
            Seen::Same(_) | Seen::KernelThread | Seen::Ended | Seen::Forbidden | Seen::Io => None,
        };
        self.shared.reading.store(0, Ordering::Relaxed);
        self.shared.count(|counts| {
            counts.seen += 1;
            match read {
                Some(_) => counts.read += 1,
                None => counts.exited += 1,
            }
        });
        read
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// No value here is ever left half-changed, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
