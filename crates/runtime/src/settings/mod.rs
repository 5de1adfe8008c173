//! Settings: one YAML file, checked whole and swapped whole, while the process runs.
//!
//! Owns loading, variables, secrets in files, reloading, and what can be told about settings: their schema, their
//! reference and the effective values with their origin. The sections belong to the rooms that they are named after; the
//! few that no room owns yet are in [`sections`].
//!
//! ```text
//! file ─► load ─► Loaded<T> ─► Live<T> ─► current, subscribe
//!            ▲                   ▲  └───► check (probes), metrics
//!            │                 follow ◄── SIGHUP, changed files, every 30 s
//!        Environment
//! ```

mod changes;
mod contents;
mod describe;
mod environment;
mod follow;
mod live;
mod load;
mod print;
pub mod sections;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use describe::{Applies, Row, editor_schema, rows};
pub use environment::Environment;
pub use live::{Live, ReloadState};
pub use load::{Loaded, load};
pub use print::print;

/// All settings of a process.
pub trait Root:
    DeserializeOwned + Serialize + JsonSchema + Default + Clone + PartialEq + Send + Sync + 'static
{
    /// Everything that is wrong beyond types and ranges, as (path, what is wrong and what is accepted).
    fn check(&self) -> Vec<(String, String)>;

    /// Files that the settings name and rooms read: when one changes, subscribers are told.
    fn files(&self) -> Vec<PathBuf>;
}

#[cfg(test)]
mod fixture;
