//! Rust source as words and signs, without comments and literals.
//!
//! Owns just enough of the language's lexical rules that no rule takes a comment or a string for code.

/// A word, or one sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

/// The tokens of `bare` text, see [`bare`].
pub(super) fn tokens(bare: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, text) in bare.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(word.max(first.len_utf8()));
            tokens.push(Token { text: token, line: index + 1 });
            rest = after.trim_start();
        }
    }
    tokens
}

/// `text` with spaces in place of comments and literals. Line breaks stay, so line numbers hold.
pub(super) fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_until(&chars, at);
        if end == at {
            bare.push(chars[at]);
            at += 1;
        } else {
            bare.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    bare
}

/// The end of the comment or literal that starts at `at`; `at` itself if none does.
fn blank_until(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest, '"'),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
        ['r', '"' | '#', ..] if at == 0 || !is_word(chars[at - 1]) || is_literal_prefix(chars, at) => raw(rest),
        _ => 0,
    };
    at + length
}

/// Whether the `b` or `c` before `at` belongs to a raw literal, as in `br"…"`.
fn is_literal_prefix(chars: &[char], at: usize) -> bool {
    matches!(chars[at - 1], 'b' | 'c') && (at == 1 || !is_word(chars[at - 2]))
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `r"…"` or `r#"…"#`; 0 for a raw identifier.
fn raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = &rest[2 + hashes..];
    let end = body.windows(close.len()).position(|window| window == close).map(|end| end + close.len());
    2 + hashes + end.unwrap_or(body.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{bare, tokens};

    #[track_caller]
    fn assert_words(text: &str, expected: &str) {
        let words: Vec<String> = tokens(&bare(text)).iter().map(|token| token.text.to_owned()).collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn comments_are_blank_even_nested_ones() {
        assert_words("a // b\nc /* d /* e */ f */ g", "a c g");
    }

    #[test]
    fn strings_are_blank_with_their_escapes() {
        assert_words(r#"a("b \" c", 'd', '\'', b"e", '─')"#, "a ( , , , b , )");
    }

    #[test]
    fn raw_strings_are_blank_and_raw_identifiers_are_not() {
        assert_words("r#\"a \" b\"# c br\"d\" r#mod expr\"e\"", "c b r # mod expr");
    }

    #[test]
    fn lifetimes_are_no_literals() {
        assert_words("fn f<'a>(x: &'a str) {}", "fn f < ' a > ( x : & ' a str ) { }");
    }

    #[test]
    fn an_unfinished_literal_ends_with_the_text() {
        for text in ["\"a", "'\\", "/* a", "r#\"a\"", "\"\\"] {
            assert_eq!(bare(text).trim(), "", "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_literals() {
        let text = bare("\"a\nb\"\nc");
        assert_eq!(tokens(&text)[0].line, 3);
    }
}
