//! The tables `notifier`, `announcement` and `message`.
//!
//! Owns their statements. What is written together is decided by those who ask; it stands in one transaction.

use std::collections::BTreeMap;

use api::{Fingerprint, Time};
use jiff::Timestamp;
use storage::{Failure, Row, Statement, Storage};

use super::message::Message;
use super::outbox::{Dead, Outbox, Waiting};
use super::told::{Changes, Told, ToldBook};

/// Rows read at a time: 100 bytes each for announcements, 200 for messages without their bodies.
const PAGE: i64 = 5_000;

const UPSERT_NOTIFIER: &str = "INSERT INTO notifier (name, since, is_active) VALUES ($1, $2, $3) \
    ON CONFLICT (name) DO UPDATE SET since = excluded.since, is_active = excluded.is_active";

const UPSERT_TOLD: &str = "INSERT INTO announcement (notifier, fingerprint, episode, first_seen, reopened, noticed_at, \
    opened_at, repeated_at, resolved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (notifier, fingerprint) DO UPDATE SET episode = excluded.episode, first_seen = excluded.first_seen, \
    reopened = excluded.reopened, noticed_at = excluded.noticed_at, opened_at = excluded.opened_at, \
    repeated_at = excluded.repeated_at, resolved_at = excluded.resolved_at";

const SELECT_TOLD: &str = "SELECT notifier, fingerprint, episode, first_seen, reopened, noticed_at, opened_at, repeated_at, \
    resolved_at FROM announcement WHERE notifier > $1 OR (notifier = $1 AND fingerprint > $2) \
    ORDER BY notifier, fingerprint LIMIT $3";

const INSERT_MESSAGE: &str = "INSERT INTO message (number, notifier, message_group, severity, created_at, attempts, body) \
    VALUES ($1, $2, $3, $4, $5, 0, $6)";

const SELECT_MESSAGES: &str = "SELECT number, notifier, message_group, severity, created_at, attempts, error, died_at \
    FROM message WHERE number > $1 ORDER BY number LIMIT $2";

/// What a decision changes of what was told.
pub(crate) fn told(changes: &Changes) -> Vec<Statement> {
    let Changes { notifiers, gone, told, forgotten } = changes;
    let mut statements = Vec::new();
    for name in gone {
        let forget = ["DELETE FROM announcement WHERE notifier = $1", "DELETE FROM notifier WHERE name = $1"];
        statements.extend(forget.map(|sql| Statement::new(sql).bind(name.as_str())));
    }
    statements.extend(notifiers.iter().map(|(name, since, is_active)| {
        Statement::new(UPSERT_NOTIFIER).bind(name.as_str()).bind(since.as_second()).bind(i64::from(*is_active))
    }));
    statements.extend(told.iter().map(|(notifier, fingerprint, told)| upsert(notifier, fingerprint, told)));
    statements.extend(forgotten.iter().map(|(notifier, fingerprint)| {
        const FORGET: &str = "DELETE FROM announcement WHERE notifier = $1 AND fingerprint = $2";
        Statement::new(FORGET).bind(notifier.as_str()).bind(fingerprint.as_str())
    }));
    statements
}

fn upsert(notifier: &str, fingerprint: &Fingerprint, told: &Told) -> Statement {
    let Told { episode, first_seen, reopened, noticed, opened, repeated, resolved } = told;
    Statement::new(UPSERT_TOLD)
        .bind(notifier)
        .bind(fingerprint.as_str())
        .bind(number(*episode))
        .bind(first_seen.as_second())
        .bind(number(*reopened))
        .bind(noticed.as_second())
        .bind(opened.map(Time::as_second))
        .bind(repeated.map(Time::as_second))
        .bind(resolved.map(Time::as_second))
}

/// A new message.
pub(crate) fn insert(number: i64, waiting: &Waiting, message: &Message) -> Statement {
    let body = serde_json::to_string(message).expect("a message is plain data with names for keys");
    Statement::new(INSERT_MESSAGE)
        .bind(number)
        .bind(waiting.notifier.as_str())
        .bind(waiting.group.as_str())
        .bind(waiting.severity.as_str())
        .bind(waiting.created.as_second())
        .bind(body)
}

/// A message that is delivered, or not kept.
pub(crate) fn delete(number: i64) -> Statement {
    Statement::new("DELETE FROM message WHERE number = $1").bind(number)
}

