//! What is known of the process of a match, read once.
//!
//! Owns the reads. Putting them into words is `judge`'s job, and `sha256` is `hash`'s.

use std::collections::HashSet;

use api::violation::HashSkipped;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::hash::{Hash, HashedFiles};
use crate::process::Identity;
use crate::stat::{self, Stat};
use crate::tree::{Below, Tree};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) identity: Identity,
    /// Pid of the parent, where the chain begins.
    pub(crate) parent: u32,
    /// Longest chain of parents.
    pub(crate) parents: usize,
    pub(crate) hash: Hashing,
}

/// Whether executables are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// Up to this many bytes.
    UpTo(u64),
    /// Not at all, and why.
    Skipped(HashSkipped),
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) cgroup: Option<Vec<u8>>,
    pub(crate) uid: Option<u32>,
    pub(crate) cpu_ticks: u64,
    pub(crate) parents: Vec<Ancestor>,
    pub(crate) sha256: Result<Hash, HashSkipped>,
}

/// One parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ancestor {
    pub(crate) pid: u32,
    pub(crate) comm: Vec<u8>,
    pub(crate) start_ticks: u64,
}

/// Reads the evidence of one process; `None` if the process of this identity has ended.
pub(crate) fn take(tree: &Tree, files: &mut HashedFiles, question: &Question, beat: &dyn Fn()) -> Option<Findings> {
    let pid = question.identity.pid;
    let sha256 = match question.hash {
        Hashing::UpTo(max_bytes) => files.of(tree, pid, max_bytes, beat),
        Hashing::Skipped(why) => Err(why),
    };
    let cgroup = cgroup(tree, pid);
    let uid = read(tree, pid, "status").ok().and_then(|status| real_uid(&status));
    let parents = chain(tree, question);
    // Read last: if the pid belongs to another process by now, so may anything read above.
    let text = read(tree, pid, "stat").ok()?;
    let stat = Stat::parse(&text).ok().filter(|stat| stat.start_ticks == question.identity.start_ticks)?;
    Some(Findings { cgroup, uid, cpu_ticks: stat.cpu_ticks, parents, sha256 })
}

/// The cgroup file of a process.
pub(crate) fn cgroup(tree: &Tree, pid: u32) -> Option<Vec<u8>> {
    read(tree, pid, "cgroup").ok()
}

/// The parents, nearest first; ends at pid 1, a kernel thread or a cycle.
fn chain(tree: &Tree, question: &Question) -> Vec<Ancestor> {
    let mut chain = Vec::new();
    let mut met = HashSet::from([question.identity.pid]);
    let mut next = question.parent;
    while chain.len() < question.parents && next > 1 && met.insert(next) {
        let Ok(text) = read(tree, next, "stat") else { break };
        let Ok(stat) = Stat::parse(&text) else { break };
        if stat.is_kernel_thread() {
            break;
        }
        chain.push(Ancestor { pid: next, comm: stat.comm.to_vec(), start_ticks: stat.start_ticks });
        next = stat.parent;
    }
    chain
}

/// The first number of the `Uid:` line: the real user id.
fn real_uid(status: &[u8]) -> Option<u32> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line).ok()?.split_whitespace().next()?.parse().ok()
}

/// A small file of a process. A cgroup path may be long; `stat` is bounded by what `Stat` accepts.
fn read(tree: &Tree, pid: u32, file: &str) -> Result<Vec<u8>, Errno> {
    const MAX: usize = 64 << 10;
    let path = Below::of(pid, file);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::openat(tree.root(), path.as_c_str(), flags, Mode::empty())?;
    let mut text = Vec::with_capacity(stat::MAX_BYTES);
    while text.len() < MAX {
        let mut chunk = [0; stat::MAX_BYTES];
        match rustix::io::read(&opened, &mut chunk) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}
