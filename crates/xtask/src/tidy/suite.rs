//! Rule: integration tests live in one binary, `crates/keelwatch/tests/suite`.
//!
//! Every further test binary is linked anew after each edit; a room tests itself from within.

use super::{Fault, Tree};

const SUITE: &str = "crates/keelwatch/tests/suite/";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let stray = tree.rust().filter(|file| is_integration_test(file.path) && !file.path.starts_with(SUITE));
    stray.map(|file| Fault::new(file.path, format!("integration tests belong into {SUITE}"))).collect()
}

fn is_integration_test(path: &str) -> bool {
    let inside = path.strip_prefix("crates/").and_then(|path| path.split_once('/'));
    inside.is_some_and(|(_, inside)| inside.starts_with("tests/"))
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[test]
    fn tests_beside_the_suite_are_refused() {
        let files = [
            ("crates/keelwatch/tests/node.rs", ""),
            ("crates/keelwatch/tests/suite/main.rs", ""),
            ("crates/web/src/tests/page.rs", ""),
            ("crates/web/tests/page.rs", ""),
        ];
        let expected = [
            "crates/keelwatch/tests/node.rs: integration tests belong into crates/keelwatch/tests/suite/",
            "crates/web/tests/page.rs: integration tests belong into crates/keelwatch/tests/suite/",
        ];
        assert_faults(check, &files, &expected);
    }
}
