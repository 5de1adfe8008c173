//! What every cluster runs: control plane, network, monitoring.

use super::{Owner, Planner, Pods, Rights};
use crate::population::fault::Fault;
use crate::population::layout;

const KUBE_SYSTEM: u32 = 3;
const MONITORING: u32 = 4;

/// Workloads that take the first pods of their kind.
pub(super) const NEEDED: [(Owner, u32, &str); 6] = [
    (Owner::Deployment, KUBE_SYSTEM, "coredns"),
    (Owner::Deployment, KUBE_SYSTEM, "metrics-server"),
    (Owner::Deployment, MONITORING, "grafana"),
    (Owner::Deployment, MONITORING, "kube-state-metrics"),
    (Owner::StatefulSet, MONITORING, "prometheus"),
    (Owner::StatefulSet, MONITORING, "alertmanager"),
];

/// DaemonSets before those of tenants. The one that is judged bears a fault: it cannot do without its node.
const DAEMONS: [(u32, &str, Rights, Option<Fault>); 5] = [
    (KUBE_SYSTEM, "kube-proxy", Rights::Node, None),
    (KUBE_SYSTEM, "cilium", Rights::Node, None),
    (MONITORING, "node-exporter", Rights::Node, Some(Fault::HostNetwork)),
    (MONITORING, "fluent-bit", Rights::Ordinary, None),
    (KUBE_SYSTEM, "node-local-dns", Rights::Ordinary, None),
];

const STATIC: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

impl Planner<'_> {
    /// Plans DaemonSets, each on all nodes until the pods are used up; returns their number.
    pub(super) fn daemon_sets(&mut self, pods: u32) -> u32 {
        let (mut left, mut count) = (pods, 0);
        while left > 0 {
            let running = left.min(self.sizes.nodes);
            let pods = Pods { running, ..Pods::default() };
            let known = DAEMONS.get(count as usize);
            let (space, name) = known.map_or_else(|| self.place(), |(space, name, ..)| (*space, (*name).to_owned()));
            let app = self.push(space, name, Owner::DaemonSet, pods);
            if let Some((_, _, rights, fault)) = known {
                (app.rights, app.fault) = (*rights, *fault);
            }
            left -= running;
            count += 1;
        }
        count
    }

    /// Plans pods that no workload owns: those of the control plane, and single ones.
    pub(super) fn bare(&mut self, pods: u32) {
        let of_nodes = layout::control_planes(self.sizes.nodes) * 4;
        let fixed = of_nodes.min((pods * 2).div_ceil(3));
        for (place, name) in (0_u32..).zip(STATIC) {
            let running = fixed / 4 + u32::from(place < fixed % 4);
            if running > 0 {
                let pods = Pods { running, ..Pods::default() };
                self.push(KUBE_SYSTEM, name.to_owned(), Owner::Static, pods).rights = Rights::Node;
            }
        }
        for _ in fixed..pods {
            self.add(Owner::Bare, Pods { running: 1, ..Pods::default() });
        }
    }
}
