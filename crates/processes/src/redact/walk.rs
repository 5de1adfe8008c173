//! Goes through arguments and through the words inside them, and remembers what the one before said of the next.

use std::mem;
use std::ops::Range;

use super::keys::{self, End};
use super::spans::Spans;
use super::tools::{self, Found, Holds, Tool};
use super::urls;
use super::values::{self, Level};
use super::words::{self, ENDS_COMMAND, Word};

/// Scripts within scripts beyond this are read as words that mean nothing to each other.
const MAX_DEPTH: usize = 6;

/// Hides what the arguments `ranges` of `text` hold.
pub(super) fn arguments(text: &[u8], ranges: &[Range<usize>], spans: &mut Spans) {
    let words: Vec<Word> = ranges.iter().cloned().map(Word::bare).collect();
    Walk { text, spans }.list(&words, Scope { level: Level::Argument, limit: text.len(), depth: 0 });
}

struct Walk<'a> {
    text: &'a [u8],
    spans: &'a mut Spans,
}

/// The list that words stand in.
#[derive(Debug, Clone, Copy)]
struct Scope {
    level: Level,
    /// End of the text that was split into these words.
    limit: usize,
    depth: usize,
}

/// What a word has said of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing.
    Free,
    /// It is a secret, unless it is an option itself.
    Value,
    /// It is a secret, whatever it looks like.
    Field,
    /// It belongs to an option of a tool.
    Of(Holds),
}

/// How an argument is read that holds white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A value that begins in its first word reaches to its end.
    Whole,
    /// Words only.
    Script,
}

