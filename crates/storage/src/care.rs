//! What an administrator does with a store: check it, copy it, see how large it is. The process that uses it may go on.
//!
//! Owns looking from beside: read-only, without the lock. Words and exit codes are `keelwatch`'s.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::Clock;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnection};

use crate::address::Address;
use crate::engine::{Runs, Session, within};
use crate::failure::Failure;
use crate::metrics::Timed;
use crate::open::{OpenError, named};
use crate::schema::{self, Version};
use crate::settings::Settings;
use crate::statement::{Row, Statement};
use crate::{postgres, sqlite};

/// Reading a large database whole takes longer than a statement of a role may.
const LIMIT: Duration = Duration::from_hours(2);

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Where it is, without a password.
    pub address: String,
    /// Number of its schema; 0 if it holds nothing of ours yet.
    pub schema: i64,
    /// The program that made the schema so.
    pub program: String,
    /// Size of the database in bytes, without the write-ahead log.
    pub bytes: u64,
    /// Each table with its bytes, indexes included.
    pub tables: Vec<(String, u64)>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where the store is, without a password.
    pub address: String,
    /// Number of its schema.
    pub schema: i64,
    /// How much was looked at.
    pub looked: Looked,
    /// Everything that is wrong; nothing if it is sound.
    pub faults: Vec<String>,
}

/// How much a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Every page and every reference.
    Pages,
    /// Whether every table is there; pages are the server's own business.
    Tables,
}

/// How a store is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backup {
    /// It has been, into a file of so many bytes.
    Made {
        /// Size of the copy.
        bytes: u64,
    },
    /// By this command of PostgreSQL; the password is not in it.
    Command(String),
}

