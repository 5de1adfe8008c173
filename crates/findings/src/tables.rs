//! Findings in the database: a plan as one write, and the book as it was stored.

use std::fmt::Write as _;
use std::sync::LazyLock;

use api::finding::Source;
use api::{Fingerprint, Time};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use storage::{Failure, Row, Statement, Storage, Value, Write};

use crate::batch::{Order, Sighting};
use crate::event::Transition;
use crate::plan::{Keep, Looked, Plan, Touch};
use crate::record::{Life, Record};
use crate::silence::Silence;

/// Rows of one statement. A row of findings has 21 values, and SQLite takes 32,766 in a statement; more rows than these make
/// it no faster.
const ROWS: usize = 50;

/// Findings read at a time: at a few KiB each, some ten MiB.
const PAGE: i64 = 5_000;

const FINDING: &str = "fingerprint, source, scope, rule, severity, action, title, description, subject, belongs, facts, \
    figures, exemption, first_seen, last_seen, changed_at, sightings, reopened, resolved_at, resolved_reason, silence";

const EVENT: &str = "number, fingerprint, happened_at, event";

static ONE_FINDING: LazyLock<String> = LazyLock::new(|| upsert(1));
static FINDINGS: LazyLock<String> = LazyLock::new(|| upsert(ROWS));
static ONE_EVENT: LazyLock<String> = LazyLock::new(|| insert("finding_event", EVENT, 1));
static EVENTS: LazyLock<String> = LazyLock::new(|| insert("finding_event", EVENT, ROWS));
static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {FINDING} FROM finding WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2"));

/// What was stored, for a start.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) records: Vec<Record>,
    pub(crate) silences: Vec<Silence>,
    pub(crate) looks: Vec<Looked>,
    /// Number of the last event.
    pub(crate) last: i64,
}

/// A plan as one write; its events are numbered after `last`.
pub(crate) fn write_of(plan: &Plan, last: i64) -> Write {
    // A new part of a plan fails to build here until it is stored.
    let Plan { looked, records, touches, forgotten, begun, ended, transitions, refused: _ } = plan;
    let mut write = Write::new();
    write.extend(forgotten.iter().map(forget));
    write.extend(chunked(records.iter().map(values), (&ONE_FINDING, &FINDINGS)));
    write.extend(touches.iter().filter(|touch| touch.keep == Keep::Stored).map(touched));
    let events = (last + 1..).zip(transitions).map(|(number, transition)| event(number, transition));
    write.extend(chunked(events, (&ONE_EVENT, &EVENTS)));
    write.extend(begun.iter().map(begin));
    write.extend(ended.iter().map(|(id, at)| {
        Statement::new("UPDATE silence SET ended_at = $1 WHERE id = $2").bind(seconds(*at)).bind(id.as_str())
    }));
    write.extend(looked.iter().map(look));
    write
}

/// Leaves of each finding's history the first event and the latest, `keep` in all.
pub(crate) fn trim(keep: i64) -> Write {
    const TRIM: &str = "DELETE FROM finding_event WHERE number IN (SELECT number FROM (SELECT number, \
        row_number() OVER (PARTITION BY fingerprint ORDER BY number DESC) AS newest, \
        row_number() OVER (PARTITION BY fingerprint ORDER BY number) AS oldest FROM finding_event) AS ranked \
        WHERE newest >= $1 AND oldest > 1)";
    Write::new().then(Statement::new(TRIM).bind(keep))
}

/// Reads everything that was stored.
pub(crate) async fn load(storage: &Storage) -> Result<Stored, Failure> {
    let mut stored = Stored::default();
    let mut after = String::new();
    loop {
        let rows = storage.read(Statement::new(SELECT.as_str()).bind(after.as_str()).bind(PAGE)).await?;
        let Some(last) = rows.last() else { break };
        last.text(0)?.clone_into(&mut after);
        for row in &rows {
            stored.records.push(record(row)?);
        }
    }
    let silences = storage.read(Statement::new("SELECT id, owner, reason, until_at, matches, ended_at FROM silence"));
    stored.silences = silences.await?.iter().map(silence).collect::<Result<_, _>>()?;
    let looks = storage.read(Statement::new("SELECT source, scope, fence, round, looked_at FROM finding_look")).await?;
    stored.looks = looks.iter().map(looked).collect::<Result<_, _>>()?;
    let last = storage.read(Statement::new("SELECT coalesce(max(number), 0) FROM finding_event")).await?;
    stored.last = last.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(stored)
}

