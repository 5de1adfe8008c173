//! A real PostgreSQL for one test: it can be stopped in the middle and started again.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::program::Running;
use crate::real_programs::{real_program, run, start};
use crate::real_servers::{free_port, listens, not_as_root};

/// A running server; it ends with its test.
pub(crate) struct Postgres {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    server: Option<Running>,
}

impl Postgres {
    /// None if the machine has no PostgreSQL, which has been said then.
    pub(crate) fn start() -> Option<Self> {
        let (initdb, program) = (real_program("initdb")?, real_program("postgres")?);
        // As another user it must pass through the folders above.
        let folder = tempfile::Builder::new().prefix("kw").tempdir_in("/tmp").unwrap();
        let data = folder.path().join("data");
        run(not_as_root(&initdb, folder.path()).arg("-D").arg(data).args(["-A", "trust", "-N", "-U", "postgres"]));
        let mut postgres = Self { program, folder, port: free_port(), server: None };
        postgres.resume();
        Some(postgres)
    }

    /// An address with a password, which nothing may show.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres:hunter2@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn stop(&mut self) {
        let server = self.server.take().unwrap();
        // What was started may be a wrapper that only runs as root; its child is the server.
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap();
        let pid: i32 = pid.lines().next().unwrap().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::QUIT)
            .unwrap();
        let mut server = server;
        server.0.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn resume(&mut self) {
        let mut command = not_as_root(&self.program, self.folder.path());
        let port = self.port.to_string();
        command.arg("-D").arg(self.folder.path().join("data")).args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
        self.server = Some(start(&mut command));
        listens(self.port);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop();
        }
    }
}
