//! What is asked of the database and what it answers, as plain values: the same for both kinds.

use crate::failure::Failure;
use crate::fence::Fence;

/// A value of a statement or of a row. `None` is NULL, of the type that its column has.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Real(Option<f64>),
    /// TEXT.
    Text(Option<String>),
}

/// One statement and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

/// Statements that are stored whole or not at all, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use = "nothing is stored until `Storage::write` is given this"]
pub struct Write {
    pub(crate) fence: Option<Fence>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) notified: Option<&'static str>,
}

/// What the statements of a write did, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    pub(crate) done: Vec<Done>,
}

/// What one statement did.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Done {
    pub(crate) affected: u64,
    pub(crate) rows: Vec<Row>,
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl Statement {
    /// A statement without values so far.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// Gives the next placeholder its value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

impl Write {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement.
    pub fn then(mut self, statement: Statement) -> Self {
        self.statements.push(statement);
        self
    }

    /// Makes the database refuse it if another leader took a number since.
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Tells those who listen to `channel` once it is stored; see `Storage::listen`.
    pub fn notify(mut self, channel: &'static str) -> Self {
        self.notified = Some(channel);
        self
    }

    /// Whether there is nothing to store.
    pub const fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

impl Extend<Statement> for Write {
    fn extend<T: IntoIterator<Item = Statement>>(&mut self, statements: T) {
        self.statements.extend(statements);
    }
}

impl Written {
    /// Rows that the statement at this place inserted, changed or deleted.
    ///
    /// # Panics
    /// The write had no statement at this place.
    pub fn affected(&self, statement: usize) -> u64 {
        self.done[statement].affected
    }

    /// What the statement at this place returned.
    ///
    /// # Panics
    /// The write had no statement at this place.
    pub fn rows(&self, statement: usize) -> &[Row] {
        &self.done[statement].rows
    }
}

impl Row {
    /// The whole number in a column.
    pub fn int(&self, column: usize) -> Result<i64, Failure> {
        self.maybe_int(column)?.ok_or_else(|| Failure::unexpected(column, "whole number"))
    }

    /// The whole number in a column that may be NULL.
    pub fn maybe_int(&self, column: usize) -> Result<Option<i64>, Failure> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            Some(Value::Real(None) | Value::Text(None)) => Ok(None),
            _ => Err(Failure::unexpected(column, "whole number")),
        }
    }

    /// The number in a column.
    pub fn real(&self, column: usize) -> Result<f64, Failure> {
        match self.0.get(column) {
            Some(Value::Real(Some(value))) => Ok(*value),
            _ => Err(Failure::unexpected(column, "number")),
        }
    }

    /// The text in a column.
    pub fn text(&self, column: usize) -> Result<&str, Failure> {
        self.maybe_text(column)?.ok_or_else(|| Failure::unexpected(column, "text"))
    }

    /// The text in a column that may be NULL.
    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>, Failure> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value.as_deref()),
            Some(Value::Real(None) | Value::Int(None)) => Ok(None),
            _ => Err(Failure::unexpected(column, "text")),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}
