//! Statements of many rows.

use std::fmt::Write as _;
use std::sync::LazyLock;

use storage::{Statement, Value};

/// Rows of one statement. A row of scopes has 10 values, and SQLite takes 32,766 in a statement; more rows than these make it
/// no faster.
const ROWS: usize = 50;

/// A statement for one row, and one for many.
#[derive(Debug)]
pub(super) struct Rows {
    one: LazyLock<String>,
    many: LazyLock<String>,
}

impl Rows {
    /// Of a text that is made for a number of rows.
    pub(super) const fn new(one: fn() -> String, many: fn() -> String) -> Self {
        Self { one: LazyLock::new(one), many: LazyLock::new(many) }
    }

    /// Rows of values as statements of many rows and, for the rest, of one.
    pub(super) fn statements(&'static self, rows: impl Iterator<Item = Vec<Value>>) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut waiting = Vec::with_capacity(ROWS);
        for row in rows {
            waiting.push(row);
            if waiting.len() == ROWS {
                statements.push(bound(&self.many, waiting.drain(..).flatten()));
            }
        }
        statements.extend(waiting.into_iter().map(|row| bound(&self.one, row)));
        statements
    }
}

fn bound(sql: &'static str, values: impl IntoIterator<Item = Value>) -> Statement {
    values.into_iter().fold(Statement::new(sql), Statement::bind)
}

/// Both statements of a kind: `sql` is given the number of rows.
macro_rules! rows {
    ($sql:expr) => {
        Rows::new(|| $sql(1), || $sql(ROWS))
    };
}

/// `($1, $2), ($3, $4)`.
pub(super) fn values(width: usize, rows: usize) -> String {
    let mut sql = String::new();
    for row in 0..rows {
        let values: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        let comma = if row == 0 { "" } else { ", " };
        write!(sql, "{comma}({})", values.join(", ")).expect("a text takes everything");
    }
    sql
}

/// An insertion that replaces what has the same key: the first `keys` columns.
pub(super) fn upsert(table: &str, columns: &str, keys: usize, rows: usize) -> String {
    let names: Vec<&str> = columns.split(", ").collect();
    let set: Vec<String> = names.iter().skip(keys).map(|column| format!("{column} = excluded.{column}")).collect();
    let insert = format!("INSERT INTO {table} ({columns}) VALUES {}", values(names.len(), rows));
    format!("{insert} ON CONFLICT ({}) DO UPDATE SET {}", names[..keys].join(", "), set.join(", "))
}

pub(super) const FINDING: &str = "fingerprint, document, last_seen, sightings, figures, looks, revision";

pub(super) const SCOPE: &str = "source, scope, fence, round, looked_at, freshness, detail, rounds, looks, revision";

pub(super) const ENTRY: &str = "number, about, happened_at, event";

const TOUCH: &str = "fingerprint, last_seen, sightings, figures, looks, revision";

pub(super) static FINDINGS: Rows = rows!(|rows| upsert("finding", FINDING, 1, rows));

pub(super) static SCOPES: Rows = rows!(|rows| upsert("finding_scope", SCOPE, 2, rows));

pub(super) static ENTRIES: Rows =
    rows!(|rows| format!("INSERT INTO finding_entry ({ENTRY}) VALUES {}", values(4, rows)));

pub(super) static TOUCHES: Rows = rows!(|rows| format!(
    "WITH told ({TOUCH}) AS (VALUES {}) UPDATE finding SET last_seen = told.last_seen, sightings = told.sightings, \
     figures = coalesce(told.figures, finding.figures), looks = told.looks, revision = told.revision \
     FROM told WHERE finding.fingerprint = told.fingerprint",
    values(6, rows)
));

pub(super) static DELETIONS: Rows = rows!(|rows: usize| {
    let places: Vec<String> = (1..=rows).map(|place| format!("${place}")).collect();
    format!("DELETE FROM finding WHERE fingerprint IN ({})", places.join(", "))
});

pub(super) static FORGOTTEN: Rows = rows!(|rows| upsert("finding_forgotten", "fingerprint, revision", 1, rows));

pub(super) static TREND: Rows =
    rows!(|rows| upsert("finding_trend", "hour, source, severity, namespace, findings", 4, rows));