fn values(record: &Record) -> Vec<Value> {
    let Record { source, scope, told, first_seen, last_seen, changed_at, count, reopened, life, touched: _ } = record;
    let Sighting { fingerprint, rule, severity, action, title, description, subject, belongs, facts, figures, .. } =
        told;
    let (resolved_at, reason, silence) = match life {
        Life::Open { silence } => (None, None, silence.clone()),
        Life::Resolved { at, reason } => (Some(seconds(*at)), Some(reason.clone()), None),
    };
    vec![
        fingerprint.as_str().into(),
        source.as_str().into(),
        scope.as_str().into(),
        rule.as_str().into(),
        severity.as_str().into(),
        action.map(|action| action.as_str().to_owned()).into(),
        title.as_str().into(),
        description.as_str().into(),
        json(subject).into(),
        json(belongs).into(),
        json(facts).into(),
        json(figures).into(),
        told.exemption.as_ref().map(json).into(),
        seconds(*first_seen).into(),
        seconds(*last_seen).into(),
        seconds(*changed_at).into(),
        number(*count).into(),
        number(*reopened).into(),
        resolved_at.into(),
        reason.into(),
        silence.into(),
    ]
}

fn record(row: &Row) -> Result<Record, Failure> {
    let last_seen = time(row.int(14)?)?;
    let life = match row.maybe_int(18)? {
        None => Life::Open { silence: row.maybe_text(20)?.map(str::to_owned) },
        Some(at) => Life::Resolved { at: time(at)?, reason: row.maybe_text(19)?.unwrap_or_default().to_owned() },
    };
    let told = Sighting {
        fingerprint: row.text(0)?.parse::<Fingerprint>().map_err(|_| Failure::malformed("finding.fingerprint"))?,
        rule: row.text(3)?.to_owned(),
        severity: row.text(4)?.parse().map_err(|_| Failure::malformed("finding.severity"))?,
        action: row.maybe_text(5)?.map(|word| word_of(word, "finding.action")).transpose()?,
        title: row.text(6)?.to_owned(),
        description: row.text(7)?.to_owned(),
        subject: parsed(row.text(8)?, "finding.subject")?,
        belongs: parsed(row.text(9)?, "finding.belongs")?,
        facts: parsed(row.text(10)?, "finding.facts")?,
        figures: parsed(row.text(11)?, "finding.figures")?,
        count: None,
        exemption: row.maybe_text(12)?.map(|text| parsed(text, "finding.exemption")).transpose()?,
    };
    Ok(Record {
        source: source(row.text(1)?)?,
        scope: row.text(2)?.to_owned(),
        told,
        first_seen: time(row.int(13)?)?,
        last_seen,
        changed_at: time(row.int(15)?)?,
        count: row.int(16)?.unsigned_abs(),
        reopened: row.int(17)?.unsigned_abs(),
        life,
        touched: last_seen,
    })
}

fn touched(touch: &Touch) -> Statement {
    const TOUCH: &str = "UPDATE finding SET last_seen = $1, sightings = $2, figures = $3 WHERE fingerprint = $4";
    let Touch { fingerprint, last_seen, count, figures, keep: _ } = touch;
    let statement = Statement::new(TOUCH).bind(seconds(*last_seen)).bind(number(*count));
    statement.bind(json(figures)).bind(fingerprint.as_str())
}

fn event(number: i64, transition: &Transition) -> Vec<Value> {
    let Transition { fingerprint, at, event } = transition;
    vec![number.into(), fingerprint.as_str().into(), seconds(*at).into(), json(event).into()]
}

