//! Everything that is wrong, whoever found it: one identity, one life, one store.
//!
//! Owns the life of a finding from the first sighting to the last, silences, and what is told to those who watch. Looking is
//! the sources' job (`violations`, `issues`, `images`, `inspections`), acting that of `responses`, keeping that of `storage`.
//!
//! ```text
//! source ─► Batch ─► Book::take ─► Plan ─┬─► storage, in one transaction
//!                    (pure)              ├─► Book::apply, once it is stored
//!                                        └─► Transitions ─► watchers, responses
//! ```

pub mod batch;
pub mod book;
pub mod event;
#[cfg(test)]
mod fixture;
mod life;
mod plan;
pub mod record;
pub mod silence;
mod store;
mod tables;

pub use batch::{Batch, Sighting};
pub use book::{Book, Limits};
pub use event::{Event, Transition};
pub use plan::Plan;
pub use record::Record;
pub use silence::Silence;
pub use store::{Findings, StoreError};
