//! The handle that rooms hold: reads and writes, whichever database there is.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::metrics::Registry;
use runtime::probes::Check;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, Postgres};
use sqlx::sqlite::{Sqlite, SqlitePool};
use sqlx::{Database, Pool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::engine::{Engine, Runs, Session};
use crate::failure::{Cause, Failure};
use crate::health::{Health, Side};
use crate::lock::Lock;
use crate::metrics::{self, Timed};
use crate::postgres;
use crate::settings::Settings;
use crate::sqlite::Place;
use crate::statement::{Row, Statement, Write, Written};
use crate::writer::Job;

/// An open store. Clones share it.
#[derive(Debug, Clone)]
pub struct Storage {
    pub(crate) ground: Arc<Ground>,
    pools: Arc<Pools>,
}

/// What reads and writes have in common.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) timed: Timed,
    pub(crate) health: Arc<Health>,
    timeout_ms: AtomicU64,
}

#[derive(Debug)]
pub(crate) enum Pools {
    Sqlite(OfSqlite),
    Postgres(PgPool),
}

/// SQLite: readers, and the way to the one writer.
#[derive(Debug)]
pub(crate) struct OfSqlite {
    pub(crate) place: Place,
    pub(crate) readers: SqlitePool,
    pub(crate) jobs: Mutex<Option<mpsc::Sender<Job>>>,
    pub(crate) writer: Mutex<Option<JoinHandle<()>>>,
    pub(crate) lock: Mutex<Option<Lock>>,
}

impl Ground {
    pub(crate) fn new(timed: Timed, timeout: Duration) -> Self {
        let ground = Self { timed, health: Arc::default(), timeout_ms: AtomicU64::default() };
        ground.set_timeout(timeout);
        ground
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.load(Ordering::Relaxed))
    }

    fn set_timeout(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).expect("settings allow a minute at most");
        self.timeout_ms.store(ms, Ordering::Relaxed);
    }
}

impl Storage {
    pub(crate) fn new(ground: Arc<Ground>, pools: Pools) -> Self {
        Self { ground, pools: Arc::new(pools) }
    }

    /// The rows that one statement answers. They are held in memory: the statement says how many at most.
    pub async fn read(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        let ended = self.rows(&statement).await;
        self.ground.health.note(Side::Reads, &ended);
        ended
    }

    /// Stores all of a write or nothing. Once this answers, it has been committed. The write goes on if the caller does
    /// not wait.
    pub async fn write(&self, write: Write) -> Result<Written, Failure> {
        let ended = match &*self.pools {
            Pools::Sqlite(sqlite) => sqlite.write(write, self.ground.timeout()).await,
            Pools::Postgres(pool) => {
                let (storage, pool) = (self.clone(), pool.clone());
                // In a task of its own: what a caller leaves in the middle would go back to the pool as an open transaction.
                let writing = tokio::spawn(async move { storage.on_postgres(&pool, write).await });
                writing.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
            }
        };
        self.ground.health.note(Side::Writes, &ended);
        ended
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Whether other processes may use it too: replicas of the same release.
    pub fn is_shared(&self) -> bool {
        matches!(*self.pools, Pools::Postgres(_))
    }

    /// For readiness: a warning with the cause while reads or writes fail.
    pub fn check(&self) -> Check {
        self.ground.health.check()
    }

    /// Serves the figures of this store.
    pub fn register(&self, registry: &mut Registry) {
        metrics::register(&self.ground.timed, &self.ground.health, registry);
    }

    /// Takes over what may change while the process runs.
    pub fn reload(&self, settings: &Settings) {
        let Settings { url: _, connections: _, timeout } = settings;
        self.ground.set_timeout(*timeout);
    }

    /// Ends all connections after the writes that wait. What comes later fails.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// The query whose answer is the size of the database.
    pub(crate) fn size_query(&self) -> &'static str {
        match &*self.pools {
            Pools::Sqlite(_) => Sqlite::SIZE,
            Pools::Postgres(_) => Postgres::SIZE,
        }
    }

    async fn rows(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let timeout = self.ground.timeout();
        match &*self.pools {
            Pools::Sqlite(OfSqlite { place, readers, .. }) => {
                let mut connection = acquire(readers, timeout).await?;
                let timed = &self.ground.timed;
                let ended = Session::<Sqlite> { connection: &mut connection, timeout, timed }.read(statement).await;
                match place {
                    Place::File => settle(connection, &ended),
                    Place::Memory => drop(connection),
                }
                ended
            }
            Pools::Postgres(pool) => {
                let mut connection = self.connection(pool).await?;
                let timed = &self.ground.timed;
                let ended = Session::<Postgres> { connection: &mut connection, timeout, timed }.read(statement).await;
                settle(connection, &ended);
                ended
            }
        }
    }

    async fn on_postgres(&self, pool: &PgPool, write: Write) -> Result<Written, Failure> {
        let mut connection = self.connection(pool).await?;
        let (timeout, timed) = (self.ground.timeout(), &self.ground.timed);
        let ended = Session::<Postgres> { connection: &mut connection, timeout, timed }.write(&[write]).await;
        settle(connection, &ended);
        ended?.pop().expect("one write has one outcome")
    }

    pub(crate) async fn connection(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>, Failure> {
        let timeout = self.ground.timeout();
        match acquire(pool, timeout).await {
            Err(Failure::Connection(_)) if !pool.is_closed() => Err(postgres::why_none(pool, timeout).await),
            connection => connection,
        }
    }
}

impl OfSqlite {
    async fn write(&self, write: Write, timeout: Duration) -> Result<Written, Failure> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(Failure::closed)?;
        let (outcome, ended) = oneshot::channel();
        match tokio::time::timeout(timeout, jobs.send(Job { write, outcome })).await {
            Ok(Ok(())) => ended.await.unwrap_or_else(|_| Err(Failure::closed())),
            Ok(Err(_)) => Err(Failure::closed()),
            Err(_) => Err(Failure::Timeout(Cause::new("too many writes wait"))),
        }
    }

    async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        match self.place {
            // The log goes into the file when its last connection ends, which is to be the one that writes.
            Place::File => self.readers.close().await,
            // The writer closes it: there is one pool.
            Place::Memory => {}
        }
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // It ends after the last write; if it panicked, there is nothing to wait for.
            let _ = writer.await;
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A connection within `timeout`.
pub(crate) async fn acquire<DB: Database>(pool: &Pool<DB>, timeout: Duration) -> Result<PoolConnection<DB>, Failure> {
    match tokio::time::timeout(timeout, pool.acquire()).await {
        Ok(acquired) => acquired.map_err(|error| Failure::of(&error)),
        Err(_) if pool.size() < pool.options().get_max_connections() => {
            Err(Failure::Connection(Cause::new(&format!("none could be made within {timeout:?}"))))
        }
        Err(_) => Err(Failure::Timeout(Cause::new(&format!("every connection was in use for {timeout:?}")))),
    }
}

/// Gives a connection back, or ends it if nobody knows what it is in the middle of.
fn settle<E: Runs, T>(connection: PoolConnection<E>, ended: &Result<T, Failure>) {
    match ended {
        Ok(_) | Err(Failure::Refused(_)) => drop(connection),
        Err(_) => drop(connection.detach()),
    }
}
