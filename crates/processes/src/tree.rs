//! One /proc tree: which processes it lists, and what it says of the host.
//!
//! Owns opening and listing. What a single process shows is `look`'s job; every read goes below one directory
//! descriptor, so a fixture, a host mount and the real /proc are read alike.

use std::ffi::CStr;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::stat;

/// A /proc tree.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    /// Identity of the boot: the boot id, or the boot time where there is none.
    pub(crate) boot_id: String,
    boot_time: Timestamp,
    ticks_per_second: u32,
}

/// The tree cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be opened.
    #[error("failed to open the process tree `{0}`")]
    Root(PathBuf, #[source] std::io::Error),
    /// It can be opened and is no /proc.
    #[error("`{0}` is not a process tree: it has no readable `stat` with a `btime` line")]
    NotProc(PathBuf),
    /// The threads that read it cannot be started.
    #[error("failed to start the thread that reads processes")]
    Thread(#[source] std::io::Error),
}

/// The list of one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Every process, in the kernel's order.
    pub(crate) pids: Vec<u32>,
    /// This program's own pid as the tree numbers it.
    pub(crate) own: Option<u32>,
    /// Forks since boot, threads too.
    pub(crate) forks: u64,
    /// False if the tree is not the host's.
    pub(crate) host_view: bool,
}

/// A path below the root, without allocation: `4121/exe`.
#[derive(Debug)]
pub(crate) struct Below([u8; Self::SIZE]);

impl Below {
    // Two u32 of ten digits, `/task//` between them, a file name of up to eight and the closing NUL: 36.
    const SIZE: usize = 40;

    /// `<pid>/<file>`.
    pub(crate) fn of(pid: u32, file: &str) -> Self {
        Self::write(format_args!("{pid}/{file}"))
    }

    /// `<pid>/task/<tid>/<file>`.
    pub(crate) fn of_task(pid: u32, tid: u32, file: &str) -> Self {
        Self::write(format_args!("{pid}/task/{tid}/{file}"))
    }

    fn write(path: std::fmt::Arguments<'_>) -> Self {
        let mut bytes = [0; Self::SIZE];
        // The last byte is kept out, so the text always ends with a NUL.
        (&mut bytes[..Self::SIZE - 1]).write_fmt(path).expect("two pids and a file name of proc fit");
        Self(bytes)
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).expect("the last byte is never written")
    }
}

