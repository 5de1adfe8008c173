//! One node with its processes.
//!
//! Owns pids, parents and time; `folder` writes what is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::cgroup::{self, Driver};
use super::folder::Folder;
use super::host;
use super::pod::{Container, Pod, Runtime};
use super::process::{Process, Program, Sort};

/// What a node is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name, as `sys/kernel/hostname` has it.
    pub name: String,
    /// A uid that this boot alone has.
    pub boot_id: String,
    /// When it booted.
    pub booted: Timestamp,
    /// Who names control groups.
    pub driver: Driver,
    /// Who runs its containers.
    pub runtime: Runtime,
}

/// A node that is simulated. Its tree goes when it is dropped.
#[derive(Debug)]
pub struct Node {
    profile: Profile,
    folder: Folder,
    processes: BTreeMap<u32, Process>,
    /// By the container's id.
    containers: BTreeMap<String, Group>,
    last_pid: u32,
    forks: u64,
    own: u32,
}

/// The processes of a container.
#[derive(Debug)]
struct Group {
    /// Line of `cgroup`.
    cgroup: String,
    first: u32,
    /// What the runtime has above the first process.
    monitor: u32,
    /// What runs besides, and its pid.
    besides: Option<(Program, u32)>,
}

/// A tree could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its folder cannot be written.
    #[error("failed to write the process tree of node `{0}`")]
    Write(String, #[source] io::Error),
    /// The cluster has no such node.
    #[error("the cluster has no node `{0}`")]
    NoNode(String),
    /// There is no such process.
    #[error("node `{0}` has no process {1}")]
    NoProcess(String, u32),
    /// No container of this id runs there.
    #[error("node `{0}` runs no container `{1}`")]
    NoContainer(String, String),
}

/// Pids above this one are given to what starts after boot.
const FIRST_PID: u32 = 800;
/// Pids are given anew from the first on when they get here, as with `kernel.pid_max` of a small machine.
const PID_MAX: u32 = 4_194_304;
const TICKS_PER_SECOND: i64 = 100;

impl Node {
    /// Boots a node: its own processes run, and the scanner among them, to which `self` leads.
    pub fn boot(profile: Profile, now: Timestamp) -> Result<Self, NodeError> {
        let folder = Folder::new().map_err(|error| NodeError::Write(profile.name.clone(), error))?;
        Self::boot_in(folder, profile, now)
    }

    pub(crate) fn boot_in(folder: Folder, profile: Profile, now: Timestamp) -> Result<Self, NodeError> {
        let mut node = Self {
            folder,
            processes: BTreeMap::new(),
            containers: BTreeMap::new(),
            last_pid: 0,
            forks: 0,
            own: 0,
            profile,
        };
        node.write("sys/kernel/random/boot_id", &format!("{}\n", node.profile.boot_id))?;
        node.write("sys/kernel/hostname", &format!("{}\n", node.profile.name))?;
        for own in host::processes(node.profile.runtime) {
            let host::Own { program, cgroup, sort, parent } = own;
            let pid = node.next_pid();
            let process = Process { pid, parent, program, cgroup, start_ticks: u64::from(pid), sort };
            node.add(process)?;
        }
        node.last_pid = FIRST_PID;
        let scanner = Program::new(&["/usr/bin/keelwatch", "node"], 65_534);
        node.own = node.spawn((host::INIT, cgroup::of_service("keelwatch")), scanner, now)?;
        let own = node.own.to_string();
        node.folder.link("self", &own).map_err(|error| node.write_error(error))?;
        node.tick(now)?;
        Ok(node)
    }

    /// The tree, to be read as `/proc` is.
    pub fn proc(&self) -> &Path {
        self.folder.path()
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// Pids of all processes, sorted.
    pub fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.processes.keys().copied()
    }

    /// The first process of a container, while it runs.
    pub fn first_process(&self, container: &str) -> Option<u32> {
        let first = self.containers.get(container)?.first;
        self.processes.contains_key(&first).then_some(first)
    }

