//! Rule: every .rs file opens with what it owns and what it leaves to others.

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let silent = tree.rust().filter(|file| !says_something(file.text));
    silent.map(|file| Fault::new(file.path, "does not open with `//!`: say what the file owns")).collect()
}

fn says_something(text: &str) -> bool {
    text.lines().next().and_then(|line| line.strip_prefix("//!")).is_some_and(|words| !words.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[test]
    fn a_file_that_says_what_it_owns_passes() {
        assert_faults(check, &[("a.rs", "//! Owns the clock.\n")], &[]);
    }

    #[test]
    fn a_file_without_a_word_is_refused() {
        let expected = "does not open with `//!`: say what the file owns";
        for text in ["", "//!\n", "use std::fmt;\n//! Late.", "// Not a doc comment.\n"] {
            assert_faults(check, &[("a.rs", text)], &[&format!("a.rs: {expected}")]);
        }
    }
}
