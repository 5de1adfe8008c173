//! The thread that reads processes, and what to do when a read never returns.
//!
//! Owns the thread and its replacement. A read of a process can hang for good: its executable lies on a file system
//! whose server is gone, or somebody holds its memory lock. So all reads happen on a thread that can be left behind;
//! it answers in batches, which costs a hundredth of a microsecond a process.
//!
//! ```text
//! watch ── Ask ──► thread ── Answer ──► inbox of the watch
//!   └── no beat for four checks: leave it behind, start another
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::budget::thread_cpu;
use crate::evidence::{self, Question};
use crate::hash::HashedFiles;
use crate::inbox::{Answer, Answered, Message};
use crate::look::{Limits, Look, Looker, Seen};
use crate::tree::{OpenError, Tree};

/// What can be asked. Any of it may never be answered.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Which processes there are.
    List,
    /// What these processes show, in this order.
    Look(Arc<Vec<Look>>),
    /// What is known of one process.
    Evidence(Question),
    /// The SHA-256 of the executable of one process, if it is no larger than this.
    Hash(u32, u64),
    /// Read within these limits from now on.
    Limit(Limits),
}

/// The question was not answered: the thread is stuck, or could not be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered;

/// The thread in use, and those left behind.
#[derive(Debug)]
pub(crate) struct Reader {
    asks: SyncSender<Ask>,
    generation: u64,
    thread: JoinHandle<()>,
    progress: Arc<Progress>,
    left_behind: Vec<(u32, JoinHandle<()>)>,
}

/// How far the thread is.
#[derive(Debug, Default)]
struct Progress {
    /// Grows with every step; a thread that stands still is stuck.
    beats: AtomicU64,
    /// The place in the batch that is being read.
    at: AtomicUsize,
}

impl Reader {
    /// Starts the thread.
    pub(crate) fn start(
        tree: Arc<Tree>,
        looker: Looker,
        inbox: SyncSender<Message>,
        generation: u64,
    ) -> Result<Self, OpenError> {
        // One question is under way at a time.
        let (asks, questions) = sync_channel(1);
        let progress = Arc::new(Progress::default());
        let desk = Desk { tree, looker, files: HashedFiles::default(), progress: progress.clone() };
        let thread = std::thread::Builder::new()
            .name("processes-read".to_owned())
            .stack_size(512 << 10)
            .spawn(move || desk.answer_all(&questions, &inbox, generation))
            .map_err(OpenError::Thread)?;
        Ok(Self { asks, generation, thread, progress, left_behind: Vec::new() })
    }

    /// Asks; the answer comes by the inbox, unless the thread is still at the question before.
    pub(crate) fn ask(&self, ask: Ask) -> Result<(), Unanswered> {
        self.asks.try_send(ask).map_err(|_| Unanswered)
    }

    /// Whether an answer is from the thread in use.
    pub(crate) fn gave(&self, answered: &Answered) -> bool {
        answered.generation == self.generation
    }

    /// How many steps the thread has made.
    pub(crate) fn beats(&self) -> u64 {
        self.progress.beats.load(Ordering::Relaxed)
    }

    /// The place in the batch that the thread is at.
    pub(crate) fn at(&self) -> usize {
        self.progress.at.load(Ordering::Relaxed)
    }

    /// Leaves the thread behind with the process it is stuck at, and goes on with another one.
    pub(crate) fn replace(
        &mut self,
        stuck_at: u32,
        tree: Arc<Tree>,
        looker: Looker,
        inbox: SyncSender<Message>,
    ) -> Result<(), OpenError> {
        let next = Self::start(tree, looker, inbox, self.generation + 1)?;
        let last = std::mem::replace(self, next);
        self.left_behind = last.left_behind;
        self.left_behind.push((stuck_at, last.thread));
        Ok(())
    }

    /// Pids that threads are still stuck at; those that came back are forgotten.
    pub(crate) fn stuck_at(&mut self) -> Vec<u32> {
        self.left_behind.retain(|(_, thread)| !thread.is_finished());
        self.left_behind.iter().map(|(pid, _)| *pid).collect()
    }
}

/// What the thread works with.
struct Desk {
    tree: Arc<Tree>,
    looker: Looker,
    files: HashedFiles,
    progress: Arc<Progress>,
}

impl Desk {
    fn answer_all(mut self, questions: &Receiver<Ask>, inbox: &SyncSender<Message>, generation: u64) {
        // Ends when the watch drops its end, of the questions or of the inbox.
        while let Ok(ask) = questions.recv() {
            let before = thread_cpu();
            let answer = self.answer(ask);
            let answered = Answered { generation, answer, cpu: thread_cpu().saturating_sub(before) };
            if inbox.send(Message::Answered(answered)).is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::List => Answer::List(self.tree.list(), self.tree.uptime()),
            Ask::Look(looks) => Answer::Look(looks.iter().enumerate().map(|(at, look)| self.look(at, look)).collect()),
            Ask::Evidence(question) => {
                let progress = &self.progress;
                Answer::Evidence(evidence::take(&self.tree, &mut self.files, &question, &|| progress.beat()))
            }
            Ask::Hash(pid, max_bytes) => {
                let progress = &self.progress;
                Answer::Hash(self.files.of(&self.tree, pid, max_bytes, &|| progress.beat()).ok())
            }
            Ask::Limit(limits) => {
                self.looker.limit(limits);
                Answer::Limit
            }
        }
    }

    fn look(&mut self, at: usize, look: &Look) -> Seen {
        self.progress.at.store(at, Ordering::Relaxed);
        self.progress.beat();
        self.looker.look(look)
    }
}

impl Progress {
    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }
}
