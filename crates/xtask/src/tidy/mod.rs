//! Tidy: the rules of the house that neither the compiler nor clippy knows.
//!
//! Owns the list of rules; each rule is a file of its own, a pure function from the [`Tree`] to its faults.

mod dependencies;
mod documents;
mod features;
mod headers;
mod links;
mod lock;
mod machine;
mod manifests;
mod names;
mod reachable;
mod sizes;
mod source;
mod suite;
mod tree;

use std::fmt;

use anyhow::bail;

use crate::step;

pub(crate) use tree::Tree;

/// One breach of a rule.
#[derive(Debug, PartialEq)]
struct Fault {
    /// Path, with the line where one is known.
    at: String,
    what: String,
}

impl Fault {
    fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// All rules, in the order in which their faults are told.
const RULES: [fn(&Tree) -> Vec<Fault>; 12] = [
    dependencies::check,
    manifests::check,
    lock::check,
    features::check,
    reachable::check,
    headers::check,
    sizes::check,
    names::check,
    suite::check,
    machine::check,
    documents::check,
    links::check,
];

/// Checks the checkout; every fault is printed.
pub(crate) fn run() -> anyhow::Result<()> {
    let faults = check(&Tree::read(&step::root())?);
    for fault in &faults {
        println!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    Ok(())
}

fn check(tree: &Tree) -> Vec<Fault> {
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

/// Asserts what `rule` says about a tree of `files`, one line a fault.
#[cfg(test)]
#[track_caller]
fn assert_faults(rule: fn(&Tree) -> Vec<Fault>, files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<String> = rule(&Tree::of(files)).iter().map(Fault::to_string).collect();
    assert_eq!(found, expected);
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};
    use crate::step;

    #[test]
    fn the_house_is_tidy() {
        let faults = check(&Tree::read(&step::root()).unwrap());
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
