//! The section `log`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::Filter;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `error`, `warn`, `info`, `debug` or `trace`, or also one per target: `info,pods=debug`.
    #[schemars(length(min = 1, max = 1000))]
    pub level: String,
    /// How a line is written. `auto` is text on a terminal and JSON elsewhere.
    pub format: LogFormat,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

impl Settings {
    /// What is wrong beyond types, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let message = |part| {
            format!(
                "`{part}` is no level (accepted: error, warn, info, debug or trace, also per target: info,pods=debug)"
            )
        };
        Filter::parse(&self.level).err().map(|part| ("level".to_owned(), message(part))).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_word_or_one_per_target() {
        let faults = |level: &str| Settings { level: level.to_owned(), ..Settings::default() }.check();
        for level in ["info", "error", "INFO", "info,pods=debug", "warn, web::front=trace", "pods=debug"] {
            assert_eq!(faults(level), [], "{level}");
        }
        for level in ["", "loud", "info,pods", "info,pods=loud", "info,=debug", "info,debug", "off"] {
            assert_eq!(faults(level).len(), 1, "{level}");
        }
    }
}
