//! `cargo xtask test`: does all the set-up that the tests need, builds them, runs them.
//!
//! Owns the order of that, and saying what is left out. The closing lines are the test runner's own.

use std::ffi::OsStr;
use std::process::{Command, ExitCode, Stdio};

use anyhow::bail;

use crate::programs::{self, Program, Survey};
use crate::tidy::Tree;
use crate::{debian, step};

/// What to do about programs that are not there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Missing {
    /// Install them, where that is possible.
    Install,
    /// Say which tests are left out.
    Name,
}

/// Runs the tests of the workspace whose names contain `filter`.
pub(crate) fn run(missing: Missing, filter: Option<&str>) -> anyhow::Result<ExitCode> {
    let survey = prepare(missing)?;
    let built = build()?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let mut runner = runner();
    runner.args(filter).env(programs::VARIABLE, survey.variable());
    let (status, _) = step::wait(&mut runner)?;
    Ok(step::exit_code(status))
}

/// Finds the programs, installs the missing ones if it may, and names the tests that go without.
pub(crate) fn prepare(missing: Missing) -> anyhow::Result<Survey> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut survey = Survey::of(&programs::folders(&path));
    if survey.missing.is_empty() {
        return Ok(survey);
    }
    if missing == Missing::Install && debian::can_install() {
        println!("test: installing {}", survey.packages().join(" "));
        debian::install(&survey.packages())?;
        survey = Survey::of(&programs::folders(&path));
    }
    let tree = Tree::read(&step::root())?;
    let left_out: Vec<_> = survey.missing.iter().map(|program| left_out(program, &tree)).collect();
    for line in &left_out {
        println!("test: {line}");
    }
    if !left_out.is_empty() && is_ci(std::env::var_os("CI").as_deref()) {
        bail!("with CI=true no test may be left out");
    }
    Ok(survey)
}

fn left_out(program: &Program, tree: &Tree) -> String {
    let Program { name, package } = program;
    let tests = programs::tests_with(name, tree);
    let tests = if tests.is_empty() { format!("tests with a real {name}") } else { tests.join(", ") };
    format!("left out: {tests}; install {name} (Debian package {package})")
}

fn is_ci(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| value == "true")
}

/// Builds apart from running, so that the seconds of each are seen.
fn build() -> anyhow::Result<ExitCode> {
    let mut command = step::cargo(&["test", "--workspace", "--locked", "--no-run", "--quiet"]);
    let (status, seconds) = step::wait(&mut command)?;
    let word = if status.success() { "built" } else { "failed to build" };
    println!("test: {word}, {seconds:.1} s");
    Ok(step::exit_code(status))
}

/// cargo-nextest where it is present, else `cargo test`.
fn runner() -> Command {
    let mut probe = step::cargo(&["nextest", "--version"]);
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null());
    if step::wait(probe).is_ok_and(|(status, _)| status.success()) {
        step::cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
    } else {
        step::cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{is_ci, left_out};
    use crate::programs::Program;
    use crate::tidy::Tree;

    const SSHD: Program = Program { name: "sshd", package: "openssh-server" };

    #[test]
    fn ci_is_on_only_if_the_variable_says_true() {
        let values = [None, Some(""), Some("false"), Some("true")];
        assert_eq!(values.map(|value| is_ci(value.map(OsStr::new))), [false, false, false, true]);
    }

    #[test]
    fn a_missing_program_is_told_with_its_tests_and_its_package() {
        let suite = "fn a_real_sshd_is_clean() { real_program(\"sshd\"); }\n";
        let tree = Tree::of(&[("crates/keelwatch/tests/suite/ordinary.rs", suite)]);
        let expected = "left out: a_real_sshd_is_clean; install sshd (Debian package openssh-server)";
        assert_eq!(left_out(&SSHD, &tree), expected);
    }

    #[test]
    fn a_program_that_no_test_names_is_told_all_the_same() {
        let expected = "left out: tests with a real sshd; install sshd (Debian package openssh-server)";
        assert_eq!(left_out(&SSHD, &Tree::of(&[])), expected);
    }
}
