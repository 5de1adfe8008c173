//! One look at one process: what it shows now, and whether that is what it showed before.
//!
//! Owns the order of the reads, which is what makes them belong together: a descriptor of `cmdline` is tied to one
//! process, never to the next one of the same pid, so whatever was read between opening it and a read of it that
//! succeeds was that process's. So is the inode behind it, whose number the kernel gives out once: where no descriptor
//! can be held, the number is remembered. What the texts mean is `rules`' job; who looks when is `pass`'s.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::process::Identity;
use crate::stat::{self, Stat};
use crate::tree::{Below, Tree};

/// What to look at.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) pid: u32,
    pub(crate) known: Option<Known>,
    pub(crate) hold: Hold,
}

/// What the last look at this process showed.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) start_ticks: u64,
    /// A descriptor of its `cmdline`.
    pub(crate) held: Option<Arc<OwnedFd>>,
    pub(crate) inode: Option<Inode>,
    pub(crate) shown: Shown,
    pub(crate) comm: Comm,
}

/// The number of the inode of a process's `cmdline`. The kernel makes it up when the file is first looked at and gives
/// the number to nothing else, so the same number is the same process; another one says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode(u64);

/// A keyed hash of command line and executable, remembered in place of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown(pub(crate) u64);

/// The comm last read, kept whole: it is no longer than its hash and a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comm {
    /// It was read a short while ago: not again for its sake alone.
    Recent,
    /// Compare with this one.
    Was([u8; 16]),
    /// Report whatever is there: everything is to be judged again.
    Forgotten,
}

/// Whether to keep the descriptor of a process seen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Yes,
    No,
}

/// What a look showed.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The same process with the same texts, and a descriptor if it is to be held from now on.
    Same(Option<Arc<OwnedFd>>),
    /// A process that is new, or shows other texts.
    Fresh(Box<Fresh>),
    /// A thread of the kernel.
    KernelThread,
    /// It ended meanwhile.
    Ended,
    /// It may not be read.
    Forbidden,
    /// What it shows is malformed, or reading failed.
    Io,
}

/// Everything a process shows.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) identity: Identity,
    pub(crate) parent: u32,
    pub(crate) cpu_ticks: u64,
    pub(crate) comm: Vec<u8>,
    pub(crate) cmdline: Vec<u8>,
    pub(crate) exe: Option<Vec<u8>>,
    pub(crate) access: Access,
    /// The command line is longer than what was read.
    pub(crate) cut: bool,
    pub(crate) shown: Shown,
    pub(crate) held: Option<Arc<OwnedFd>>,
    pub(crate) inode: Option<Inode>,
}

/// What was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Access {
    pub(crate) cmdline_denied: bool,
    pub(crate) exe_denied: bool,
}

/// What is read of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of a command line; longer ones are cut.
    pub(crate) cmdline_bytes: usize,
    /// Whether a rule asks for the `exe` link.
    pub(crate) needs_exe: bool,
}

/// Looks at processes, one after the other, with buffers of its own.
#[derive(Debug)]
pub(crate) struct Looker {
    tree: Arc<Tree>,
    of_the_kernel: bool,
    key: RandomState,
    needs_exe: bool,
    /// One byte more than is kept, which tells a command line that fits from one that is cut.
    cmdline: Vec<u8>,
    exe: Vec<u8>,
}

/// A read that shows nothing, by what it means.
enum Nothing {
    Ended,
    Denied,
    Failed,
}

impl From<Errno> for Nothing {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::SRCH => Self::Ended,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            _ => Self::Failed,
        }
    }
}

/// The `exe` link, or why there is none.
#[derive(Clone, Copy)]
enum Link {
    Read(usize),
    Missing,
    Denied,
}

/// Where the files of a process are: with a leader that has ended, below one of its other threads.
#[derive(Clone, Copy)]
enum Place {
    Leader(u32),
    Thread(u32, u32),
}

impl Place {
    fn file(self, name: &str) -> Below {
        match self {
            Self::Leader(pid) => Below::of(pid, name),
            Self::Thread(pid, tid) => Below::of_task(pid, tid, name),
        }
    }
}