    /// Whether the container was started here and not stopped.
    pub fn has(&self, container: &str) -> bool {
        self.containers.contains_key(container)
    }

    /// Has these pods run and no others: starts what is missing, stops what is left over.
    pub fn keep(&mut self, pods: &[Pod], now: Timestamp) -> Result<(), NodeError> {
        let wanted: BTreeSet<&str> =
            pods.iter().flat_map(|pod| &pod.containers).map(|container| container.id.as_str()).collect();
        let left: Vec<String> = self.containers.keys().filter(|id| !wanted.contains(id.as_str())).cloned().collect();
        left.iter().try_for_each(|id| self.stop_container(id))?;
        pods.iter().try_for_each(|pod| self.run(pod, now))?;
        pods.iter().try_for_each(|pod| self.run_besides(pod, now))
    }

    /// Starts the containers of a pod that do not run yet, each below a monitor of its runtime.
    pub fn run(&mut self, pod: &Pod, now: Timestamp) -> Result<(), NodeError> {
        for container in &pod.containers {
            if !self.containers.contains_key(&container.id) {
                self.run_container(pod, container, now)?;
            }
        }
        Ok(())
    }

    /// Ends everything that runs in the containers of a pod.
    pub fn stop(&mut self, pod: &Pod) -> Result<(), NodeError> {
        pod.containers.iter().try_for_each(|container| self.stop_container(&container.id))
    }

    /// Starts a program in a container, as a child of its first process; returns the pid.
    pub fn start(&mut self, container: &str, program: Program, now: Timestamp) -> Result<u32, NodeError> {
        let (Some(first), Some(group)) = (self.first_process(container), self.containers.get(container)) else {
            return Err(NodeError::NoContainer(self.profile.name.clone(), container.to_owned()));
        };
        let below = (first, group.cgroup.clone());
        self.spawn(below, program, now)
    }

    /// Starts a program on the node itself; returns the pid.
    pub fn start_on_host(&mut self, service: &str, program: Program, now: Timestamp) -> Result<u32, NodeError> {
        self.spawn((host::INIT, cgroup::of_service(service)), program, now)
    }

    /// Makes a process run another program. It keeps pid and start time.
    pub fn exec(&mut self, pid: u32, program: Program) -> Result<(), NodeError> {
        let Some(process) = self.processes.get_mut(&pid) else {
            return Err(NodeError::NoProcess(self.profile.name.clone(), pid));
        };
        process.program = program;
        self.folder.change(process).map_err(|error| NodeError::Write(self.profile.name.clone(), error))
    }

    /// Ends a process. Its children go on below the first process of the node.
    pub fn exit(&mut self, pid: u32) -> Result<(), NodeError> {
        if self.processes.remove(&pid).is_none() {
            return Err(NodeError::NoProcess(self.profile.name.clone(), pid));
        }
        self.folder.remove(pid).map_err(|error| self.write_error(error))?;
        for child in self.processes.values_mut().filter(|process| process.parent == pid) {
            child.parent = host::INIT;
            self.folder.change(child).map_err(|error| NodeError::Write(self.profile.name.clone(), error))?;
        }
        Ok(())
    }

    /// Writes the time: `uptime` and the counters of `stat`. Ages of processes are told by it.
    pub fn tick(&self, now: Timestamp) -> Result<(), NodeError> {
        let ticks = self.ticks(now);
        let (seconds, rest) = (ticks / 100, ticks % 100);
        self.write("uptime", &format!("{seconds}.{rest:02} {seconds}.{rest:02}\n"))?;
        let booted = self.profile.booted.as_second();
        let forks = self.forks;
        self.write(
            "stat",
            &format!(
                "cpu  {ticks} 0 {ticks} {ticks} 0 0 0 0 0 0\ncpu0 {ticks} 0 {ticks} {ticks} 0 0 0 0 0 0\nintr 0\n\
                 ctxt {ticks}\nbtime {booted}\nprocesses {forks}\nprocs_running 1\nprocs_blocked 0\n"
            ),
        )
    }