impl Tree {
    /// Opens the tree and reads what stays the same until the next boot.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let root = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| OpenError::Root(path.to_owned(), error.into()))?;
        let not_proc = || OpenError::NotProc(path.to_owned());
        let counts = read_small(&root, c"stat").map_err(|_| not_proc())?;
        let booted = host_count(&counts, "btime ").ok_or_else(not_proc)?;
        let boot_time = i64::try_from(booted).ok().and_then(|s| Timestamp::from_second(s).ok()).ok_or_else(not_proc)?;
        let boot_id = read_small(&root, c"sys/kernel/random/boot_id").map(|text| text.trim().to_owned());
        Ok(Self {
            root,
            boot_id: boot_id.ok().filter(|id| !id.is_empty()).unwrap_or_else(|| booted.to_string()),
            boot_time,
            // 100 on every architecture that Linux runs on today.
            ticks_per_second: u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1),
        })
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Lists the processes of this moment.
    pub(crate) fn list(&self) -> Result<Listing, Errno> {
        // A descriptor of its own: listing moves the position.
        let directory =
            rustix::fs::openat(&self.root, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
        let mut entries = RawDir::new(directory, &mut buffer);
        let mut pids = Vec::new();
        while let Some(entry) = entries.next() {
            pids.extend(pid_of(entry?.file_name().to_bytes()));
        }
        let counts = read_small(&self.root, c"stat").unwrap_or_default();
        Ok(Listing {
            pids,
            own: self.own_pid(),
            forks: host_count(&counts, "processes ").unwrap_or_default(),
            host_view: read_small(&self.root, c"2/comm").is_ok_and(|comm| comm.trim_end() == "kthreadd"),
        })
    }

    /// Whether the kernel makes this tree up. Only there is a descriptor of a file tied to one process.
    pub(crate) fn is_of_the_kernel(&self) -> bool {
        // PROC_SUPER_MAGIC of linux/magic.h.
        rustix::fs::fstatfs(&self.root).is_ok_and(|found| found.f_type == 0x9fa0)
    }

    /// The start time that a pid has now. Unlike other reads, this one never waits for the process.
    pub(crate) fn start_ticks(&self, pid: u32) -> Option<u64> {
        let path = Below::of(pid, "stat");
        let file = rustix::fs::openat(
            &self.root,
            path.as_c_str(),
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        );
        let mut text = [0; stat::MAX_BYTES];
        let length = rustix::io::read(file.ok()?, &mut text).ok()?;
        stat::Stat::parse(&text[..length]).ok().map(|stat| stat.start_ticks)
    }

    /// Time since boot; `None` if the tree does not say.
    pub(crate) fn uptime(&self) -> Option<Duration> {
        let text = read_small(&self.root, c"uptime").ok()?;
        let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// How long after boot a process of this start time started.
    pub(crate) fn since_boot(&self, start_ticks: u64) -> Duration {
        let per_second = u64::from(self.ticks_per_second);
        let rest = Duration::from_secs(start_ticks % per_second) / self.ticks_per_second;
        Duration::from_secs(start_ticks / per_second) + rest
    }

    /// When a process of this start time started.
    pub(crate) fn started_at(&self, start_ticks: u64) -> Timestamp {
        let after = SignedDuration::try_from(self.since_boot(start_ticks)).unwrap_or(SignedDuration::MAX);
        self.boot_time.saturating_add(after).unwrap_or(Timestamp::MAX)
    }

    /// What the link `self` says: through a mount of the host's tree it differs from getpid(2).
    fn own_pid(&self) -> Option<u32> {
        let link = rustix::fs::readlinkat(&self.root, c"self", Vec::new()).ok()?;
        pid_of(link.to_bytes())
    }
}

/// A directory name as a pid: decimal, without sign or leading zero.
fn pid_of(name: &[u8]) -> Option<u32> {
    if !matches!(name.first(), Some(b'1'..=b'9')) || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// The number behind a key in `/proc/stat`.
fn host_count(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.trim().parse().ok()
}

/// A file of the host that is not a process's. `stat` grows with the number of interrupts.
fn read_small(root: &OwnedFd, path: &CStr) -> Result<String, Errno> {
    const MAX: usize = 1 << 20;
    let file = rustix::fs::openat(root, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    let mut text = Vec::new();
    let mut chunk = [0; stat::MAX_BYTES];
    while text.len() < MAX {
        match rustix::io::read(&file, &mut chunk) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_names_are_processes() {
        let of = |name: &str| pid_of(name.as_bytes());
        assert_eq!(
            [of("1"), of("4194304"), of("-1"), of("+1"), of("01"), of("self"), of("99999999999"), of("")],
            [Some(1), Some(4_194_304), None, None, None, None, None, None]
        );
    }

    #[test]
    fn the_longest_path_below_the_root_fits() {
        let path = Below::of_task(u32::MAX, u32::MAX, "cmdline");
        assert_eq!(path.as_c_str(), c"4294967295/task/4294967295/cmdline");
    }

    #[test]
    fn the_real_tree_lists_this_process_and_its_own_pid() {
        let listing = Tree::open(Path::new("/proc")).unwrap().list().unwrap();
        assert_eq!(listing.own, Some(std::process::id()));
        assert!(listing.pids.contains(&std::process::id()));
    }

    #[test]
    fn a_directory_that_is_no_proc_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = Tree::open(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{}` is not a process tree", folder.path().display())));
    }
}
