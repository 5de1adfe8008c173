//! A PostgreSQL of this machine for the bench, if there is one.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends with the bench.
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    server: Child,
}

impl Postgres {
    /// None if the machine has none, which is said.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("left out: no PostgreSQL on this machine");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("kw").tempdir_in("/tmp").unwrap();
        let data = folder.path().join("data");
        let mut initdb = not_as_root(&programs.join("initdb"), folder.path());
        let made = initdb.arg("-D").arg(&data).args(["-A", "trust", "-N", "-U", "postgres"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = not_as_root(&programs.join("postgres"), folder.path());
        command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""]);
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "PostgreSQL does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { folder, port, server })
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What was started may be a wrapper; its child is the server.
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) =
            pid.lines().next().and_then(|line| line.parse().ok()).and_then(rustix::process::Pid::from_raw)
        {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = self.server.wait();
    }
}

/// The folder of the newest one that the distribution brings.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    folders.retain(|folder| folder.join("initdb").is_file());
    folders.sort();
    folders.pop()
}

/// PostgreSQL refuses to run as root.
fn not_as_root(program: &Path, folder: &Path) -> Command {
    if !rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let owned = Command::new("chown").args(["-R", "nobody"]).arg(folder).status().unwrap();
    assert!(owned.success(), "{} cannot be given away", folder.display());
    let mut wrapped = Command::new("runuser");
    wrapped.args(["-u", "nobody", "--"]).arg(program);
    wrapped
}
