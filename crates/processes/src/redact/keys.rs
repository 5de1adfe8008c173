//! Finds values whose key says that they are secret: `--key=value`, `KEY=value`, `key: value`, `"key": "value"`.

use std::ops::Range;

use super::spans::Spans;
use super::values::{self, Level};
use super::words::is_space;

/// A key that contains one of these names a secret. `-`, `_` and `.` do not count in the last three.
const CONTAINED: [&str; 6] = ["password", "passwd", "passphrase", "secret", "token", "credential"];
const CONTAINED_JOINED: [&str; 3] = ["apikey", "accesskey", "privatekey"];

/// A key with one of these as a word names a secret.
const WORDS: [&str; 8] = ["pass", "pwd", "pw", "auth", "authorization", "bearer", "cookie", "session"];

/// Whether a key at the end of the text still waits for its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// No.
    Complete,
    /// `key:` is followed by the next word.
    AwaitsValue,
}

/// A key in front of a `=` or `:`.
struct Key {
    range: Range<usize>,
    /// Quoted by itself, as in JSON.
    quoted: bool,
    /// The byte before it and its quotes.
    before: Option<u8>,
}

/// The key says that its value is secret. Dashes in front do not matter.
pub(super) fn is_secret(key: &[u8]) -> bool {
    let lower = key.to_ascii_lowercase();
    let contains = |text: &[u8], part: &str| text.windows(part.len()).any(|window| window == part.as_bytes());
    let joined: Vec<u8> = lower.iter().copied().filter(|byte| !is_divider(*byte)).collect();
    let is_word = |text: &[u8]| {
        text.split(|byte| is_divider(*byte)).any(|word| WORDS.iter().any(|known| known.as_bytes() == word))
    };
    CONTAINED.iter().any(|part| contains(&lower, part))
        || CONTAINED_JOINED.iter().any(|part| contains(&joined, part))
        || is_word(&lower)
}

/// `--key` alone, whose value is the next argument. `--no-key` and `--key-stdin` have none.
pub(super) fn is_secret_option(word: &[u8]) -> bool {
    let ([b'-', b'-', name @ ..] | [b'-', name @ ..]) = word else { return false };
    let is_flag = name.starts_with(b"no-") || name.ends_with(b"-stdin");
    !is_flag && name.iter().all(|byte| is_key_byte(*byte)) && is_secret(name)
}

/// The word is a secret key and nothing else, with or without dashes, quotes and brackets: what comes before ` = `.
pub(super) fn is_bare_secret_key(word: &[u8]) -> bool {
    let is_around = |byte: &u8| b"\"'\\{}[](),".contains(byte);
    let start = word.iter().position(|byte| !is_around(byte)).unwrap_or(word.len());
    let end = word.iter().rposition(|byte| !is_around(byte)).map_or(start, |last| last + 1);
    let key = &word[start..end];
    !key.is_empty() && key.iter().all(|byte| is_key_byte(*byte)) && is_secret(key)
}

/// Hides the value of each secret key in `chunk`; a value may reach up to `limit`.
pub(super) fn hide(text: &[u8], chunk: Range<usize>, limit: usize, level: Level, spans: &mut Spans) -> End {
    let mut at = chunk.start;
    while let Some(sign) = (at..chunk.end).find(|at| matches!(text[*at], b'=' | b':')) {
        at = sign + 1;
        let Some(key) = Key::before(text, chunk.start, sign) else { continue };
        if !is_value_sign(text, sign, limit, &key) || !key.is_secret(text) {
            continue;
        }
        let start = (at..limit).find(|at| !is_space(text[*at])).unwrap_or(limit);
        if start == limit {
            return if text[sign] == b':' { End::AwaitsValue } else { End::Complete };
        }
        let value = key.value(text, start, limit, level);
        at = at.max(value.end);
        spans.hide(text, value);
    }
    End::Complete
}

impl Key {
    fn before(text: &[u8], floor: usize, sign: usize) -> Option<Self> {
        let is_closer = |at: &usize| matches!(text[*at], b'"' | b'\'' | b'\\' | b']');
        let end = (floor..sign).rev().find(|at| !is_closer(at))? + 1;
        let start = (floor..end).rev().find(|at| !is_key_byte(text[*at])).map_or(floor, |before| before + 1);
        let before = (start > floor).then(|| text[start - 1]);
        let closed = text[end..sign].iter().any(|byte| matches!(byte, b'"' | b'\''));
        let quoted = closed && matches!(before, Some(b'"' | b'\''));
        (start < end).then_some(Self { range: start..end, quoted, before })
    }

    fn is_secret(&self, text: &[u8]) -> bool {
        let key = &text[self.range.clone()];
        // `-Dpass=x`, `-ePASS=x`: the letter of an option sticks to its argument.
        let behind_letter = match key {
            [b'-', letter, rest @ ..] if letter.is_ascii_alphabetic() => rest,
            _ => &[],
        };
        is_secret(key) || is_secret(behind_letter)
    }

    fn value(&self, text: &[u8], start: usize, limit: usize, level: Level) -> Range<usize> {
        if self.quoted {
            return values::json_string(text, start, limit).unwrap_or(start..limit);
        }
        match (self.before, level) {
            // A parameter of a URL or of a form: `&` in the value itself would be escaped.
            (Some(b'?' | b'&'), _) => {
                let end = (start..limit).find(|at| matches!(text[*at], b'&' | b'#')).unwrap_or(limit);
                values::without_closing_quote(text, start..end)
            }
            (Some(quote @ (b'"' | b'\'')), Level::Word) => values::rest_of_quoted(text, start, limit, quote),
            (_, Level::Word) => {
                let value = values::without_closing_quote(text, start..limit);
                values::secret_in(text, value, limit, level)
            }
            (_, Level::Argument) => values::secret_in(text, start..limit, limit, level),
        }
    }
}

/// `=` always is. `:` is not in `scheme://`, `a::b`, `/path/secrets:/target` and `user@token-host:80`.
fn is_value_sign(text: &[u8], sign: usize, limit: usize, key: &Key) -> bool {
    if text[sign] == b'=' {
        return true;
    }
    let rest = &text[sign + 1..limit];
    let is_glued = rest.first().is_some_and(|next| !is_space(*next)) && !key.quoted;
    let in_path = key.before == Some(b'/') && key.range.start >= 2 && !is_boundary(text[key.range.start - 2]);
    !(rest.starts_with(b"//") || rest.starts_with(b":") || is_glued && (in_path || key.before == Some(b'@')))
}

/// What stands in front of the first `/` of a word: white space, a quote, or the NUL of the argument before.
fn is_boundary(byte: u8) -> bool {
    byte == 0 || is_space(byte) || matches!(byte, b'"' | b'\'')
}

fn is_divider(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.')
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || is_divider(byte) || !byte.is_ascii()
}
