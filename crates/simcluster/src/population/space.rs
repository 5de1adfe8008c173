//! Namespaces and what each of them holds whatever runs there.
//!
//! Owns Namespaces, their quotas, limits, network policies and default accounts, and the cluster's own role.

use super::around::account;
use super::fault::Fault;
use super::json::Json;
use super::plan::{Plan, SYSTEM_SPACES, Space};
use super::random::{Purpose, Random};
use super::scribe::{Head, Kind, Scribe};

const fn kind(api_version: &'static str, name: &'static str) -> Kind {
    Kind { api_version, name, manager: "kubectl-create", reporter: "kube-controller-manager", whole: &[] }
}

const NAMESPACE: Kind = kind("v1", "Namespace");
const QUOTA: Kind = kind("v1", "ResourceQuota");
const LIMITS: Kind = kind("v1", "LimitRange");
const POLICY: Kind = kind("networking.k8s.io/v1", "NetworkPolicy");

/// What is said of the whole cluster before anything else.
pub(crate) fn write_cluster(scribe: &mut Scribe, plan: &Plan) {
    account::write_cluster_admin(scribe, Random::of(plan.seed, Purpose::Namespace, 1, 0).uid());
}

/// Writes the namespace of this number with what it holds.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, index: u32) {
    let space = &plan.spaces[index as usize];
    let mut random = Random::of(plan.seed, Purpose::Namespace, 2, u64::from(index));
    let created = scribe.ago(91 * 86_400 + i64::from(random.below(86_400)));
    let mut head = |name: &str| Head {
        namespace: space.name.clone(),
        name: name.to_owned(),
        uid: random.uid(),
        created,
        ..Head::default()
    };
    namespace(scribe, space, head(&space.name));
    let is_bare = SYSTEM_SPACES[..3].contains(&space.name.as_str());
    account::write_default(scribe, head("default"));
    if is_bare || space.fault == Some(Fault::StuckTerminating) {
        return;
    }
    quota(scribe, head("quota"));
    if space.fault != Some(Fault::NoLimitRange) {
        limits(scribe, head("limits"));
    }
    if space.fault != Some(Fault::NoNetworkPolicy) {
        policy(scribe, Head { generation: Some(1), ..head("same-namespace") });
    }
}

fn namespace(scribe: &mut Scribe, space: &Space, head: Head) {
    let is_stuck = space.fault == Some(Fault::StuckTerminating);
    let phase = if is_stuck { "Terminating" } else { "Active" };
    let mut labels = vec![("kubernetes.io/metadata.name", space.name.clone())];
    if !SYSTEM_SPACES.contains(&space.name.as_str()) {
        labels.push(("tenancy", "tenant".to_owned()));
    }
    let head = Head {
        namespace: String::new(),
        labels,
        deleted: is_stuck.then(|| scribe.ago(6 * 3_600)),
        finalizers: if is_stuck { &["backup.example.com/snapshot"] } else { &[] },
        fields: vec![("status.phase", phase.to_owned())],
        ..head
    };
    let main = |json: &mut Json| {
        json.object("spec", |json| {
            // The namespace's own finalizer is done; another holds it.
            json.texts("finalizers", (!is_stuck).then_some("kubernetes"));
        });
    };
    scribe.object(&NAMESPACE, head, main, |json| json.text("phase", phase));
}

fn quota(scribe: &mut Scribe, head: Head) {
    let hard =
        |json: &mut Json| json.map("hard", [("pods", "20k"), ("requests.cpu", "20k"), ("requests.memory", "64Ti")]);
    scribe.object(&QUOTA, head, |json| json.object("spec", hard), hard);
}

/// Bounds for pods. Bounds for containers would fill in what is planted as missing.
fn limits(scribe: &mut Scribe, head: Head) {
    let main = |json: &mut Json| {
        json.object("spec", |json| {
            json.array("limits", |json| {
                json.item(|json| {
                    json.text("type", "Pod");
                    json.map("max", [("cpu", "64"), ("memory", "512Gi")]);
                });
            });
        });
    };
    scribe.object(&LIMITS, head, main, |_| {});
}

fn policy(scribe: &mut Scribe, head: Head) {
    let main = |json: &mut Json| {
        json.object("spec", |json| {
            json.object("podSelector", |_| {});
            json.array("ingress", |json| {
                json.item(|json| {
                    json.array("from", |json| json.item(|json| json.object("podSelector", |_| {})));
                });
            });
            json.texts("policyTypes", ["Ingress"]);
        });
    };
    scribe.object(&POLICY, head, main, |_| {});
}
