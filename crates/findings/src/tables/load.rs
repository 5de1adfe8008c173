//! The book as it was stored.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::LazyLock;

use api::{Fingerprint, Time};
use jiff::Timestamp;
use storage::{Failure, Row, Statement, Storage};
use tokio::task::JoinHandle;

use super::rows::{self, Known};
use super::sql::{FINDING, SCOPE};
use super::write::Numbers;
use crate::book::{Book, Leadership, Limits, Stored};
use crate::record::Record;
use crate::round::{RoundState, Scope};
use crate::silence::Silence;

/// Findings read at a time: at a few KiB each, some MiB, of which two are held.
const PAGE: i64 = 1_000;

/// Where the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Of the last commit.
    pub(crate) revision: i64,
    /// Of the last entry.
    pub(crate) number: i64,
    /// Of the leader; 0 if nobody ever led.
    pub(crate) fence: i64,
    /// Since when it leads, in seconds since 1970.
    pub(crate) led_at: i64,
    /// Grows with every silence that begins or ends.
    pub(crate) silences: i64,
    /// Up to this revision it is not known which findings were forgotten.
    pub(crate) forgotten_to: i64,
    /// Up to this number entries may be missing.
    pub(crate) trimmed_to: i64,
}

/// Everything that was stored, and where the store was then.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) book: Book,
    pub(crate) state: State,
}

impl State {
    /// The store once somebody leads.
    pub(crate) fn led(self, lead: Leadership) -> Self {
        Self { revision: self.revision + 1, fence: lead.fence, led_at: lead.since.as_second(), ..self }
    }

    /// After a commit.
    pub(crate) const fn moved(&mut self, to: Numbers) {
        (self.revision, self.number) = (to.revision, to.number);
    }

    /// Who leads, if anybody ever did.
    pub(crate) fn lead(&self) -> Option<Leadership> {
        let since = Timestamp::from_second(self.led_at).unwrap_or(Timestamp::UNIX_EPOCH);
        (self.fence > 0).then(|| Leadership { fence: self.fence, since: Time::of(since) })
    }
}

/// Reads where the store is.
pub(crate) async fn state(storage: &Storage) -> Result<State, Failure> {
    const STATE: &str = "SELECT revision, number, fence, led_at, silences, forgotten_to, trimmed_to FROM finding_state";
    let rows = storage.read(Statement::new(STATE)).await?;
    let row = rows.first().ok_or_else(|| Failure::malformed("finding_state"))?;
    Ok(State {
        revision: row.int(0)?,
        number: row.int(1)?,
        fence: row.int(2)?,
        led_at: row.int(3)?,
        silences: row.int(4)?,
        forgotten_to: row.int(5)?,
        trimmed_to: row.int(6)?,
    })
}

/// Reads everything that was stored, as a book whose revisions go on after `revision`. What is committed meanwhile is of a later
/// revision of the store than is told.
pub(crate) async fn load(storage: &Storage, limits: Limits, revision: u64) -> Result<Loaded, Failure> {
    let state = state(storage).await?;
    let mut known = Known::default();
    let scopes = storage.read(Statement::new(ALL_SCOPES.as_str())).await?;
    let stored = Stored {
        records: Vec::new(),
        silences: silences(storage).await?,
        scopes: scopes.iter().map(|row| rows::scope(row, &mut known)).collect::<Result<_, _>>()?,
        rounds: all(storage, ALL_ROUNDS, rows::round).await?,
        lead: state.lead(),
    };
    let mut book = Book::restored(limits, stored, revision);
    let mut page = storage.read(page(String::new())).await?;
    while let Some(last) = page.last() {
        // Read while this page is taken in: either takes as long as the other.
        let next = reading(storage, last.text(0)?.to_owned());
        for row in &page {
            book.recall(rows::record(row, &mut known)?);
        }
        page = next.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))?;
    }
    Ok(Loaded { book, state })
}

fn page(after: String) -> Statement {
    Statement::new(SELECT.as_str()).bind(after).bind(PAGE)
}

fn reading(storage: &Storage, after: String) -> JoinHandle<Result<Vec<Row>, Failure>> {
    let storage = storage.clone();
    tokio::spawn(async move { storage.read(page(after)).await })
}

