//! The folder that a tree is written to.
//!
//! Owns writing such that a reader never sees half of it: a process appears and goes by one rename, a file changes by one.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::process::{Process, Sort};

/// A folder of one node.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// It goes with this, unless it is within one that goes.
    _own: Option<TempDir>,
}

/// A temporary folder; it goes when this is dropped.
pub(crate) fn temporary() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("simulated-proc-").tempdir()
}

impl Folder {
    pub(crate) fn new() -> io::Result<Self> {
        let own = temporary()?;
        Ok(Self { path: own.path().to_owned(), _own: Some(own) })
    }

    /// A folder of this name in another one, which has none of it yet.
    pub(crate) fn within(other: &Path, name: &str) -> io::Result<Self> {
        let path = other.join(name);
        fs::create_dir(&path)?;
        Ok(Self { path, _own: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file at once.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        let file = self.path().join(path);
        let folder = file.parent().expect("every file is in the folder");
        fs::create_dir_all(folder)?;
        let fresh = self.path().join(".fresh");
        fs::write(&fresh, content)?;
        fs::rename(fresh, file)
    }

    /// Makes a link at once.
    pub(crate) fn link(&self, path: &str, target: &str) -> io::Result<()> {
        let fresh = self.path().join(".fresh");
        symlink(target, &fresh)?;
        fs::rename(fresh, self.path().join(path))
    }

    /// Makes a process appear.
    pub(crate) fn add(&self, process: &Process) -> io::Result<()> {
        let hidden = format!(".new-{}", process.pid);
        self.write(&format!("{hidden}/cgroup"), &process.cgroup)?;
        self.describe(&hidden, process)?;
        fs::rename(self.path().join(hidden), self.of(process.pid))
    }

    /// Writes again what an exec, or another parent, changes.
    pub(crate) fn change(&self, process: &Process) -> io::Result<()> {
        self.describe(&process.pid.to_string(), process)
    }

    /// Makes a process disappear.
    pub(crate) fn remove(&self, pid: u32) -> io::Result<()> {
        let hidden = self.path().join(format!(".old-{pid}"));
        fs::rename(self.of(pid), &hidden)?;
        fs::remove_dir_all(hidden)
    }

    fn describe(&self, folder: &str, process: &Process) -> io::Result<()> {
        self.write(&format!("{folder}/comm"), process.comm())?;
        self.write(&format!("{folder}/stat"), process.stat())?;
        self.write(&format!("{folder}/status"), process.status())?;
        if process.sort == Sort::User {
            self.link(&format!("{folder}/exe"), &process.program.exe)?;
        }
        self.write(&format!("{folder}/cmdline"), process.cmdline())
    }

    fn of(&self, pid: u32) -> PathBuf {
        self.path().join(pid.to_string())
    }
}
