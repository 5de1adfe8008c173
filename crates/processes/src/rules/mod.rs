//! The rule language: rules files in, a compiled set out that judges processes.
//!
//! Owns the language, the built-in packs, and the engine that matches all rules at once. Reading processes is
//! `reader`'s job, telling of matches `watch`'s.
//!
//! ```text
//! Source ──► RuleText ──► file ──► check ──► clause::Arena ──► engine ──┐
//!                          lists ────┘                                  ├─► RuleSet::judge ──► Judgement
//!                          overrides, exempt ───────────────────────────┘
//! ```

mod check;
mod clause;
mod decode;
mod draft;
mod engine;
mod examples;
mod exempt;
mod file;
mod flatten;
pub mod import;
mod judge;
mod lists;
mod names;
mod overrides;
mod pack;
#[cfg(test)]
mod packs;
mod report;
mod rule;
mod select;
mod set;
mod source;
#[cfg(test)]
mod tests;

pub use examples::{ExampleFailure, run_examples};
pub use exempt::{Exemption, ExemptionIndex};
pub use file::RulesFile;
pub use import::import;
pub use judge::{Hit, Judgement, Scratch, Subject};
pub use pack::{BuiltinPack, Pack, UnknownPack};
pub use rule::{Rule, RuleIndex};
pub use set::RuleSet;
pub use source::{RuleText, Source};

pub(crate) use check::parse_sha256;
