//! Rule: a link from one document of the house to another leads somewhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let known: BTreeSet<&Path> = tree.files().flat_map(|file| Path::new(file.path).ancestors()).collect();
    let mut faults = Vec::new();
    for file in tree.markdown() {
        let folder = Path::new(file.path).parent().unwrap_or(Path::new(""));
        for (index, line) in file.text.lines().enumerate() {
            let dead = targets(line).filter(|target| !known.contains(resolved(folder, target).as_path()));
            let at = format!("{}:{}", file.path, index + 1);
            faults.extend(dead.map(|target| Fault::new(at.clone(), format!("the link `{target}` leads nowhere"))));
        }
    }
    faults
}

/// The links of `line` to files, without their fragment.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = links.map(|(target, _)| target).filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split_once('#').map_or(target, |(file, _)| file))
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
}
