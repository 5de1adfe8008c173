//! Entries: histories, and what watchers resume from.

use std::sync::LazyLock;

use storage::{Failure, Row, Statement, Storage};

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
    long_within(storage, (keep, floor), from, SLICE).await
}

async fn long_within(
    storage: &Storage,
    (keep, floor): (usize, i64),
    from: &str,
    slice: i64,
) -> Result<(Vec<String>, Option<String>), Failure> {
    const LONG: &str = "SELECT about FROM (SELECT about, number FROM finding_entry WHERE about >= $3 \
        ORDER BY about, number LIMIT $4) AS slice GROUP BY about \
        HAVING count(*) > $1 AND sum(CASE WHEN number <= $2 THEN 1 ELSE 0 END) > 1";
    const NEXT: &str = "SELECT about FROM finding_entry WHERE about >= $1 ORDER BY about, number LIMIT 1 OFFSET $2";
    // The rest of a subject that fills a slice alone is left: its beginning told already whether it is to be cut.
    const BEYOND: &str = "SELECT about FROM finding_entry WHERE about > $1 ORDER BY about LIMIT 1";
    let rows = storage.read(Statement::new(LONG).bind(count(keep)).bind(floor).bind(from).bind(slice)).await?;
    let long = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?;
    let subject = |rows: &[Row]| rows.first().map(|row| row.text(0).map(str::to_owned)).transpose();
    let mut next = subject(&storage.read(Statement::new(NEXT).bind(from).bind(slice)).await?)?;
    if next.as_deref() == Some(from) {
        next = subject(&storage.read(Statement::new(BEYOND).bind(from)).await?)?;
    }
    Ok((long, next))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runtime::clock::ManualClock;
    use storage::Write;

    use super::*;

    #[tokio::test]
    async fn subjects_after_one_that_fills_a_slice_alone_are_looked_at_too() {
        let settings = storage::Settings { url: "sqlite::memory:".to_owned(), ..storage::Settings::default() };
        let storage = Storage::open(&settings, Arc::new(ManualClock::default())).await.unwrap();
        let mut write = Write::new();
        write.extend((1..).zip("aabbbbbbcccd".chars()).map(|(number, about)| {
            const ADD: &str = "INSERT INTO finding_entry (number, about, happened_at, event) VALUES ($1, $2, 0, '{}')";
            Statement::new(ADD).bind(number).bind(about.to_string())
        }));
        storage.write(write).await.unwrap();
        let (mut found, mut from, mut slices) = (Vec::new(), Some(String::new()), 0);
        while let Some(subject) = from {
            let (long, next) = long_within(&storage, (2, 100), &subject, 4).await.unwrap();
            found.extend(long);
            (from, slices) = (next, slices + 1);
        }
        assert_eq!((found, slices), (vec!["b".to_owned(), "c".to_owned()], 3));
    }
}
