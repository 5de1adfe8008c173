//! One process, and the texts that `/proc` has of it.
//!
//! Owns the formats (proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5)). Where they are written is `folder`'s.

/// What a process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The executable, as the link `exe` says; empty for threads of the kernel.
    pub exe: String,
    /// The arguments; the first is the name.
    pub argv: Vec<String>,
    /// The user's number.
    pub uid: u32,
}

/// A process of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) program: Program,
    pub(crate) cgroup: String,
    /// After boot, in hundredths of a second.
    pub(crate) start_ticks: u64,
    pub(crate) sort: Sort,
}

/// Who made a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    User,
    Kernel,
}

impl Program {
    /// A program whose executable is its first argument.
    pub fn new(argv: &[&str], uid: u32) -> Self {
        let argv: Vec<String> = argv.iter().map(|&arg| arg.to_owned()).collect();
        Self { exe: argv.first().cloned().unwrap_or_default(), argv, uid }
    }

    /// The name that the kernel keeps: 15 bytes of the executable's.
    fn comm(&self) -> &str {
        let path = if self.exe.is_empty() { self.argv.first() } else { Some(&self.exe) };
        let path = path.map(String::as_str).unwrap_or_default().trim_end_matches(" (deleted)");
        // Names of kernel threads hold slashes: `kworker/0:1`.
        let name = if self.exe.is_empty() { path } else { path.rsplit('/').next().unwrap_or_default() };
        &name[..name.floor_char_boundary(15)]
    }
}

impl Process {
    pub(crate) fn comm(&self) -> String {
        format!("{}\n", self.program.comm())
    }

    pub(crate) fn cmdline(&self) -> Vec<u8> {
        if self.sort == Sort::Kernel {
            return Vec::new();
        }
        self.program.argv.iter().flat_map(|arg| arg.bytes().chain([0])).collect()
    }

    pub(crate) fn stat(&self) -> String {
        let Self { pid, parent, start_ticks, .. } = self;
        // PF_KTHREAD and PF_NOFREEZE with PF_FORKNOEXEC; PF_RANDOMIZE for others.
        let (flags, size) = match self.sort {
            Sort::Kernel => (0x0020_8040, 0),
            Sort::User => (0x0040_0000, 12_345_344),
        };
        format!(
            "{pid} ({}) S {parent} {pid} {pid} 0 -1 {flags} 120 0 0 0 25 5 0 0 20 0 1 0 {start_ticks} {size} 480 \
             18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            self.program.comm(),
        )
    }

    pub(crate) fn status(&self) -> String {
        let Self { pid, parent, program, .. } = self;
        let uid = program.uid;
        format!(
            "Name:\t{}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{parent}\n\
             TracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nFDSize:\t64\n\
             Threads:\t1\n",
            program.comm(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miner() -> Process {
        let program = Program::new(&["/tmp/a-miner-with-a-long-name", "-o", "pool.example:3333"], 1000);
        Process { pid: 71, parent: 70, program, cgroup: String::new(), start_ticks: 900, sort: Sort::User }
    }

    #[test]
    fn a_stat_has_its_52_fields_with_the_name_cut_to_15_bytes() {
        let stat = miner().stat();
        assert!(stat.starts_with("71 (a-miner-with-a-) S 70 71 71 0 -1 4194304 "), "{stat}");
        let fields: Vec<&str> = stat.split_whitespace().collect();
        assert_eq!((fields.len(), fields[21]), (52, "900"));
    }

    #[test]
    fn arguments_end_with_a_nul_each() {
        assert_eq!(miner().cmdline(), b"/tmp/a-miner-with-a-long-name\0-o\0pool.example:3333\0");
    }

    #[test]
    fn a_kernel_thread_has_its_flag_and_no_arguments() {
        let program = Program { exe: String::new(), argv: vec!["kworker/0:1-events".to_owned()], uid: 0 };
        let thread = Process { program, sort: Sort::Kernel, ..miner() };
        assert_eq!((thread.cmdline(), thread.comm().as_str()), (Vec::new(), "kworker/0:1-eve\n"));
        assert!(thread.stat().contains(" -1 2129984 "));
    }

    #[test]
    fn a_status_names_the_parent_and_the_user() {
        let status = miner().status();
        assert!(status.contains("\nPPid:\t70\n") && status.contains("\nUid:\t1000\t1000\t1000\t1000\n"), "{status}");
    }
}
