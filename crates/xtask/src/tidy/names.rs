//! Rule: no file or folder of sources is named for having no name.

use std::path::{Component, Path};

use super::{Fault, Tree};

const BANNED: [&str; 7] = ["common", "helper", "helpers", "misc", "util", "utilities", "utils"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.rust() {
        if let Some(name) = banned(Path::new(file.path)) {
            faults.push(Fault::new(file.path, format!("`{name}` says nothing: name the thing")));
        }
    }
    faults
}

fn banned(path: &Path) -> Option<&'static str> {
    let path = path.with_extension("");
    let mut parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    parts.find_map(|part| BANNED.into_iter().find(|banned| *banned == part))
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[test]
    fn names_that_say_nothing_are_refused_for_files_and_folders() {
        let files = [("a/common/x.rs", ""), ("a/src/page.rs", ""), ("a/src/utils.rs", ""), ("a/utils.md", "")];
        let expected = [
            "a/common/x.rs: `common` says nothing: name the thing",
            "a/src/utils.rs: `utils` says nothing: name the thing",
        ];
        assert_faults(check, &files, &expected);
    }
}
