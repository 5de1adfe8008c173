//! A /proc tree in a directory, as the kernel would show these processes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The host that the tree is of.
pub(crate) const BOOT_ID: &str = "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11";

/// Pid that the tree gives to whoever reads it.
pub(crate) const OWN_PID: u32 = 4242;

/// The host has been up for this long, so that every process without another start time is old.
const UPTIME_S: u32 = 100_000;

/// A tree with pid 1, `kthreadd` and this program.
pub(crate) struct ProcTree(TempDir);

/// A process to be put into a tree.
pub(crate) struct Proc {
    pid: u32,
    parent: u32,
    comm: String,
    cmdline: Vec<u8>,
    exe: Option<String>,
    cgroup: String,
    flags: u32,
    start_ticks: u64,
}

const PF_KTHREAD: u32 = 0x0020_0000;

impl ProcTree {
    pub(crate) fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\nctxt 1\nbtime 1763600000\nprocesses 5000\nprocs_running 1\n");
        tree.write("uptime", &format!("{UPTIME_S}.00 1.00\n"));
        fs::create_dir_all(tree.path().join("sys/kernel/random")).unwrap();
        tree.write("sys/kernel/random/boot_id", &format!("{BOOT_ID}\n"));
        symlink(OWN_PID.to_string(), tree.path().join("self")).unwrap();
        tree.with(Proc::new(1, "systemd").args(&["/sbin/init"]).exe("/usr/lib/systemd/systemd").child_of(0))
            .with(Proc::new(2, "kthreadd").kernel_thread().child_of(0))
            .with(Proc::new(OWN_PID, "xmrig").args(&["xmrig"]))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The directory as an argument.
    pub(crate) fn arg(&self) -> &str {
        self.path().to_str().unwrap()
    }

    pub(crate) fn with(self, process: Proc) -> Self {
        self.add(process);
        self
    }

    pub(crate) fn add(&self, process: Proc) {
        let Proc { pid, parent, comm, cmdline, exe, cgroup, flags, start_ticks } = process;
        // Made aside and put in place at once, as the kernel does.
        let aside = self.path().join(format!(".{pid}"));
        fs::create_dir_all(aside.join("task").join(pid.to_string())).unwrap();
        let stat = format!(
            "{pid} ({comm}) S {parent} {pid} {pid} 0 -1 {flags} 0 0 0 0 150 50 0 0 20 0 1 0 {start_ticks} 1000000 200{}\n",
            " 0".repeat(28)
        );
        fs::write(aside.join("stat"), stat).unwrap();
        fs::write(aside.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(aside.join("cmdline"), cmdline).unwrap();
        fs::write(aside.join("cgroup"), cgroup).unwrap();
        let status = format!("Name:\t{comm}\nPid:\t{pid}\nPPid:\t{parent}\nUid:\t1000\t1000\t1000\t1000\n");
        fs::write(aside.join("status"), status).unwrap();
        if let Some(exe) = exe {
            symlink(exe, aside.join("exe")).unwrap();
        }
        fs::rename(aside, self.path().join(pid.to_string())).unwrap();
    }

    /// The process ends.
    pub(crate) fn remove(&self, pid: u32) {
        let aside: PathBuf = self.path().join(format!(".{pid}"));
        fs::rename(self.path().join(pid.to_string()), &aside).unwrap();
        fs::remove_dir_all(aside).unwrap();
    }

    /// Overwrites one file, such as `412/stat`.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
    }
}

impl Proc {
    /// A process of the host with this comm, no arguments and no readable executable.
    pub(crate) fn new(pid: u32, comm: &str) -> Self {
        Self {
            pid,
            parent: 1,
            comm: comm.to_owned(),
            cmdline: Vec::new(),
            exe: None,
            cgroup: "0::/system.slice/some.service\n".to_owned(),
            flags: 0x0040_0000,
            start_ticks: 1000 + u64::from(pid),
        }
    }

    pub(crate) fn args(self, args: &[&str]) -> Self {
        let cmdline = args.iter().flat_map(|arg| arg.bytes().chain([0])).collect();
        Self { cmdline, ..self }
    }

    pub(crate) fn cmdline(self, bytes: &[u8]) -> Self {
        Self { cmdline: bytes.to_vec(), ..self }
    }

    pub(crate) fn exe(self, link: &str) -> Self {
        Self { exe: Some(link.to_owned()), ..self }
    }

    pub(crate) fn cgroup(self, path: &str) -> Self {
        Self { cgroup: format!("0::{path}\n"), ..self }
    }

    pub(crate) fn child_of(self, parent: u32) -> Self {
        Self { parent, ..self }
    }

    pub(crate) fn kernel_thread(self) -> Self {
        Self { flags: PF_KTHREAD, ..self }
    }

    /// Started this many seconds ago.
    pub(crate) fn started_s_ago(self, seconds: u32) -> Self {
        // 100 clock ticks a second on every Linux that there is (sysconf(_SC_CLK_TCK)).
        Self { start_ticks: u64::from(UPTIME_S - seconds) * 100, ..self }
    }
}

/// Ordinary processes, each of which looks a little like something else.
pub(crate) fn ordinary() -> ProcTree {
    ProcTree::new()
        .with(Proc::new(3, "kworker/0:1").kernel_thread().child_of(2))
        .with(
            Proc::new(300, "sshd")
                .args(&["sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"])
                .exe("/usr/sbin/sshd"),
        )
        .with(Proc::new(301, "bash").args(&["-bash"]).exe("/usr/bin/bash").child_of(300))
        .with(Proc::new(302, "git").args(&["git", "clone", "https://git.example/miner.git"]).exe("/usr/bin/git"))
        .with(Proc::new(303, "grep").args(&["grep", "-rn", "stratum+tcp", "src"]).exe("/usr/bin/grep"))
        .with(Proc::new(304, "java").args(&["java", "-jar", "wallet.jar"]).exe("/usr/lib/jvm/bin/java"))
        .with(Proc::new(305, "docker").args(&["docker", "run", "--rm", "password=hunter2"]).exe("/usr/bin/docker"))
}

/// A miner in the container of a pod.
pub(crate) fn miner(pid: u32) -> Proc {
    let container = "4f1c".repeat(16);
    Proc::new(pid, "xmrig")
        .args(&["./xmrig", "-o", "stratum+tcp://pool.example:3333", "--pass=hunter2"])
        .exe("/app/xmrig")
        .cgroup(&format!("/kubepods/burstable/pod8712f785-1a3e-41ec-a00b-e2dcc77431cb/{container}"))
}
