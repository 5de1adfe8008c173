//! Finds the processes that should not run: a /proc tree or an exec event in, matches out.
//!
//! Owns reading processes, the rule language with its built-in packs, redaction, evidence, and saying which pod and
//! container a cgroup path names. It knows no Kubernetes and no async: storing and serving matches is `violations`'
//! job, and whose pod it is `pods`'.
//!
//! ```text
//! /proc ──► Reader ──► Texts ──► RuleSet::judge ──► Match ──► violations, scan
//! exec events ──► Texts ─┘            ▲                ▲
//!                          rules file ┘        evidence, redaction, cgroup
//! ```

mod budget;
pub mod cgroup;
mod connector;
mod control;
mod events;
mod evidence;
#[cfg(test)]
mod fixture;
mod hash;
mod inbox;
mod judge;
mod look;
pub mod matches;
mod pass;
pub mod process;
mod reader;
pub mod redact;
mod remote;
pub mod replay;
pub mod rules;
pub mod settings;
mod stat;
mod table;
mod tree;
mod verdict;
mod watch;

pub use budget::raise_open_files;
pub use control::Handle;
pub use matches::{ConnectorState, Event, Match, PassReport, Verdict};
pub use process::{Identity, Texts};
pub use settings::Settings;
pub use tree::OpenError;
pub use watch::{Keep, Watch};
