//! Opening the store: what is refused at the start, and how it is told.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use api::Clock;
use sqlx::postgres::{PgConnectOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqlitePool};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::mpsc;
use tracing::warn;

use crate::address::{Address, InvalidAddress};
use crate::engine::Session;
use crate::failure::{Cause, Failure};
use crate::lock::{self, Lock, LockError};
use crate::metrics::Timed;
use crate::schema::{self, MIGRATIONS};
use crate::settings::Settings;
use crate::sqlite::Place;
use crate::statement::Statement;
use crate::store::{Ground, OfSqlite, Pools, Storage, acquire};
use crate::writer::{self, WAITING};
use crate::{postgres, sqlite};

/// Why the store was not opened. Nothing in it was changed but by the migrations that came before a failed one.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error("storage.url {0}")]
    Address(String),
    /// Another role has the file.
    #[error("`{file}` is in use by another keelwatch (it holds `{lock}`)", file = .0.display(), lock = lock::path(.0).display())]
    InUse(PathBuf),
    /// The file, or its lock, cannot be made.
    #[error("failed to open `{file}`", file = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file holds something else.
    #[error("`{file}` is a database of another program; nothing was changed", file = .0.display())]
    Foreign(PathBuf),
    /// The file is damaged.
    #[error(
        "`{file}` is damaged ({cause}); nothing was changed: move it away and put a copy in its place that `keelwatch storage \
         backup FILE` made, or start without it",
        file = .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A later program changed the schema.
    #[error("the database has schema {found} and this program knows {known}: keelwatch {program} or later is needed")]
    TooNew {
        /// Schema of the database.
        found: i64,
        /// The last schema that this program knows.
        known: i64,
        /// The program that changed it.
        program: String,
    },
    /// A migration failed; the schema before it is whole.
    #[error("failed to bring the database to schema {number} ({name}); it is as it was before")]
    Migration {
        /// Number of the migration.
        number: i64,
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        failure: Failure,
    },
    /// The database cannot be used.
    #[error("failed to use the database")]
    Unusable(#[source] Failure),
}

impl From<InvalidAddress> for OpenError {
    fn from(fault: InvalidAddress) -> Self {
        Self::Address(fault.to_string())
    }
}

impl Storage {
    /// Opens the store and brings its schema up to date.
    pub async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let ground = Arc::new(Ground::new(Timed::new(clock), settings.timeout));
        match Address::parse(&settings.url)? {
            Address::Memory => {
                warn!("storage.url is sqlite::memory:, so nothing will survive the end of this process");
                let pool = sqlite::in_memory();
                prepare(&pool, &ground).await?;
                Ok(Self::of_sqlite(pool.clone(), pool, None, ground))
            }
            Address::File(file) => Self::open_file(file, ground).await,
            Address::Postgres(address) => Self::open_server(&address, settings, ground).await,
        }
    }

    async fn open_file(file: PathBuf, ground: Arc<Ground>) -> Result<Self, OpenError> {
        let lock = Lock::take(&file).map_err(|error| match error {
            LockError::Held => OpenError::InUse(file.clone()),
            LockError::Io(error) => OpenError::File(lock::path(&file), error),
        })?;
        sqlite::create(&file).map_err(|error| OpenError::File(file.clone(), error))?;
        let (writer, readers) = sqlite::of_file(&file, ground.timeout());
        let ready = async {
            inspect(&file, &ground).await?;
            prepare(&writer, &ground).await
        };
        ready.await.map_err(|error| named(&file, error))?;
        Ok(Self::of_sqlite(writer, readers, Some(lock), ground))
    }

    async fn open_server(
        address: &PgConnectOptions,
        settings: &Settings,
        ground: Arc<Ground>,
    ) -> Result<Self, OpenError> {
        let pool = postgres::pool(address, settings.connections, &ground);
        let storage = Self::new(ground.clone(), Pools::Postgres(pool));
        // The server ends the statements of the others at `storage.timeout`.
        let own = postgres::only(address, schema::STEP);
        let mut connection = storage.connection(&own).await.map_err(OpenError::Unusable)?;
        schema::migrate::<Postgres>(&mut connection, MIGRATIONS, &ground.timed).await?;
        Ok(storage)
    }

    fn of_sqlite(pool: SqlitePool, readers: SqlitePool, lock: Option<Lock>, ground: Arc<Ground>) -> Self {
        let place = if lock.is_some() { Place::File } else { Place::Memory };
        let (sender, jobs) = mpsc::channel(WAITING);
        let writer = tokio::spawn(writer::run(pool, jobs, place, ground.clone()));
        let sqlite = OfSqlite {
            place,
            readers,
            jobs: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(lock),
        };
        Self::new(ground, Pools::Sqlite(sqlite))
    }
}

/// Refuses a file that is damaged or not ours, before anything is written to it.
async fn inspect(file: &Path, ground: &Ground) -> Result<(), OpenError> {
    let unusable = |error: &sqlx::Error| OpenError::Unusable(Failure::of(error));
    let mut connection = sqlite::beside(file, ground.timeout()).connect().await.map_err(|error| unusable(&error))?;
    let mut session = Session::<Sqlite> { connection: &mut connection, timeout: schema::STEP, timed: &ground.timed };
    let sound = session.read(&Statement::new("PRAGMA quick_check(1)")).await.map_err(OpenError::Unusable)?;
    if let Some(fault) = sound.first().and_then(|row| row.text(0).ok()).filter(|fault| *fault != "ok") {
        return Err(OpenError::Unusable(Failure::Damaged(Cause::new(fault))));
    }
    let ours = schema::version(&mut session).await.map_err(OpenError::Unusable)?;
    if ours.is_none() && !sqlite::is_empty(&mut session).await.map_err(OpenError::Unusable)? {
        return Err(OpenError::Foreign(file.to_owned()));
    }
    connection.close().await.map_err(|error| unusable(&error))
}

async fn prepare(pool: &SqlitePool, ground: &Ground) -> Result<(), OpenError> {
    let mut connection = acquire(pool, ground.timeout()).await.map_err(OpenError::Unusable)?;
    schema::migrate::<Sqlite>(&mut connection, MIGRATIONS, &ground.timed).await
}

/// Says which file is damaged.
pub(crate) fn named(file: &Path, error: OpenError) -> OpenError {
    match error {
        OpenError::Unusable(Failure::Damaged(cause)) => {
            OpenError::Damaged { file: file.to_owned(), cause: cause.to_string() }
        }
        other => other,
    }
}
