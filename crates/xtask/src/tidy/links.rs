//! Rule: a link from one document of the house to another leads somewhere, and so does a path that it names.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let known: BTreeSet<&Path> = tree.files().flat_map(|file| Path::new(file.path).ancestors()).collect();
    let mut faults = Vec::new();
    for file in tree.markdown() {
        let folder = Path::new(file.path).parent().unwrap_or(Path::new(""));
        for (index, line) in file.text.lines().enumerate() {
            let prose = without_code(line);
            let dead = targets(&prose).filter(|target| !known.contains(resolved(folder, target).as_path()));
            let gone = named(line).filter(|path| !known.contains(Path::new(path.trim_end_matches('/'))));
            let what = dead.map(|target| format!("the link `{target}` leads nowhere"));
            let what = what.chain(gone.map(|path| format!("`{path}` is not there")));
            faults.extend(what.map(|what| Fault::new(format!("{}:{}", file.path, index + 1), what)));
        }
    }
    faults
}

/// `line` without what stands between backticks: a pattern there may look like a link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The links of `line` to files, without their fragment.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = links.map(|(target, _)| target).filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split_once('#').map_or(target, |(file, _)| file))
}

/// The paths below `crates/` that `line` names between backticks. One with capitals, as in `NAME.rs`, is an example.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("crates/") && !span.contains(|c: char| c.is_ascii_uppercase() || c == ' '))
}

fn resolved(folder: &Path, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[test]
    fn links_to_files_folders_and_elsewhere_pass() {
        let text = "[a](docs/node.md#rights) [b](docs/) [c](https://example.org/x) [d](#here)";
        assert_faults(check, &[("README.md", text), ("docs/node.md", "[up](../README.md)")], &[]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused() {
        let files = [("docs/a.md", "x\n[b](b.md)")];
        assert_faults(check, &files, &["docs/a.md:2: the link `b.md` leads nowhere"]);
    }

    #[test]
    fn a_pattern_between_backticks_is_no_link_and_a_link_from_a_name_is_one() {
        let files = [("docs/a.md", "`^[a-z]([-a-z]{0,9}[a-z])?$` [`b`](b.md)")];
        assert_faults(check, &files, &["docs/a.md:1: the link `b.md` leads nowhere"]);
    }

    #[test]
    fn a_named_path_that_is_gone_is_refused() {
        let text =
            "`crates/web/src/lib.rs`, `crates/web/`, `crates/keelwatch/benches/NAME.rs`, `crates/web/src/old.rs`";
        let files = [("crates/web/src/lib.rs", ""), ("docs/a.md", text)];
        assert_faults(check, &files, &["docs/a.md:1: `crates/web/src/old.rs` is not there"]);
    }
}
