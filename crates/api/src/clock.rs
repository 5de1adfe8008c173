//! What time it is, as an argument.
//!
//! Owns the interface only. `runtime::clock` has the one implementation that asks the system; tests bring their own.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// The source of both kinds of time; whoever needs one takes it as an argument.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Wall-clock time. May jump in either direction.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start. Never goes back, and goes on while the wall clock is set.
    fn monotonic(&self) -> Duration;
}
