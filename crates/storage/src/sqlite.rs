//! One SQLite file, or the memory of this process.
//!
//! Owns how connections are made: one that writes, a few that read, in memory one for both.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteQueryResult, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Error, Row as _, TypeInfo, ValueRef};

use crate::engine::{Engine, Session};
use crate::failure::Failure;
use crate::statement::{Row, Statement, Value};

mod placeholders;

/// Where a database of SQLite is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file: a connection that is in doubt is ended, and another made.
    File,
    /// In memory: its one connection is the database.
    Memory,
}

/// Reads at a time; each takes about 2 MiB of page cache, and two cores are busy with four.
const READERS: u32 = 4;

/// Whoever waits for a connection gives up by `storage.timeout`, which is at most this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Rows that are read ahead of whoever takes them: with fewer the two threads wake each other for every few.
const ROWS_AHEAD: usize = 512;

/// Pages of one large write stay in memory until its commit, in KiB; the default of 2 MiB writes them out and reads them again.
const WRITER_CACHE: &str = "-16384";

/// Pages of the write-ahead log, 32 MiB, that bring a checkpoint. A thousand findings at random places change more pages than the default
/// of 1,000: each of their writes would wait for one, and would copy pages that the next one changes again.
const CHECKPOINT_PAGES: &str = "8192";

/// A write-ahead log that grew by one large write is cut to this.
const LOG_BYTES: &str = "67108864";

impl Engine for Sqlite {
    // Takes the lock of the file at once, so that no transaction fails half-way for want of it.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    // `BEGIN IMMEDIATE` has seen to it.
    const ALONE: &'static str = "SELECT 1";
    const FENCE: &'static str = "SELECT number FROM fence WHERE id = 1";
    const HAS_TABLE: &'static str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1";
    const SIZES: &'static str = "SELECT entry.tbl_name, sum(page.pgsize) FROM dbstat AS page \
        JOIN sqlite_schema AS entry ON entry.name = page.name GROUP BY 1 ORDER BY 1";
    const SIZE: &'static str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
    const NOTIFY: Option<&'static str> = None;

    fn row(row: &SqliteRow) -> Result<Row, Error> {
        let value = |column| {
            let raw = row.try_get_raw(column)?;
            match (raw.is_null(), raw.type_info().name()) {
                (true, _) => Ok(Value::Text(None)),
                (false, "INTEGER" | "BOOLEAN") => row.try_get(column).map(Value::Int),
                (false, "REAL") => row.try_get(column).map(Value::Real),
                (false, _) => row.try_get(column).map(Value::Text),
            }
        };
        (0..row.len()).map(value).collect::<Result<_, _>>().map(Row)
    }

    fn affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn text(sql: &'static str) -> &'static str {
        placeholders::plain(sql)
    }
}

/// The pools of a database in memory: one connection, which holds it, reads and writes in turn.
pub(crate) fn in_memory() -> SqlitePool {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true).disable_statement_logging();
    pool(1).connect_lazy_with(options)
}

/// The pools of a file: the one that writes, and those that read.
pub(crate) fn of_file(file: &Path, timeout: Duration) -> (SqlitePool, SqlitePool) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Fixed at the start, whatever is reloaded: with one writer and the lock file only a stranger can make a write wait.
        .busy_timeout(timeout)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_BYTES)
        .disable_statement_logging();
    let readers = options.clone().pragma("query_only", "ON").row_buffer_size(ROWS_AHEAD);
    let options = options.pragma("cache_size", WRITER_CACHE);
    (pool(1).connect_lazy_with(options), pool(READERS).connect_lazy_with(readers))
}

/// How a file is read that another process writes.
pub(crate) fn beside(file: &Path, timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(timeout).disable_statement_logging()
}

/// Makes the file if there is none, readable by its owner alone: evidence is nobody else's business.
pub(crate) fn create(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Whether nobody has made a table in it.
pub(crate) async fn is_empty(session: &mut Session<'_, Sqlite>) -> Result<bool, Failure> {
    const TABLES: &str = "SELECT name FROM sqlite_schema LIMIT 1";
    Ok(session.read(&Statement::new(TABLES)).await?.is_empty())
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(LONGEST_WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