/// Why a verb could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The store cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no file.
    #[error("`{file}` does not exist", file = .0.display())]
    Missing(PathBuf),
    /// There is a database and nothing in it.
    #[error("{0} is empty: the controller makes its tables when it starts")]
    Empty(String),
    /// A store in memory lives in its process alone.
    #[error("storage.url is sqlite::memory:, which no other process can see")]
    Memory,
    /// The copy would replace something.
    #[error("`{file}` exists already; a backup goes into a new file", file = .0.display())]
    Exists(PathBuf),
    /// The copy cannot be written.
    #[error("failed to write `{file}`", file = .0.display())]
    Target(PathBuf, #[source] io::Error),
    /// The copy failed; what there was of it has been removed.
    #[error("failed to copy the database")]
    Copy(#[source] Failure),
}

/// A connection to a store that somebody else may be using.
enum Beside {
    Sqlite(SqliteConnection, PathBuf),
    Postgres(Box<PgConnection>, Box<PgConnectOptions>),
}

/// Schema and sizes.
pub async fn info(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Info, CareError> {
    let timed = Timed::new(clock);
    let address = address(settings)?.to_string();
    match connect(settings).await? {
        Beside::Sqlite(mut connection, file) => {
            about::<Sqlite>(&mut connection, address, &timed).await.map_err(|failure| unusable(&file, failure))
        }
        Beside::Postgres(mut connection, _) => about::<Postgres>(&mut connection, address, &timed)
            .await
            .map_err(|failure| OpenError::Unusable(failure).into()),
    }
}

/// Reads everything and says what is wrong. PostgreSQL checks its pages itself.
pub async fn check(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Checked, CareError> {
    let timed = Timed::new(clock);
    let address = address(settings)?.to_string();
    match connect(settings).await? {
        Beside::Sqlite(mut connection, file) => {
            let mut session = Session::<Sqlite> { connection: &mut connection, timeout: LIMIT, timed: &timed };
            let unusable = |failure| unusable(&file, failure);
            let Some(found) = schema::version(&mut session).await.map_err(unusable)? else {
                let is_empty = sqlite::is_empty(&mut session).await.map_err(unusable)?;
                return Err(if is_empty { CareError::Empty(address) } else { OpenError::Foreign(file).into() });
            };
            let schema = known(found)?;
            let mut faults = faults(&mut session).await.map_err(unusable)?;
            faults.extend(missing(&mut session, schema).await.map_err(unusable)?);
            Ok(Checked { address, schema, looked: Looked::Pages, faults })
        }
        Beside::Postgres(mut connection, _) => {
            let mut session = Session::<Postgres> { connection: &mut connection, timeout: LIMIT, timed: &timed };
            let found = schema::version(&mut session).await.map_err(OpenError::Unusable)?;
            let schema = known(found.ok_or_else(|| CareError::Empty(address.clone()))?)?;
            let faults = missing(&mut session, schema).await.map_err(OpenError::Unusable)?;
            Ok(Checked { address, schema, looked: Looked::Tables, faults })
        }
    }
}

/// The number of a schema, unless a later program made it.
fn known(found: Version) -> Result<i64, OpenError> {
    let known = i64::try_from(schema::MIGRATIONS.len()).expect("there are few migrations");
    match found {
        Version { number, .. } if number <= known => Ok(number),
        Version { number, program } => Err(OpenError::TooNew { found: number, known, program }),
    }
}

/// Tables that a database of schema `number` should have and has not.
async fn missing<E: Runs>(session: &mut Session<'_, E>, number: i64) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for table in schema::tables(number) {
        let found = session.read(&Statement::new(E::HAS_TABLE).bind(table)).await?;
        if found.first().map_or(Ok(0), |row| row.int(0))? == 0 {
            faults.push(format!("table {table} is missing"));
        }
    }
    Ok(faults)
}

/// Copies the store into a new file, while it is in use.
pub async fn backup(settings: &Settings, clock: Arc<dyn Clock>, target: &Path) -> Result<Backup, CareError> {
    let timed = Timed::new(clock);
    match connect(settings).await? {
        Beside::Postgres(_, options) => Ok(Backup::Command(dump(&options, target))),
        Beside::Sqlite(mut connection, _) => {
            let session = Session::<Sqlite> { connection: &mut connection, timeout: LIMIT, timed: &timed };
            copy(session, target).await.map(|bytes| Backup::Made { bytes })
        }
    }
}

fn address(settings: &Settings) -> Result<Address, OpenError> {
    Ok(Address::parse(&settings.url)?)
}

async fn connect(settings: &Settings) -> Result<Beside, CareError> {
    match address(settings)? {
        Address::Memory => Err(CareError::Memory),
        Address::File(file) if !file.exists() => Err(CareError::Missing(file)),
        Address::File(file) => {
            let connected = within(settings.timeout, sqlite::beside(&file, settings.timeout).connect()).await;
            let connection = connected.map_err(|failure| unusable(&file, failure))?;
            Ok(Beside::Sqlite(connection, file))
        }
        Address::Postgres(options) => {
            let connected = within(settings.timeout, postgres::alone(&options, LIMIT).connect()).await;
            Ok(Beside::Postgres(Box::new(connected.map_err(OpenError::Unusable)?), options))
        }
    }
}

fn unusable(file: &Path, failure: Failure) -> CareError {
    CareError::Open(named(file, OpenError::Unusable(failure)))
}

async fn about<E: Runs>(connection: &mut E::Connection, address: String, timed: &Timed) -> Result<Info, Failure> {
    let mut session = Session::<E> { connection, timeout: LIMIT, timed };
    let Version { number, program } = schema::version(&mut session).await?.unwrap_or_default();
    let size = session.read(&Statement::new(E::SIZE)).await?;
    let bytes = size.first().map_or(Ok(0), |row| bytes(row, 0))?;
    let tables = session.read(&Statement::new(E::SIZES)).await?;
    let tables = tables.iter().map(|row| Ok((row.text(0)?.to_owned(), bytes_of(row)?)));
    Ok(Info { address, schema: number, program, bytes, tables: tables.collect::<Result<_, Failure>>()? })
}

fn bytes_of(row: &Row) -> Result<u64, Failure> {
    bytes(row, 1)
}

fn bytes(row: &Row, column: usize) -> Result<u64, Failure> {
    row.int(column).map(|bytes| u64::try_from(bytes).unwrap_or_default())
}

async fn faults(session: &mut Session<'_, Sqlite>) -> Result<Vec<String>, Failure> {
    let pages = session.read(&Statement::new("PRAGMA integrity_check(20)")).await?;
    let lines = pages.iter().flat_map(|row| row.text(0).unwrap_or_default().lines());
    let mut faults: Vec<String> = lines.filter(|line| *line != "ok").map(str::to_owned).collect();
    // Table, row, the table it should be in, which key.
    for row in session.read(&Statement::new("PRAGMA foreign_key_check")).await? {
        faults.push(format!("a row of {} belongs to none of {}", row.text(0)?, row.text(2)?));
    }
    Ok(faults)
}

async fn copy(mut session: Session<'_, Sqlite>, target: &Path) -> Result<u64, CareError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(CareError::Exists(target.to_owned())),
        made => made.map(drop).map_err(|error| CareError::Target(target.to_owned(), error))?,
    }
    // SQLite takes names that begin so for addresses.
    let name = if target.is_absolute() { target.to_owned() } else { Path::new(".").join(target) };
    let copied = session.read(&Statement::new("VACUUM INTO $1").bind(name.to_string_lossy().into_owned())).await;
    if let Err(failure) = copied {
        // What cannot be removed is found by whoever reads the error, which names it.
        let _ = fs::remove_file(target);
        return Err(CareError::Copy(failure));
    }
    // SQLite leaves a copy to the system's caches.
    let synced = File::open(target).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
    synced.map(|metadata| metadata.len()).map_err(|error| CareError::Target(target.to_owned(), error))
}

fn dump(options: &PgConnectOptions, target: &Path) -> String {
    let (host, port, user) = (options.get_host(), options.get_port(), options.get_username());
    let database = options.get_database().unwrap_or_default();
    let words = [
        format!("--file={}", target.display()),
        format!("--host={host}"),
        format!("--port={port}"),
        format!("--username={user}"),
        format!("--dbname={database}"),
    ];
    let quoted = words.map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    format!("pg_dump --format=custom {}", quoted.join(" "))
}
