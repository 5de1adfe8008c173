//! ServiceAccounts of workloads and what they may do.

use super::beside;
use crate::population::fault::Fault;
use crate::population::json::Json;
use crate::population::names::Part;
use crate::population::plan::Plan;
use crate::population::scribe::{Head, Kind, Scribe};
use crate::population::template::{Template, has_account};

const fn kind(api_version: &'static str, name: &'static str) -> Kind {
    Kind { api_version, name, manager: "kubectl-client-side-apply", reporter: "", whole: &[] }
}

const ACCOUNT: Kind = kind("v1", "ServiceAccount");
const ROLE: Kind = kind("rbac.authorization.k8s.io/v1", "Role");
const BINDING: Kind = kind("rbac.authorization.k8s.io/v1", "RoleBinding");
const CLUSTER_BINDING: Kind = kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding");
const CLUSTER_ROLE: Kind = kind("rbac.authorization.k8s.io/v1", "ClusterRole");

pub(super) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    if !has_account(app) {
        return;
    }
    let bare = |part| Head { generation: None, ..beside(plan, template, part, "") };
    scribe.object(&ACCOUNT, bare(Part::Account), |_| {}, |_| {});
    let namespace = plan.namespace(app);
    if app.has(Fault::ClusterAdmin) {
        let name = format!("{namespace}-{}-admin", app.name);
        let head = Head { namespace: String::new(), name, ..bare(Part::Binding) };
        let main = |json: &mut Json| bind(json, ("ClusterRole", "cluster-admin"), (namespace, &app.name));
        scribe.object(&CLUSTER_BINDING, head, main, |_| {});
        return;
    }
    scribe.object(&ROLE, bare(Part::Role), |json| json.array("rules", |json| json.item(read_config)), |_| {});
    let main = |json: &mut Json| bind(json, ("Role", &app.name), (namespace, &app.name));
    scribe.object(&BINDING, bare(Part::Binding), main, |_| {});
}

/// Writes the role that may do everything.
pub(crate) fn write_cluster_admin(scribe: &mut Scribe, uid: String) {
    let labels = vec![("kubernetes.io/bootstrapping", "rbac-defaults".to_owned())];
    let head =
        Head { name: "cluster-admin".to_owned(), uid, created: scribe.ago(120 * 86_400), labels, ..Head::default() };
    let everything = |json: &mut Json| {
        for key in ["verbs", "apiGroups", "resources"] {
            json.texts(key, ["*"]);
        }
    };
    scribe.object(&CLUSTER_ROLE, head, |json| json.array("rules", |json| json.item(everything)), |_| {});
}

/// Writes the account that pods have which name none.
pub(crate) fn write_default(scribe: &mut Scribe, head: Head) {
    scribe.object(&ACCOUNT, head, |_| {}, |_| {});
}

fn read_config(json: &mut Json) {
    json.texts("verbs", ["get", "list", "watch"]);
    json.texts("apiGroups", [""]);
    json.texts("resources", ["configmaps"]);
}

fn bind(json: &mut Json, (kind, role): (&str, &str), (namespace, account): (&str, &str)) {
    json.array("subjects", |json| {
        json.item(|json| {
            json.text("kind", "ServiceAccount");
            json.text("name", account);
            json.text("namespace", namespace);
        });
    });
    json.map("roleRef", [("apiGroup", "rbac.authorization.k8s.io"), ("kind", kind), ("name", role)]);
}
