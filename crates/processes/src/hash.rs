//! SHA-256 of executables, each file read once.
//!
//! Owns the cache, and that remote files are not read at all. Reading may still never return; `reader` is ready for that.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;

use api::violation::HashSkipped;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::remote::is_remote;
use crate::tree::{Below, Tree};

/// Files whose hash is remembered: each costs about 100 bytes, and a node runs a few hundred programs.
const REMEMBERED: usize = 1024;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// Hashes executables.
#[derive(Debug, Default)]
pub(crate) struct HashedFiles {
    known: HashMap<File, Hash>,
    /// The keys of `known`, oldest first.
    order: VecDeque<File>,
}

/// One content of one file: another size or time of change is another content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct File {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
}

impl HashedFiles {
    /// The hash of the program that a process runs, by its `exe` link: deleted and memfd files are reached too.
    /// `beat` is called for every chunk, so that slow is told from stuck.
    pub(crate) fn of(&mut self, tree: &Tree, pid: u32, max_bytes: u64, beat: &dyn Fn()) -> Result<Hash, HashSkipped> {
        let path = Below::of(pid, "exe");
        // Opening for reading asks the file system's server; a path descriptor does not.
        let located = rustix::fs::openat(tree.root(), path.as_c_str(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let located = located.map_err(|_| HashSkipped::Unreadable)?;
        if is_remote(tree, pid, &located) {
            return Err(HashSkipped::RemoteFilesystem);
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::openat(tree.root(), path.as_c_str(), flags, Mode::empty())
            .map_err(|_| HashSkipped::Unreadable)?;
        let key = File::of(&file).map_err(|_| HashSkipped::Unreadable)?;
        if key.size > max_bytes {
            return Err(HashSkipped::TooLarge);
        }
        if let Some(hash) = self.known.get(&key) {
            return Ok(*hash);
        }
        let hash = read_whole(&file, max_bytes, beat)?;
        self.remember(key, hash);
        Ok(hash)
    }

    fn remember(&mut self, file: File, hash: Hash) {
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(file, hash);
        self.order.push_back(file);
    }
}

impl File {
    fn of(file: &OwnedFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(file)?;
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
        })
    }
}

fn read_whole(file: &OwnedFd, max_bytes: u64, beat: &dyn Fn()) -> Result<Hash, HashSkipped> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        beat();
        match rustix::io::read(file, &mut chunk[..]) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(count) => {
                total += count as u64;
                hasher.update(&chunk[..count]);
            }
            Err(Errno::INTR) => {}
            Err(_) => return Err(HashSkipped::Unreadable),
        }
        // The file grew while it was read.
        if total > max_bytes {
            return Err(HashSkipped::TooLarge);
        }
    }
}
