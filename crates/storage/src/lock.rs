//! The lock that one role holds for its whole life, beside the file of the database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A held lock. The system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The lock could not be had.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it.
    Held,
    /// The file cannot be made or locked.
    Io(io::Error),
}

/// `<file>.lock`.
pub(crate) fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path(database));
        let file = file.map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}
