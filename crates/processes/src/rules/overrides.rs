//! Changes of rules that are defined elsewhere.

use api::{Action, Severity};

use super::file::OverrideDef;
use super::report::Report;
use super::rule::Rule;
use super::select::{Catalog, Coverage};

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Position of the file in the set.
    pub(super) file: usize,
    pub(super) path: String,
}

/// The rules of a set and where each got what it has.
#[derive(Debug)]
pub(super) struct Overridable {
    /// Sorted by id.
    pub(super) rules: Vec<Rule>,
    /// Where severity or action of each rule was given last.
    pub(super) places: Vec<Place>,
    pub(super) coverage: Coverage,
}

impl Overridable {
    /// Applies the override at `place`.
    pub(super) fn apply(&mut self, place: &Place, def: &OverrideDef, report: &mut Report<'_>) {
        let OverrideDef { rules: patterns, enabled, severity, action, min_age } = def;
        for (index, pattern) in patterns.iter().enumerate() {
            let catalog = Catalog { rules: &self.rules, coverage: self.coverage };
            for selected in catalog.select(&format!("{}.rules[{index}]", place.path), pattern, report) {
                let rule = &mut self.rules[selected.as_usize()];
                rule.enabled = enabled.unwrap_or(rule.enabled);
                rule.severity = severity.unwrap_or(rule.severity);
                rule.action = action.unwrap_or(rule.action);
                rule.min_age = min_age.unwrap_or(rule.min_age);
                let key = action.map(|_| "action").or(severity.map(|_| "severity"));
                if let Some(key) = key {
                    let path = format!("{}.{key}", place.path);
                    self.places[selected.as_usize()] = Place { file: place.file, path };
                }
            }
        }
    }

    /// Tells of every rule that may not respond, and of those that should think twice.
    pub(super) fn check_responses(&self, reports: &mut [&mut Report<'_>]) {
        for (rule, place) in self.rules.iter().zip(&self.places) {
            if rule.action != Action::Respond {
                continue;
            }
            let report = &mut *reports[place.file];
            if rule.severity < Severity::High {
                let Rule { id, severity, .. } = rule;
                let message = format!("`{id}` responds at severity {severity} (respond needs high or critical)");
                report.fault(&place.path, message);
            }
            let matcher = &rule.matcher;
            let others = matcher.process.is_some() || matcher.exe.is_some() || !matcher.flags.is_empty();
            if matcher.cmdline.is_some() && !others && rule.sha256.is_empty() {
                let id = &rule.id;
                let message = format!("`{id}` responds to a command line alone, which anybody can imitate");
                report.warn(&place.path, message);
            }
        }
    }
}
