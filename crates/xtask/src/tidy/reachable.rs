//! Rule: every .rs file is reachable from its crate root by `mod` declarations.
//!
//! An orphan looks like code or a test, but is never compiled. `#[path]` would hide where a module lies; it is refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::source::{Token, bare, tokens};
use super::{Fault, Tree};

/// A `mod name;`, with the inline modules around it.
#[derive(Debug, PartialEq)]
struct Declaration {
    within: Vec<String>,
    name: String,
}

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let paths: BTreeSet<&str> = tree.rust().map(|file| file.path).collect();
    let mut open: Vec<&str> = paths.iter().copied().filter(|path| is_root(path)).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    while let Some(path) = open.pop() {
        if reached.insert(path) {
            let children = children(path, tree.text(path).unwrap_or_default());
            open.extend(children.iter().filter_map(|child| paths.get(child.as_str())));
        }
    }
    let orphans = paths.difference(&reached);
    let mut faults: Vec<Fault> =
        orphans.map(|path| Fault::new(*path, "no `mod` declaration leads here from a crate root")).collect();
    faults.extend(tree.rust().flat_map(|file| redirections(file.path, file.text)));
    faults
}

/// Whether cargo itself compiles this file.
fn is_root(path: &str) -> bool {
    let Some((_, inside)) = path.strip_prefix("crates/").and_then(|rest| rest.split_once('/')) else { return false };
    let parts: Vec<&str> = inside.split('/').collect();
    matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "examples" | "benches", _]
            | ["tests" | "examples" | "benches", _, "main.rs"]
    )
}

/// The files that the declarations in `path` may mean.
fn children(path: &str, text: &str) -> Vec<String> {
    let path = Path::new(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = path.file_stem().unwrap_or_default();
    let owns_folder = is_root(&path.to_string_lossy()) || stem == "mod";
    let folder: PathBuf = if owns_folder { folder.to_path_buf() } else { folder.join(stem) };
    let bare = bare(text);
    let mut children = Vec::new();
    for Declaration { within, name } in declarations(&tokens(&bare)) {
        let folder = within.iter().fold(folder.clone(), |folder, module| folder.join(module));
        children.push(folder.join(format!("{name}.rs")).to_string_lossy().into_owned());
        children.push(folder.join(&name).join("mod.rs").to_string_lossy().into_owned());
    }
    children
}

fn declarations(tokens: &[Token<'_>]) -> Vec<Declaration> {
    let mut found = Vec::new();
    // One entry an open brace; those of inline modules have a name.
    let mut open: Vec<Option<&str>> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = |distance: usize| index.checked_sub(distance).map_or("", |at| tokens[at].text);
        let module = (before(2) == "mod").then(|| before(1));
        match (token.text, module) {
            (";", Some(name)) => {
                let within = open.iter().flatten().map(|module| (*module).to_owned()).collect();
                found.push(Declaration { within, name: name.to_owned() });
            }
            ("{", module) => open.push(module),
            ("}", _) => {
                open.pop();
            }
            _ => {}
        }
    }
    found
}

fn redirections(path: &str, text: &str) -> Vec<Fault> {
    let bare = bare(text);
    let tokens = tokens(&bare);
    let attribute = |window: &&[Token<'_>]| {
        let [before, path, after] = window else { return false };
        matches!(before.text, "[" | ",") && path.text == "path" && after.text == "="
    };
    let hits = tokens.windows(3).filter(attribute);
    hits.map(|hit| Fault::new(format!("{path}:{}", hit[1].line), "`#[path]` hides where a module lies")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    const ORPHAN: &str = "no `mod` declaration leads here from a crate root";

    #[test]
    fn declared_files_are_reached_in_both_layouts() {
        let files = [
            ("crates/web/src/lib.rs", "mod access;\npub(crate) mod tls { mod keys; }\nmod page;"),
            ("crates/web/src/access/mod.rs", "mod token;"),
            ("crates/web/src/access/token.rs", ""),
            ("crates/web/src/page.rs", "#[cfg(test)]\nmod tests;"),
            ("crates/web/src/page/tests.rs", ""),
            ("crates/web/src/tls/keys.rs", ""),
        ];
        assert_faults(check, &files, &[]);
    }

    #[test]
    fn an_orphan_is_refused() {
        let files = [("crates/web/src/lib.rs", "mod a;"), ("crates/web/src/a.rs", ""), ("crates/web/src/b.rs", "")];
        assert_faults(check, &files, &[&format!("crates/web/src/b.rs: {ORPHAN}")]);
    }

    #[test]
    fn a_declaration_in_a_comment_or_string_reaches_nothing() {
        let files = [("crates/web/src/lib.rs", "// mod a;\nconst X: &str = \"mod a;\";"), ("crates/web/src/a.rs", "")];
        assert_faults(check, &files, &[&format!("crates/web/src/a.rs: {ORPHAN}")]);
    }

    #[test]
    fn files_of_the_suite_are_reached_from_its_main() {
        let files = [
            ("crates/keelwatch/tests/suite/main.rs", "mod scan;"),
            ("crates/keelwatch/tests/suite/node.rs", ""),
            ("crates/keelwatch/tests/suite/scan.rs", ""),
        ];
        assert_faults(check, &files, &[&format!("crates/keelwatch/tests/suite/node.rs: {ORPHAN}")]);
    }

    #[test]
    fn a_module_with_another_path_is_refused() {
        let text = "#[path = \"x.rs\"]\nmod a;\n#[cfg_attr(unix, path = \"y.rs\")]\nmod b;";
        let expected = [
            "crates/web/src/lib.rs:1: `#[path]` hides where a module lies",
            "crates/web/src/lib.rs:3: `#[path]` hides where a module lies",
        ];
        assert_faults(check, &[("crates/web/src/lib.rs", text)], &expected);
    }
}
