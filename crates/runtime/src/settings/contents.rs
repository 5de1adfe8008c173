//! What files held when they were read, as digests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};

/// Certificates, tokens and rules are far smaller; what is beyond is not compared.
const COMPARED_BYTES: u64 = 64 << 20;

/// A file that is the same after this time is written, not being written.
const SETTLED_AFTER: Duration = Duration::from_millis(100);
/// Files that change without end are read nevertheless.
const SETTLED_AT_LAST: Duration = Duration::from_secs(2);

/// Files and the digests of their contents; none for a file that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Contents {
    /// What `files` hold now.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        Self(files.into_iter().map(|file| (file.clone(), digest(file))).collect())
    }

    /// What the same files hold now.
    pub(super) fn again(&self) -> Self {
        Self::of(self.0.keys())
    }

    /// Waits, if the files no longer hold this, until they hold the same for a moment.
    pub(super) async fn steady(&self) {
        let unchanging = async {
            let mut before = self.read_again().await;
            while before != *self {
                sleep(SETTLED_AFTER).await;
                let now = self.read_again().await;
                if now == before {
                    return;
                }
                before = now;
            }
        };
        // Either way, the files are read now.
        let _ = timeout(SETTLED_AT_LAST, unchanging).await;
    }

    /// As [`Contents::again`], on a thread that may wait for a disk.
    async fn read_again(&self) -> Self {
        let files = self.clone();
        let read = tokio::task::spawn_blocking(move || files.again()).await;
        read.unwrap_or_else(|_| self.clone())
    }

    /// Remembers what was read from `file`.
    pub(super) fn add(&mut self, file: &Path, bytes: Option<&[u8]>) {
        self.0.insert(file.to_owned(), bytes.map(|bytes| Sha256::digest(bytes).into()));
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    /// The files of both that hold something else in `now`.
    pub(super) fn changed<'a>(&'a self, now: &'a Self) -> impl Iterator<Item = &'a PathBuf> {
        let differs =
            |(file, digest): &(&'a PathBuf, &'a Option<[u8; 32]>)| now.0.get(*file).is_some_and(|now| now != *digest);
        self.0.iter().filter(differs).map(|(file, _)| file)
    }
}

fn digest(file: &Path) -> Option<[u8; 32]> {
    // Opening a pipe would wait for its other end.
    fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(COMPARED_BYTES).read_to_end(&mut bytes).ok()?;
    Some(Sha256::digest(bytes).into())
}
