//! Keeps what must survive any death of the process: in one SQLite file by default, in PostgreSQL by address.
//!
//! Owns the schema and its migrations, connections, transactions, fencing, and what can go wrong with them. What the tables
//! mean is known by the rooms that use them: they hand in statements and take rows.
//!
//! ```text
//! Write (statements, whole or not at all) ─► Storage ─┬─► one writer, many writes a commit ─► SQLite
//! Statement ─► rows                                   └─► a pool of connections ────────────► PostgreSQL
//! ```
//!
//! The same SQL runs on both: placeholders are `$1`, whole numbers are BIGINT, truth is 0 or 1, JSON is TEXT.

mod address;
pub mod care;
mod engine;
mod failure;
mod fence;
mod health;
mod listen;
mod lock;
mod metrics;
mod open;
mod postgres;
mod probe;
mod schema;
mod settings;
mod sqlite;
mod statement;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use failure::Failure;
pub use fence::{Fence, Term};
pub use listen::Listener;
pub use open::OpenError;
pub use probe::watch;
pub use settings::Settings;
pub use statement::{Row, Statement, Value, Write, Written};
pub use store::Storage;
