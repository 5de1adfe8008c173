//! Takes secrets out of command lines before they are stored, logged or served.
//!
//! Owns what counts as a secret and the text that is shown instead. Rules match the raw bytes; only what leaves the
//! process goes through here.
//!
//! ```text
//! arguments ──► walk ──┬─ keys     --key=value, KEY=value, key: value, "key": "value"
//!                      ├─ urls     scheme://user:password@host
//!                      ├─ tools    mysql -p…, sshpass -p …, curl -u user:…
//!                      └─ words    scripts and other arguments with white space, word by word
//!           ├─► tokens, extra ──► spans ──► `***` ──► the same again, until nothing is left to hide
//! ```

mod keys;
mod spans;
mod tokens;
mod tools;
mod urls;
mod values;
mod walk;
mod words;

use std::fmt;
use std::iter;
use std::ops::Range;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

use spans::Spans;
use tokens::Tokens;

/// What is shown in place of a secret.
const SHOWN: &str = "***";

/// More patterns than this are refused.
const MAX_EXTRA: usize = 64;

/// Longest extra pattern.
const MAX_PATTERN_BYTES: usize = 1024;

/// Compiled size of one extra pattern.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Two rounds are usual: one that hides and one that finds nothing. Every further round hides something that showed
/// only when a control byte had been replaced.
const MAX_ROUNDS: usize = 8;

/// Takes secrets out of texts. Compiled once, shared by all who show them.
pub struct Redactor {
    tokens: Tokens,
    extra: Vec<Regex>,
}

impl Redactor {
    /// A redactor of the built-in forms and of `extra` patterns: bytes regexes (ASCII classes, `.` also matches
    /// newline), searched in each argument by itself, whose group 1 is replaced, or all of the match if the pattern has
    /// no group. Fails with every bad pattern by its index.
    pub fn new(extra: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let mut compiled = Vec::with_capacity(extra.len());
        let mut faults = Vec::new();
        for (index, pattern) in extra.iter().enumerate() {
            match extra_pattern(index, pattern) {
                Ok(regex) => compiled.push(regex),
                Err(fault) => faults.push((index, fault)),
            }
        }
        if faults.is_empty() { Ok(Self { tokens: Tokens::new(), extra: compiled }) } else { Err(faults) }
    }

    /// The arguments without secrets, control characters and invalid UTF-8; as many as were given.
    pub fn args<'a>(&self, args: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let given: Vec<&[u8]> = args.collect();
        let mut shown = self.round(&given);
        for _ in 1..MAX_ROUNDS {
            let again = self.round(&shown);
            if again == shown {
                return shown;
            }
            shown = again;
        }
        // Nobody but a fuzzer writes this; what cannot be understood is not shown.
        shown.iter().map(|_| SHOWN.to_owned()).collect()
    }

    /// The arguments as one line without secrets, cut with `…` if it were longer than `max_bytes`.
    pub fn line<'a>(&self, args: impl Iterator<Item = &'a [u8]>, max_bytes: usize) -> String {
        cut(self.args(args).join(" "), max_bytes)
    }

    /// One text without secrets: a process name, a path.
    pub fn text(&self, text: &[u8]) -> String {
        self.args(iter::once(text)).concat()
    }

    /// Hides what can be found in `args` as they are.
    fn round<A: AsRef<[u8]>>(&self, args: &[A]) -> Vec<String> {
        let (text, ranges) = joined(args);
        let mut spans = Spans::default();
        walk::arguments(&text, &ranges, &mut spans);
        self.tokens.hide(&text, &mut spans);
        for range in &ranges {
            self.extra.iter().for_each(|regex| hide_matches(regex, &text, range, &mut spans));
        }
        let hidden = spans.merged();
        ranges.into_iter().map(|range| spans::shown(&text, range, &hidden)).collect()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("extra", &self.extra.len()).finish_non_exhaustive()
    }
}

/// All arguments in one text, a NUL between them as in `/proc`, so that a span may reach over several.
fn joined<A: AsRef<[u8]>>(args: &[A]) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut text = Vec::with_capacity(args.iter().map(|arg| arg.as_ref().len() + 1).sum());
    let mut ranges = Vec::with_capacity(args.len());
    for arg in args {
        let start = text.len();
        text.extend_from_slice(arg.as_ref());
        ranges.push(start..text.len());
        text.push(0);
    }
    (text, ranges)
}

fn extra_pattern(index: usize, pattern: &str) -> Result<Regex, String> {
    if index >= MAX_EXTRA {
        return Err(format!("is one too many (accepted: up to {MAX_EXTRA} patterns)"));
    }
    if pattern.is_empty() || pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("has {} bytes (accepted: 1 to {MAX_PATTERN_BYTES})", pattern.len()));
    }
    let regex = compile(pattern).map_err(|reason| format!("is not a regex: {reason}"))?;
    if regex.is_match("") {
        return Err("matches the empty text, so it would hide nothing or everything".to_owned());
    }
    Ok(regex)
}

fn compile(pattern: &str) -> Result<Regex, String> {
    // Command lines of matches are short and few: a small cache is fast enough and keeps the node small.
    let config =
        Regex::config().utf8_empty(false).nfa_size_limit(Some(MAX_COMPILED_BYTES)).hybrid_cache_capacity(64 << 10);
    let syntax = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true);
    Regex::builder().configure(config).syntax(syntax).build(pattern).map_err(|error| reason(&error))
}

/// The last line of a syntax error says what is wrong; those before it draw the pattern.
fn reason(error: &BuildError) -> String {
    let whole = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    let last = whole.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn hide_matches(regex: &Regex, text: &[u8], range: &Range<usize>, spans: &mut Spans) {
    let arg = &text[range.clone()];
    let group = usize::from(regex.group_info().group_len(regex_automata::PatternID::ZERO) > 1);
    for found in regex.captures_iter(arg).filter_map(|captures| captures.get_group(group)) {
        spans.hide(text, range.start + found.start..range.start + found.end);
    }
}

/// Cuts at a character, so that the text with `…` at its end has at most `max_bytes`.
fn cut(mut text: String, max_bytes: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= max_bytes {
        return text;
    }
    let Some(kept) = max_bytes.checked_sub(ELLIPSIS.len_utf8()) else {
        return String::new();
    };
    text.truncate(text.floor_char_boundary(kept));
    text.push(ELLIPSIS);
    text
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
