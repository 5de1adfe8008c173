//! `cargo xtask docs`: docs/reference, written by the product's own code.
//!
//! Owns where the pages lie and whether they are fresh. What they say is the business of the example `reference`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::step;

const REFERENCE: &str = "docs/reference";

/// Name and text of every generated page.
type Pages = BTreeMap<String, String>;

/// A folder of generated pages that goes when this value goes.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("xtask: failed to remove {}: {error}", self.0.display());
        }
    }
}

/// Writes the pages anew, and removes those that are no longer generated.
pub(crate) fn write() -> anyhow::Result<ExitCode> {
    let fresh = generate()?;
    let folder = step::root().join(REFERENCE);
    std::fs::create_dir_all(&folder)?;
    for name in read(&folder)?.keys().filter(|name| !fresh.contains_key(*name)) {
        std::fs::remove_file(folder.join(name)).with_context(|| format!("failed to remove {name}"))?;
        println!("removed {REFERENCE}/{name}");
    }
    for (name, text) in &fresh {
        std::fs::write(folder.join(name), text).with_context(|| format!("failed to write {name}"))?;
        println!("wrote {REFERENCE}/{name}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if a committed page differs from what the code says now.
pub(crate) fn check() -> anyhow::Result<()> {
    let stale = differences(&read(&step::root().join(REFERENCE))?, &generate()?);
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{}; run `cargo xtask docs`", stale.join(", "));
}

fn generate() -> anyhow::Result<Pages> {
    let scratch = Scratch(std::env::temp_dir().join(format!("keelwatch-reference-{}", std::process::id())));
    std::fs::create_dir(&scratch.0).with_context(|| format!("failed to make {}", scratch.0.display()))?;
    let mut command =
        step::cargo(&["run", "--quiet", "--locked", "--package", "keelwatch", "--example", "reference", "--"]);
    command.arg(&scratch.0);
    let (status, _) = step::wait(&mut command)?;
    if !status.success() {
        bail!("the example `reference` failed, as said above");
    }
    read(&scratch.0)
}

fn read(folder: &Path) -> anyhow::Result<Pages> {
    let mut pages = Pages::new();
    if !folder.is_dir() {
        return Ok(pages);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        pages.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text);
    }
    Ok(pages)
}

fn differences(committed: &Pages, fresh: &Pages) -> Vec<String> {
    let names: BTreeSet<&String> = committed.keys().chain(fresh.keys()).collect();
    let differs = names.into_iter().filter_map(|name| match (committed.get(name), fresh.get(name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(format!("{REFERENCE}/{name}:{} is stale", first_difference(old, new))),
        (None, _) => Some(format!("{REFERENCE}/{name} is missing")),
        (_, None) => Some(format!("{REFERENCE}/{name} is generated no more")),
    });
    differs.collect()
}

fn first_difference(old: &str, new: &str) -> usize {
    1 + old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count()
}

#[cfg(test)]
mod tests {
    use super::{Pages, differences};

    fn pages(list: &[(&str, &str)]) -> Pages {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn equal_pages_are_fresh() {
        let both = pages(&[("cli.md", "a\nb\n")]);
        assert_eq!(differences(&both, &both), Vec::<String>::new());
    }

    #[test]
    fn stale_missing_and_former_pages_are_named() {
        let committed = pages(&[("cli.md", "a\nb\n"), ("old.md", "")]);
        let fresh = pages(&[("cli.md", "a\nc\n"), ("rules.md", "")]);
        let expected = [
            "docs/reference/cli.md:2 is stale",
            "docs/reference/old.md is generated no more",
            "docs/reference/rules.md is missing",
        ];
        assert_eq!(differences(&committed, &fresh), expected);
    }
}
