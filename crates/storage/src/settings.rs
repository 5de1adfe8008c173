//! The `storage` section of the settings.
//!
//! Owns keys, defaults and ranges. Loading and reloading them is `runtime`'s job.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;

/// Where findings, tasks and results are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite:PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`.
    #[schemars(extend("x-secret" = true, "x-applies" = "start"))]
    pub url: String,
    /// Connections to PostgreSQL.
    #[schemars(range(min = 1, max = 100), extend("x-applies" = "start"))]
    pub connections: u32,
    /// How long one statement may take.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "100ms", "x-max" = "1m"))]
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: "sqlite:keelwatch.db".to_owned(), connections: 8, timeout: Duration::from_secs(5) }
    }
}

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let fault = Address::parse(&self.url).err();
        fault.into_iter().map(|fault| ("url".to_owned(), fault.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn a_refused_address_is_told_without_its_password() {
        let settings = Settings { url: "postgres://bob:hunter2@db".to_owned(), ..Settings::default() };
        let expected = "names no database (accepted: postgres://USER:PASSWORD@HOST:PORT/DATABASE)";
        assert_eq!(settings.check(), [("url".to_owned(), expected.to_owned())]);
    }
}
