//! The checkout as tidy sees it: paths and texts, and what the manifests say.
//!
//! Owns reading files. No rule reads one itself, so every rule can be tested on a few strings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders of the root that hold no sources. Hidden ones are skipped as well, but for those in [`HIDDEN`].
const SKIPPED: [&str; 1] = ["target"];
const HIDDEN: [&str; 3] = [".cargo", ".ci", ".github"];

/// A file that is text; others have no rule.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    /// From the root, with `/`.
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

/// A parsed `crates/NAME/Cargo.toml`.
pub(crate) struct Manifest<'a> {
    pub(crate) room: &'a str,
    pub(crate) path: &'a str,
    pub(crate) table: &'a toml::Table,
}

/// All files of a checkout.
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    tables: BTreeMap<String, toml::Table>,
}

impl Tree {
    /// Reads the checkout at `root`.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut texts = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    folders.extend(is_source(&path).then_some(path));
                } else if path.as_os_str() == ".git" {
                    // Of a second worktree: git's own word where the first one is.
                } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    texts.insert(path.to_string_lossy().into_owned(), text);
                }
            }
        }
        Self::parse(texts)
    }

    /// A tree of the given paths and texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::parse(texts).unwrap()
    }

    fn parse(texts: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mut tables = BTreeMap::new();
        for (path, text) in &texts {
            if path.ends_with("Cargo.toml") || path == "Cargo.lock" {
                let table = text.parse().with_context(|| format!("failed to read {path}"))?;
                tables.insert(path.clone(), table);
            }
        }
        Ok(Self { texts, tables })
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = File<'_>> {
        self.texts.iter().map(|(path, text)| File { path, text })
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = File<'_>> {
        self.files().filter(|file| has_extension(file.path, "rs"))
    }

    pub(crate) fn markdown(&self) -> impl Iterator<Item = File<'_>> {
        self.files().filter(|file| has_extension(file.path, "md"))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The manifests of the rooms, by name.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = Manifest<'_>> {
        self.tables.iter().filter_map(|(path, table)| {
            let room = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            Some(Manifest { room, path, table })
        })
    }

    /// `Cargo.toml` or `Cargo.lock` of the root.
    pub(crate) fn root_table(&self, path: &str) -> Option<&toml::Table> {
        self.tables.get(path)
    }
}

/// Every dependency table of a manifest, those of single targets too, with its name.
pub(crate) fn dependency_tables(manifest: &toml::Table) -> Vec<(String, &toml::Table)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(target, table)| Some((format!("target.{target}."), table.as_table()?)));
    let mut tables = Vec::new();
    for (prefix, table) in std::iter::once((String::new(), manifest)).chain(targets) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let found = table.get(kind).and_then(toml::Value::as_table);
            tables.extend(found.map(|found| (format!("{prefix}{kind}"), found)));
        }
    }
    tables
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn is_source(folder: &Path) -> bool {
    let name = folder.to_string_lossy();
    let hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !SKIPPED.contains(&name.as_ref()) && (!hidden || HIDDEN.contains(&name.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Tree, dependency_tables, is_source};

    #[test]
    fn build_output_and_hidden_folders_are_no_sources() {
        let folders = ["target", ".git", ".ci", "crates", "crates/target", "crates/.idea"];
        let sources = folders.map(|folder| is_source(Path::new(folder)));
        assert_eq!(sources, [false, false, true, true, true, false]);
    }

    #[test]
    fn dependencies_of_single_targets_are_not_overlooked() {
        let text = "[dependencies]\n[target.'cfg(unix)'.dev-dependencies]\n";
        let tree = Tree::of(&[("crates/web/Cargo.toml", text)]);
        let table = tree.manifests().next().unwrap().table;
        let names: Vec<String> = dependency_tables(table).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["dependencies", "target.cfg(unix).dev-dependencies"]);
    }
}