impl Walk<'_> {
    fn list(&mut self, words: &[Word], scope: Scope) {
        let mut tool: Option<&Tool> = None;
        let mut next = Next::Free;
        let mut before: &[u8] = b"";
        for word in words {
            let expected = mem::replace(&mut next, Next::Free);
            let text = &self.text[word.inner.clone()];
            if let Some(after) = self.expected(word, expected, scope) {
                next = after;
            } else {
                tool = tool_after(tool, text, expected);
                next = self.word(word, tool, before, scope);
            }
            if scope.level == Level::Word
                && self.text[word.raw.clone()].last().is_some_and(|last| ENDS_COMMAND.contains(last))
            {
                tool = None;
            }
            before = text;
        }
    }

    /// Hides a word as the one before it said; `None` if it is to be read like any other.
    fn expected(&mut self, word: &Word, expected: Next, scope: Scope) -> Option<Next> {
        let text = &self.text[word.inner.clone()];
        match expected {
            Next::Value if is_option(text) || is_sign(text) => return None,
            Next::Free | Next::Of(Holds::Plain) => return None,
            Next::Value | Next::Field | Next::Of(Holds::Secret) => self.hide(word.raw.clone(), scope),
            Next::Of(Holds::Login) => self.hide_login(word.inner.clone()),
            Next::Of(Holds::Script) => self.argument(word.inner.clone(), Form::Script, scope.depth),
        }
        let hidden_scheme = matches!(expected, Next::Value | Next::Field) && ends_with_scheme(text);
        Some(if hidden_scheme { Next::Value } else { Next::Free })
    }

    /// Hides what the word holds by itself, and returns what it says of the next.
    fn word(&mut self, word: &Word, tool: Option<&Tool>, before: &[u8], scope: Scope) -> Next {
        let text = &self.text[word.inner.clone()];
        // `-ppassword` of a tool may be a secret, `-password` a key: then both are taken for it.
        let is_key = keys::is_secret_option(text) || ends_with_scheme(text);
        match tool.and_then(|tool| tool.option(text)) {
            Some(Found::Next(holds)) => return Next::Of(holds),
            Some(Found::Attached(at, Holds::Secret)) => {
                self.hide(word.inner.start + at..word.inner.end, scope);
                return if is_key { Next::Value } else { Next::Free };
            }
            Some(Found::Attached(at, Holds::Login)) if text[at..].contains(&b':') => {
                self.hide_login(word.inner.start + at..word.inner.end);
                return Next::Free;
            }
            Some(Found::Attached(_, Holds::Login | Holds::Script | Holds::Plain)) | None => {}
        }
        if is_key {
            return Next::Value;
        }
        if is_sign(text) && keys::is_bare_secret_key(before) {
            return Next::Field;
        }
        match self.inside(word, scope) {
            End::AwaitsValue => Next::Field,
            End::Complete => Next::Free,
        }
    }

    fn inside(&mut self, word: &Word, scope: Scope) -> End {
        let Word { raw, inner } = word.clone();
        let is_one_word = !words::has_space(&self.text[inner.clone()]) || scope.depth >= MAX_DEPTH;
        if !is_one_word && (scope.level == Level::Argument || word.is_quoted()) {
            self.argument(inner, Form::Whole, scope.depth);
            return End::Complete;
        }
        let end = keys::hide(self.text, inner.clone(), inner.end, scope.level, self.spans);
        urls::hide(self.text, inner.clone(), inner.end, self.spans);
        if !is_one_word {
            for part in words::quoted_parts(self.text, raw) {
                self.argument(part, Form::Whole, scope.depth);
            }
        }
        end
    }

    fn argument(&mut self, range: Range<usize>, form: Form, depth: usize) {
        if form == Form::Whole {
            let first = &self.text[range.clone()];
            let length = first.iter().position(|byte| words::is_space(*byte)).unwrap_or(first.len());
            let chunk = range.start..range.start + length;
            let mut found = Spans::default();
            keys::hide(self.text, chunk.clone(), range.end, Level::Argument, &mut found);
            urls::hide(self.text, chunk, range.end, &mut found);
            let reaches_the_end = found.last_end() == Some(range.end);
            self.spans.add(found);
            if reaches_the_end {
                return;
            }
        }
        let words = words::split(self.text, range.clone());
        self.list(&words, Scope { level: Level::Word, limit: range.end, depth: depth + 1 });
    }

    fn hide(&mut self, value: Range<usize>, scope: Scope) {
        let limit = if scope.level == Level::Argument { value.end } else { scope.limit };
        let secret = values::secret_in(self.text, value, limit, scope.level);
        self.spans.hide(self.text, secret);
    }

    /// Hides the password of `user:password`. A user with an empty password is a token.
    fn hide_login(&mut self, login: Range<usize>) {
        let Some(colon) = login.clone().find(|at| self.text[*at] == b':') else { return };
        let password = values::without_closing_quote(self.text, colon + 1..login.end);
        let secret = if password.is_empty() { login.start..colon } else { password };
        self.spans.hide(self.text, secret);
    }
}

/// The tool whose options follow once `word` has been read.
fn tool_after<'t>(tool: Option<&'t Tool>, word: &[u8], expected: Next) -> Option<&'t Tool> {
    let is_operand = !word.starts_with(b"-") && expected != Next::Of(Holds::Plain);
    match tools::named(word) {
        Some(named) if is_operand => Some(named),
        _ => tool.filter(|tool| !(tool.starts_another && is_operand)),
    }
}

/// What stands between a key and its value in `key = value`.
fn is_sign(word: &[u8]) -> bool {
    matches!(word, b"=" | b":")
}

/// The word is, or ends with, `Bearer` or `Basic` as a header names a scheme.
fn ends_with_scheme(word: &[u8]) -> bool {
    let start = word.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let last = &word[start..];
    // `basic` is an ordinary word as well.
    last.eq_ignore_ascii_case(b"bearer") || last == b"Basic" || last == b"BASIC"
}

/// `--port`, `--port=1` or `-h`: an option, not the value of the one before. A secret may begin with a dash, so `-x9`
/// is not taken for one.
fn is_option(word: &[u8]) -> bool {
    match word {
        [b'-', letter] => letter.is_ascii_alphabetic(),
        [b'-', b'-', first, ..] => {
            let name = word.split(|byte| *byte == b'=').next().unwrap_or(word);
            first.is_ascii_alphabetic() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        }
        _ => false,
    }
}
