//! Patterns of the former scanner, written for Go's regexp package, and what they mean here.
//!
//! Owns telling where the two languages differ. A pattern that one of them refuses, or that both accept and read
//! differently, must not come over in silence: `g++` is an error there and "one or more g" here, `${X}` is plain text
//! there and an error here.

use std::iter::Peekable;
use std::str::CharIndices;

/// Largest count of a repetition in Go.
const REPEAT_MAX: u32 = 1000;

/// Whether both languages accept the pattern so far as its form goes, and mean the same. What neither accepts, such as
/// an open bracket, is left to the compiler.
pub(super) fn is_shared(pattern: &str) -> bool {
    let mut scan = Scan { pattern, chars: pattern.char_indices().peekable(), last: Last::Nothing };
    scan.run().is_some()
}

/// The text that the pattern stands for, if it is no more than a text.
pub(super) fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next().filter(|c| is_protected(*c))?),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            _ => text.push(c),
        }
    }
    Some(text)
}

/// The alternatives that the whole pattern consists of; one if it has none.
pub(super) fn alternatives(pattern: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut depth, mut in_class) = (0, 0_usize, false);
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                found.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&pattern[start..]);
    found
}

/// The pattern without a `$` at its end that is an anchor.
pub(super) fn strip_end(pattern: &str) -> Option<&str> {
    let body = pattern.strip_suffix('$')?;
    let backslashes = body.bytes().rev().take_while(|byte| *byte == b'\\').count();
    (backslashes % 2 == 0).then_some(body)
}

/// A character whose backslash means that it stands for itself, in both languages.
pub(super) fn is_protected(c: char) -> bool {
    c.is_ascii_punctuation() && !matches!(c, '<' | '>')
}

struct Scan<'p> {
    pattern: &'p str,
    chars: Peekable<CharIndices<'p>>,
    last: Last,
}

/// What a repetition would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Something,
    Repetition,
    /// A repetition that `?` has made lazy.
    Lazy,
}

impl Scan<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some((at, c)) = self.chars.next() {
            self.last = match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '|' => Last::Nothing,
                '?' if self.last == Last::Repetition => Last::Lazy,
                '*' | '+' | '?' => self.repeat()?,
                '{' => self.counted(at)?,
                _ => Last::Something,
            };
        }
        Some(())
    }

    /// Go refuses what repeats a repetition; here it is accepted.
    fn repeat(&self) -> Option<Last> {
        match self.last {
            Last::Nothing | Last::Something => Some(Last::Repetition),
            Last::Repetition | Last::Lazy => None,
        }
    }

    fn escape(&mut self) -> Option<Last> {
        let (_, c) = self.chars.next()?;
        let shared = match c {
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' | 'A' | 'z' => true,
            c => is_protected(c),
        };
        shared.then_some(Last::Something)
    }

    /// Sets of classes, such as `[a-z&&[^b]]`, exist here only.
    fn class(&mut self) -> Option<Last> {
        self.chars.next_if(|(_, c)| *c == '^');
        let mut before = self.chars.next_if(|(_, c)| *c == ']').map(|(_, c)| c);
        while let Some((at, c)) = self.chars.next() {
            match c {
                ']' => return Some(Last::Something),
                '\\' => drop(self.escape()?),
                '[' if self.pattern[at..].starts_with("[:") => self.named_class()?,
                '[' => return None,
                '&' | '-' | '~' if before == Some(c) => return None,
                _ => {}
            }
            before = Some(c);
        }
        None
    }

    fn named_class(&mut self) -> Option<()> {
        while let Some((at, _)) = self.chars.next() {
            if self.pattern[at..].starts_with(":]") {
                self.chars.next();
                return Some(());
            }
        }
        None
    }

    fn group(&mut self) -> Option<Last> {
        if self.chars.next_if(|(_, c)| *c == '?').is_none() {
            return Some(Last::Nothing);
        }
        let (_, first) = self.chars.next()?;
        match first {
            ':' => Some(Last::Nothing),
            'P' => self.chars.next_if(|(_, c)| *c == '<').and_then(|_| self.name()),
            '<' => self.name(),
            first => self.flags(first),
        }
    }

    fn name(&mut self) -> Option<Last> {
        let (_, first) = self.chars.next()?;
        // `(?<=` and `(?<!` look behind.
        (first.is_ascii_alphabetic() || first == '_').then_some(())?;
        self.chars.find(|(_, c)| *c == '>').map(|_| Last::Nothing)
    }

    fn flags(&mut self, first: char) -> Option<Last> {
        let mut flag = first;
        loop {
            match flag {
                'i' | 'm' | 's' | 'U' | '-' => {}
                ')' | ':' => return Some(Last::Nothing),
                _ => return None,
            }
            (_, flag) = self.chars.next()?;
        }
    }

    /// `{2}`, `{2,}`, `{2,3}`; Go takes any other brace as text.
    fn counted(&mut self, at: usize) -> Option<Last> {
        let inside = self.pattern[at + 1..].split_once('}')?.0;
        let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
        let is_count = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse().is_ok_and(|n: u32| n <= REPEAT_MAX)
        };
        if !is_count(low) || !(high.is_empty() || is_count(high)) {
            return None;
        }
        self.chars.find(|(_, c)| *c == '}')?;
        self.repeat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_the_two_languages_read_differently_is_not_shared() {
        let different = [
            "g++", "a**", "a???", "a{2}{3}", "a{,3}", "${X}", "{}", "a{1001}", r"\Qa\E", r"\C", r"\<a", r"\1", r"\pL",
            "[[a]", "[a&&b]", "[a--z]", "[a~~b]", "(?x)a", "(?=a)", "(?<=a)b", "(?!a)", "[a", r"a\",
        ];
        assert_eq!(different.into_iter().filter(|pattern| is_shared(pattern)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_pattern_that_both_read_alike_is_shared() {
        let alike = [
            "^git .*$",
            "a+?b*?c??",
            "a{2,3}?",
            "[]a-z]",
            "[^]]",
            "[[:alpha:]_-]",
            r"[\]\d]",
            "(?i)a(?:b|c)(?P<d>e)(?<f>g)",
            r"\bx\.y\z",
            "é+",
            "(?i-s:a)",
            "",
        ];
        assert_eq!(alike.into_iter().filter(|pattern| !is_shared(pattern)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_literal_is_a_pattern_without_anything_special() {
        assert_eq!(literal(r"python3\.11"), Some("python3.11".to_owned()));
        assert_eq!(literal(r"t-rex"), Some("t-rex".to_owned()));
        assert_eq!((literal("a.b"), literal(r"a\d"), literal(r"a\")), (None, None, None));
    }

    #[test]
    fn alternatives_of_groups_and_classes_are_not_those_of_the_pattern() {
        assert_eq!(alternatives(r"^a(b|c)$|[|]d|e\|f"), ["^a(b|c)$", "[|]d", r"e\|f"]);
    }

    #[test]
    fn a_protected_dollar_is_no_anchor() {
        assert_eq!((strip_end("a$"), strip_end(r"a\$"), strip_end(r"a\\$")), (Some("a"), None, Some(r"a\\")));
    }
}
