//! Everything that is wrong, whoever found it: one identity, one life, one store.
//!
//! Owns the life of a finding from the first sighting to the last, silences, and what is told to those who watch. Looking is
//! the sources' job (`violations`, `issues`, `images`, `inspections`), acting that of `responses`, keeping that of `storage`.
//!
//! ```text
//! source ─► Batch ─► Book::take ─► Plan ─┬─► storage, in one transaction ─► followers
//!                    (pure)              ├─► Book::apply, once it is stored
//!                                        └─► Transitions ─► watchers, responses
//! ```

pub mod batch;
pub mod book;
mod columns;
mod coverage;
pub mod event;
mod export;
mod feed;
mod filter;
mod findings;
#[cfg(test)]
mod fixture;
mod follow;
mod life;
mod metrics;
mod pass;
mod plan;
pub mod record;
#[cfg(test)]
mod records;
pub mod round;
mod routes;
pub mod sarif;
mod select;
mod settings;
pub mod silence;
mod tables;
mod upkeep;
mod walk;
pub mod wire;
mod writer;

pub use api::Facts;
pub use batch::{Batch, Sighting, Told};
pub use book::{Book, Limits};
pub use event::{Entry, Event, Note, Transition};
pub use findings::{Changes, Done, Findings, Hour, StoreError, Watcher};
pub use metrics::register;
pub use plan::{Plan, Reason, Refused};
pub use record::Record;
pub use round::{Freshness, Gap, Round, ScopeLook};
pub use routes::routes;
pub use settings::{Settings, SilenceSetting};
pub use silence::Silence;
