//! The watch over one tree: passes, exec events between them, and what both find.
//!
//! Owns the loop and everything that changes; one thread runs it, so nothing here is locked. What a pass does is
//! `pass`' part of it; reads happen on `reader`'s thread and `events`' thread, which answer into one inbox.
//!
//! ```text
//! reader ──► inbox ──► Watch ──► Event ──► violations, scan
//! events ──►   ▲
//! Handle ──────┘
//! ```

use std::collections::VecDeque;
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use api::Clock;
use api::coverage::ExecCoverage;

use crate::budget::{self, thread_cpu};
use crate::control::{Handle, Wanted};
use crate::events::{Events, Listener, Shared};
use crate::inbox::{Answer, Message, ProcessEvent};
use crate::judge::Judge;
use crate::look::{Limits, Looker};
use crate::matches::{Cleared, ConnectorState, Counters, Event, Match};
use crate::reader::{Ask, Reader, Unanswered};
use crate::rules::RuleSet;
use crate::settings::{ExecEvents, Settings};
use crate::table::{Moment, Table};
use crate::tree::{OpenError, Tree};

/// Messages that wait for the watch. Each side waits for room: the reader has one answer under way, the listener 64
/// events a message and 8 MiB of the kernel's buffer behind it.
const INBOX: usize = 64;

/// Messages that are kept while the reader is waited for: 64 events each, two seconds of 30,000 execs. What comes on top
/// is left to the next pass, as with an empty budget.
const BACKLOG: usize = 1024;

/// How often a thread is looked at while it is waited for, and how often it may be found at the same place. Checks are
/// counted rather than seconds, so that a stopped and continued program does not take everybody for stuck.
const CHECK: Duration = Duration::from_millis(500);
const STUCK_CHECKS: u32 = 4;

/// Threads left behind at most. Each is a process that nobody can read, and costs some 20 KiB; with more of them than
/// this something is wrong with the host, and waiting is all that is left.
const LEFT_BEHIND: usize = 64;

/// Which verdicts are put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Matches, and matches that an exemption covers.
    Matches,
    /// Processes that no rule matches as well.
    Everything,
}

/// A watch over one tree.
#[derive(Debug)]
pub struct Watch {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tree: Arc<Tree>,
    pub(crate) settings: Settings,
    pub(crate) keep: Keep,
    pub(crate) judge: Judge,
    pub(crate) table: Table,
    pub(crate) counters: Counters,
    pub(crate) reader: Reader,
    pub(crate) forks_before: Option<u64>,
    /// Uptime as the last pass read it, and when that was.
    pub(crate) uptime: (Duration, Duration),
    /// What happened since the last report beside what the table holds.
    pub(crate) carried: Carried,
    /// Evidence of the matches that are known was taken under the settings in force.
    pub(crate) evidence_stands: bool,
    inbox: Receiver<Message>,
    sender: SyncSender<Message>,
    key: RandomState,
    shared: Arc<Shared>,
    events: Option<Events>,
    events_seen_at: (u64, u32, Duration),
    backlog: VecDeque<Message>,
    wanted: Wanted,
}

/// Who saw a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// A pass, which reads the cgroup of a match later.
    Pass,
    /// An exec event, with the cgroup that was read at once.
    Event(Option<&'a [u8]>),
}

/// What happened since the last report beside what the table holds.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) cleared: Vec<(Arc<Match>, Cleared)>,
    /// CPU of the reader.
    pub(crate) cpu: Duration,
}

impl Watch {
    /// Opens the tree and starts the thread that reads it. Keeps at most `max_held` descriptors of processes open.
    pub fn open(
        settings: Settings,
        rules: Arc<RuleSet>,
        max_held: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let tree = Arc::new(Tree::open(&settings.proc_root())?);
        let (sender, inbox) = sync_channel(INBOX);
        let key = RandomState::new();
        let looker = looker(&tree, &key, &settings, &rules);
        let reader = Reader::start(tree.clone(), looker, sender.clone(), 0)?;
        // A descriptor of an ordinary file says nothing about a process.
        let max_held = if tree.is_of_the_kernel() { max_held } else { 0 };
        Ok(Self {
            shared: Shared::new(clock.clone(), settings.cpu_share),
            judge: Judge::new(rules, &settings.redact, &settings.evidence),
            table: Table::new(max_held),
            counters: Counters::default(),
            forks_before: None,
            uptime: (Duration::ZERO, clock.monotonic()),
            carried: Carried::default(),
            evidence_stands: true,
            keep: Keep::Matches,
            events: None,
            events_seen_at: (0, 0, Duration::ZERO),
            backlog: VecDeque::new(),
            wanted: Wanted::default(),
            clock,
            tree,
            settings,
            reader,
            inbox,
            sender,
            key,
        })
    }