impl Looker {
    /// A looker within these limits. What lookers of one key saw can be compared.
    pub(crate) fn new(tree: Arc<Tree>, key: RandomState, limits: Limits) -> Self {
        // PATH_MAX is 4,096; the kernel adds ` (deleted)` within its page.
        let of_the_kernel = tree.is_of_the_kernel();
        Self {
            tree,
            of_the_kernel,
            key,
            needs_exe: limits.needs_exe,
            cmdline: vec![0; limits.cmdline_bytes + 1],
            exe: vec![0; 4096],
        }
    }

    /// The same reads with other limits; what was shown keeps its hash.
    pub(crate) fn limit(&mut self, limits: Limits) {
        self.cmdline.resize(limits.cmdline_bytes + 1, 0);
        self.needs_exe = limits.needs_exe;
    }

    /// Looks at one process.
    pub(crate) fn look(&mut self, look: &Look) -> Seen {
        if let Some(seen) = look.known.as_ref().and_then(|known| self.look_again(look.pid, known)) {
            return seen;
        }
        let seen = self.look_closely(look);
        seen.unwrap_or_else(|nothing| match nothing {
            Nothing::Ended => Seen::Ended,
            Nothing::Denied => Seen::Forbidden,
            Nothing::Failed => Seen::Io,
        })
    }

    /// The cheap look: two reads and a hash. `None` if it does not settle the matter.
    fn look_again(&mut self, pid: u32, known: &Known) -> Option<Seen> {
        if known.comm != Comm::Recent {
            return None;
        }
        let opened;
        let file = if let Some(held) = &known.held {
            held
        } else {
            opened = self.open(Place::Leader(pid)).ok()?;
            self.inode(&opened).filter(|inode| Some(*inode) == known.inode)?;
            &opened
        };
        let link = self.read_exe(Place::Leader(pid));
        // One call: the kernel gives all there is, and if ever it did not, the hash differs and the whole look follows.
        let length = rustix::io::pread(file.as_fd(), &mut self.cmdline[..], 0).ok()?;
        // An empty command line is a kernel thread's, a zombie's or a liar's: `stat` tells.
        (length > 0 && self.hash(link, length) == known.shown).then_some(Seen::Same(None))
    }

    /// The whole look, with `stat`.
    fn look_closely(&mut self, look: &Look) -> Result<Seen, Nothing> {
        let held = look.known.as_ref().and_then(|known| known.held.clone());
        let leader = Place::Leader(look.pid);
        let opened = match held.filter(|held| pread(held.as_fd(), &mut [0]).is_ok()) {
            Some(held) => Ok(held),
            None => self.open(leader),
        };
        let mut text = [0; stat::MAX_BYTES + 1];
        let length = self.read_stat(look.pid, &mut text)?;
        let stat = Stat::parse(&text[..length]).map_err(|_| Nothing::Failed)?;
        if stat.is_kernel_thread() {
            return Ok(Seen::KernelThread);
        }
        if stat.has_ended() {
            return Ok(Seen::Ended);
        }
        let place = if stat.is_zombie() { self.other_thread(look.pid)? } else { leader };
        let opened = if stat.is_zombie() { self.open(place) } else { opened };
        let link = self.read_exe(place);
        let (length, cmdline_denied) = match &opened {
            Ok(file) => (pread(file.as_fd(), &mut self.cmdline).map_err(Nothing::from)?, false),
            Err(Nothing::Denied) => (0, true),
            Err(Nothing::Ended) => return Err(Nothing::Ended),
            Err(Nothing::Failed) => return Err(Nothing::Failed),
        };
        let shown = self.hash(link, length);
        // The other thread may end before its process does.
        let file = opened.ok().filter(|_| !stat.is_zombie());
        let inode = file.as_ref().and_then(|file| self.inode(file));
        let held = file.filter(|_| look.hold == Hold::Yes);
        if look.known.as_ref().is_some_and(|known| is_as_known(known, &stat, shown)) {
            return Ok(Seen::Same(held));
        }
        let access = Access { cmdline_denied, exe_denied: matches!(link, Link::Denied) };
        let fresh = self.fresh(&stat, look.pid, (link, length));
        Ok(Seen::Fresh(Box::new(Fresh { access, shown, held, inode, ..fresh })))
    }

