//! One process as rules see it: who it is, and the texts it shows.
//!
//! Owns the data model. Reading it is `reader`'s job, judging it `rules`'.

use api::violation::Flag;

/// Who a process is for as long as the host runs: a pid alone is used again, with the start time it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Process id, as the scanned tree numbers it.
    pub pid: u32,
    /// Start time after boot in clock ticks: field 22 of `stat` (proc_pid_stat(5)).
    pub start_ticks: u64,
}

/// The texts of one process that rules are matched against: raw bytes, before redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts<'a> {
    /// Field 2 of `stat`, at most 15 bytes.
    pub comm: &'a [u8],
    /// `cmdline` as the kernel gives it: every argument ends with a NUL, but a process may have overwritten that.
    pub cmdline: &'a [u8],
    /// Text of the `exe` link as read; `None` if it cannot be read.
    pub exe: Option<&'a [u8]>,
}

/// The `exe` link, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exe<'a> {
    /// The path without `(unreachable)` in front and ` (deleted)` behind; `memfd:x` for a memfd executable.
    pub path: &'a [u8],
    /// The file has been deleted. Never set together with `memfd`.
    pub deleted: bool,
    /// The file lives in memory only.
    pub memfd: bool,
}

impl<'a> Texts<'a> {
    /// The arguments, without the NULs that trail the command line.
    pub fn args(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let end = self.cmdline.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let whole = &self.cmdline[..end];
        // No argument at all is not one empty argument.
        (!whole.is_empty()).then(|| whole.split(|byte| *byte == 0)).into_iter().flatten()
    }

    /// The `exe` link, taken apart; `None` if it cannot be read.
    pub fn exe(&self) -> Option<Exe<'a>> {
        self.exe.map(Exe::of)
    }

    /// What is odd about the executable and the name, sorted.
    pub fn flags(&self) -> Vec<Flag> {
        let exe = self.exe();
        let candidates = [
            (Flag::Deleted, exe.is_some_and(|exe| exe.deleted)),
            (Flag::Memfd, exe.is_some_and(|exe| exe.memfd)),
            (Flag::KernelThreadName, self.has_kernel_thread_name()),
        ];
        candidates.into_iter().filter_map(|(flag, set)| set.then_some(flag)).collect()
    }

    /// Named like a kernel thread and none: whoever calls this has left out real kernel threads already.
    fn has_kernel_thread_name(&self) -> bool {
        let argv0 = self.args().next().unwrap_or_default();
        let named = looks_like_kernel_thread(self.comm) || looks_like_kernel_thread(argv0);
        named && (!self.cmdline.is_empty() || self.exe.is_some())
    }
}

impl<'a> Exe<'a> {
    /// Takes the text of an `exe` link apart.
    pub fn of(link: &'a [u8]) -> Self {
        let reachable = link.strip_prefix(b"(unreachable)").unwrap_or(link);
        let (path, deleted) = match reachable.strip_suffix(b" (deleted)") {
            Some(path) => (path, true),
            None => (reachable, false),
        };
        match path.strip_prefix(b"/") {
            Some(name) if deleted && name.starts_with(b"memfd:") => Self { path: name, deleted: false, memfd: true },
            _ => Self { path, deleted, memfd: false },
        }
    }
}

/// `[name]`, or a name that the kernel gives to its own threads.
fn looks_like_kernel_thread(name: &[u8]) -> bool {
    // These have the number of a processor; `migration/run` is a path.
    const OF_A_PROCESSOR: [&[u8]; 2] = [b"ksoftirqd/", b"migration/"];
    let is_of_a_processor = |prefix: &&[u8]| {
        let number = name.strip_prefix(*prefix).unwrap_or_default();
        number.first().is_some_and(u8::is_ascii_digit)
    };
    // Celery calls its workers `[celeryd: celery@host:ForkPoolWorker-1]`; the kernel puts no sentence into a name.
    let is_sentence = name.windows(2).any(|pair| pair == b": ");
    let is_bracketed = name.len() >= 3 && name.starts_with(b"[") && name.ends_with(b"]") && !is_sentence;
    is_bracketed || name == b"kthreadd" || name.starts_with(b"kworker/") || OF_A_PROCESSOR.iter().any(is_of_a_processor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(comm: &str, cmdline: &str, exe: Option<&str>) -> Vec<Flag> {
        Texts { comm: comm.as_bytes(), cmdline: cmdline.as_bytes(), exe: exe.map(str::as_bytes) }.flags()
    }

    #[test]
    fn arguments_end_where_the_trailing_nuls_begin() {
        let texts = Texts { comm: b"x", cmdline: b"a\0\0b c\0\0\0", exe: None };
        assert_eq!(texts.args().collect::<Vec<_>>(), [&b"a"[..], b"", b"b c"]);
        let empty = Texts { cmdline: b"\0\0", ..texts };
        assert_eq!(empty.args().count(), 0);
    }

    #[test]
    fn a_deleted_executable_is_its_path_and_a_flag() {
        let exe = Exe::of(b"(unreachable)/tmp/x (deleted)");
        assert_eq!(exe, Exe { path: b"/tmp/x", deleted: true, memfd: false });
    }

    #[test]
    fn a_memfd_executable_is_not_deleted() {
        let exe = Exe::of(b"/memfd:x (deleted)");
        assert_eq!(exe, Exe { path: b"memfd:x", deleted: false, memfd: true });
    }

    #[test]
    fn a_file_that_is_called_memfd_is_an_ordinary_file() {
        let exe = Exe::of(b"/memfd:x");
        assert_eq!(exe, Exe { path: b"/memfd:x", deleted: false, memfd: false });
    }

    #[test]
    fn a_kernel_threads_name_is_odd_when_a_program_or_arguments_are_behind_it() {
        assert_eq!(flags("bash", "[kworker/0:1]\0", None), [Flag::KernelThreadName]);
        assert_eq!(flags("kworker/0:1", "\0\0", Some("/tmp/fk")), [Flag::KernelThreadName]);
        assert_eq!(flags("kworker/0:1", "", None), []);
        assert_eq!(flags("migration/0", "x\0", Some("/tmp/fk")), [Flag::KernelThreadName]);
        assert_eq!(flags("bash", "[]\0", Some("/bin/bash")), []);
    }

    #[test]
    fn a_title_and_a_path_are_no_names_of_kernel_threads() {
        let python = Some("/usr/bin/python3");
        assert_eq!(flags("celery", "[celeryd: celery@shop:ForkPoolWorker-1]\0", python), []);
        assert_eq!(flags("run", "migration/run\0", Some("/srv/migration/run")), []);
    }
}
