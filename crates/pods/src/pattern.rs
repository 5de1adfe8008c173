//! Which labels and annotations are kept: patterns of keys.
//!
//! Owns the pattern language: `*` stands for any text, a leading `!` takes away, the last match wins.

/// Patterns in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    keeps: bool,
    /// The texts between the stars.
    parts: Vec<Box<str>>,
}

impl Patterns {
    pub(crate) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|text| Pattern::new(text)).collect())
    }

    /// Whether what stands under `key` is kept.
    pub(crate) fn keep(&self, key: &str) -> bool {
        self.0.iter().rev().find(|pattern| pattern.matches(key)).is_some_and(|pattern| pattern.keeps)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (keeps, text) = text.strip_prefix('!').map_or((true, text), |rest| (false, rest));
        Self { keeps, parts: text.split('*').map(Into::into).collect() }
    }

    fn matches(&self, key: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            // No star at all.
            return *key == *self.parts[0];
        };
        let Some(rest) = key.strip_prefix(&**first) else { return false };
        // The shortest match of each part leaves the most for the next.
        let rest = middle.iter().try_fold(rest, |rest, part| rest.find(&**part).map(|at| &rest[at + part.len()..]));
        rest.is_some_and(|rest| rest.ends_with(&**last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn kept(patterns: &[&str], keys: &[&str], expected: &[&str]) {
        let patterns = Patterns::new(&patterns.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let kept: Vec<&str> = keys.iter().copied().filter(|key| patterns.keep(key)).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        kept(&["*", "!a*", "ab"], &["a", "ab", "b"], &["ab", "b"]);
        kept(&["ab", "!a*"], &["a", "ab", "b"], &[]);
        kept(&[], &["a"], &[]);
    }

    #[test]
    fn a_star_stands_for_any_text() {
        kept(&["a*b*c"], &["abc", "a-b-b-c", "ac", "abcd", "xabc"], &["abc", "a-b-b-c"]);
        kept(&["*/status"], &["x/status", "status", "x/status/y"], &["x/status"]);
        kept(&["a*a"], &["a", "aa", "aba"], &["aa", "aba"]);
    }
}
