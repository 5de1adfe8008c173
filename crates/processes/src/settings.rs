//! The `processes` section of the settings.
//!
//! Owns keys, defaults, ranges and contradictions. Loading and reloading them is `runtime`'s job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::redact::Redactor;
use crate::rules::Source;

/// How forbidden processes are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The /proc tree to read: `auto`, or an absolute directory. `auto` is /host/proc if that is a directory, else
    /// /proc.
    #[schemars(extend("x-applies" = "start"))]
    pub proc: String,
    /// Pause between two passes; the first pass starts at once.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
    pub every: Duration,
    /// Share of one core for passes, and the same again for exec events.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub cpu_share: f64,
    /// The CPU budget never stretches the interval beyond this. At least `every`.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
    pub max_pause: Duration,
    /// Whether the kernel tells of every exec. `connector` needs the initial user, network and pid namespaces (in a pod:
    /// hostNetwork and hostPID) and, before Linux 6.6, CAP_NET_ADMIN.
    #[schemars(extend("x-applies" = "start"))]
    pub exec_events: ExecEvents,
    /// The rule set: `builtin`, `builtin:<pack>`, or a file path; later files may not redefine an id.
    #[schemars(length(min = 1, max = 64))]
    pub rules: Vec<String>,
    /// Bytes of a command line that are read and matched; longer ones are cut, flagged and counted.
    #[serde(with = "document::size")]
    #[schemars(with = "document::SizeText", extend("x-min" = "4KiB", "x-max" = "2MiB"))]
    pub cmdline_bytes: u64,
    /// More patterns of secrets in command lines: bytes regexes, group 1 is replaced by `***`.
    #[schemars(length(max = 64))]
    pub redact: Vec<String>,
    /// What is kept of a match.
    pub evidence: EvidenceSettings,
}

/// Where exec events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecEvents {
    /// Passes only.
    Off,
    /// The kernel's process connector.
    Connector,
}

/// What is kept of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSettings {
    /// Whether the executable of a match is hashed (SHA-256).
    pub hash: bool,
    /// Larger executables are not hashed; the evidence says so.
    #[serde(with = "document::size")]
    #[schemars(with = "document::SizeText", extend("x-min" = "1MiB", "x-max" = "1GiB"))]
    pub hash_max: u64,
    /// Length of the parent chain.
    #[schemars(range(max = 16))]
    pub parents: usize,
    /// Longest command line that is stored and served, after redaction.
    #[serde(with = "document::size")]
    #[schemars(with = "document::SizeText", extend("x-min" = "256B", "x-max" = "4KiB"))]
    pub cmdline_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proc: "auto".to_owned(),
            every: Duration::from_secs(2),
            cpu_share: 0.01,
            max_pause: Duration::from_mins(1),
            exec_events: ExecEvents::Off,
            rules: vec!["builtin".to_owned()],
            cmdline_bytes: 64 << 10,
            redact: Vec::new(),
            evidence: EvidenceSettings::default(),
        }
    }
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self { hash: true, hash_max: 64 << 20, parents: 5, cmdline_max: 4 << 10 }
    }
}

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if self.proc != "auto" && !Path::new(&self.proc).is_absolute() {
            faults.push((
                "proc".to_owned(),
                format!("`{}` is not accepted (accepted: auto or an absolute directory)", self.proc),
            ));
        }
        if self.max_pause < self.every {
            faults.push(("max_pause".to_owned(), "is shorter than every (accepted: every to 1h)".to_owned()));
        }
        for (index, source) in self.rules.iter().enumerate() {
            if let Err(unknown) = source.parse::<Source>() {
                faults.push((format!("rules[{index}]"), unknown.to_string()));
            }
        }
        if let Err(bad) = Redactor::new(&self.redact) {
            faults.extend(bad.into_iter().map(|(index, error)| (format!("redact[{index}]"), error)));
        }
        faults
    }

    /// The tree to read.
    pub fn proc_root(&self) -> PathBuf {
        const OF_THE_HOST: &str = "/host/proc";
        match self.proc.as_str() {
            "auto" if Path::new(OF_THE_HOST).is_dir() => OF_THE_HOST.into(),
            "auto" => "/proc".into(),
            given => given.into(),
        }
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
    fn every_contradiction_is_told_with_its_path() {
        let settings = Settings {
            proc: "host/proc".to_owned(),
            max_pause: Duration::from_secs(1),
            rules: ["builtin", "builtin:mners", "/etc/rules.yaml"].map(str::to_owned).to_vec(),
            redact: vec!["fine".to_owned(), "(".to_owned()],
            ..Settings::default()
        };
        let paths: Vec<String> = settings.check().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["proc", "max_pause", "rules[1]", "redact[1]"]);
    }
}
