//! The thread of the watch.
//!
//! Owns what becomes of each event: the store takes it, the log tells what people should know, and the board of tasks
//! sees that passes go on.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use processes::matches::Outcome;
use processes::{ConnectorState, Event, PassReport, Watch};
use runtime::tasks::{External, Failure, Run, Schedule, Tasks};
use tracing::{info, warn};
use violations::Node;

use super::parts::Connector;

/// The running watch.
pub(super) struct Watching {
    thread: JoinHandle<()>,
    ended: tokio::sync::oneshot::Receiver<()>,
}

/// What the thread needs besides the watch.
struct Told {
    node: Node,
    connector: Connector,
    board: External,
    /// The pass under way.
    run: Option<Run>,
}

/// Starts to watch.
pub(super) fn start(watch: Watch, node: &Node, tasks: &Tasks, connector: Connector) -> anyhow::Result<Watching> {
    let schedule = Schedule::read({
        let node = node.clone();
        move || node.interval()
    });
    let board = tasks.external("processes.pass", schedule);
    let mut told = Told { node: node.clone(), connector, board, run: None };
    let (end, ended) = tokio::sync::oneshot::channel();
    let work = move || {
        watch.run(&mut |event| told.take(event));
        // Nobody listens any more if the process did not wait.
        let _ = end.send(());
    };
    let thread = thread::Builder::new().name("processes".to_owned()).spawn(work).context("failed to start a thread")?;
    Ok(Watching { thread, ended })
}

impl Watching {
    /// Waits for the end of the pass under way, at most this long: a read that never returns is left behind.
    pub(super) async fn join(self, limit: Duration) {
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            warn!("a pass is left behind at the stop");
            return;
        }
        if self.thread.join().is_err() {
            warn!("the watch ended by a panic");
        }
    }
}

impl Told {
    fn take(&mut self, event: Event) {
        match &event {
            Event::Pass(report) => self.passed(report),
            Event::PassBegins => self.run = Some(self.board.begin()),
            Event::Exec(_) => {}
            Event::Connector(state) => self.connected(state),
        }
        self.node.take(event);
    }

    fn passed(&mut self, report: &PassReport) {
        let result = match report.outcome {
            Outcome::Ok | Outcome::Partial => Ok(&report.coverage),
            Outcome::Failed => Err(Failure::new("the process table cannot be listed")),
        };
        if let Some(run) = self.run.take() {
            run.finish(result);
        }
    }

    fn connected(&self, state: &ConnectorState) {
        match state {
            ConnectorState::Listening { buffer_bytes } => {
                info!(buffer_bytes, "exec events are delivered, into a buffer of {buffer_bytes} bytes");
            }
            ConnectorState::Failing(why) => warn!(why, "no exec events, passes only: {why}"),
        }
        self.connector.said(state.clone());
    }
}
