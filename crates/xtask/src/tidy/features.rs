//! Rule: no code depends on a Cargo feature.
//!
//! What varies is configured at run time or handed in, so that the tested program is the shipped one.

use super::source::{Token, bare, tokens};
use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.rust() {
        let bare = bare(file.text);
        for line in feature_lines(&tokens(&bare)) {
            faults.push(Fault::new(format!("{}:{line}", file.path), "depends on a feature: configure at run time"));
        }
    }
    faults
}

/// The lines of every `feature = …` inside `cfg(…)`, `cfg!(…)` and `cfg_attr(…)`.
fn feature_lines(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut lines = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.text == "cfg" || token.text == "cfg_attr" {
            let condition = parenthesis(&tokens[index + 1..]);
            let hits = condition.windows(2).filter(|pair| pair[0].text == "feature" && pair[1].text == "=");
            lines.extend(hits.map(|pair| pair[0].line));
        }
    }
    lines
}

/// The tokens between the parenthesis that opens `tokens`, maybe after a `!`, and its end.
fn parenthesis<'a, 't>(tokens: &'a [Token<'t>]) -> &'a [Token<'t>] {
    let tokens = if tokens.first().is_some_and(|first| first.text == "!") { &tokens[1..] } else { tokens };
    if tokens.first().is_none_or(|first| first.text != "(") {
        return &[];
    }
    let mut depth = 0_usize;
    let end = tokens.iter().position(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &tokens[1..end.unwrap_or(tokens.len())]
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[track_caller]
    fn assert_source(text: &str, expected: &[&str]) {
        assert_faults(check, &[("a.rs", text)], expected);
    }

    #[test]
    fn conditions_on_features_are_refused() {
        let fault = "depends on a feature: configure at run time";
        assert_source("#[cfg(feature = \"demo\")]\nfn f() {}", &[&format!("a.rs:1: {fault}")]);
        assert_source("\nif cfg!(all(unix, feature = \"x\")) {}", &[&format!("a.rs:2: {fault}")]);
        assert_source("#[cfg_attr(feature = \"serde\", derive(Serialize))]", &[&format!("a.rs:1: {fault}")]);
    }

    #[test]
    fn other_conditions_and_the_mere_word_pass() {
        assert_source("#[cfg(test)]\nmod tests {}\nlet feature = 1; // cfg(feature = \"x\")\n", &[]);
    }
}
