//! From a condition as it is written, nested and with lists, to flat and checked texts.

use std::sync::Arc;

use super::clause::{Atom, Case, Field, How};
use super::engine::regexes;
use super::file::{ClauseDef, FullClauseDef};
use super::lists::Lists;
use super::report::Report;

/// Longest literal text. It is the longest command line that is served, so nobody can have seen a longer one.
const TEXT_MAX: usize = 4096;

/// The texts of one condition.
#[derive(Debug)]
pub(super) struct Flattening<'a, 'd> {
    pub(super) report: &'a mut Report<'d>,
    pub(super) lists: &'a Lists<'a>,
    pub(super) field: Field,
    pub(super) atoms: Vec<Atom>,
}

impl Flattening<'_, '_> {
    /// Adds the texts of the condition at `path`.
    pub(super) fn add(&mut self, path: &str, def: &ClauseDef, case: Case) {
        let full = match def {
            ClauseDef::Bare(text) => return self.atom(path, bare(self.field), case, text),
            ClauseDef::Full(full) => full,
        };
        let FullClauseDef { exact, contains, prefix, regex, any_of, list, ignore_case } = &**full;
        let case = match ignore_case {
            None => case,
            Some(true) => Case::Ignored,
            Some(false) => Case::Sensitive,
        };
        let single = [
            (How::Exact, "exact", exact),
            (How::Contains, "contains", contains),
            (How::Prefix, "prefix", prefix),
            (How::Regex, "regex", regex),
        ];
        for (how, key, text) in single {
            if let Some(text) = text {
                self.atom(&format!("{path}.{key}"), how, case, text);
            }
        }
        for (index, item) in any_of.iter().flatten().enumerate() {
            self.add(&format!("{path}.any_of[{index}]"), item, case);
        }
        if let Some(list) = list {
            self.splice(&format!("{path}.list"), list, case);
        }
    }

    fn splice(&mut self, path: &str, list: &str, case: Case) {
        let Some(texts) = self.lists.texts(list) else {
            // One that is written and unsound has been told of where it is written.
            if !self.lists.is_written(list) {
                self.lists.report_unknown(path, list, self.report);
            }
            return;
        };
        for text in texts {
            let written = format!("lists.{}[{}]", text.list, text.index);
            self.atom(&written, bare(self.field), case, text.text);
        }
    }

    fn atom(&mut self, path: &str, how: How, case: Case, text: &str) {
        let problem = match how {
            How::Exact | How::Contains | How::Prefix if (1..=TEXT_MAX).contains(&text.len()) => Ok(()),
            How::Exact | How::Contains | How::Prefix => {
                Err(format!("has {} bytes (accepted: 1 to {TEXT_MAX})", text.len()))
            }
            How::Regex => regexes::check(text, case),
        };
        if let Err(problem) = problem {
            self.report.fault(path, problem);
            return;
        }
        if let Some(doubt) = doubt(self.field, how, text) {
            self.report.warn(path, format!("`{text}` {doubt}"));
        }
        self.atoms.push(Atom { how, case, text: Arc::from(text) });
    }
}

/// Why a text that is sound will hardly ever be met.
fn doubt(field: Field, how: How, text: &str) -> Option<&'static str> {
    let from_the_start = matches!(how, How::Exact | How::Prefix);
    match field {
        Field::Process if text.contains(' ') => {
            Some("has a space, and names hardly ever do: arguments are matched by cmdline")
        }
        Field::Process if from_the_start && text.starts_with('/') => {
            Some("is a path, and names have none: paths are matched by exe")
        }
        Field::Exe
            if from_the_start
                && !text.starts_with('/')
                && !"memfd:".starts_with(text)
                && !text.starts_with("memfd:") =>
        {
            Some("is no absolute path, so no executable has it: names are matched by process")
        }
        Field::Process | Field::Exe | Field::Cmdline => None,
    }
}

/// What a bare text means.
const fn bare(field: Field) -> How {
    match field {
        Field::Process | Field::Exe => How::Exact,
        Field::Cmdline => How::Contains,
    }
}
