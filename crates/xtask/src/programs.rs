//! The real programs that tests start: which they are, where they lie, who needs them.
//!
//! Owns the list and the look-up. Installing what is missing is `debian`'s job. A test asks for one with
//! `real_program("NAME")`; it finds the path in `KEELWATCH_TEST_SERVERS`, written as `NAME=PATH:NAME=PATH`.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::tidy::Tree;

/// The variable that tells the tests where the programs are.
pub(crate) const VARIABLE: &str = "KEELWATCH_TEST_SERVERS";

/// A program and the Debian package that brings it.
#[derive(Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// Everything that a test may ask for, sorted by name.
pub(crate) const PROGRAMS: [Program; 16] = [
    Program { name: "bash", package: "bash" },
    Program { name: "curl", package: "curl" },
    Program { name: "git", package: "git" },
    Program { name: "initdb", package: "postgresql" },
    Program { name: "java", package: "default-jre-headless" },
    Program { name: "kubectl", package: "kubernetes-client" },
    Program { name: "make", package: "make" },
    Program { name: "nginx", package: "nginx" },
    Program { name: "node", package: "nodejs" },
    Program { name: "perl", package: "perl" },
    Program { name: "postgres", package: "postgresql" },
    Program { name: "prometheus", package: "prometheus" },
    Program { name: "prometheus-alertmanager", package: "prometheus-alertmanager" },
    Program { name: "promtool", package: "prometheus" },
    Program { name: "python3", package: "python3" },
    Program { name: "sshd", package: "openssh-server" },
];

/// What a look-up gave: every program is in one of the two lists.
#[derive(Debug, PartialEq)]
pub(crate) struct Survey {
    pub(crate) found: Vec<(&'static str, PathBuf)>,
    pub(crate) missing: Vec<&'static Program>,
}

impl Survey {
    /// Looks for every program in `folders`, the first that has it wins.
    pub(crate) fn of(folders: &[PathBuf]) -> Self {
        let mut survey = Self { found: Vec::new(), missing: Vec::new() };
        for program in &PROGRAMS {
            match folders.iter().map(|folder| folder.join(program.name)).find(|path| is_executable(path)) {
                Some(path) => survey.found.push((program.name, path)),
                None => survey.missing.push(program),
            }
        }
        survey
    }

    /// The value of [`VARIABLE`].
    pub(crate) fn variable(&self) -> String {
        let pairs: Vec<_> = self.found.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
        pairs.join(":")
    }

    /// The packages that bring what is missing, each once.
    pub(crate) fn packages(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> = self.missing.iter().map(|program| program.package).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }
}

/// The folders of `path`, then those where Debian keeps servers and the database its newest version.
pub(crate) fn folders(path: &OsStr) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    folders.extend(["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.extend(postgres_folders(Path::new("/usr/lib/postgresql")));
    folders
}

/// Debian keeps the database out of the path, one folder a version; the newest comes first.
fn postgres_folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The tests that ask for `program`, read from the sources.
pub(crate) fn tests_with(program: &str, tree: &Tree) -> Vec<String> {
    let call = format!("real_program(\"{program}\")");
    let mut tests = Vec::new();
    for file in tree.rust().filter(|file| file.path.contains("/tests/")) {
        let mut function = "";
        for line in file.text.lines() {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.split(['(', '<']).next().unwrap_or_default();
            }
            if line.contains(&call) {
                tests.push(function.to_owned());
            }
        }
    }
    tests.dedup();
    tests
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{PROGRAMS, Survey, tests_with};
    use crate::tidy::Tree;

    #[test]
    fn a_machine_without_programs_misses_all_of_them() {
        let survey = Survey::of(&[PathBuf::from("/nonexistent")]);
        assert_eq!((survey.found.len(), survey.missing.len()), (0, PROGRAMS.len()));
        assert_eq!(survey.variable(), "");
    }

    #[test]
    fn one_package_that_brings_two_programs_is_named_once() {
        let survey = Survey::of(&[]);
        assert_eq!(survey.packages().iter().filter(|package| **package == "postgresql").count(), 1);
    }

    #[test]
    fn a_file_that_may_not_be_executed_is_no_program() {
        assert!(!super::is_executable(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))));
        assert!(super::is_executable(&std::env::current_exe().unwrap()));
    }

    #[test]
    fn found_programs_are_told_by_name_and_path() {
        let found = vec![("git", "/usr/bin/git".into()), ("sshd", "/usr/sbin/sshd".into())];
        assert_eq!(Survey { found, missing: Vec::new() }.variable(), "git=/usr/bin/git:sshd=/usr/sbin/sshd");
    }

    #[test]
    fn tests_are_found_by_what_they_ask_for() {
        let suite = "#[test]\nfn a_real_sshd_is_clean() {\n    real_program(\"sshd\");\n}\nfn other() {}\n";
        let tree = Tree::of(&[("crates/keelwatch/tests/suite/ordinary.rs", suite)]);
        assert_eq!(tests_with("sshd", &tree), ["a_real_sshd_is_clean"]);
        assert_eq!(tests_with("nginx", &tree), Vec::<String>::new());
    }
}
