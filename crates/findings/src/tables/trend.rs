//! Open findings at full hours.

use std::collections::BTreeMap;

use api::Severity;
use api::finding::Source;
use storage::{Failure, Statement, Storage, Value, Write};

use super::rows::{number, time};
use super::sql::TREND;
use crate::findings::Hour;

/// Counts of one hour: source, severity and namespace, empty for all that have no row of their own.
pub(crate) type Counts = BTreeMap<(Source, Severity, String), u64>;

/// Stores the counts of an hour, and forgets those before another; both in seconds. An hour that was counted stays as it is.
pub(crate) fn count(hour: i64, counts: &Counts, before: i64) -> Write {
    const HOUR: &str = "INSERT INTO finding_hour (hour) VALUES ($1) ON CONFLICT (hour) DO NOTHING";
    let row = |((source, severity, namespace), count): (&(Source, Severity, String), &u64)| -> Vec<Value> {
        let words = [source.as_str(), severity.as_str(), namespace.as_str()];
        let [source, severity, namespace] = words.map(Value::from);
        vec![hour.into(), source, severity, namespace, number(*count).into()]
    };
    let mut write = Write::new().then(Statement::new(HOUR).bind(hour));
    write.extend(TREND.statements(counts.iter().map(row)));
    write
        .then(Statement::new("DELETE FROM finding_trend WHERE hour < $1").bind(before))
        .then(Statement::new("DELETE FROM finding_hour WHERE hour < $1").bind(before))
}

/// Reads hours from `since` to `until`, in seconds; of all sources or namespaces if none is named.
pub(crate) async fn trend(
    storage: &Storage,
    (since, until): (i64, i64),
    sources: &[Source],
    namespaces: &[String],
) -> Result<Vec<Hour>, Failure> {
    const HOURS: &str = "SELECT hour FROM finding_hour WHERE hour >= $1 AND hour <= $2";
    // Neither a source nor a namespace holds a sign that means something in a pattern.
    const COUNTS: &str = "SELECT hour, severity, CAST(sum(findings) AS BIGINT) FROM finding_trend \
        WHERE hour >= $1 AND hour <= $2 AND ($3 = '' OR $3 LIKE '%,' || source || ',%') \
        AND ($4 = '' OR $4 LIKE '%,' || namespace || ',%') GROUP BY hour, severity";
    let hours = storage.read(Statement::new(HOURS).bind(since).bind(until)).await?;
    let mut open: BTreeMap<i64, Vec<(Severity, u64)>> = BTreeMap::new();
    for row in &hours {
        open.insert(row.int(0)?, Vec::new());
    }
    let sources: Vec<&str> = sources.iter().map(|source| source.as_str()).collect();
    let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
    let counts = Statement::new(COUNTS).bind(since).bind(until).bind(listed(&sources)).bind(listed(&namespaces));
    for row in &storage.read(counts).await? {
        let severity = row.text(1)?.parse().map_err(|_| Failure::malformed("finding_trend.severity"))?;
        open.entry(row.int(0)?).or_default().push((severity, row.int(2)?.unsigned_abs()));
    }
    let hour = |(at, mut open): (i64, Vec<(Severity, u64)>)| {
        open.sort_unstable();
        Ok(Hour { at: time(at)?, open })
    };
    open.into_iter().map(hour).collect()
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { String::new() } else { format!(",{},", words.join(",")) }
}
