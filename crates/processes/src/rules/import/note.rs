//! What is told of an item that did not come over as it was.

use std::fmt;

use super::former::Item;
use super::yaml;

/// An item that was changed or left out. Displayed as `whitelist.commands[7] "g++": left out, dialect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// Where the item stands in the former file, such as `whitelist.commands[7]`.
    pub path: String,
    /// Its text; `None` for a key.
    pub text: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is in the new file, but means something else.
    Changed,
    /// It is not in the new file.
    LeftOut,
}

/// Why an item did not come over as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A pattern of names now has to meet the whole name.
    Narrowed,
    /// It needs arguments, which names do not have, so it never hit; now a disabled rule for command lines.
    Dead,
    /// Ordinary command lines contain the word; severity low.
    Broad,
    /// It looks like a pattern, but keywords are plain text.
    Literal,
    /// Backslashes that only protected the next character are gone.
    Unescaped,
    /// `ban` was asked for by a rule that may only report.
    Action,
    /// The former language reads the pattern otherwise than this one, or not at all.
    Dialect,
    /// The pattern may begin anywhere in a command line, so an argument could exempt any program.
    Unanchored,
    /// It is under 4 bytes.
    TooShort,
    /// It is longer than a rules file accepts.
    TooLong,
    /// It takes more memory, or the file more room, than a rules file may.
    TooLarge,
    /// It also meets the empty text, so it would meet everything.
    MatchesEverything,
    /// It is a pattern where only a name is accepted.
    Pattern,
    /// Tenants choose the names of pods.
    PodName,
    /// The former scanner never looked at it.
    Unused,
    /// A rule has the same text, and the rule wins.
    Shadowed,
    /// The same rule stands above.
    Duplicate,
    /// There is no text.
    Empty,
    /// No rule was taken over that it could be limited to.
    NothingToExempt,
    /// It is a setting, not a rule.
    Setting,
    /// The former scanner knew no such key.
    UnknownKey,
}

/// Gathers notes.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<ImportNote>);

impl Reason {
    /// The word of the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Narrowed => "narrowed",
            Self::Dead => "dead",
            Self::Broad => "broad",
            Self::Literal => "literal",
            Self::Unescaped => "unescaped",
            Self::Action => "action",
            Self::Dialect => "dialect",
            Self::Unanchored => "unanchored",
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::TooLarge => "too-large",
            Self::MatchesEverything => "matches-everything",
            Self::Pattern => "pattern",
            Self::PodName => "pod-name",
            Self::Unused => "unused",
            Self::Shadowed => "shadowed",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::NothingToExempt => "nothing-to-exempt",
            Self::Setting => "setting",
            Self::UnknownKey => "unknown-key",
        }
    }

    /// What to do about it, where the word alone does not say so.
    const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Dead => Some("names have no arguments; check and enable the rule for command lines"),
            Self::Literal => Some("keywords are plain text; write a rule with cmdline: {regex: …}"),
            Self::Action => Some("respond needs a process rule of severity high or critical"),
            Self::PodName => Some("tenants choose pod names; use namespaces"),
            Self::Setting => Some("see the settings under processes"),
            Self::Narrowed
            | Self::Broad
            | Self::Unescaped
            | Self::Dialect
            | Self::Unanchored
            | Self::TooShort
            | Self::TooLong
            | Self::TooLarge
            | Self::MatchesEverything
            | Self::Pattern
            | Self::Unused
            | Self::Shadowed
            | Self::Duplicate
            | Self::Empty
            | Self::NothingToExempt
            | Self::UnknownKey => None,
        }
    }
}

impl Notes {
    pub(super) fn changed(&mut self, item: &Item, reason: Reason) {
        self.push(&item.path, Some(&item.text), Outcome::Changed, reason);
    }

    pub(super) fn left_out(&mut self, item: &Item, reason: Reason) {
        self.push(&item.path, Some(&item.text), Outcome::LeftOut, reason);
    }

    pub(super) fn key_left_out(&mut self, path: &str, reason: Reason) {
        self.push(path, None, Outcome::LeftOut, reason);
    }

    pub(super) fn into_vec(self) -> Vec<ImportNote> {
        self.0
    }

    fn push(&mut self, path: &str, text: Option<&String>, outcome: Outcome, reason: Reason) {
        self.0.push(ImportNote { path: path.to_owned(), text: text.cloned(), outcome, reason });
    }
}

impl fmt::Display for ImportNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, text, outcome, reason } = self;
        f.write_str(path)?;
        if let Some(text) = text {
            write!(f, " {}", yaml::quoted(text))?;
        }
        write!(f, ": {outcome}, {reason}")?;
        reason.advice().map_or(Ok(()), |advice| write!(f, " ({advice})"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Changed => "changed",
            Self::LeftOut => "left out",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
