//! Findings in the database: plans as one write, and the book as it was stored.

mod entries;
mod load;
mod rows;
mod sql;
mod trend;
mod write;

pub(crate) use entries::{after, history, long, orphans, slice, trim, trimmed};
pub(crate) use load::{Later, Loaded, State, in_force, later, load, silences, state};
pub(crate) use trend::{Counts, count, trend};
pub(crate) use write::{CHANGED, Numbers, SILENCED, led, note, silenced, unsilenced, write_of};
