//! Installing Debian packages without starting the services in them.
//!
//! Owns apt only. Which packages are wanted is `programs`' business.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::step;

/// What invoke-rc.d asks before it starts a service; exit 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While this lives, installing a package starts no service.
struct NoServices {
    /// The policy that was made for this, if the machine had none.
    made: Option<PathBuf>,
}

impl NoServices {
    /// A policy that is already at `path` is left alone.
    fn begin(path: &Path) -> anyhow::Result<Self> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o755).open(path);
        match opened {
            Ok(mut file) => {
                let policy = Self { made: Some(path.to_path_buf()) };
                file.write_all(
                    b"#!/bin/sh\n# Made by `cargo xtask test` while it installs; may be removed.\nexit 101\n",
                )?;
                Ok(policy)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { made: None }),
            Err(error) => Err(error).with_context(|| format!("failed to make {}", path.display())),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = &self.made
            && let Err(error) = std::fs::remove_file(path)
        {
            eprintln!("xtask: failed to remove {}: {error}", path.display());
        }
    }
}

/// Whether packages can be installed here: this is root, and apt is there.
pub(crate) fn can_install() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    root && Path::new("/usr/bin/apt-get").exists()
}

/// Installs `packages` and no more than they need.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    let _no_services = NoServices::begin(Path::new(POLICY))?;
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--quiet", "--yes", "--no-install-recommends"], packages].concat())
}

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = step::program("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let (status, _) = step::wait(&mut command)?;
    if !status.success() {
        bail!("`{}` failed", step::shown(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::NoServices;

    fn policy(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-policy-{name}-{}", std::process::id()))
    }

    #[test]
    fn services_are_forbidden_for_as_long_as_it_lives() {
        let path = policy("ours");
        let begun = NoServices::begin(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("exit 101\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o700, 0o700);
        drop(begun);
        assert!(!path.exists());
    }

    #[test]
    fn a_policy_of_the_machine_is_left_as_it_was() {
        let path = policy("theirs");
        fs::write(&path, "exit 0\n").unwrap();
        drop(NoServices::begin(&path).unwrap());
        let after = fs::read_to_string(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(after.unwrap(), "exit 0\n");
    }
}
