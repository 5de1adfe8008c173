//! Where pods run and what addresses they have.
//!
//! Owns the arithmetic from a pod's number to its node and address, so that a Service can name a pod that nobody has
//! written yet. Pods are spread round robin over the workers; a DaemonSet has one on every node.

use std::net::Ipv4Addr;

use super::Sizes;
use super::plan::{App, Owner, Rights};
use super::random::{Purpose, Random};
use crate::nodes::Runtime;

/// The nodes and their ranges of addresses.
#[derive(Debug)]
pub(crate) struct Layout {
    seed: u64,
    nodes: u32,
    arm64: u32,
    control_planes: u32,
    /// The first worker; a single node is both.
    first_worker: u32,
    /// Addresses on a node that belong to pods which are spread; those of DaemonSets follow.
    spread: u32,
    /// Bits of an address that are the node's own.
    bits: u32,
}

/// How many nodes of a cluster are its control plane.
pub(crate) fn control_planes(nodes: u32) -> u32 {
    match nodes {
        0 => 0,
        1..5 => 1,
        _ => 3,
    }
}

impl Layout {
    /// A cluster with `spread` pods to be spread and `daemons` DaemonSets.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of at most 5,000")]
    pub(crate) fn new(seed: u64, sizes: &Sizes, spread: u32, daemons: u32) -> Self {
        let control_planes = control_planes(sizes.nodes);
        let first_worker = if sizes.nodes > 1 { control_planes } else { 0 };
        let workers = (sizes.nodes - first_worker).max(1);
        let spread = spread.div_ceil(workers);
        // The network, the gateway and the broadcast address are nobody's.
        let wanted = spread + daemons + 3;
        let bits = wanted.next_power_of_two().trailing_zeros().max(8);
        let arm64 = (f64::from(sizes.nodes) * sizes.arm64).round() as u32;
        Self { seed, nodes: sizes.nodes, arm64, control_planes, first_worker, spread, bits }
    }

    pub(crate) fn is_control_plane(&self, node: u32) -> bool {
        node < self.control_planes
    }

    /// `control-1`, `worker-17`.
    pub(crate) fn node_name(&self, node: u32) -> String {
        if self.is_control_plane(node) {
            return format!("control-{}", node + 1);
        }
        format!("worker-{}", node - self.control_planes + 1)
    }

    /// The address of the node itself.
    pub(crate) fn node_address(node: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 10)) + node)
    }

    /// The addresses of its pods: `10.128.7.0/24`.
    pub(crate) fn node_range(&self, node: u32) -> String {
        format!("{}/{}", Ipv4Addr::from(self.range_start(node)), 32 - self.bits)
    }

    /// `arm64` or `amd64`; the last nodes are of the first sort.
    pub(crate) fn architecture(&self, node: u32) -> &'static str {
        if node + self.arm64 >= self.nodes { "arm64" } else { "amd64" }
    }

    /// Eight nodes in ten have containerd, the others CRI-O or Docker.
    pub(crate) fn runtime(&self, node: u32) -> Runtime {
        match Random::of(self.seed, Purpose::Node, u64::from(node), 1).below(10) {
            0 => Runtime::CriO,
            1 => Runtime::Docker,
            _ => Runtime::Containerd,
        }
    }

    /// The node of a pod; `None` where there are no nodes.
    pub(crate) fn node_of(&self, app: &App, pod: u32) -> Option<u32> {
        if self.nodes == 0 {
            return None;
        }
        let workers = self.nodes - self.first_worker;
        Some(match app.owner {
            Owner::DaemonSet | Owner::Static => pod,
            _ => self.first_worker + (app.first_place + pod) % workers,
        })
    }

    /// The address of a pod; that of its node if it shares the node's network.
    pub(crate) fn address_of(&self, app: &App, pod: u32) -> Option<Ipv4Addr> {
        let node = self.node_of(app, pod)?;
        if shares_network(app) {
            return Some(Self::node_address(node));
        }
        let workers = self.nodes - self.first_worker;
        let place = match app.owner {
            Owner::DaemonSet => self.spread + app.first_place,
            _ => (app.first_place + pod) / workers,
        };
        Some(Ipv4Addr::from(self.range_start(node) + 2 + place))
    }

    fn range_start(&self, node: u32) -> u32 {
        u32::from(Ipv4Addr::new(10, 128, 0, 0)) + (node << self.bits)
    }
}

/// Whether pods of a workload have no address of their own.
pub(crate) fn shares_network(app: &App) -> bool {
    app.rights == Rights::Node || app.has(super::fault::Fault::HostNetwork)
}