    /// Which verdicts are put into words; matches alone unless told otherwise.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Identity of the boot of the host: its boot id, or its boot time where there is none.
    pub fn boot_id(&self) -> &str {
        &self.tree.boot_id
    }

    /// What others ask this watch by.
    pub fn handle(&self) -> Handle {
        Handle::new(self.sender.clone())
    }

    /// Passes and listens until told to stop.
    pub fn run(mut self, publish: &mut dyn FnMut(Event)) {
        if self.settings.exec_events == ExecEvents::Connector {
            match Events::start(self.shared.clone(), self.listener()) {
                Ok(events) => self.events = Some(events),
                Err(error) => publish(Event::Connector(ConnectorState::Failing(error.to_string()))),
            }
        }
        while !self.wanted.stop {
            if let Some((settings, rules)) = self.wanted.reload.take() {
                self.apply(*settings, rules);
            }
            publish(Event::PassBegins);
            let begun = self.clock.monotonic();
            let report = self.pass();
            let next = begun + report.interval;
            publish(Event::Pass(Box::new(report)));
            self.listen_until(next, publish);
        }
        // The listener may be waiting for room in the inbox.
        while self.inbox.try_recv().is_ok() {}
        drop(self.inbox);
        if let Some(events) = self.events {
            events.stop();
        }
    }

    /// Handles what comes in until the next pass is due.
    fn listen_until(&mut self, next: Duration, publish: &mut dyn FnMut(Event)) {
        loop {
            while let Some(message) = self.backlog.pop_front() {
                self.handle_message(message, publish);
            }
            self.replace_stuck_listener();
            let left = next.saturating_sub(self.clock.monotonic());
            if self.wanted.is_any() || left.is_zero() {
                return;
            }
            let wait = if self.events.is_some() { left.min(CHECK) } else { left };
            match self.inbox.recv_timeout(wait) {
                Ok(message) => self.handle_message(message, publish),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable_inbox(),
            }
        }
    }

    fn handle_message(&mut self, message: Message, publish: &mut dyn FnMut(Event)) {
        match message {
            // An answer that came when nobody waited any more.
            Message::Answered(_) => {}
            Message::Control(control) => self.wanted.take(control),
            Message::Connector(state) => publish(Event::Connector(state)),
            Message::Events(events) => {
                for event in events {
                    self.handle_event(event, publish);
                }
            }
        }
    }

    fn handle_event(&mut self, event: ProcessEvent, publish: &mut dyn FnMut(Event)) {
        match event {
            ProcessEvent::Exit(pid) => drop(self.table.forget(pid)),
            ProcessEvent::Lost => self.wanted.take_loss(),
            ProcessEvent::Exec(fresh, cgroup) => {
                let before = thread_cpu();
                let new = self.take_in(&fresh, By::Event(cgroup.as_deref()));
                let cpu = thread_cpu().saturating_sub(before);
                self.shared.spend(cpu);
                self.counters.cpu += cpu;
                if let Some(found) = new {
                    publish(Event::Exec(found));
                }
            }
        }
    }

    /// New rules or limits: every verdict is void.
    fn apply(&mut self, settings: Settings, rules: Arc<RuleSet>) {
        let old = std::mem::replace(&mut self.settings, settings);
        self.evidence_stands = old.redact == self.settings.redact && old.evidence == self.settings.evidence;
        self.settings.proc = old.proc;
        self.settings.exec_events = old.exec_events;
        self.judge = Judge::new(rules, &self.settings.redact, &self.settings.evidence);
        self.counters.exemption_hits.clear();
        self.shared.set_share(self.settings.cpu_share);
        self.table.doubt_everything();
        let limits = limits(&self.settings, &self.judge.rules);
        self.shared.set_limits(limits);
        // A thread that is replaced meanwhile starts with the new limits anyway.
        let _ = self.ask(Ask::Limit(limits));
    }

