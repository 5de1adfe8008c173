//! Entries: histories, and what watchers resume from.

use std::sync::LazyLock;

use storage::{Failure, Statement, Storage};

use super::rows::{self, number};
use super::sql::ENTRY;
use crate::event::Entry;

/// Entries that one statement looks at, some tenths of a second: there may be millions, and others want to write meanwhile.
const SLICE: i64 = 100_000;

/// Subjects in one statement: a finding with its related ones is one.
const SUBJECTS: usize = 64;

/// Each subject for itself: whatever PostgreSQL knows or does not know of the table, it goes by the index then.
static ABOUT: LazyLock<String> = LazyLock::new(|| {
    let of = |place| {
        let one = format!("SELECT {ENTRY} FROM finding_entry WHERE about = ${place} ORDER BY number DESC LIMIT $1");
        format!("SELECT {ENTRY} FROM ({one}) AS of_{place}")
    };
    let each: Vec<String> = (2..SUBJECTS + 2).map(of).collect();
    format!("{} ORDER BY number DESC LIMIT $1", each.join(" UNION ALL "))
});

static AFTER: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {ENTRY} FROM finding_entry WHERE number > $1 ORDER BY number LIMIT $2"));

/// The latest entries about any of these, newest first.
pub(crate) async fn history(storage: &Storage, about: &[&str], limit: usize) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for subjects in about.chunks(SUBJECTS) {
        let mut statement = Statement::new(ABOUT.as_str()).bind(count(limit));
        // Each place needs a value, and nothing is about this one.
        for place in 0..SUBJECTS {
            statement = statement.bind(subjects.get(place).copied().unwrap_or_default());
        }
        entries.extend(read(storage, statement).await?);
    }
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
    entries.truncate(limit);
    Ok(entries)
}

/// Entries after a number, in order.
pub(crate) async fn after(storage: &Storage, number: i64, limit: usize) -> Result<Vec<Entry>, Failure> {
    read(storage, Statement::new(AFTER.as_str()).bind(number).bind(count(limit))).await
}

/// Leaves of one history the first entry and the latest, `keep` in all, and what is after `floor`.
pub(crate) fn trim(about: &str, keep: usize, floor: i64) -> Statement {
    const TRIM: &str = "DELETE FROM finding_entry WHERE about = $1 AND number <= $2 \
        AND number > (SELECT min(number) FROM finding_entry WHERE about = $1) \
        AND number < (SELECT number FROM finding_entry WHERE about = $1 ORDER BY number DESC LIMIT 1 OFFSET $3)";
    // The first one, and so many of the latest.
    Statement::new(TRIM).bind(about).bind(floor).bind(count(keep.saturating_sub(2)))
}

/// Of the entries from a subject on, as many as one statement looks at: histories that are longer than `keep` and have entries
/// up to `floor` that may go; and the subject to go on from, if there are more.
pub(crate) async fn long(
    storage: &Storage,
    keep: usize,
    floor: i64,
    from: &str,
) -> Result<(Vec<String>, Option<String>), Failure> {
    const LONG: &str = "SELECT about FROM (SELECT about, number FROM finding_entry WHERE about >= $3 \
        ORDER BY about, number LIMIT $4) AS slice GROUP BY about \
        HAVING count(*) > $1 AND sum(CASE WHEN number <= $2 THEN 1 ELSE 0 END) > 1";
    const NEXT: &str = "SELECT about FROM finding_entry WHERE about >= $1 ORDER BY about, number LIMIT 1 OFFSET $2";
    let slice = Statement::new(LONG).bind(count(keep)).bind(floor).bind(from).bind(SLICE);
    let rows = storage.read(slice).await?;
    let long = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?;
    let next = storage.read(Statement::new(NEXT).bind(from).bind(SLICE)).await?;
    let next = next.first().map(|row| row.text(0).map(str::to_owned)).transpose()?;
    // One subject alone never fills a slice: it would have been cut before.
    Ok((long, next.filter(|next| next != from)))
}

/// The number up to which one statement looks at entries from `from` on; none if there are none up to `floor`.
pub(crate) async fn slice(storage: &Storage, from: i64, floor: i64) -> Result<Option<i64>, Failure> {
    const SLICED: &str = "SELECT max(number) FROM (SELECT number FROM finding_entry WHERE number > $1 AND number <= $2 \
        ORDER BY number LIMIT $3) AS slice";
    let rows = storage.read(Statement::new(SLICED).bind(from).bind(floor).bind(SLICE)).await?;
    rows.first().map_or(Ok(None), |row| row.maybe_int(0))
}

/// Says that entries up to `floor` may be missing.
pub(crate) fn trimmed(floor: i64) -> Statement {
    const TRIMMED: &str = "UPDATE finding_state SET trimmed_to = $1 WHERE trimmed_to < $1";
    Statement::new(TRIMMED).bind(floor)
}

/// Forgets entries of a slice of numbers about findings that are gone, and about images if they are older than `before`, in
/// seconds.
pub(crate) fn orphans((from, to): (i64, i64), before: i64) -> Statement {
    // A fingerprint has 32 signs, a digest more.
    const ORPHANS: &str = "DELETE FROM finding_entry WHERE number > $1 AND number <= $2 \
        AND NOT EXISTS (SELECT 1 FROM finding WHERE finding.fingerprint = finding_entry.about) \
        AND (happened_at < $3 OR length(about) = 32)";
    Statement::new(ORPHANS).bind(from).bind(to).bind(before)
}

async fn read(storage: &Storage, statement: Statement) -> Result<Vec<Entry>, Failure> {
    storage.read(statement).await?.iter().map(rows::entry).collect()
}

/// Settings end at ten million.
fn count(rows: usize) -> i64 {
    number(u64::try_from(rows).unwrap_or(u64::MAX))
}
