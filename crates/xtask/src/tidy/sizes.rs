//! Rule: files stay small enough to be read in one sitting.
//!
//! Owns the budgets of files; clippy has those of functions and parameters.

use super::tree::File;
use super::{Fault, Tree};

/// Lines that a file may have.
const BUDGET: usize = 400;
/// Lines that no exception may pass.
const LIMIT: usize = 600;

/// Files over budget and the lines they have now. An entry may only shrink, and goes once the file fits.
const EXCEPTIONS: [(&str, usize); 0] = [];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    check_with(tree, &EXCEPTIONS)
}

fn check_with(tree: &Tree, exceptions: &[(&str, usize)]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = tree.rust().filter_map(|file| over_budget(file, exceptions)).collect();
    faults.extend(exceptions.iter().filter_map(|(path, lines)| idle(tree, path, *lines)));
    faults
}

fn over_budget(file: File<'_>, exceptions: &[(&str, usize)]) -> Option<Fault> {
    let lines = file.text.lines().count();
    let allowed = exceptions.iter().find(|(path, _)| *path == file.path).map_or(budget(file.path), |(_, lines)| *lines);
    let allowed = allowed.min(LIMIT);
    (lines > allowed).then(|| Fault::new(file.path, format!("{lines} lines, {allowed} allowed: split it")))
}

fn budget(path: &str) -> usize {
    if path.ends_with("/src/lib.rs") {
        100
    } else if path.ends_with("/src/main.rs") {
        40
    } else {
        BUDGET
    }
}

/// An exception that allows more than its file needs.
fn idle(tree: &Tree, path: &str, allowed: usize) -> Option<Fault> {
    let lines = tree.text(path).map_or(0, |text| text.lines().count());
    if lines <= budget(path) {
        Some(Fault::new(path, "fits its budget: remove its exception"))
    } else if lines < allowed {
        Some(Fault::new(path, format!("has shrunk to {lines} lines: let its exception shrink too")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Tree};
    use super::check_with;

    #[track_caller]
    fn assert_size(path: &str, lines: usize, exceptions: &[(&str, usize)], expected: &[&str]) {
        let tree = Tree::of(&[(path, &"//! x\n".repeat(lines))]);
        let found: Vec<String> = check_with(&tree, exceptions).iter().map(Fault::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_within_its_budget_passes_and_one_line_more_does_not() {
        for (path, budget) in [("crates/a/src/x.rs", 400), ("crates/a/src/lib.rs", 100), ("crates/a/src/main.rs", 40)] {
            assert_size(path, budget, &[], &[]);
            let expected = format!("{path}: {} lines, {budget} allowed: split it", budget + 1);
            assert_size(path, budget + 1, &[], &[&expected]);
        }
    }

    #[test]
    fn an_exception_holds_for_the_lines_it_names() {
        assert_size("x.rs", 450, &[("x.rs", 450)], &[]);
        assert_size("x.rs", 451, &[("x.rs", 450)], &["x.rs: 451 lines, 450 allowed: split it"]);
    }

    #[test]
    fn no_exception_goes_beyond_the_limit() {
        assert_size("x.rs", 601, &[("x.rs", 601)], &["x.rs: 601 lines, 600 allowed: split it"]);
    }

    #[test]
    fn an_exception_shrinks_with_its_file_and_then_goes() {
        let expected = ["x.rs: has shrunk to 430 lines: let its exception shrink too"];
        assert_size("x.rs", 430, &[("x.rs", 450)], &expected);
        assert_size("x.rs", 400, &[("x.rs", 450)], &["x.rs: fits its budget: remove its exception"]);
    }
}
