//! Ordinary servers and tools, the real ones: nobody is named.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Running, keelwatch, write};
use crate::real_programs::{command, real_program, run, start};
use crate::wait::until;

/// Fails the test if a scan names the process, or one of its children.
#[track_caller]
fn is_clean(process: &Running) {
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl"]);
    let pid = Value::from(process.0.id());
    let lines = scan.lines();
    let is_ours = |line: &&Value| {
        let parents = line["evidence"]["parents"].as_array().unwrap();
        line["pid"] == pid || parents.iter().any(|parent| parent["pid"] == pid)
    };
    let ours: Vec<&Value> = lines.iter().filter(is_ours).collect();
    assert!(ours.iter().any(|line| line["pid"] == pid), "process {pid} is gone; {}", scan.stderr);
    assert!(ours.iter().all(|line| line["verdict"] == "clean"), "{ours:?}");
}

/// A port of the loopback interface that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[track_caller]
pub(crate) fn listens(port: u16) {
    until("the server to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
}

/// The same command as another user, if this one is root: some servers refuse root.
pub(crate) fn not_as_root(program: &Path, folder: &Path) -> Command {
    if !rustix::process::getuid().is_root() {
        return command(program);
    }
    run(command("chown").args(["-R", "nobody"]).arg(folder));
    let mut wrapped = command("runuser");
    wrapped.args(["-u", "nobody", "--"]).arg(program);
    wrapped
}

#[test]
fn sshd_is_clean() {
    let Some(sshd) = real_program("sshd") else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
    // Where the daemon of the machine never ran, its folder is missing, and sshd insists on it.
    let _ = std::fs::create_dir("/run/sshd");
    let port = free_port();
    let config = format!("ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\n", key.display());
    let config = write(folder.path(), "sshd_config", &config);
    let sshd = start(command(sshd).args(["-D", "-f", &config]));
    listens(port);
    is_clean(&sshd);
}

#[test]
fn postgres_is_clean() {
    let (Some(initdb), Some(postgres)) = (real_program("initdb"), real_program("postgres")) else { return };
    let folder = tempfile::Builder::new().prefix("kw").tempdir_in("/tmp").unwrap();
    let data = folder.path().join("data");
    run(not_as_root(&initdb, folder.path()).arg("-D").arg(&data).args(["-A", "trust", "-N", "-U", "postgres"]));
    let port = free_port().to_string();
    let mut server = not_as_root(&postgres, folder.path());
    let server = start(server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port, "-k", ""]));
    listens(port.parse().unwrap());
    is_clean(&server);
}

#[test]
fn nginx_is_clean() {
    let Some(nginx) = real_program("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (here, port) = (folder.path().display(), free_port());
    let config = format!(
        "daemon off; pid {here}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; client_body_temp_path {here}/a;\n\
         proxy_temp_path {here}/b; fastcgi_temp_path {here}/c; uwsgi_temp_path {here}/d; scgi_temp_path {here}/e;\n\
         server {{ listen 127.0.0.1:{port}; }} }}\n"
    );
    let config = write(folder.path(), "nginx.conf", &config);
    let nginx = start(command(nginx).args(["-e", "stderr", "-c", &config]));
    listens(port);
    is_clean(&nginx);
}

#[test]
fn prometheus_is_clean() {
    let Some(prometheus) = real_program("prometheus") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "prometheus.yml", "global: {scrape_interval: 1h}\n");
    let port = free_port();
    let server = start(
        command(prometheus)
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    listens(port);
    is_clean(&server);
}

#[test]
fn node_is_clean() {
    let Some(node) = real_program("node") else { return };
    is_clean(&start(command(node).args(["-e", "setInterval(() => {}, 1000)"])));
}

#[test]
fn java_is_clean() {
    let Some(java) = real_program("java") else { return };
    // Waits for a debugger before it looks for its main class.
    let debugger = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:0";
    is_clean(&start(command(java).args([debugger, "-cp", "app.jar", "example.App", "--password=hunter2"])));
}

#[test]
fn git_clone_is_clean() {
    let Some(git) = real_program("git") else { return };
    let folder = tempfile::tempdir().unwrap();
    // Takes the connection and never answers, so that git waits.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/xmrig/xmrig.git", server.local_addr().unwrap());
    let clone = start(command(git).args(["clone", &url]).arg(folder.path().join("xmrig")));
    let _connection = server.accept().unwrap();
    is_clean(&clone);
}

#[test]
fn make_is_clean() {
    let Some(make) = real_program("make") else { return };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "Makefile", "miner:\n\ttouch started; sleep 600\n");
    let make = start(command(make).arg("miner").current_dir(folder.path()));
    until("the recipe to run", || folder.path().join("started").exists().then_some(()));
    is_clean(&make);
}

#[test]
fn docker_run_with_a_password_is_clean_and_its_password_is_hidden() {
    let Some(bash) = real_program("bash") else { return };
    // No engine is needed for a client's command line.
    let script = "exec -a docker perl -e 'sleep 600' -- run --rm -e password=hunter2 registry.example/app";
    let docker = start(command(bash).args(["-c", script]));
    let cmdline = format!("/proc/{}/cmdline", docker.0.id());
    until("the shell to become docker", || std::fs::read(&cmdline).unwrap().starts_with(b"docker").then_some(()));
    is_clean(&docker);
    let scan = keelwatch(&["scan", "--all", "-o", "jsonl"]);
    assert!(!scan.stdout.contains("hunter2") && scan.stdout.contains("password=***"), "{}", scan.stderr);
}
