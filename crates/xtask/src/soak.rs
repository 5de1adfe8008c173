//! `cargo xtask soak`: one long test, in release, for as long as asked.
//!
//! Owns finding and starting it, with the servers that tests start. A soak is an ignored test named `soak_NAME`, in the integration suite or in a room; it
//! reads how long to go on, in seconds, from `KEELWATCH_SOAK_SECONDS`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::process::ExitCode;

use anyhow::bail;

use crate::test::{self, Missing};
use crate::tidy::Tree;
use crate::{programs, step};

/// Runs the soak `name` for `minutes`.
pub(crate) fn run(name: &str, minutes: NonZeroU32) -> anyhow::Result<ExitCode> {
    let soaks = soaks(&Tree::read(&step::root())?);
    let Some(room) = soaks.get(name) else {
        bail!("no soak `{name}`; there are: {}", soaks.into_keys().collect::<Vec<_>>().join(", "));
    };
    let name = format!("soak_{name}");
    let seconds = u64::from(minutes.get()) * 60;
    let survey = test::prepare(Missing::Install)?;
    let mut command = step::cargo(&["test", "--package", room, "--release", "--locked"]);
    // Benches are no tests, though cargo would build them.
    command.args(if room == "keelwatch" { &["--test", "suite"][..] } else { &["--lib"] });
    command.args(["--", "--ignored", "--nocapture", &name]).env("KEELWATCH_SOAK_SECONDS", seconds.to_string());
    command.env(programs::VARIABLE, survey.variable());
    println!("soak: {name} for {minutes} min");
    let (status, _) = step::wait(&mut command)?;
    Ok(step::exit_code(status))
}

/// The soaks by name, each with its room.
fn soaks(tree: &Tree) -> BTreeMap<String, String> {
    let mut soaks = BTreeMap::new();
    for file in tree.rust() {
        let room = file.path.strip_prefix("crates/").and_then(|path| path.split('/').next()).unwrap_or_default();
        let names = file.text.lines().filter_map(name).map(|name| (name.to_owned(), room.to_owned()));
        soaks.extend(names.filter(|_| room != "xtask"));
    }
    soaks
}

/// The name of the soak that a line begins.
fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn soak_")?;
    Some(function.split_once('(')?.0)
}

#[cfg(test)]
mod tests {
    use super::soaks;
    use crate::tidy::Tree;

    #[test]
    fn soaks_are_found_by_name_with_their_room() {
        let tree = Tree::of(&[
            ("crates/keelwatch/tests/suite/node.rs", "#[ignore]\nfn soak_reload() {}\nfn restarts() {}\n"),
            ("crates/pods/src/index/tests.rs", "async fn soak_pods() {}\n"),
        ]);
        let found = soaks(&tree);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, room)| (name.as_str(), room.as_str())).collect();
        assert_eq!(found, [("pods", "pods"), ("reload", "keelwatch")]);
    }
}
