//! Loads the rule set that a command is about.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use processes::rules::{RuleSet, Source};

use crate::exit::{Exit, say};
use crate::settings;

/// A rule set that was refused, with every reason.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) errors: Vec<String>,
    /// A file could not even be read.
    unreadable: bool,
}

/// The sources that a command names, else those of the settings.
pub(super) fn chosen(files: &[String], settings: Option<&Path>) -> anyhow::Result<Vec<String>> {
    if !files.is_empty() {
        return Ok(files.to_vec());
    }
    Ok(settings::read(settings)?.settings().processes.rules.clone())
}

/// Loads a set from its sources, all of it or nothing.
pub(crate) fn load(sources: &[String]) -> Result<Arc<RuleSet>, Refused> {
    let mut parsed = Vec::new();
    let mut errors = Vec::new();
    for source in sources {
        match source.parse::<Source>() {
            Ok(source) => parsed.push(source),
            Err(unknown) => errors.push(unknown.to_string()),
        }
    }
    if !errors.is_empty() {
        return Err(Refused { errors, unreadable: true });
    }
    RuleSet::load(&parsed).map(Arc::new).map_err(|faults| Refused {
        errors: faults.iter().map(ToString::to_string).collect(),
        unreadable: parsed.iter().any(is_unreadable),
    })
}

/// Loads a set, or none from no sources.
pub(super) fn load_some(sources: &[String]) -> Result<Option<Arc<RuleSet>>, Refused> {
    if sources.is_empty() { Ok(None) } else { load(sources).map(Some) }
}

fn is_unreadable(source: &Source) -> bool {
    match source {
        Source::Builtin | Source::BuiltinPack(_) => false,
        Source::File(path) => {
            !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) || fs::File::open(path).is_err()
        }
    }
}

impl Refused {
    /// Tells every reason; the exit of a command that judges rules: 1 for bad ones, 2 for none at all.
    pub(super) fn told(&self) -> Exit {
        self.unusable();
        if self.unreadable { Exit::Unusable } else { Exit::Findings }
    }

    /// Tells every reason; the exit of a command that needs good rules to do anything.
    pub(crate) fn unusable(&self) -> Exit {
        for error in &self.errors {
            say(format_args!("{error}"));
        }
        Exit::Unusable
    }
}
