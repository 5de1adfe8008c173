//! Starting cargo and other programs from the root of the checkout.
//!
//! Owns how they are started and how long they took. What their result means is the task's business.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use anyhow::Context;

/// The root of the checkout that this program was built from.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("xtask lies two folders below the root")
        .to_path_buf()
}

/// The cargo that started this program, with the given arguments, in the root of the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments);
    command
}

/// Any other program, in the root of the checkout.
pub(crate) fn program(name: impl Into<OsString>) -> Command {
    let mut command = Command::new(name.into());
    command.current_dir(root());
    command
}

/// Waits for the end of `command` and hands out its status and the seconds it took.
pub(crate) fn wait(command: &mut Command) -> anyhow::Result<(ExitStatus, f64)> {
    let started = Instant::now();
    let status = command.status().with_context(|| format!("failed to start {}", shown(command)))?;
    Ok((status, started.elapsed().as_secs_f64()))
}

/// The command as a person would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Passes the result of a program on, whose own last words say what happened.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    // No code means that a signal ended it.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::{cargo, root, shown};

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_command_is_shown_without_its_folder() {
        let line = shown(&cargo(&["fmt", "--all"]));
        assert!(line.starts_with("cargo") && line.ends_with(" fmt --all"), "{line}");
    }
}