/// An attempt that failed.
pub(crate) fn failed(number: i64, error: &str) -> Statement {
    Statement::new("UPDATE message SET attempts = attempts + 1, error = $1 WHERE number = $2").bind(error).bind(number)
}

/// A message that is given up.
pub(crate) fn died(number: i64, at: Time, error: &str) -> Statement {
    Statement::new("UPDATE message SET died_at = $1, error = $2 WHERE number = $3")
        .bind(at.as_second())
        .bind(error)
        .bind(number)
}

/// The text of a message, if it is still there.
pub(crate) async fn body(storage: &Storage, number: i64) -> Result<Option<Message>, Failure> {
    let rows = storage.read(Statement::new("SELECT body FROM message WHERE number = $1").bind(number)).await?;
    let parsed = |row: &Row| serde_json::from_str(row.text(0)?).map_err(|_| Failure::malformed("message.body"));
    rows.first().map(parsed).transpose()
}

/// What was told and what waits, for the beginning of a leadership. What waits is due at once.
pub(crate) async fn load(storage: &Storage) -> Result<(ToldBook, Outbox), Failure> {
    let rows = storage.read(Statement::new("SELECT name, since, is_active FROM notifier ORDER BY name")).await?;
    let notifiers = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), time(row.int(1)?)?, row.int(2)? != 0)));
    let notifiers = notifiers.collect::<Result<Vec<_>, Failure>>()?;
    let mut told = Vec::new();
    let mut after = (String::new(), String::new());
    loop {
        let page = Statement::new(SELECT_TOLD).bind(after.0.as_str()).bind(after.1.as_str()).bind(PAGE);
        let rows = storage.read(page).await?;
        let Some(last) = rows.last() else { break };
        after = (last.text(0)?.to_owned(), last.text(1)?.to_owned());
        for row in &rows {
            told.push(told_of(row)?);
        }
    }
    let (mut waiting, mut dead, mut last) = (BTreeMap::new(), BTreeMap::new(), 0);
    loop {
        let rows = storage.read(Statement::new(SELECT_MESSAGES).bind(last).bind(PAGE)).await?;
        let Some(row) = rows.last() else { break };
        last = row.int(0)?;
        for row in &rows {
            match died_of(row)? {
                Some(message) => drop(dead.insert(row.int(0)?, message)),
                None => drop(waiting.insert(row.int(0)?, waiting_of(row)?)),
            }
        }
    }
    Ok((ToldBook::restored(notifiers, told), Outbox::restored(waiting, dead)))
}

fn told_of(row: &Row) -> Result<(String, Fingerprint, Told), Failure> {
    let optional = |column| row.maybe_int(column)?.map(time).transpose();
    let count = |column| row.int(column).map(|count| u64::try_from(count).unwrap_or_default());
    let told = Told {
        episode: count(2)?,
        first_seen: time(row.int(3)?)?,
        reopened: count(4)?,
        noticed: time(row.int(5)?)?,
        opened: optional(6)?,
        repeated: optional(7)?,
        resolved: optional(8)?,
    };
    let fingerprint = row.text(1)?.parse().map_err(|_| Failure::malformed("announcement.fingerprint"))?;
    Ok((row.text(0)?.to_owned(), fingerprint, told))
}

fn waiting_of(row: &Row) -> Result<Waiting, Failure> {
    Ok(Waiting {
        notifier: row.text(1)?.to_owned(),
        group: row.text(2)?.to_owned(),
        severity: row.text(3)?.parse().map_err(|_| Failure::malformed("message.severity"))?,
        created: time(row.int(4)?)?,
        attempts: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
        due: std::time::Duration::ZERO,
        error: row.maybe_text(6)?.map(str::to_owned),
    })
}

fn died_of(row: &Row) -> Result<Option<Dead>, Failure> {
    let Some(at) = row.maybe_int(7)? else { return Ok(None) };
    let error = row.maybe_text(6)?.unwrap_or_default().to_owned();
    Ok(Some(Dead { notifier: row.text(1)?.to_owned(), at: time(at)?, error }))
}

fn time(seconds: i64) -> Result<Time, Failure> {
    Timestamp::from_second(seconds).map(Time::of).map_err(|_| Failure::malformed("time"))
}

/// No count comes near to the bound.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
