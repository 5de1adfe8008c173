//! The process trees of simulated nodes: folders that read like `/proc`.
//!
//! Owns what such a tree says and how it changes. It starts no process and shows none of this machine; whoever scans it
//! cannot tell. Which pods there are is the cluster's to say; time is given with every call.
//!
//! ```text
//! pod of the cluster ──► Pod ──┐
//!                              ├──► Node ──► folder/<pid>/{stat, status, cmdline, comm, cgroup, exe}
//! start, exec, exit, tick ─────┘             folder/{stat, uptime, self, sys/kernel/random/boot_id}
//! ```

mod cgroup;
mod folder;
mod host;
mod node;
mod pod;
mod process;

pub use self::cgroup::{Driver, Quality};
pub use self::node::{Node, NodeError, Profile};
pub use self::pod::{Container, Pod, Runtime};
pub use self::process::Program;
