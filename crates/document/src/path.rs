//! Paths of values: `rules[2].match.cmdline`, `labels["app.kubernetes.io/name"]`.

use std::fmt::Write;

use crate::words;

/// One step from a value to a value within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The path of the value of `key` in the mapping at `path`.
pub fn under(path: &str, key: &str) -> String {
    let dot = if path.is_empty() || !is_bare(key) { "" } else { "." };
    format!("{path}{dot}{}", render(&[Step::Key(key.to_owned())]))
}

/// The text of a path.
pub(crate) fn render(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if is_bare(key) => {
                let dot = if text.is_empty() { "" } else { "." };
                let _ = write!(text, "{dot}{key}");
            }
            Step::Key(key) => {
                let _ = write!(text, "[{}]", words::quoted(key));
            }
            Step::Index(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

/// The steps of a path as [`render`] writes them; what is not understood ends it.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some((step, after)) = next_step(rest) {
        steps.push(step);
        rest = after;
    }
    steps
}

fn next_step(text: &str) -> Option<(Step, &str)> {
    let text = text.strip_prefix('.').unwrap_or(text);
    if let Some(quoted) = text.strip_prefix("[\"") {
        let (key, after) = quoted.split_once("\"]")?;
        return Some((Step::Key(key.to_owned()), after));
    }
    if let Some(index) = text.strip_prefix('[') {
        let (index, after) = index.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), after));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    (end > 0).then(|| (Step::Key(text[..end].to_owned()), &text[end..]))
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_was_written() {
        for text in ["", "a", "rules[2].match.cmdline", "labels[\"app.kubernetes.io/name\"].x", "[0][1].b"] {
            assert_eq!(render(&parse(text)), text);
        }
    }

    #[test]
    fn a_path_is_made_key_by_key() {
        assert_eq!(under(&under(&under("", "a"), "b.c"), "d"), "a[\"b.c\"].d");
    }
}