    fn run_container(&mut self, pod: &Pod, container: &Container, now: Timestamp) -> Result<(), NodeError> {
        let Container { id, runtime, program, started } = container;
        let since = started.unwrap_or(now);
        let (service, monitor) = match runtime {
            Runtime::Containerd => ("containerd", "/usr/bin/containerd-shim-runc-v2"),
            Runtime::CriO => ("crio", "/usr/bin/conmon"),
            Runtime::Docker => ("docker", "/usr/bin/containerd-shim-runc-v2"),
        };
        let monitor = Program::new(&[monitor, "-id", id], 0);
        let monitor = self.spawn((host::INIT, cgroup::of_service(service)), monitor, since)?;
        let cgroup = cgroup::of_container(self.profile.driver, (&pod.uid, pod.quality), (*runtime, id));
        let first = self.spawn((monitor, cgroup.clone()), program.clone(), since)?;
        self.containers.insert(id.clone(), Group { cgroup, first, monitor, besides: None });
        Ok(())
    }

    /// Has the first container of a pod run what the pod asks for besides, and no longer what it asked for before.
    fn run_besides(&mut self, pod: &Pod, now: Timestamp) -> Result<(), NodeError> {
        let Some(Container { id, .. }) = pod.containers.first() else { return Ok(()) };
        let Some(group) = self.containers.get_mut(id) else { return Ok(()) };
        if group.besides.as_ref().map(|(program, _)| program) == pod.besides.as_ref() {
            return Ok(());
        }
        if let Some((_, pid)) = group.besides.take()
            && self.processes.contains_key(&pid)
        {
            self.exit(pid)?;
        }
        let Some(program) = pod.besides.clone() else { return Ok(()) };
        let pid = self.start(id, program.clone(), now)?;
        if let Some(group) = self.containers.get_mut(id) {
            group.besides = Some((program, pid));
        }
        Ok(())
    }

    /// Ends everything that runs in a container; one that is not there is stopped already.
    fn stop_container(&mut self, id: &str) -> Result<(), NodeError> {
        let Some(Group { cgroup, monitor, .. }) = self.containers.remove(id) else { return Ok(()) };
        let inside = self.processes.values().filter(|process| process.cgroup == cgroup || process.pid == monitor);
        let pids: Vec<u32> = inside.map(|process| process.pid).collect();
        pids.into_iter().try_for_each(|pid| self.exit(pid))
    }

    fn spawn(&mut self, below: (u32, String), program: Program, now: Timestamp) -> Result<u32, NodeError> {
        let (parent, cgroup) = below;
        let pid = self.next_pid();
        self.add(Process { pid, parent, program, cgroup, start_ticks: self.ticks(now), sort: Sort::User })?;
        Ok(pid)
    }

    fn add(&mut self, process: Process) -> Result<(), NodeError> {
        self.folder.add(&process).map_err(|error| self.write_error(error))?;
        self.forks += 1;
        self.processes.insert(process.pid, process);
        Ok(())
    }

    fn next_pid(&mut self) -> u32 {
        loop {
            self.last_pid = if self.last_pid + 1 < PID_MAX { self.last_pid + 1 } else { FIRST_PID };
            if !self.processes.contains_key(&self.last_pid) {
                return self.last_pid;
            }
        }
    }

    /// Hundredths of a second since boot.
    fn ticks(&self, now: Timestamp) -> u64 {
        let since = now.duration_since(self.profile.booted);
        let ticks = since.as_secs().saturating_mul(TICKS_PER_SECOND) + i64::from(since.subsec_millis() / 10);
        u64::try_from(ticks).unwrap_or(0)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), NodeError> {
        self.folder.write(path, text).map_err(|error| self.write_error(error))
    }

    fn write_error(&self, error: io::Error) -> NodeError {
        NodeError::Write(self.profile.name.clone(), error)
    }
}

#[cfg(test)]
mod tests;
