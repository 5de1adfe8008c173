//! Services and the EndpointSlices that list their pods.

use super::beside;
use crate::population::fault::Fault;
use crate::population::json::Json;
use crate::population::names::Part;
use crate::population::plan::{App, Owner, Phase, Plan};
use crate::population::random::{Purpose, Random, suffix};
use crate::population::scribe::{Head, Kind, Reference, Scribe};
use crate::population::template::Template;

const SERVICE: Kind = Kind {
    api_version: "v1",
    name: "Service",
    manager: "kubectl-client-side-apply",
    reporter: "kube-controller-manager",
    whole: &[],
};
const SLICE: Kind = Kind {
    api_version: "discovery.k8s.io/v1",
    name: "EndpointSlice",
    manager: "kube-controller-manager",
    reporter: "kube-controller-manager",
    whole: &[],
};

pub(super) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    if app.is_exposed() {
        let head = beside(plan, template, Part::Service, "");
        let reference = reference(&head);
        service(scribe, plan, app, (head, &app.name));
        slice(scribe, plan, template, (Part::Slice, reference));
    }
    if app.has(Fault::ServiceSelectsNothing) {
        let head = beside(plan, template, Part::Other, "-old");
        let reference = reference(&head);
        service(scribe, plan, app, (head, &format!("{}-gone", app.name)));
        slice(scribe, plan, template, (Part::OtherSlice, reference));
    }
}

fn reference(head: &Head) -> Reference {
    Reference { api_version: "v1", kind: "Service", name: head.name.clone(), uid: head.uid.clone() }
}

fn service(scribe: &mut Scribe, plan: &Plan, app: &App, (head, selected): (Head, &str)) {
    let address = if app.owner == Owner::StatefulSet { "None".to_owned() } else { cluster_address(plan, &head) };
    let kind = if app.has(Fault::ServiceExposed) { "LoadBalancer" } else { "ClusterIP" };
    let fields = vec![("spec.clusterIP", address.clone()), ("spec.type", kind.to_owned())];
    scribe.object(
        &SERVICE,
        Head { generation: None, fields, ..head },
        |json| {
            json.object("spec", |json| {
                json.array("ports", |json| {
                    json.item(|json| {
                        json.text("name", "http");
                        json.text("protocol", "TCP");
                        json.number("port", 80);
                        json.text("targetPort", if app.has(Fault::ServicePortUnknown) { "grpc" } else { "http" });
                    });
                });
                json.map("selector", [("app", selected)]);
                json.text("clusterIP", &address);
                json.texts("clusterIPs", [address.as_str()]);
                json.text("type", kind);
                json.text("sessionAffinity", "None");
                json.texts("ipFamilies", ["IPv4"]);
                json.text("ipFamilyPolicy", "SingleStack");
                json.text("internalTrafficPolicy", "Cluster");
            });
        },
        |json| json.object("loadBalancer", |_| {}),
    );
}

/// An address of 10.96.0.0/12. The number of the uid's first digits stands for it; two Services may share one.
fn cluster_address(plan: &Plan, head: &Head) -> String {
    let digits = u64::from_str_radix(&head.uid[..8], 16).expect("a uid begins with eight digits");
    let host = Random::of(plan.seed, Purpose::Part, digits, 3).below((1 << 20) - 256) + 128;
    std::net::Ipv4Addr::from(u32::from(std::net::Ipv4Addr::new(10, 96, 0, 0)) + host).to_string()
}

fn slice(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>, (part, service): (Part, Reference)) {
    let app = template.app;
    let mut head = beside(plan, template, part, "");
    let start = u64::from(app.index);
    head.name = format!("{}-{}", service.name, suffix(start, 3));
    head.generate_name = format!("{}-", service.name);
    head.labels = vec![
        ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io".to_owned()),
        ("kubernetes.io/service-name", service.name.clone()),
    ];
    let is_selected = service.name == app.name;
    head.owner = Some(service);
    scribe.object(
        &SLICE,
        head,
        |json| {
            json.text("addressType", "IPv4");
            json.array("endpoints", |json| {
                (0..app.pods.desired()).filter(|_| is_selected).for_each(|pod| endpoint(json, plan, template, pod));
            });
            json.array("ports", |json| {
                json.item(|json| {
                    json.text("name", "http");
                    json.number("port", 8080);
                    json.text("protocol", "TCP");
                });
            });
        },
        |_| {},
    );
}

/// A pod that has an address.
fn endpoint(json: &mut Json, plan: &Plan, template: &Template<'_>, pod: u32) {
    let app = template.app;
    let is_placed = app.pods.phase(pod) == Phase::Running || !app.has(Fault::Pending);
    let address = plan.layout.address_of(app, pod).filter(|_| is_placed);
    let (Some(address), Some(node)) = (address, plan.layout.node_of(app, pod)) else { return };
    let is_broken = pod == 0 && matches!(app.fault, Some(Fault::CrashLoop | Fault::NotReady));
    let is_ready = app.pods.phase(pod) == Phase::Running && !is_broken;
    json.item(|json| {
        json.texts("addresses", [address.to_string().as_str()]);
        json.object("conditions", |json| {
            json.flag("ready", is_ready);
            json.flag("serving", is_ready);
            json.flag("terminating", false);
        });
        json.object("targetRef", |json| {
            json.text("kind", "Pod");
            json.text("namespace", plan.namespace(app));
            json.text("name", &plan.pod_name(template, pod));
            json.text("uid", &plan.pod_uid(app, pod));
        });
        json.text("nodeName", &plan.layout.node_name(node));
    });
}
