//! Nodes and their Leases.

use super::json::Json;
use super::layout::Layout;
use super::plan::{NODE_LEASE, Plan};
use super::random::{Purpose, Random};
use super::scribe::{Head, Kind, Reference, Scribe};

const NODE: Kind = Kind { api_version: "v1", name: "Node", manager: "kubelet", reporter: "kubelet", whole: &[] };
const LEASE: Kind =
    Kind { api_version: "coordination.k8s.io/v1", name: "Lease", manager: "kubelet", reporter: "kubelet", whole: &[] };

/// Writes a node and its Lease.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, node: u32) {
    let name = plan.layout.node_name(node);
    let created = scribe.ago(100 * 86_400 - i64::from(node));
    let reference = Reference { api_version: "v1", kind: "Node", name: name.clone(), uid: plan.node_uid(node) };
    let head = Head {
        name: name.clone(),
        uid: plan.node_uid(node),
        created,
        labels: labels(plan, node, &name),
        annotations: vec![
            ("node.alpha.kubernetes.io/ttl", "0".to_owned()),
            ("volumes.kubernetes.io/controller-managed-attach-detach", "true".to_owned()),
        ],
        fields: vec![("spec.unschedulable", "false".to_owned())],
        ..Head::default()
    };
    scribe.object(&NODE, head, |json| spec(json, plan, node), |json| status(json, plan, node));
    lease(scribe, plan, node, reference);
}

fn labels(plan: &Plan, node: u32, name: &str) -> Vec<(&'static str, String)> {
    let architecture = plan.layout.architecture(node).to_owned();
    let mut labels = vec![
        ("beta.kubernetes.io/arch", architecture.clone()),
        ("beta.kubernetes.io/os", "linux".to_owned()),
        ("kubernetes.io/arch", architecture),
        ("kubernetes.io/hostname", name.to_owned()),
        ("kubernetes.io/os", "linux".to_owned()),
        ("topology.kubernetes.io/zone", format!("zone-{}", ["a", "b", "c"][node as usize % 3])),
    ];
    if plan.layout.is_control_plane(node) {
        labels.push(("node-role.kubernetes.io/control-plane", String::new()));
    }
    labels
}

fn spec(json: &mut Json, plan: &Plan, node: u32) {
    json.object("spec", |json| {
        let range = plan.layout.node_range(node);
        json.text("podCIDR", &range);
        json.texts("podCIDRs", [range.as_str()]);
        json.text("providerID", &format!("sim://{}", plan.layout.node_name(node)));
        if plan.layout.is_control_plane(node) && plan.sizes.nodes > 1 {
            json.array("taints", |json| {
                json.item(|json| {
                    json.text("key", "node-role.kubernetes.io/control-plane");
                    json.text("effect", "NoSchedule");
                });
            });
        }
    });
}

fn status(json: &mut Json, plan: &Plan, node: u32) {
    let mut random = Random::of(plan.seed, Purpose::Node, u64::from(node), 2);
    let cores = *random.pick(&["16", "32", "64"]);
    for key in ["capacity", "allocatable"] {
        json.map(
            key,
            [
                ("cpu", cores),
                ("ephemeral-storage", "209702892Ki"),
                ("memory", "131927872Ki"),
                ("pods", if plan.sizes.pods / plan.sizes.nodes < 100 { "110" } else { "250k" }),
            ],
        );
    }
    json.array("conditions", |json| {
        let (beat, since) = (plan.sizes.now.to_string(), super::names::ago(plan.sizes.now, 90 * 86_400).to_string());
        for (kind, status, reason) in [
            ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID"),
            ("Ready", "True", "KubeletReady"),
        ] {
            json.item(|json| {
                json.text("type", kind);
                json.text("status", status);
                json.text("lastHeartbeatTime", &beat);
                json.text("lastTransitionTime", &since);
                json.text("reason", reason);
                json.text("message", "kubelet is posting ready status");
            });
        }
    });
    json.array("addresses", |json| {
        json.item(|json| {
            json.text("type", "InternalIP");
            json.text("address", &Layout::node_address(node).to_string());
        });
        json.item(|json| {
            json.text("type", "Hostname");
            json.text("address", &plan.layout.node_name(node));
        });
    });
    json.object("daemonEndpoints", |json| json.object("kubeletEndpoint", |json| json.number("Port", 10250)));
    json.object("nodeInfo", |json| node_info(json, plan, node, &mut random));
    json.array("images", |json| {
        for rank in 0..plan.sizes.images.min(5) {
            let image = plan.images.get(rank);
            json.item(|json| {
                let repository = image.repository();
                let (digest, tag) = (format!("{repository}@{}", image.digest), format!("{repository}:{}", image.tag));
                json.texts("names", [digest.as_str(), tag.as_str()]);
                json.number("sizeBytes", 20_000_000 + i64::from(rank) * 1_234_567);
            });
        }
    });
}

fn node_info(json: &mut Json, plan: &Plan, node: u32, random: &mut Random) {
    json.text("machineID", &random.hex(32));
    json.text("systemUUID", &random.uid());
    json.text("bootID", &random.uid());
    json.text("kernelVersion", "6.12.57-generic");
    json.text("osImage", "Debian GNU/Linux 13 (trixie)");
    json.text("containerRuntimeVersion", plan.layout.runtime(node).version());
    json.text("kubeletVersion", "v1.36.2");
    json.text("kubeProxyVersion", "");
    json.text("operatingSystem", "linux");
    json.text("architecture", plan.layout.architecture(node));
}

fn lease(scribe: &mut Scribe, plan: &Plan, node: u32, owner: Reference) {
    let name = owner.name.clone();
    let head = Head {
        namespace: plan.spaces[NODE_LEASE as usize].name.clone(),
        name: name.clone(),
        uid: Random::of(plan.seed, Purpose::Node, u64::from(node), 3).uid(),
        created: scribe.ago(100 * 86_400 - i64::from(node)),
        owner: Some(owner),
        ..Head::default()
    };
    let renewed = format!("{:.6}", scribe.ago(node % 10));
    let main = |json: &mut Json| {
        json.object("spec", |json| {
            json.text("holderIdentity", &name);
            json.number("leaseDurationSeconds", 40);
            json.text("renewTime", &renewed);
        });
    };
    scribe.object(&LEASE, head, main, |_| {});
}