/// What was committed after a revision.
#[derive(Debug, Default)]
pub(crate) struct Later {
    pub(crate) records: Vec<Record>,
    pub(crate) forgotten: Vec<Fingerprint>,
    pub(crate) scopes: Vec<Scope>,
    /// Rounds that ended, with every scope of their sources.
    pub(crate) rounds: Vec<(RoundState, Vec<Scope>)>,
}

/// Reads what was committed after a revision. What is committed meanwhile may be told too, and is told again then.
pub(crate) async fn later(storage: &Storage, revision: i64) -> Result<Later, Failure> {
    const FORGOTTEN: &str = "SELECT fingerprint FROM finding_forgotten WHERE revision > $1";
    const ROUNDS: &str =
        "SELECT source, fence, round, ended_at, complete, suspect, gaps FROM finding_round WHERE revision > $1";
    let mut known = Known::default();
    let mut later = Later::default();
    let (mut from, mut after) = (revision, "~".to_owned());
    loop {
        let page = Statement::new(LATER.as_str()).bind(from).bind(after.as_str()).bind(PAGE);
        let rows = storage.read(page).await?;
        let Some(last) = rows.last() else { break };
        (from, after) = (last.int(REVISION)?, last.text(0)?.to_owned());
        for row in &rows {
            later.records.push(rows::record(row, &mut known)?);
        }
    }
    let forgotten = storage.read(Statement::new(FORGOTTEN).bind(revision)).await?;
    // One that came again afterwards is among the records.
    let back: HashSet<Fingerprint> = later.records.iter().map(|record| record.told.fingerprint.clone()).collect();
    for row in &forgotten {
        let fingerprint = row.text(0)?.parse().map_err(|_| Failure::malformed("finding_forgotten.fingerprint"))?;
        if !back.contains(&fingerprint) {
            later.forgotten.push(fingerprint);
        }
    }
    let scopes = storage.read(Statement::new(LATER_SCOPES.as_str()).bind(revision)).await?;
    later.scopes = scopes.iter().map(|row| rows::scope(row, &mut known)).collect::<Result<_, _>>()?;
    for row in &storage.read(Statement::new(ROUNDS).bind(revision)).await? {
        let round = rows::round(row)?;
        let scopes = storage.read(Statement::new(SCOPES_OF.as_str()).bind(round.source.as_str())).await?;
        let scopes = scopes.iter().map(|row| rows::scope(row, &mut known)).collect::<Result<_, _>>()?;
        later.rounds.push((round, scopes));
    }
    Ok(later)
}

/// Reads all silences.
pub(crate) async fn silences(storage: &Storage) -> Result<Vec<Silence>, Failure> {
    const SILENCES: &str =
        "SELECT id, owner, reason, until_at, matches, created_by, created_at, origin, ended_at FROM silence";
    all(storage, SILENCES, rows::silence).await
}

/// How many silences hold.
pub(crate) async fn in_force(storage: &Storage, at: Time) -> Result<usize, Failure> {
    const IN_FORCE: &str = "SELECT count(*) FROM silence WHERE ended_at IS NULL AND until_at > $1";
    let rows = storage.read(Statement::new(IN_FORCE).bind(at.as_second())).await?;
    let count = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

async fn all<T>(
    storage: &Storage,
    sql: &'static str,
    of: impl Fn(&Row) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    storage.read(Statement::new(sql)).await?.iter().map(of).collect()
}

const ALL_ROUNDS: &str = "SELECT source, fence, round, ended_at, complete, suspect, gaps FROM finding_round";

/// Place of the revision in a row of findings.
const REVISION: usize = 6;

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {FINDING} FROM finding WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2"));

static LATER: LazyLock<String> = LazyLock::new(|| {
    let order = "WHERE (revision, fingerprint) > ($1, $2) ORDER BY revision, fingerprint LIMIT $3";
    format!("SELECT {FINDING} FROM finding {order}")
});

static ALL_SCOPES: LazyLock<String> = LazyLock::new(|| format!("SELECT {SCOPE} FROM finding_scope"));

static SCOPES_OF: LazyLock<String> = LazyLock::new(|| format!("SELECT {SCOPE} FROM finding_scope WHERE source = $1"));

static LATER_SCOPES: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {SCOPE} FROM finding_scope WHERE revision > $1"));
