//! Names and wire types that every room shares.
//!
//! Owns the words of the house as types: who is meant (`ContainerId`, `PodUid`), how bad it is (`Severity`), what is
//! served (`Violation`, `Finding`, `Coverage`, `RulesAnswer`, `Problem`), and what time it is (`Clock`). It decides nothing, reads
//! nothing and depends on no other room.
//!
//! ```text
//! processes ─► Violation, Coverage, RulesAnswer ─► web ─► clients
//! ```

pub mod clock;
pub mod coverage;
pub mod facts;
pub mod finding;
pub mod identity;
pub mod problem;
pub mod rules;
pub mod severity;
pub mod time;
pub mod violation;

pub use clock::Clock;
pub use facts::Facts;
pub use finding::Finding;
pub use identity::{ContainerId, Fingerprint, PodUid, hex};
pub use problem::Problem;
pub use severity::{Action, Severity};
pub use time::Time;
pub use violation::Violation;
