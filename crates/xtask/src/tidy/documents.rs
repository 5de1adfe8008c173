//! Rule: the documents of the house are there, and say what is looked for in them.

use super::{Fault, Tree};

const DOCUMENTS: [&str; 5] = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"];
/// A map that does not fit a sitting is not read.
const MAP_LINES: usize = 250;

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let missing = DOCUMENTS.iter().filter(|path| tree.text(path).is_none());
    let mut faults: Vec<Fault> = missing.map(|path| Fault::new(*path, "is missing")).collect();
    let lines = tree.text("ARCHITECTURE.md").map_or(0, |text| text.lines().count());
    if lines > MAP_LINES {
        faults.push(Fault::new("ARCHITECTURE.md", format!("{lines} lines, {MAP_LINES} allowed")));
    }
    if tree.text("CHANGELOG.md").is_some_and(|text| !text.lines().any(|line| line == "## Unreleased")) {
        faults.push(Fault::new("CHANGELOG.md", "has no section `## Unreleased`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[track_caller]
    fn assert_documents(architecture: &str, changelog: &str, expected: &[&str]) {
        let files = [
            ("ARCHITECTURE.md", architecture),
            ("CHANGELOG.md", changelog),
            ("CONTRIBUTING.md", ""),
            ("LICENSE", ""),
            ("README.md", ""),
        ];
        assert_faults(check, &files, expected);
    }

    #[test]
    fn a_short_map_and_an_open_changelog_pass() {
        assert_documents(&"x\n".repeat(250), "# Changelog\n\n## Unreleased\n", &[]);
    }

    #[test]
    fn a_long_map_and_a_closed_changelog_are_refused() {
        let expected = ["ARCHITECTURE.md: 251 lines, 250 allowed", "CHANGELOG.md: has no section `## Unreleased`"];
        assert_documents(&"x\n".repeat(251), "## 0.1.0\n", &expected);
    }

    #[test]
    fn missing_documents_are_named() {
        let files = [("ARCHITECTURE.md", ""), ("CHANGELOG.md", "## Unreleased"), ("README.md", "")];
        assert_faults(check, &files, &["CONTRIBUTING.md: is missing", "LICENSE: is missing"]);
    }
}
