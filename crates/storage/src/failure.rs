//! Why the store did not do what was asked: what clients, readiness and metrics tell apart.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// Why the store did not do what was asked. After `Connection`, `Io` or `Timeout` it is not known whether a write was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Another process holds the database, or two transactions waited for each other.
    #[error("the database is locked")]
    Locked(#[source] Cause),
    /// No room is left where the database lies.
    #[error("the disk of the database is full")]
    Full(#[source] Cause),
    /// The database may be read and not written.
    #[error("the database is read-only")]
    ReadOnly(#[source] Cause),
    /// The database cannot be reached.
    #[error("there is no connection to the database")]
    Connection(#[source] Cause),
    /// A statement took longer than `storage.timeout`.
    #[error("the database did not answer in time")]
    Timeout(#[source] Cause),
    /// The disk failed.
    #[error("the disk of the database fails")]
    Io(#[source] Cause),
    /// What is stored cannot be understood.
    #[error("the database is damaged")]
    Damaged(#[source] Cause),
    /// A rule of the schema forbids the write. Nothing of it was stored.
    #[error("the database refused the statement")]
    Refused(#[source] Cause),
    /// The leader's number is older than that of another. Nothing was stored.
    #[error("another leader writes: number {held} was superseded by {current}")]
    Fenced {
        /// The number that the write carried.
        held: i64,
        /// The number in force.
        current: i64,
    },
    /// The proof of leadership does not hold any more. Nothing was stored.
    #[error("this process does not lead")]
    NotLeading,
}

/// The database's own words, without statements or values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(Arc<str>);

/// What failures are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Locked,
    Full,
    Connection,
    Timeout,
    Other,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Locked, Self::Full, Self::Connection, Self::Timeout, Self::Other];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Full => "full",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

impl Failure {
    /// The failure with its cause, on one line.
    pub fn in_words(&self) -> String {
        self.source().map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }

    /// Whether the store itself is unwell: other writes would fail too.
    pub fn is_outage(&self) -> bool {
        self.kind().is_some() && !matches!(self, Self::Refused(_))
    }

    /// What it is counted by; losing the leadership is no failure of the store.
    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Locked(_) => Some(Kind::Locked),
            Self::Full(_) => Some(Kind::Full),
            Self::Connection(_) => Some(Kind::Connection),
            Self::Timeout(_) => Some(Kind::Timeout),
            Self::ReadOnly(_) | Self::Io(_) | Self::Damaged(_) | Self::Refused(_) => Some(Kind::Other),
            Self::Fenced { .. } | Self::NotLeading => None,
        }
    }

    /// What the driver met.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<SqliteError>() {
                Some(_) => of_sqlite(&error.code().unwrap_or_default(), Cause::new(error.message())),
                None => of_postgres(error.try_downcast_ref::<PgDatabaseError>(), Cause::new(error.message())),
            },
            sqlx::Error::Io(error) => Self::Connection(Cause::new(&error.to_string())),
            sqlx::Error::Tls(error) => Self::Connection(Cause::new(&format!("TLS: {error}"))),
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::Connection(Cause::new("it broke off")),
            sqlx::Error::PoolClosed => Self::closed(),
            sqlx::Error::PoolTimedOut => Self::Timeout(Cause::new("every connection is in use")),
            other => Self::Damaged(Cause::new(&other.to_string())),
        }
    }

    /// A stored text is not what it should be; `place` is a column.
    pub fn malformed(place: &'static str) -> Self {
        Self::Damaged(Cause::new(&format!("{place} cannot be read")))
    }

    /// The store was closed, as it is at the end of the process.
    pub(crate) fn closed() -> Self {
        Self::Connection(Cause::new("it has been closed"))
    }

    /// A stored value has another type than the schema says.
    pub(crate) fn unexpected(column: usize, wanted: &'static str) -> Self {
        Self::Damaged(Cause::new(&format!("column {column} of an answer holds no {wanted}")))
    }
}

/// By the primary result code: <https://sqlite.org/rescode.html>.
fn of_sqlite(code: &str, cause: Cause) -> Failure {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        5 | 6 => Failure::Locked(cause),
        13 => Failure::Full(cause),
        3 | 8 => Failure::ReadOnly(cause),
        9 => Failure::Timeout(cause),
        10 | 14 => Failure::Io(cause),
        11 | 26 => Failure::Damaged(cause),
        _ => Failure::Refused(cause),
    }
}

/// By the class of the SQLSTATE: appendix A of PostgreSQL's manual.
fn of_postgres(error: Option<&PgDatabaseError>, cause: Cause) -> Failure {
    match error.map_or("", PgDatabaseError::code) {
        "53100" => Failure::Full(cause),
        "55P03" | "40P01" | "40001" => Failure::Locked(cause),
        "25006" => Failure::ReadOnly(cause),
        "57014" => Failure::Timeout(cause),
        "58030" => Failure::Io(cause),
        "XX001" | "XX002" => Failure::Damaged(cause),
        code if ["08", "28", "3D", "53", "57"].iter().any(|class| code.starts_with(class)) => {
            Failure::Connection(cause)
        }
        _ => Failure::Refused(cause),
    }
}

impl Cause {
    pub(crate) fn new(words: &str) -> Self {
        Self(words.split_whitespace().collect::<Vec<_>>().join(" ").into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}
