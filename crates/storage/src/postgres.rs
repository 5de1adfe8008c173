//! A pool of connections to PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgQueryResult, PgRow, Postgres};
use sqlx::{AssertSqlSafe, ConnectOptions, Error, Row as _, TypeInfo, ValueRef, raw_sql};

use crate::engine::{Engine, within};
use crate::failure::Failure;
use crate::statement::{Row, Value};
use crate::store::Ground;

/// Whoever waits for a connection gives up by `storage.timeout`, which is at most this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A connection that was not needed for so long is closed.
const IDLE: Duration = Duration::from_mins(10);

impl Engine for Postgres {
    const BEGIN: &'static str = "BEGIN";
    // The number is `keelwatc` in ASCII: whoever else uses the database takes another.
    const ALONE: &'static str = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7738703051239814243)) AS held";
    // Held in share: a new leader's number waits for the writes under way, and they for nothing.
    const FENCE: &'static str = "SELECT number FROM fence WHERE id = 1 FOR SHARE";
    const HAS_TABLE: &'static str =
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1";
    const SIZES: &'static str = "SELECT table_name::text, pg_total_relation_size(quote_ident(table_name)::regclass) \
        FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1";
    const SIZE: &'static str = "SELECT pg_database_size(current_database())";
    const NOTIFY: Option<&'static str> = Some("SELECT pg_notify($1, '')::text");

    fn row(row: &PgRow) -> Result<Row, Error> {
        let value = |column| {
            let raw = row.try_get_raw(column)?;
            match raw.type_info().name() {
                "INT8" => row.try_get(column).map(Value::Int),
                "INT4" => row.try_get::<Option<i32>, _>(column).map(|value| Value::Int(value.map(i64::from))),
                "FLOAT8" => row.try_get(column).map(Value::Real),
                _ => row.try_get(column).map(Value::Text),
            }
        };
        (0..row.len()).map(value).collect::<Result<_, _>>().map(Row)
    }

    fn affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }
}

/// One connection with a limit of its own, from a pool because that waits for a server that begins to run.
pub(crate) fn only(address: &PgConnectOptions, limit: Duration) -> PgPool {
    PgPoolOptions::new().max_connections(1).acquire_timeout(LONGEST_WAIT).connect_lazy_with(alone(address, limit))
}

/// For one connection of its own. The server itself ends a statement that nobody waits for any more.
pub(crate) fn alone(address: &PgConnectOptions, limit: Duration) -> PgConnectOptions {
    let limit = limit.as_millis().to_string();
    address.clone().options([("statement_timeout", limit)]).disable_statement_logging()
}

/// Connections whose statements the server ends after `storage.timeout`, as it is when each of them is taken.
pub(crate) fn pool(address: &PgConnectOptions, connections: u32, ground: &Arc<Ground>) -> PgPool {
    let (made, taken) = (Arc::clone(ground), Arc::clone(ground));
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(LONGEST_WAIT)
        .idle_timeout(IDLE)
        // The limit tests the connection too, in the one exchange that a test takes.
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(set_limit(connection, made.timeout())))
        .before_acquire(move |connection, _| {
            let limit = taken.timeout();
            Box::pin(async move { Ok(set_limit(connection, limit).await.is_ok()) })
        })
        .connect_lazy_with(address.clone().disable_statement_logging())
}

async fn set_limit(connection: &mut PgConnection, limit: Duration) -> Result<(), Error> {
    let set = format!("SET statement_timeout = {}", limit.as_millis());
    raw_sql(AssertSqlSafe(set)).execute(connection).await.map(drop)
}

/// Why there is no connection: the pool only says that there is none.
pub(crate) async fn why_none(pool: &PgPool, timeout: Duration) -> Failure {
    let options = PgConnectOptions::clone(&pool.connect_options());
    match within(timeout, options.connect()).await {
        Ok(_) => Failure::of(&Error::PoolTimedOut),
        Err(failure) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_lock_is_a_name() {
        let number: i64 = Postgres::ALONE.split(['(', ')']).nth(2).unwrap().parse().unwrap();
        assert_eq!(number.to_be_bytes(), *b"keelwatc");
    }
}
