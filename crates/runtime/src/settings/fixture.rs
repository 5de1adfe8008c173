//! Settings as a program would have them, for the tests of this module.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Environment, Root};

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sample {
    /// What it is called.
    pub(super) name: String,
    /// How it watches.
    pub(super) watch: Watch,
    /// Who may ask.
    #[schemars(length(max = 3))]
    pub(super) tokens: Vec<Token>,
    /// How many.
    #[schemars(range(min = 1, max = 9))]
    pub(super) limit: u32,
    /// Labels of everything.
    pub(super) labels: BTreeMap<String, String>,
    /// Rule files.
    pub(super) rules: Vec<PathBuf>,
}

/// How it watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Watch {
    /// Pause between two passes.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
    pub(super) every: Duration,
    /// At least `every`.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "500ms", "x-max" = "1h"))]
    pub(super) max_pause: Duration,
    /// The tree to read.
    #[schemars(extend("x-applies" = "start"))]
    pub(super) proc: String,
    /// Where events come from.
    #[schemars(extend("x-applies" = "start"))]
    pub(super) events: Events,
}

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Events {
    /// Nowhere.
    Off,
    /// The kernel.
    Connector,
}

/// Who may ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Token {
    /// What it is called.
    pub(super) name: String,
    /// The token itself.
    #[schemars(extend("x-secret" = true))]
    pub(super) token: String,
}

impl Default for Sample {
    fn default() -> Self {
        let watch = Watch::default();
        let (tokens, labels, rules) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { name: String::new(), watch, tokens, limit: 3, labels, rules }
    }
}

impl Default for Watch {
    fn default() -> Self {
        let (every, max_pause) = (Duration::from_secs(2), Duration::from_mins(1));
        Self { every, max_pause, proc: "auto".to_owned(), events: Events::Off }
    }
}

impl Root for Sample {
    fn check(&self) -> Vec<(String, String)> {
        let fault = ("watch.max_pause".to_owned(), "is shorter than every (accepted: every to 1h)".to_owned());
        (self.watch.max_pause < self.watch.every).then_some(fault).into_iter().collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.rules.clone()
    }
}

pub(super) fn environment() -> Environment {
    let variables = [("INJECTION", "x\nauth: {anonymous_reads: true}"), ("LIMIT", "7"), ("TOKEN", "t0ken")];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect()
}

/// A folder of files, gone when it is dropped.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn with(name: &str, text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(name, text);
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Lets `name` hold `text` as the kubelet does: a new folder, a swapped link, and the old folder gone.
    pub(super) fn publish(&self, version: u32, name: &str, text: &str) {
        let folder = format!("..{version}");
        fs::create_dir(self.path(&folder)).unwrap();
        fs::write(self.path(&folder).join(name), text).unwrap();
        symlink(&folder, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if !self.path(name).is_symlink() {
            symlink(Path::new("..data").join(name), self.path(name)).unwrap();
        }
        if version > 0 {
            fs::remove_dir_all(self.path(&format!("..{}", version - 1))).unwrap();
        }
    }
}