    /// Asks the reader and waits for the answer; what else comes in is kept for later.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<Answer, Unanswered> {
        self.reader.ask(ask)?;
        let (mut beats, mut checks, mut checked) = (self.reader.beats(), 0, self.clock.monotonic());
        loop {
            match self.inbox.recv_timeout(CHECK) {
                Ok(Message::Answered(answered)) if self.reader.gave(&answered) => {
                    self.counters.cpu += answered.cpu;
                    self.carried.cpu += answered.cpu;
                    return Ok(answered.answer);
                }
                // Of a thread that was left behind, or nothing yet.
                Ok(Message::Answered(_)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Control(control)) => self.wanted.take(control),
                Ok(Message::Events(events)) if self.backlog.len() >= BACKLOG => self.skip(&events),
                Ok(message) => self.backlog.push_back(message),
                Err(RecvTimeoutError::Disconnected) => unreachable_inbox(),
            }
            if self.clock.monotonic().saturating_sub(checked) < CHECK {
                continue;
            }
            checked = self.clock.monotonic();
            checks = if self.reader.beats() == beats { checks + 1 } else { 0 };
            beats = self.reader.beats();
            if checks >= STUCK_CHECKS && self.reader.stuck_at().len() < LEFT_BEHIND {
                return Err(Unanswered);
            }
        }
    }

    /// Leaves these events to the next pass, which is wanted now.
    fn skip(&mut self, events: &[ProcessEvent]) {
        let execs = events.iter().filter(|event| matches!(event, ProcessEvent::Exec(..))).count();
        self.shared.count_skipped(execs as u64);
        self.wanted.take_loss();
    }

    /// Leaves the reading thread behind with the process it is stuck at.
    pub(crate) fn leave_behind(&mut self, pid: u32) -> Result<(), OpenError> {
        let looker = looker(&self.tree, &self.key, &self.settings, &self.judge.rules);
        self.reader.replace(pid, self.tree.clone(), looker, self.sender.clone())
    }

    /// A listener that does not come back from a read is left behind like a reader.
    fn replace_stuck_listener(&mut self) {
        let now = self.clock.monotonic();
        let (reading, checks, checked) = self.events_seen_at;
        if self.events.is_none() || now.saturating_sub(checked) < CHECK {
            return;
        }
        let still = self.shared.reading();
        let checks = if still != 0 && still == reading { checks + 1 } else { 0 };
        self.events_seen_at = (still, checks, now);
        if checks < STUCK_CHECKS {
            return;
        }
        self.counters.unread.stuck += 1;
        let listener = self.listener();
        if let Some(events) = &mut self.events {
            // If no thread can be started now, the next check tries again.
            let _ = events.replace(listener);
        }
    }

    fn listener(&self) -> Listener {
        let looker = looker(&self.tree, &self.key, &self.settings, &self.judge.rules);
        self.shared.set_limits(limits(&self.settings, &self.judge.rules));
        Listener { tree: self.tree.clone(), looker, inbox: self.sender.clone() }
    }

    /// A pass begins: whatever asked for one is served.
    pub(crate) fn begin(&mut self) {
        self.wanted.begin_pass();
    }

    /// Whether the pass under way should rather end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.wanted.stop
    }

    /// What became of exec events so far.
    pub(crate) fn exec_coverage(&self) -> ExecCoverage {
        match self.events {
            Some(_) => self.shared.counts(),
            None => ExecCoverage::default(),
        }
    }

    /// This moment.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    /// The time from the start of a pass that took and cost this to the start of the next one.
    pub(crate) fn interval(&self, elapsed: Duration, cpu: Duration) -> Duration {
        let Settings { every, cpu_share, max_pause, .. } = &self.settings;
        elapsed + budget::pause(elapsed, cpu, *every, *cpu_share, *max_pause)
    }
}

fn looker(tree: &Arc<Tree>, key: &RandomState, settings: &Settings, rules: &RuleSet) -> Looker {
    Looker::new(tree.clone(), key.clone(), limits(settings, rules))
}

fn limits(settings: &Settings, rules: &RuleSet) -> Limits {
    let cmdline_bytes = usize::try_from(settings.cmdline_bytes).expect("a command line is at most 2 MiB");
    Limits { cmdline_bytes, needs_exe: rules.needs_exe() }
}

fn unreachable_inbox() -> ! {
    unreachable!("the watch holds a sender of its own inbox")
}

#[cfg(test)]
mod tests;
