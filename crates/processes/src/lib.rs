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

pub mod cgroup;
pub mod matches;
pub mod process;
pub mod redact;
pub mod rules;
pub mod settings;

pub use process::{Identity, Texts};
