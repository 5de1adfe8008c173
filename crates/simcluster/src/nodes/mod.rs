//! The process trees of simulated nodes: folders that read like `/proc`.
//!
//! Owns what such a tree says and how it changes. It starts no process and shows none of this machine; whoever scans it
//! cannot tell. Which pods there are is the cluster's to say: a [`Fleet`] follows it.
//!
//! ```text
//! cluster ──► Fleet ──► Pod ──┐
//!                              ├──► Node ──► folder/<pid>/{stat, status, cmdline, comm, cgroup, exe}
//! start, exec, exit, tick ─────┘             folder/{stat, uptime, self, sys/kernel/random/boot_id}
//! ```

mod cgroup;
mod fleet;
mod folder;
mod host;
mod node;
mod pod;
mod process;

pub use self::cgroup::{Driver, Quality};
pub use self::fleet::Fleet;
pub use self::node::{Node, NodeError, Profile};
pub use self::pod::{Container, Pod, RUN, Runtime};
pub use self::process::Program;
