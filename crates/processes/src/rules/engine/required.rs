//! Literals without which a pattern cannot match: most texts have none, and need no search.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// More alternatives than this say little.
const ALTERNATIVES_MAX: usize = 64;

/// What is known of every text that a part of a pattern matches. Letters are lower case, and stand for either case.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It is this.
    Exactly(Vec<u8>),
    /// It holds one of these.
    Holds(Vec<Vec<u8>>),
    /// Nothing.
    Nothing,
}

/// Literals, in lower case, one of which is in every text that the pattern matches, in either case; `None` if nothing
/// can be said.
pub(super) fn literals(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    known(pattern).alternatives()
}

fn known(pattern: &Hir) -> Known {
    match pattern.kind() {
        // These take up nothing, so what is around them is adjacent.
        HirKind::Empty | HirKind::Look(_) => Known::Exactly(Vec::new()),
        HirKind::Literal(literal) => Known::Exactly(literal.0.to_ascii_lowercase()),
        HirKind::Class(class) => one_letter(class).map_or(Known::Nothing, |letter| Known::Exactly(vec![letter])),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Concat(parts) => joined(parts),
        HirKind::Alternation(alternatives) => one_of(alternatives),
    }
}

/// The letter, if the class is one letter in one or both cases.
fn one_letter(class: &Class) -> Option<u8> {
    let folded = |byte: u8| byte.to_ascii_lowercase();
    let bytes = match class {
        Class::Bytes(bytes) => bytes.clone(),
        Class::Unicode(characters) => characters.to_byte_class()?,
    };
    let ranges = bytes.ranges();
    let first = folded(ranges.first()?.start());
    let same = ranges.iter().all(|range| range.start() == range.end() && folded(range.start()) == first);
    same.then_some(first)
}

fn repeated(repetition: &Repetition) -> Known {
    match (repetition.min, known(&repetition.sub)) {
        (0, _) => Known::Nothing,
        (1, known) if repetition.max == Some(1) => known,
        (_, known) => known.alternatives().map_or(Known::Nothing, Known::Holds),
    }
}

fn joined(parts: &[Hir]) -> Known {
    let mut run = Vec::new();
    let mut candidates = Vec::new();
    let mut is_one_run = true;
    for part in parts.iter().map(known) {
        if let Known::Exactly(text) = part {
            run.extend(text);
            continue;
        }
        is_one_run = false;
        candidates.extend(Known::Exactly(std::mem::take(&mut run)).alternatives());
        candidates.extend(part.alternatives());
    }
    if is_one_run {
        return Known::Exactly(run);
    }
    candidates.extend(Known::Exactly(run).alternatives());
    // The longer its shortest literal is, the more texts a choice rules out.
    candidates.into_iter().max_by_key(|literals| shortest(literals)).map_or(Known::Nothing, Known::Holds)
}

fn one_of(alternatives: &[Hir]) -> Known {
    let literals: Option<Vec<_>> = alternatives.iter().map(|part| known(part).alternatives()).collect();
    let literals = literals.map(|literals| literals.concat()).filter(|literals| literals.len() <= ALTERNATIVES_MAX);
    literals.map_or(Known::Nothing, Known::Holds)
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or_default()
}

impl Known {
    /// Literals one of which must be there; `None` if the text may hold none.
    fn alternatives(self) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Exactly(text) => (!text.is_empty()).then(|| vec![text]),
            Self::Holds(literals) => Some(literals),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::clause::Case;
    use super::super::regexes;
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Option<&[&str]>) {
        let parsed = regexes::parse(pattern, Case::Sensitive).unwrap();
        let expected = expected.map(|literals| literals.iter().map(|text| text.as_bytes().to_vec()).collect());
        assert_eq!(literals(&parsed), expected, "{pattern}");
    }

    #[test]
    fn a_text_without_choices_is_required_whole_in_either_case() {
        check("abc", Some(&["abc"]));
        check(r"(?i)A\bb(C)$", Some(&["abc"]));
    }

    #[test]
    fn the_longest_part_between_choices_is_required() {
        check(r"ab.*cdef\d+g", Some(&["cdef"]));
        check("x(abcd)+y", Some(&["abcd"]));
        check("(abcd)?xy", Some(&["xy"]));
        check("abcd{2}e", Some(&["abc"]));
    }

    #[test]
    fn one_of_several_alternatives_is_required() {
        check("-(abc|def.)x", Some(&["abc", "def"]));
        check("(abc|.)", None);
        check("(abc|)de", Some(&["de"]));
    }

    #[test]
    fn nothing_is_required_of_classes_alone() {
        check(r"\w+\s", None);
        check("[ab][cd]", None);
        check("(?:)", None);
    }
}
