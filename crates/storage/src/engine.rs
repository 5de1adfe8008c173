//! One transaction on either database: what both do alike.
//!
//! Owns running statements and transactions on a connection. How connections are had is `sqlite`'s and `postgres`'.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::{Database, Either, Executor, IntoArguments, Type, raw_sql};

use crate::failure::{Cause, Failure};
use crate::fence::Fence;
use crate::metrics::{Operation, Timed};
use crate::statement::{Done, Row, Statement, Value, Write, Written};

/// What differs between the two databases.
pub(crate) trait Engine: Database {
    /// Begins a transaction that will write.
    const BEGIN: &'static str;
    /// Makes one process at a time change the schema, until the transaction ends.
    const ALONE: &'static str;
    /// The number in force, held until the transaction ends.
    const FENCE: &'static str;
    /// How many tables of this name there are.
    const HAS_TABLE: &'static str;
    /// Each table with its bytes, indexes and all.
    const SIZES: &'static str;
    /// Size of the database in bytes.
    const SIZE: &'static str;
    /// Tells other processes, if there can be any, of a change as soon as the transaction is committed.
    const NOTIFY: Option<&'static str>;

    /// Column by column.
    fn row(row: &Self::Row) -> Result<Row, sqlx::Error>;

    /// Rows that were changed.
    fn affected(result: &Self::QueryResult) -> u64;

    /// The text of a statement as this database runs it best.
    fn text(sql: &'static str) -> &'static str {
        sql
    }
}

/// A database whose connection runs statements with our values. Every [`Engine`] is one.
pub(crate) trait Runs: Engine + Sized {
    fn run(
        connection: &mut Self::Connection,
        statement: &Statement,
    ) -> impl Future<Output = Result<Done, sqlx::Error>> + Send;

    fn script(
        connection: &mut Self::Connection,
        sql: &'static str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl<E> Runs for E
where
    E: Engine,
    for<'c> &'c mut E::Connection: Executor<'c, Database = E>,
    E::Arguments: IntoArguments<E>,
    for<'q> Value: Encode<'q, E> + Type<E>,
{
    async fn run(connection: &mut E::Connection, statement: &Statement) -> Result<Done, sqlx::Error> {
        let mut query = sqlx::query::<E>(E::text(statement.sql));
        for value in &statement.values {
            query = query.bind(value);
        }
        let mut done = Done::default();
        let mut answers = connection.fetch_many(query);
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Left(result) => done.affected += E::affected(&result),
                Either::Right(row) => done.rows.push(E::row(&row)?),
            }
        }
        Ok(done)
    }

    async fn script(connection: &mut E::Connection, sql: &'static str) -> Result<(), sqlx::Error> {
        raw_sql(sql).execute(connection).await.map(drop)
    }
}

/// A connection, with how long each statement may take and where that is measured.
#[derive(Debug)]
pub(crate) struct Session<'a, E: Runs> {
    pub(crate) connection: &'a mut E::Connection,
    pub(crate) timeout: Duration,
    pub(crate) timed: &'a Timed,
}

impl<E: Runs> Session<'_, E> {
    /// Runs one statement outside of a transaction.
    pub(crate) async fn read(&mut self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        Ok(self.run(Operation::Read, statement).await?.rows)
    }

    /// Stores `writes` in one transaction. A write that the database refuses fails alone; an outage fails all.
    pub(crate) async fn write(&mut self, writes: &[Write]) -> Result<Vec<Result<Written, Failure>>, Failure> {
        self.script(E::BEGIN).await?;
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            let outcome = match writes.len() {
                1 => self.one(write).await,
                _ => self.in_savepoint(write).await?,
            };
            match outcome {
                Err(failure) if failure.is_outage() => return Err(failure),
                outcome => outcomes.push(outcome),
            }
        }
        let stores = outcomes.iter().any(Result::is_ok);
        self.timed(Operation::Commit, if stores { "COMMIT" } else { "ROLLBACK" }).await?;
        Ok(outcomes)
    }

    async fn in_savepoint(&mut self, write: &Write) -> Result<Result<Written, Failure>, Failure> {
        self.script("SAVEPOINT one").await?;
        let outcome = self.one(write).await;
        match &outcome {
            Ok(_) => self.script("RELEASE SAVEPOINT one").await?,
            Err(failure) if failure.is_outage() => {}
            Err(_) => self.script("ROLLBACK TO SAVEPOINT one").await?,
        }
        Ok(outcome)
    }

    async fn one(&mut self, write: &Write) -> Result<Written, Failure> {
        if let Some(fence) = write.fence {
            self.check(fence).await?;
        }
        let mut done = Vec::with_capacity(write.statements.len());
        for statement in &write.statements {
            done.push(self.run(Operation::Write, statement).await?);
        }
        if let (Some(sql), Some(channel)) = (E::NOTIFY, write.notified) {
            self.run(Operation::Write, &Statement::new(sql).bind(channel)).await?;
        }
        Ok(Written { done })
    }

    async fn check(&mut self, fence: Fence) -> Result<(), Failure> {
        let rows = self.run(Operation::Write, &Statement::new(E::FENCE)).await?.rows;
        let current = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if current > fence.number() {
            return Err(Failure::Fenced { held: fence.number(), current });
        }
        Ok(())
    }

    async fn run(&mut self, operation: Operation, statement: &Statement) -> Result<Done, Failure> {
        let running = E::run(self.connection, statement);
        within(self.timeout, self.timed.measure(operation, running)).await
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Failure> {
        within(self.timeout, E::script(self.connection, sql)).await
    }

    async fn timed(&mut self, operation: Operation, sql: &'static str) -> Result<(), Failure> {
        let running = E::script(self.connection, sql);
        within(self.timeout, self.timed.measure(operation, running)).await
    }
}

/// The answer, or `Timeout`. A connection whose statement was left like this must not be used again.
pub(crate) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure::Timeout(Cause::new(&format!("a statement took longer than {limit:?}")))),
    }
}

impl<'q, DB> Encode<'q, DB> for Value
where
    DB: Database,
    Option<i64>: Encode<'q, DB>,
    Option<f64>: Encode<'q, DB>,
    Option<String>: Encode<'q, DB>,
    i64: Type<DB>,
    f64: Type<DB>,
    String: Type<DB>,
{
    fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Int(value) => value.encode_by_ref(buffer),
            Self::Real(value) => value.encode_by_ref(buffer),
            Self::Text(value) => value.encode_by_ref(buffer),
        }
    }

    fn produces(&self) -> Option<DB::TypeInfo> {
        // Of the kind of value, also for NULL: PostgreSQL asks for the type of each.
        Some(match self {
            Self::Int(_) => <i64 as Type<DB>>::type_info(),
            Self::Real(_) => <f64 as Type<DB>>::type_info(),
            Self::Text(_) => <String as Type<DB>>::type_info(),
        })
    }
}

impl<DB> Type<DB> for Value
where
    DB: Database,
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <String as Type<DB>>::type_info()
    }
}
