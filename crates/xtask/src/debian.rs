//! Installing Debian packages without starting the services in them.
//!
//! Owns apt only. Which packages are wanted is `programs`' business.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};

use crate::step;

/// What invoke-rc.d asks before it starts a service; exit 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While this lives, installing a package starts no service.
struct NoServices {
    ours: bool,
}

impl NoServices {
    /// A policy that the machine already has is left alone.
    fn begin() -> anyhow::Result<Self> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY);
        match made {
            Ok(mut file) => {
                let policy = Self { ours: true };
                file.write_all(
                    b"#!/bin/sh\n# Made by `cargo xtask test` while it installs; may be removed.\nexit 101\n",
                )?;
                Ok(policy)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { ours: false }),
            Err(error) => Err(error).with_context(|| format!("failed to make {POLICY}")),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = std::fs::remove_file(POLICY)
        {
            eprintln!("xtask: failed to remove {POLICY}: {error}");
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
    let _no_services = NoServices::begin()?;
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
