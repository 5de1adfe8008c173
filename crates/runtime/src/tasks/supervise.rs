//! The loop around one task, and the loop around that loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tracing::error;

use super::board::Board;
use super::{Schedule, Task};
use crate::shutdown::Stop;
use crate::telemetry::panics;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a task needs to run.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) board: Arc<Board>,
    pub(super) id: usize,
    pub(super) schedule: Schedule,
    pub(super) nudged: Arc<Notify>,
    pub(super) stop: Stop,
}

/// Runs a task until the stop, and makes it anew whenever it panics.
pub(super) async fn supervise<T: Task>(seat: Seat, mut make: impl FnMut() -> T + Send + 'static) {
    let mut pause = FIRST_PAUSE;
    while !seat.stop.is_requested() {
        let successes = seat.board.successes(seat.id);
        // A set of one: when the supervisor is given up, so is the run.
        let mut rounds = JoinSet::new();
        rounds.spawn(rounds_of(make(), seat.clone()));
        let Some(Err(panic)) = rounds.join_next().await else {
            break;
        };
        if seat.board.successes(seat.id) > successes {
            pause = FIRST_PAUSE;
        }
        let (task, error) = (T::NAME, panic_message(panic));
        error!(task, error, pause_s = pause.as_secs(), "task {task} panicked and starts again");
        seat.board.plan(seat.id, pause);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = seat.stop.requested() => break,
        }
        seat.board.restarted(seat.id);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    seat.board.end(seat.id);
}

async fn rounds_of<T: Task>(mut task: T, seat: Seat) {
    while !seat.stop.is_requested() {
        let run = seat.board.begin(seat.id, seat.schedule.period());
        let took = run.finish(task.run().await);
        let pause = seat.schedule.pause(took, seat.board.chance());
        seat.board.plan(seat.id, pause);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = seat.nudged.notified() => {}
            () = seat.stop.requested() => {}
        }
    }
}

fn panic_message(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "it was given up".to_owned();
    };
    panics::message(payload.as_ref()).to_owned()
}