    /// What was read, by itself.
    fn fresh(&self, stat: &Stat<'_>, pid: u32, (link, length): (Link, usize)) -> Fresh {
        let kept = length.min(self.cmdline.len() - 1);
        let exe = match link {
            Link::Read(length) => Some(self.exe[..length].to_vec()),
            Link::Missing | Link::Denied => None,
        };
        Fresh {
            identity: Identity { pid, start_ticks: stat.start_ticks },
            parent: stat.parent,
            cpu_ticks: stat.cpu_ticks,
            comm: stat.comm.to_vec(),
            cmdline: self.cmdline[..kept].to_vec(),
            exe,
            access: Access::default(),
            cut: length > kept,
            shown: self.hash(link, length),
            held: None,
            inode: None,
        }
    }

    fn open(&self, place: Place) -> Result<Arc<OwnedFd>, Nothing> {
        let path = place.file("cmdline");
        let file = rustix::fs::openat(self.tree.root(), path.as_c_str(), READ_ONLY, Mode::empty())?;
        Ok(Arc::new(file))
    }

    fn read_stat(&self, pid: u32, text: &mut [u8]) -> Result<usize, Nothing> {
        let path = Below::of(pid, "stat");
        let file = rustix::fs::openat(self.tree.root(), path.as_c_str(), READ_ONLY, Mode::empty())?;
        // One call: a second one would make the kernel write the whole line again, to say that nothing follows.
        Ok(rustix::io::read(&file, text)?)
    }

    fn inode(&self, file: &OwnedFd) -> Option<Inode> {
        self.of_the_kernel.then(|| rustix::fs::fstat(file).ok().map(|stat| Inode(stat.st_ino))).flatten()
    }

    fn read_exe(&mut self, place: Place) -> Link {
        if !self.needs_exe {
            return Link::Missing;
        }
        let path = place.file("exe");
        match rustix::fs::readlinkat_raw(self.tree.root(), path.as_c_str(), &mut self.exe[..]) {
            Ok(length) => Link::Read(length),
            Err(Errno::ACCESS | Errno::PERM) => Link::Denied,
            Err(_) => Link::Missing,
        }
    }

    /// Any thread but the leader, which has ended and shows nothing.
    fn other_thread(&self, pid: u32) -> Result<Place, Nothing> {
        let path = Below::of(pid, "task");
        let threads =
            rustix::fs::openat(self.tree.root(), path.as_c_str(), READ_ONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
        let mut entries = RawDir::new(threads, &mut buffer);
        while let Some(entry) = entries.next() {
            let tid = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok());
            if let Some(tid) = tid.filter(|tid| *tid != pid) {
                return Ok(Place::Thread(pid, tid));
            }
        }
        Err(Nothing::Ended)
    }

    fn hash(&self, link: Link, length: usize) -> Shown {
        let mut hasher = self.key.build_hasher();
        match link {
            Link::Read(length) => {
                hasher.write_u8(0);
                hasher.write(&self.exe[..length]);
            }
            Link::Missing => hasher.write_u8(1),
            Link::Denied => hasher.write_u8(2),
        }
        hasher.write_usize(length);
        hasher.write(&self.cmdline[..length]);
        Shown(hasher.finish())
    }
}

impl Comm {
    /// This comm, to be compared later.
    pub(crate) fn of(comm: &[u8]) -> [u8; 16] {
        let mut kept = [0; 16];
        let length = comm.len().min(kept.len());
        kept[..length].copy_from_slice(&comm[..length]);
        kept
    }
}

const READ_ONLY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

fn is_as_known(known: &Known, stat: &Stat<'_>, shown: Shown) -> bool {
    let same_comm = match known.comm {
        Comm::Recent => true,
        Comm::Was(comm) => comm == Comm::of(stat.comm),
        Comm::Forgotten => false,
    };
    same_comm && known.start_ticks == stat.start_ticks && known.shown == shown
}

/// Reads from the start of a file until its end or the end of `buffer`.
pub(crate) fn pread(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut length = 0;
    while length < buffer.len() {
        match rustix::io::pread(file, &mut buffer[length..], length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
