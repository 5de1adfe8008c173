//! From the first signal to the end.
//!
//! Owns who is told to stop and how long stopping may take. What a role does to stop is its own; exiting is `keelwatch`'s.
//!
//! ```text
//! SIGTERM, SIGINT ─► Signals ─► run ─► Stop ─► every listener and task
//!                       │ again             role ends ─► Finished
//!                       └─────────────────────────────► Interrupted
//! ```

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::probes::Check;

/// Says that the process is to stop. Clones hear it all.
#[derive(Debug, Clone)]
pub struct Stop {
    requested: watch::Receiver<bool>,
}

/// Tells every [`Stop`] of it. Dropping it tells them too.
#[derive(Debug)]
pub struct Stopper {
    requested: watch::Sender<bool>,
}

/// The signals SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Signals {
    received: mpsc::Receiver<&'static str>,
}

/// How a role ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, or after a signal within its limit.
    Finished(T),
    /// A signal came and the limit went by; what was not done is lost.
    Overdue,
    /// A second signal came: exit 1 at once.
    Interrupted,
}

impl Stop {
    /// The two ends of one request to stop.
    pub fn channel() -> (Stopper, Self) {
        let (sender, requested) = watch::channel(false);
        (Stopper { requested: sender }, Self { requested })
    }

    /// Whether the process is to stop.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow() || self.requested.has_changed().is_err()
    }

    /// Waits until the process is to stop.
    pub async fn requested(&self) {
        // An error says that nobody is left who could ask; then there is nothing to go on for.
        let _ = self.requested.clone().wait_for(|requested| *requested).await;
    }

    /// The check that unreadies a process as soon as it is to stop.
    pub fn check(&self) -> Check {
        if self.is_requested() { Check::Fail("the process is stopping".to_owned()) } else { Check::Ok }
    }
}

impl Stopper {
    /// Asks all to stop.
    pub fn stop(&self) {
        self.requested.send_replace(true);
    }
}

impl Signals {
    /// Starts to listen. From here on, neither signal ends the process by itself.
    pub fn listen() -> io::Result<Self> {
        // Two signals decide; more change nothing.
        const SIGNALS: usize = 2;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, received) = mpsc::channel(SIGNALS);
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    else => return,
                };
                if sender.send(name).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { received })
    }

    /// Runs `role` until it ends, or asks it by `stopper` to stop when a signal comes; it then has `limit` to do so.
    pub async fn run<F: Future>(mut self, stopper: Stopper, limit: Duration, role: F) -> Ended<F::Output> {
        let mut role = pin!(role);
        let name = tokio::select! {
            ended = &mut role => return Ended::Finished(ended),
            Some(name) = self.received.recv() => name,
        };
        info!(signal = name, "stopping on {name}");
        stopper.stop();
        tokio::select! {
            ended = &mut role => Ended::Finished(ended),
            Some(name) = self.received.recv() => {
                warn!(signal = name, "stopping at once on a second signal");
                Ended::Interrupted
            }
            () = tokio::time::sleep(limit) => {
                warn!(limit_s = limit.as_secs(), "stopping although not all is done");
                Ended::Overdue
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn signals(names: &[&'static str]) -> (mpsc::Sender<&'static str>, Signals) {
        let (sender, received) = mpsc::channel(2);
        for name in names.iter().copied() {
            sender.try_send(name).unwrap();
        }
        (sender, Signals { received })
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_ends_by_itself_is_finished() {
        let (_sender, signals) = signals(&[]);
        let (stopper, stop) = Stop::channel();
        assert_eq!(signals.run(stopper, LIMIT, async { 7 }).await, Ended::Finished(7));
        assert!(stop.is_requested());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_asks_the_role_to_stop() {
        let (_sender, signals) = signals(&["SIGTERM"]);
        let (stopper, stop) = Stop::channel();
        assert_eq!(stop.check(), Check::Ok);
        let role = async {
            stop.requested().await;
            stop.check()
        };
        let ended = signals.run(stopper, LIMIT, role).await;
        assert_eq!(ended, Ended::Finished(Check::Fail("the process is stopping".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_does_not_stop_is_overdue_after_the_limit() {
        let (_sender, signals) = signals(&["SIGINT"]);
        let (stopper, _stop) = Stop::channel();
        let before = tokio::time::Instant::now();
        let ended = signals.run(stopper, LIMIT, std::future::pending::<()>()).await;
        assert_eq!((ended, before.elapsed().as_secs()), (Ended::Overdue, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        let (_sender, signals) = signals(&["SIGTERM", "SIGTERM"]);
        let (stopper, _stop) = Stop::channel();
        let before = tokio::time::Instant::now();
        let ended = signals.run(stopper, LIMIT, std::future::pending::<()>()).await;
        assert_eq!((ended, before.elapsed().as_secs()), (Ended::Interrupted, 0));
    }
}
