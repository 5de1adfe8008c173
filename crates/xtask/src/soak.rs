//! `cargo xtask soak`: one long test of the integration suite, in release, for as long as asked.
//!
//! Owns finding and starting it. A soak is an ignored test named `soak_NAME` under `crates/keelwatch/tests/suite`; it
//! reads how long to go on, in seconds, from `KEELWATCH_SOAK_SECONDS`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::process::ExitCode;

use anyhow::bail;

use crate::step;
use crate::tidy::Tree;

const SUITE: &str = "crates/keelwatch/tests/suite/";

/// Runs the soak `name` for `minutes`.
pub(crate) fn run(name: &str, minutes: NonZeroU32) -> anyhow::Result<ExitCode> {
    let names = names(&Tree::read(&step::root())?);
    if !names.contains(name) {
        bail!("no soak `{name}`; there are: {}", names.into_iter().collect::<Vec<_>>().join(", "));
    }
    let test = format!("soak_{name}");
    let seconds = u64::from(minutes.get()) * 60;
    let mut command =
        step::cargo(&["test", "--package", "keelwatch", "--release", "--locked", "--test", "suite", "--"]);
    command.args(["--ignored", "--nocapture", &test]).env("KEELWATCH_SOAK_SECONDS", seconds.to_string());
    println!("soak: {test} for {minutes} min");
    let (status, _) = step::wait(&mut command)?;
    Ok(step::exit_code(status))
}

fn names(tree: &Tree) -> BTreeSet<String> {
    let suite = tree.rust().filter(|file| file.path.starts_with(SUITE));
    let lines = suite.flat_map(|file| file.text.lines());
    lines.filter_map(|line| line.split_once("fn soak_")?.1.split_once('(')).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::names;
    use crate::tidy::Tree;

    #[test]
    fn soaks_are_found_by_name_in_the_suite_alone() {
        let tree = Tree::of(&[
            ("crates/keelwatch/tests/suite/node.rs", "#[ignore]\nfn soak_reload() {}\nfn restarts() {}\n"),
            ("crates/processes/src/lib.rs", "fn soak_elsewhere() {}\n"),
        ]);
        assert_eq!(names(&tree).into_iter().collect::<Vec<_>>(), ["reload"]);
    }
}
