//! The schema: numbered migrations, each in a transaction, the same text for both databases.
//!
//! A room that needs a table adds the next number here. What a number does never changes once it has been released.

use std::time::Duration;

use tracing::info;

use crate::engine::{Runs, Session};
use crate::failure::Failure;
use crate::metrics::Timed;
use crate::open::OpenError;
use crate::statement::Statement;

/// One step from a schema to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// All of them; the first is number 1.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "ground", sql: include_str!("migrations/0001_ground.sql") },
    Migration { name: "findings", sql: include_str!("migrations/0002_findings.sql") },
    Migration { name: "notifiers", sql: include_str!("migrations/0003_notifiers.sql") },
    Migration { name: "responses", sql: include_str!("migrations/0004_responses.sql") },
];

/// The program that writes this schema, remembered with each step.
pub(crate) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Changing a table of millions of rows takes longer than a statement may otherwise.
pub(crate) const STEP: Duration = Duration::from_mins(30);

const TABLE: &str = "keelwatch_schema";

const CREATE: &str = "CREATE TABLE keelwatch_schema (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
    program TEXT NOT NULL, applied_at TEXT NOT NULL)";

const NEWEST: &str = "SELECT version, program FROM keelwatch_schema ORDER BY version DESC LIMIT 1";

/// The schema that a database has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Version {
    pub(crate) number: i64,
    /// The program that made it so.
    pub(crate) program: String,
}

/// Brings the database to the last of `steps`. The first step that fails leaves the schema before it.
pub(crate) async fn migrate<E: Runs>(
    connection: &mut E::Connection,
    steps: &[Migration],
    timed: &Timed,
) -> Result<(), OpenError> {
    let mut session = Session::<E> { connection, timeout: STEP, timed };
    loop {
        match next(&mut session, steps).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                // The transaction ends with the connection if this fails too.
                let _ = session.script("ROLLBACK").await;
                return Err(error);
            }
        }
    }
}

/// Takes one step, and says whether there was one to take.
async fn next<E: Runs>(session: &mut Session<'_, E>, steps: &[Migration]) -> Result<bool, OpenError> {
    session.script(E::BEGIN).await.map_err(OpenError::Unusable)?;
    session.script(E::ALONE).await.map_err(OpenError::Unusable)?;
    let found = version(session).await.map_err(OpenError::Unusable)?;
    let (done, program) = found.map_or((0, String::new()), |found| (found.number, found.program));
    let known = i64::try_from(steps.len()).expect("there are few migrations");
    if done > known {
        return Err(OpenError::TooNew { found: done, known, program });
    }
    let Some((number, step)) = (1..).zip(steps).find(|(number, _)| *number > done) else {
        session.script("COMMIT").await.map_err(OpenError::Unusable)?;
        return Ok(false);
    };
    let failed = |failure| OpenError::Migration { number, name: step.name, failure };
    if done == 0 {
        session.script(CREATE).await.map_err(failed)?;
    }
    session.script(step.sql).await.map_err(failed)?;
    session.read(&applied(number, step.name, session.timed)).await.map_err(failed)?;
    session.script("COMMIT").await.map_err(failed)?;
    info!(number, name = step.name, "schema {number} applied: {}", step.name);
    Ok(true)
}

/// The schema of the database; none if nothing of ours is in it.
pub(crate) async fn version<E: Runs>(session: &mut Session<'_, E>) -> Result<Option<Version>, Failure> {
    let tables = session.read(&Statement::new(E::HAS_TABLE).bind(TABLE)).await?;
    if tables.first().map_or(Ok(0), |row| row.int(0))? == 0 {
        return Ok(None);
    }
    let newest = session.read(&Statement::new(NEWEST)).await?;
    let version = |row: &crate::Row| Ok(Version { number: row.int(0)?, program: row.text(1)?.to_owned() });
    newest.first().map(version).transpose()
}

/// Tables of schema `number`; so far no migration has dropped one.
pub(crate) fn tables(number: i64) -> impl Iterator<Item = &'static str> {
    let steps = MIGRATIONS.iter().take(usize::try_from(number).unwrap_or_default());
    let made = |line: &'static str| line.strip_prefix("CREATE TABLE ")?.split_whitespace().next();
    steps.flat_map(move |step| step.sql.lines().filter_map(made))
}

fn applied(number: i64, name: &'static str, timed: &Timed) -> Statement {
    const ADD: &str = "INSERT INTO keelwatch_schema (version, name, program, applied_at) VALUES ($1, $2, $3, $4)";
    Statement::new(ADD).bind(number).bind(name).bind(PROGRAM).bind(timed.clock().now().to_string())
}
