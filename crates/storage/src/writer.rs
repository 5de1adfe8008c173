//! The one writer of SQLite: writes that wait while it commits become the next commit together.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use crate::engine::Session;
use crate::failure::Failure;
use crate::sqlite::Place;
use crate::statement::{Write, Written};
use crate::store::{Ground, acquire};

/// A commit takes about a millisecond on an ordinary disk, so this many are an eighth of a second of the writers; whoever
/// comes later waits, by `storage.timeout` at most.
pub(crate) const WAITING: usize = 512;

/// Writes in one commit. More would make the first of them wait for the last, and save little.
const JOINED: usize = 128;

/// A write and where its outcome goes.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) write: Write,
    pub(crate) outcome: oneshot::Sender<Result<Written, Failure>>,
}

/// Writes until everybody who could ask has gone.
pub(crate) async fn run(pool: SqlitePool, mut jobs: mpsc::Receiver<Job>, place: Place, ground: Arc<Ground>) {
    let mut waiting = Vec::with_capacity(JOINED);
    while jobs.recv_many(&mut waiting, JOINED).await > 0 {
        let (writes, outcomes): (Vec<_>, Vec<_>) = waiting.drain(..).map(|job| (job.write, job.outcome)).unzip();
        let ended = match acquire(&pool, ground.timeout()).await {
            Ok(connection) => commit(connection, &writes, place, &ground).await,
            Err(failure) => Err(failure),
        };
        // Whoever does not wait for the outcome any more does not need it.
        match ended {
            Ok(each) => outcomes.into_iter().zip(each).for_each(|(outcome, ended)| drop(outcome.send(ended))),
            Err(failure) => outcomes.into_iter().for_each(|outcome| drop(outcome.send(Err(failure.clone())))),
        }
    }
    pool.close().await;
}

async fn commit(
    mut connection: PoolConnection<Sqlite>,
    writes: &[Write],
    place: Place,
    ground: &Ground,
) -> Result<Vec<Result<Written, Failure>>, Failure> {
    let (timeout, timed) = (ground.timeout(), &ground.timed);
    let mut session = Session::<Sqlite> { connection: &mut connection, timeout, timed };
    let ended = session.write(writes).await;
    if ended.is_err() {
        match place {
            // Whatever state it is in, its transaction ends with it.
            Place::File => drop(connection.detach()),
            // SQLite may have rolled back already; then there is nothing to do.
            Place::Memory => session.script("ROLLBACK").await.unwrap_or_default(),
        }
    }
    ended
}