fn forget(fingerprint: &Fingerprint) -> Statement {
    Statement::new("DELETE FROM finding WHERE fingerprint = $1").bind(fingerprint.as_str())
}

fn begin(silence: &Silence) -> Statement {
    const BEGIN: &str =
        "INSERT INTO silence (id, owner, reason, until_at, matches, ended_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let Silence { id, owner, reason, until, matches, ended } = silence;
    let statement = Statement::new(BEGIN).bind(id.as_str()).bind(owner.as_str()).bind(reason.as_str());
    statement.bind(seconds(*until)).bind(json(matches)).bind(ended.map(seconds))
}

fn silence(row: &Row) -> Result<Silence, Failure> {
    Ok(Silence {
        id: row.text(0)?.to_owned(),
        owner: row.text(1)?.to_owned(),
        reason: row.text(2)?.to_owned(),
        until: time(row.int(3)?)?,
        matches: parsed(row.text(4)?, "silence.matches")?,
        ended: row.maybe_int(5)?.map(time).transpose()?,
    })
}

fn look(looked: &Looked) -> Statement {
    const LOOK: &str = "INSERT INTO finding_look (source, scope, fence, round, looked_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (source, scope) DO UPDATE SET fence = excluded.fence, round = excluded.round, \
        looked_at = excluded.looked_at";
    let Looked { source, scope, order: Order { fence, round }, at } = looked;
    let statement = Statement::new(LOOK).bind(source.as_str()).bind(scope.as_str());
    statement.bind(*fence).bind(number(*round)).bind(seconds(*at))
}

fn looked(row: &Row) -> Result<Looked, Failure> {
    let order = Order { fence: row.int(2)?, round: row.int(3)?.unsigned_abs() };
    Ok(Looked { source: source(row.text(0)?)?, scope: row.text(1)?.to_owned(), order, at: time(row.int(4)?)? })
}

/// Rows of values as statements of many rows and, for the rest, of one.
fn chunked(
    rows: impl Iterator<Item = Vec<Value>>,
    (one, many): (&'static LazyLock<String>, &'static LazyLock<String>),
) -> Vec<Statement> {
    let rows: Vec<Vec<Value>> = rows.collect();
    let mut statements = Vec::new();
    let whole = rows.len() / ROWS * ROWS;
    for (place, row) in rows.into_iter().enumerate() {
        if place >= whole {
            statements.push(Statement::new(one.as_str()));
        } else if place % ROWS == 0 {
            statements.push(Statement::new(many.as_str()));
        }
        let last = statements.pop().expect("a row follows the statement that it belongs to");
        statements.push(row.into_iter().fold(last, Statement::bind));
    }
    statements
}

fn insert(table: &str, columns: &str, rows: usize) -> String {
    let width = columns.split(',').count();
    let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
    for row in 0..rows {
        let values: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        let comma = if row == 0 { "" } else { ", " };
        write!(sql, "{comma}({})", values.join(", ")).expect("a text takes everything");
    }
    sql
}

fn upsert(rows: usize) -> String {
    let columns = FINDING.split(", ").skip(1);
    let set: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
    format!("{} ON CONFLICT (fingerprint) DO UPDATE SET {}", insert("finding", FINDING, rows), set.join(", "))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it is plain data with names for keys")
}

fn parsed<T: DeserializeOwned>(text: &str, place: &'static str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::malformed(place))
}

fn word_of<T: DeserializeOwned>(word: &str, place: &'static str) -> Result<T, Failure> {
    serde_json::from_value(Json::from(word)).map_err(|_| Failure::malformed(place))
}

fn source(word: &str) -> Result<Source, Failure> {
    word_of(word, "source of a finding")
}

fn seconds(time: Time) -> i64 {
    Timestamp::from(time).as_second()
}

fn time(seconds: i64) -> Result<Time, Failure> {
    Timestamp::from_second(seconds).map(Time::of).map_err(|_| Failure::malformed("time"))
}

/// No count comes near to the bound: a sighting a nanosecond takes 292 years.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
