//! What keeps every table bounded, and counts the hours: once an hour, by the leader.

use std::collections::BTreeMap;

use api::Time;
use api::finding::Source;
use jiff::Timestamp;
use storage::{Failure, Statement, Term, Write};

use crate::book::Book;
use crate::findings::{Findings, Hour, Inner};
use crate::life::signed;
use crate::tables;

/// Namespaces that are counted by themselves in an hour; the smallest are counted together. With four sources and severities
/// and 2,160 hours, at most seven million rows, and in an ordinary cluster some hundred thousand.
const NAMESPACES: usize = 200;

const HOUR_S: i64 = 3600;

/// The full hour that a time falls into, in seconds.
pub(crate) fn hour(now: Time) -> i64 {
    Timestamp::from(now).as_second().div_euclid(HOUR_S) * HOUR_S
}

impl Findings {
    /// Open findings, silenced ones too, at the full hours of a time; of all sources or namespaces if none is named. An hour that
    /// nobody counted is not there. The smallest of more than 200 namespaces are not told apart.
    pub async fn trend(
        &self,
        (since, until): (Time, Time),
        sources: &[Source],
        namespaces: &[String],
    ) -> Result<Vec<Hour>, Failure> {
        tables::trend(&self.inner.storage, (since.as_second(), until.as_second()), sources, namespaces).await
    }
}

/// Counts the hour that has begun.
pub(crate) async fn count(inner: &Inner, term: &Term, now: Time) -> Result<(), Failure> {
    let kept = signed(inner.settings().trend_kept).as_secs();
    let counts = inner.ask(counts);
    term.write(tables::count(hour(now), &counts, hour(now) - kept)).await.map(drop)
}

/// Forgets entries that are neither of a history nor to be resumed from, and which findings were forgotten long ago.
pub(crate) async fn trim(inner: &Inner, term: &Term, now: Time) -> Result<(), Failure> {
    let settings = inner.settings();
    let state = tables::state(&inner.storage).await?;
    let kept = i64::try_from(settings.changes_kept).unwrap_or(i64::MAX);
    let floor = state.number.saturating_sub(kept);
    if floor > 0 {
        term.write(Write::new().then(tables::trimmed(floor))).await?;
        cut(inner, term, settings.history, floor).await?;
        let before = Timestamp::from(now).as_second() - signed(settings.keep_resolved).as_secs();
        let mut from = 0;
        while let Some(to) = tables::slice(&inner.storage, from, floor).await? {
            term.write(Write::new().then(tables::orphans((from, to), before))).await?;
            from = to;
        }
    }
    forget(inner, term).await
}

/// Cuts histories to `keep` entries.
async fn cut(inner: &Inner, term: &Term, keep: usize, floor: i64) -> Result<(), Failure> {
    /// Histories in one transaction.
    const AT_ONCE: usize = 500;
    let mut from = Some(String::new());
    while let Some(subject) = from {
        let (long, next) = tables::long(&inner.storage, keep, floor, &subject).await?;
        for histories in long.chunks(AT_ONCE) {
            let mut write = Write::new();
            write.extend(histories.iter().map(|about| tables::trim(about, keep, floor)));
            term.write(write).await?;
        }
        from = next;
    }
    Ok(())
}

async fn forget(inner: &Inner, term: &Term) -> Result<(), Failure> {
    /// A follower that missed more reads everything.
    const KEPT: i64 = 100_000;
    const OLDEST: &str = "SELECT revision FROM finding_forgotten ORDER BY revision DESC LIMIT 1 OFFSET $1";
    const FORGET: &str = "DELETE FROM finding_forgotten WHERE revision <= $1";
    const TOLD: &str = "UPDATE finding_state SET forgotten_to = $1";
    let rows = inner.storage.read(Statement::new(OLDEST).bind(KEPT)).await?;
    if let Some(row) = rows.first() {
        let revision = row.int(0)?;
        let write = Write::new().then(Statement::new(FORGET).bind(revision)).then(Statement::new(TOLD).bind(revision));
        term.write(write).await?;
    }
    Ok(())
}

fn counts(book: &Book) -> tables::Counts {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    let open = || book.records().filter(|record| record.is_open());
    for record in open() {
        *sizes.entry(record.told.subject.namespace.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut sizes: Vec<(&str, usize)> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    sizes.truncate(NAMESPACES);
    let named: std::collections::HashSet<&str> = sizes.into_iter().map(|(name, _)| name).collect();
    let mut counts = tables::Counts::new();
    for record in open() {
        let namespace =
            record.told.subject.namespace.as_deref().filter(|name| named.contains(name)).unwrap_or_default();
        *counts.entry((record.source, record.told.severity, namespace.to_owned())).or_default() += 1;
    }
    counts
}
