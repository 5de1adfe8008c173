//! What runs on every node beside its pods.

use super::cgroup;
use super::pod::Runtime;
use super::process::{Program, Sort};

/// A process of the node itself.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) program: Program,
    pub(crate) cgroup: String,
    pub(crate) sort: Sort,
    pub(crate) parent: u32,
}

/// The first process, and the first thread of the kernel, whose pids are fixed.
pub(crate) const INIT: u32 = 1;
pub(crate) const KERNEL: u32 = 2;

/// The processes that are there after boot, in the order of their start.
pub(crate) fn processes(runtime: Runtime) -> Vec<Own> {
    let kernel = |name: &str, parent| {
        let program = Program { exe: String::new(), argv: vec![name.to_owned()], uid: 0 };
        Own { program, cgroup: "0::/\n".to_owned(), sort: Sort::Kernel, parent }
    };
    let service = |name: &str, argv: &[&str]| Own {
        program: Program::new(argv, 0),
        cgroup: cgroup::of_service(name),
        sort: Sort::User,
        parent: INIT,
    };
    let init = Own {
        cgroup: "0::/init.scope\n".to_owned(),
        parent: 0,
        ..service("init", &["/usr/lib/systemd/systemd", "--switched-root", "--system"])
    };
    let engine = match runtime {
        Runtime::Containerd => service("containerd", &["/usr/bin/containerd"]),
        Runtime::CriO => service("crio", &["/usr/bin/crio"]),
        Runtime::Docker => service("docker", &["/usr/bin/dockerd", "-H", "fd://"]),
    };
    vec![
        init,
        kernel("kthreadd", 0),
        kernel("ksoftirqd/0", KERNEL),
        kernel("migration/0", KERNEL),
        kernel("kworker/0:1-events", KERNEL),
        service("systemd-journald", &["/usr/lib/systemd/systemd-journald"]),
        service("sshd", &["/usr/sbin/sshd", "-D"]),
        engine,
        service("kubelet", &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml"]),
    ]
}
