//! Splits a text as a shell would, and keeps where each word stands.

use std::ops::Range;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word with its quotes.
    pub(super) raw: Range<usize>,
    /// The word without its quotes, if one pair encloses all of it but the sign that ends a command.
    pub(super) inner: Range<usize>,
}

impl Word {
    /// A word without quotes.
    pub(super) fn bare(range: Range<usize>) -> Self {
        Self { raw: range.clone(), inner: range }
    }

    /// One pair of quotes encloses all of it.
    pub(super) fn is_quoted(&self) -> bool {
        self.raw != self.inner
    }
}

/// What may follow the last word of a command.
pub(super) const ENDS_COMMAND: &[u8] = b";&|)";

/// A shell's idea of white space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

pub(super) fn has_space(text: &[u8]) -> bool {
    text.iter().any(|byte| is_space(*byte))
}

/// The shell words of `text[range]`; what stands between white space if quotes do not balance.
pub(super) fn split(text: &[u8], range: Range<usize>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = range.start;
    while let Some(start) = (at..range.end).find(|at| !is_space(text[*at])) {
        let Some(end) = word_end(text, start..range.end) else {
            return between_spaces(text, range);
        };
        words.push(quoted_or_bare(text, start..end));
        at = end;
    }
    words
}

/// The insides of the quoted parts of a word that hold white space.
pub(super) fn quoted_parts(text: &[u8], word: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut at = word.start;
    while at < word.end {
        match text[at] {
            b'\\' => at += 2,
            b'"' | b'\'' => {
                let Some(close) = closing_quote(text, at..word.end) else { break };
                parts.push(at + 1..close);
                at = close + 1;
            }
            _ => at += 1,
        }
    }
    parts.retain(|part| has_space(&text[part.clone()]));
    parts
}

/// Where the word that starts at `range.start` ends; `None` if a quote in it is never closed.
fn word_end(text: &[u8], range: Range<usize>) -> Option<usize> {
    let mut at = range.start;
    while at < range.end && !is_space(text[at]) {
        at = match text[at] {
            b'\\' => at + 2,
            b'"' | b'\'' => closing_quote(text, at..range.end)? + 1,
            _ => at + 1,
        };
    }
    Some(at.min(range.end))
}

/// Where the quote that opens at `range.start` is closed.
fn closing_quote(text: &[u8], range: Range<usize>) -> Option<usize> {
    let quote = text[range.start];
    let mut at = range.start + 1;
    while at < range.end {
        match text[at] {
            byte if byte == quote => return Some(at),
            b'\\' if quote == b'"' => at += 2,
            _ => at += 1,
        }
    }
    None
}

fn quoted_or_bare(text: &[u8], raw: Range<usize>) -> Word {
    let close = matches!(text[raw.start], b'"' | b'\'').then(|| closing_quote(text, raw.clone())).flatten();
    match close {
        Some(close) if text[close + 1..raw.end].iter().all(|byte| ENDS_COMMAND.contains(byte)) => {
            Word { inner: raw.start + 1..close, raw }
        }
        _ => Word::bare(raw),
    }
}

fn between_spaces(text: &[u8], range: Range<usize>) -> Vec<Word> {
    let mut start = range.start;
    text[range]
        .split(|byte| is_space(*byte))
        .filter_map(|part| {
            let word = start..start + part.len();
            start = word.end + 1;
            (!word.is_empty()).then(|| Word::bare(word))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        split(text.as_bytes(), 0..text.len()).into_iter().map(|word| &text[word.inner]).collect()
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words(r#" a 'b c';  "d \" e" f'g h'i \ j"#), ["a", "b c", r#"d \" e"#, "f'g h'i", r"\ j"]);
    }

    #[test]
    fn quotes_that_do_not_balance_are_letters() {
        assert_eq!(words("a 'b c\td"), ["a", "'b", "c", "d"]);
    }

    #[test]
    fn quoted_parts_are_those_with_white_space() {
        let word = r#"a='b c'"d"'e f'"#;
        let parts: Vec<&str> =
            quoted_parts(word.as_bytes(), 0..word.len()).into_iter().map(|part| &word[part]).collect();
        assert_eq!(parts, ["b c", "e f"]);
    }
}
