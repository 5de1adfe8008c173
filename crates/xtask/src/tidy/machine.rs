//! Rule: nothing in the tree knows the machine that it was written on.

use super::{Fault, Tree};

/// Folders that exist on one machine only; put together here, so that this file passes its own rule.
const FOLDERS: [&str; 3] = [concat!("/", "work/"), concat!("/", "root/"), concat!("..", "/shared")];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.files() {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(folder) = FOLDERS.iter().find(|folder| names(line, folder)) {
                faults.push(Fault::new(format!("{}:{}", file.path, index + 1), format!("names `{folder}`")));
            }
        }
    }
    faults
}

/// Whether `line` has `folder` at the start of a path, and not within a longer one.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '.' | '-' | '_' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::{FOLDERS, check};

    #[test]
    fn paths_of_one_machine_are_refused_in_any_file() {
        for folder in FOLDERS {
            let text = format!("first\nsee `{folder}/x`\n");
            assert_faults(check, &[("a.md", &text)], &[&format!("a.md:2: names `{folder}`")]);
        }
    }

    #[test]
    fn a_folder_within_another_path_passes() {
        let text = format!("net{}x and /srv{}y", FOLDERS[0], FOLDERS[1]);
        assert_faults(check, &[("a.md", &text)], &[]);
    }
}
