//! What is wrong with a text, and where.

use std::fmt;

/// One thing that is wrong. Faults are ordered as their places in the text are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// Name of the text, usually the path of a file.
    pub file: String,
    /// Line, the first is 1.
    pub line: usize,
    /// Column in characters, the first is 1.
    pub column: usize,
    /// Path of the value, such as `rules[2].match.cmdline`; empty for the text as a whole.
    pub path: String,
    /// What is wrong and what is accepted. Never quotes a secret.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, path, message } = self;
        write!(f, "{file}:{line}:{column}: ")?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> Fault {
        Fault { file: "a.yaml".to_owned(), line: 2, column: 3, path: path.to_owned(), message: "is wrong".to_owned() }
    }

    #[test]
    fn a_fault_reads_as_place_path_and_message() {
        assert_eq!(fault("rules[2].id").to_string(), "a.yaml:2:3: rules[2].id: is wrong");
        assert_eq!(fault("").to_string(), "a.yaml:2:3: is wrong");
    }
}
