//! How much the new file may hold, so that it compiles whatever the former one held.

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use super::super::clause::Case;
use super::super::engine::regexes::{self, PATTERN_MAX};
use super::note::Reason;

/// What is left of the limits of a rules file.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    regex_bytes: usize,
    rules: usize,
}

/// A rules file may have 4 MiB; the rest is for the lines around the lists.
const BYTES_MAX: usize = 3 << 20;

/// A set may spend 64 MiB on patterns, shared with the built-in packs and other files.
const REGEX_BYTES_MAX: usize = 16 << 20;

/// One pattern with nested repetitions could take all of it; a sensible one takes a few KiB.
const ONE_REGEX_BYTES_MAX: usize = 1 << 20;

/// A set may have 10,000 rules, other files included.
const RULES_MAX: usize = 9_000;

impl Room {
    pub(super) fn new() -> Self {
        Self { bytes: BYTES_MAX, regex_bytes: REGEX_BYTES_MAX, rules: RULES_MAX }
    }

    /// Takes room for text.
    pub(super) fn text(&mut self, bytes: usize) -> Result<(), Reason> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Reason::TooLarge)?;
        Ok(())
    }

    /// Takes room for a rule.
    pub(super) fn rule(&mut self) -> Result<(), Reason> {
        self.rules = self.rules.checked_sub(1).ok_or(Reason::TooLarge)?;
        Ok(())
    }

    /// Takes room for a pattern, which must be one that a rules file accepts.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<(), Reason> {
        if pattern.len() > PATTERN_MAX {
            return Err(Reason::TooLong);
        }
        let config = Config::new().nfa_size_limit(Some(ONE_REGEX_BYTES_MAX)).hybrid(false).dfa(false).backtrack(false);
        let syntax = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true);
        let built = Regex::builder().syntax(syntax).configure(config).build(pattern);
        let regex = built.map_err(|error| match error.size_limit() {
            Some(_) => Reason::TooLarge,
            None => Reason::Dialect,
        })?;
        let refused = if regex.is_match("") { Reason::MatchesEverything } else { Reason::Dialect };
        regexes::check(pattern, Case::Sensitive).map_err(|_| refused)?;
        self.regex_bytes = self.regex_bytes.checked_sub(regex.memory_usage()).ok_or(Reason::TooLarge)?;
        Ok(())
    }
}
