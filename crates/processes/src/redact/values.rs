//! How far a secret value reaches.

use std::ops::Range;

use super::words::is_space;

/// What a text was before it came here, which says how values in it are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// An argument: its quotes are part of the value.
    Argument,
    /// A word of a script: a shell would take its quotes off.
    Word,
}

/// The secret in `value`: without its quotes in a script, and up to the closing quote, before `limit`, if the words
/// were split apart because some other quote is missing.
pub(super) fn secret_in(text: &[u8], value: Range<usize>, limit: usize, level: Level) -> Range<usize> {
    if let Some(already) = shown_before(text, &value) {
        return already;
    }
    let opening = match level {
        Level::Argument => None,
        Level::Word => Opening::at(text, value.start, value.end),
    };
    let Some(opening) = opening else {
        return value;
    };
    let Some(inside) = opening.inside(text, limit) else {
        return value.start..limit;
    };
    let after = inside.end + opening.len();
    let ends_there = after >= value.end || text[after..value.end].iter().all(|byte| b",;}])".contains(byte));
    if ends_there { inside } else { value }
}

/// The inside of a string that opens at `start` and is followed by what may follow a value in JSON.
pub(super) fn json_string(text: &[u8], start: usize, limit: usize) -> Option<Range<usize>> {
    let opening = Opening::at(text, start, limit)?;
    let inside = opening.inside(text, limit)?;
    let follows = text[inside.end + opening.len()..limit].first();
    follows.is_none_or(|byte| is_space(*byte) || b",}]\\\"'".contains(byte)).then_some(inside)
}

/// The rest of the quoted part that `start` stands in.
pub(super) fn rest_of_quoted(text: &[u8], start: usize, limit: usize, quote: u8) -> Range<usize> {
    let opening = Opening { quote, backslashes: 0, start };
    opening.closing(text, start, limit).map_or(start..limit, |close| start..close)
}

/// The end of what is left of a value at the end of a word, without the quote that closes the word.
pub(super) fn without_closing_quote(text: &[u8], value: Range<usize>) -> Range<usize> {
    let Some(last @ (b'"' | b'\'')) = text[value.clone()].last() else {
        return value;
    };
    let closes = text[value.clone()].iter().fold(false, |open, byte| open != (byte == last));
    value.start..value.end - usize::from(closes)
}

/// A value that was redacted before ends where a control byte followed it: U+FFFD now, which divides no words.
fn shown_before(text: &[u8], value: &Range<usize>) -> Option<Range<usize>> {
    const SHOWN_THEN_REPLACED: &[u8] = "***\u{fffd}".as_bytes();
    text[value.clone()].starts_with(SHOWN_THEN_REPLACED).then(|| value.start..value.start + 3)
}

/// A quote that opens a value, with the backslashes in front that escape it once more for every text it stands in.
struct Opening {
    quote: u8,
    backslashes: usize,
    start: usize,
}

impl Opening {
    fn at(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let backslashes = text[start..end].iter().take_while(|byte| **byte == b'\\').count();
        let quote = text[start..end].get(backslashes).copied()?;
        matches!(quote, b'"' | b'\'').then_some(Self { quote, backslashes, start })
    }

    fn len(&self) -> usize {
        self.backslashes + 1
    }

    fn inside(&self, text: &[u8], limit: usize) -> Option<Range<usize>> {
        let start = self.start + self.len();
        self.closing(text, start, limit).map(|close| start..close - self.backslashes)
    }

    /// Where it is closed: at a quote that is escaped as often as this one. One within the value has more backslashes.
    fn closing(&self, text: &[u8], from: usize, limit: usize) -> Option<usize> {
        let escapes_itself = 2 * (self.backslashes + 1);
        let closes =
            |run: usize| run.checked_sub(self.backslashes).is_some_and(|more| more.is_multiple_of(escapes_itself));
        let mut run = 0;
        for (at, byte) in text.iter().enumerate().take(limit).skip(from) {
            match *byte {
                b'\\' => run += 1,
                byte if byte == self.quote && closes(run) => return Some(at),
                _ => run = 0,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let span = secret_in(text.as_bytes(), 0..text.len(), text.len(), Level::Word);
        assert_eq!(&text[span], expected, "{text}");
    }

    #[test]
    fn the_quotes_of_a_word_are_not_the_secret() {
        check(r#""a b""#, "a b");
        check(r#""a\"b""#, r#"a\"b"#);
        check("'a b',", "a b");
    }

    #[test]
    fn escaped_quotes_are_closed_by_quotes_escaped_as_often() {
        check(r#"\"a b\""#, "a b");
        check(r#"\"a\\\"b\"}"#, r#"a\\\"b"#);
    }

    #[test]
    fn a_value_that_is_quoted_in_part_is_a_secret_as_a_whole() {
        check(r#""a"bc"#, r#""a"bc"#);
        check(r#""abc"#, r#""abc"#);
    }
}
