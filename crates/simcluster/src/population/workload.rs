//! Workloads: what owns pods.
//!
//! Owns Deployments, ReplicaSets, StatefulSets, DaemonSets and Rollouts. Jobs are `batch`'s; kinds that nobody serves are
//! named by their pods only.

use super::fault::Fault;
use super::json::Json;
use super::names::Part;
use super::plan::{App, Owner, Plan};
use super::scribe::{Head, Kind, Reference, Scribe, WHOLE};
use super::template::{Template, usage};

const MANAGER: &str = "kubectl-client-side-apply";
const CONTROLLER: &str = "kube-controller-manager";
const DEPLOYMENT: Kind =
    Kind { api_version: "apps/v1", name: "Deployment", manager: MANAGER, reporter: CONTROLLER, whole: &[] };
const REPLICA_SET: Kind =
    Kind { api_version: "apps/v1", name: "ReplicaSet", manager: CONTROLLER, reporter: CONTROLLER, whole: WHOLE };
const STATEFUL_SET: Kind =
    Kind { api_version: "apps/v1", name: "StatefulSet", manager: MANAGER, reporter: CONTROLLER, whole: &[] };
const DAEMON_SET: Kind =
    Kind { api_version: "apps/v1", name: "DaemonSet", manager: MANAGER, reporter: CONTROLLER, whole: &[] };
const ROLLOUT: Kind = Kind {
    api_version: "argoproj.io/v1alpha1",
    name: "Rollout",
    manager: MANAGER,
    reporter: "argo-rollouts",
    whole: &[],
};
const CLAIM: Kind =
    Kind { api_version: "v1", name: "PersistentVolumeClaim", manager: CONTROLLER, reporter: CONTROLLER, whole: &[] };

/// How many replicas there are, and how many of them serve.
#[derive(Debug, Clone, Copy)]
struct Counts {
    desired: u32,
    ready: u32,
}

/// Writes a workload and what stands between it and its pods.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    match template.app.owner {
        Owner::Deployment => deployment(scribe, plan, template, &DEPLOYMENT),
        Owner::Rollout => deployment(scribe, plan, template, &ROLLOUT),
        Owner::StatefulSet => stateful_set(scribe, plan, template),
        Owner::DaemonSet => daemon_set(scribe, plan, template),
        Owner::Job | Owner::CronJob | Owner::Bare | Owner::Static | Owner::Foreign(_) => {}
    }
}

/// The head of an object that bears the name of the workload.
pub(crate) fn head(plan: &Plan, template: &Template<'_>, part: Part) -> Head {
    let app = template.app;
    Head {
        namespace: plan.namespace(app).to_owned(),
        name: app.name.clone(),
        uid: plan.uid(app, part),
        generation: Some(1),
        created: plan.created(app),
        labels: template.labels.clone(),
        annotations: usage(app).into_iter().collect(),
        ..Head::default()
    }
}

/// `"template":{…}`, with labels beside those of the workload.
pub(crate) fn write_template(json: &mut Json, template: &Template<'_>, more: &[(&'static str, String)]) {
    json.object("template", |json| template.write(json, more));
}

/// `"selector":{"matchLabels":{…}}`
pub(crate) fn write_selector<'a>(json: &mut Json, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    json.object("selector", |json| json.map("matchLabels", labels));
}

impl Counts {
    fn of(app: &App) -> Self {
        let is_broken = matches!(app.fault, Some(Fault::CrashLoop | Fault::NotReady));
        Self { desired: app.pods.desired(), ready: app.pods.running - u32::from(is_broken).min(app.pods.running) }
    }

    /// The members of a status that all replicated kinds have. A count of none is left out, as servers do.
    fn write(self, json: &mut Json, keys: &[&str]) {
        for key in keys {
            let count = if matches!(*key, "readyReplicas" | "availableReplicas") { self.ready } else { self.desired };
            if count > 0 || *key == "replicas" {
                json.number(key, count);
            }
        }
    }
}

fn deployment(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>, kind: &Kind) {
    let app = template.app;
    let counts = Counts::of(app);
    let mut owner = head(plan, template, Part::Workload);
    owner.annotations.push(("deployment.kubernetes.io/revision", "1".to_owned()));
    let created = owner.created.to_string();
    let reference =
        Reference { api_version: kind.api_version, kind: kind.name, name: app.name.clone(), uid: owner.uid.clone() };
    scribe.object(
        kind,
        owner,
        |json| {
            json.object("spec", |json| {
                json.number("replicas", counts.desired);
                write_selector(json, [("app", app.name.as_str())]);
                write_template(json, template, &[]);
                json.object("strategy", |json| strategy(json, app));
                json.number("revisionHistoryLimit", 10);
                json.number("progressDeadlineSeconds", 600);
            });
        },
        |json| {
            json.number("observedGeneration", 1);
            counts.write(json, &["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]);
            json.array("conditions", |json| {
                let is_available = counts.ready * 4 >= counts.desired * 3;
                let minimum = if is_available { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" };
                condition(json, ("Available", if is_available { "True" } else { "False" }), minimum, &created);
                condition(json, ("Progressing", "True"), "NewReplicaSetAvailable", &created);
            });
        },
    );
    replica_set(scribe, plan, template, reference);
}

fn strategy(json: &mut Json, app: &App) {
    if app.owner == Owner::Rollout {
        json.object("canary", |json| {
            json.array("steps", |json| json.item(|json| json.number("setWeight", 20)));
        });
        return;
    }
    json.text("type", "RollingUpdate");
    json.object("rollingUpdate", |json| {
        json.text("maxUnavailable", "25%");
        json.text("maxSurge", "25%");
    });
}

fn replica_set(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>, owner: Reference) {
    let app = template.app;
    let counts = Counts::of(app);
    let key = if app.owner == Owner::Rollout { "rollouts-pod-template-hash" } else { "pod-template-hash" };
    let hash = template.hash.clone();
    let mut head = head(plan, template, Part::ReplicaSet);
    head.name = format!("{}-{hash}", app.name);
    head.labels.push((key, hash.clone()));
    head.annotations.push(("deployment.kubernetes.io/desired-replicas", counts.desired.to_string()));
    head.owner = Some(owner);
    head.fields = vec![("status.replicas", counts.desired.to_string())];
    scribe.object(
        &REPLICA_SET,
        head,
        |json| {
            json.object("spec", |json| {
                json.number("replicas", counts.desired);
                write_selector(json, [("app", app.name.as_str()), (key, hash.as_str())]);
                write_template(json, template, &[(key, hash.clone())]);
            });
        },
        |json| {
            counts.write(json, &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"]);
            json.number("observedGeneration", 1);
        },
    );
}

/// Every third keeps its data on volumes.
fn has_claims(app: &App) -> bool {
    app.index.is_multiple_of(3)
}

fn stateful_set(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    let counts = Counts::of(app);
    let revision = format!("{}-{}", app.name, template.hash);
    scribe.object(
        &STATEFUL_SET,
        head(plan, template, Part::Workload),
        |json| {
            json.object("spec", |json| {
                json.number("replicas", counts.desired);
                write_selector(json, [("app", app.name.as_str())]);
                write_template(json, template, &[]);
                if has_claims(app) {
                    json.array("volumeClaimTemplates", |json| {
                        json.item(|json| {
                            json.text("kind", "PersistentVolumeClaim");
                            json.text("apiVersion", "v1");
                            json.object("metadata", |json| json.text("name", "data"));
                            json.object("spec", |json| claim(json, None));
                            json.object("status", |json| json.text("phase", "Pending"));
                        });
                    });
                }
                json.text("serviceName", &app.name);
                json.text("podManagementPolicy", "OrderedReady");
                json.map("updateStrategy", [("type", "RollingUpdate")]);
                json.number("revisionHistoryLimit", 10);
            });
        },
        |json| {
            json.number("observedGeneration", 1);
            counts.write(json, &["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"]);
            json.text("currentRevision", &revision);
            json.text("updateRevision", &revision);
            json.number("collisionCount", 0);
            counts.write(json, &["availableReplicas"]);
        },
    );
    for pod in (0..app.pods.desired()).filter(|_| has_claims(app)) {
        let name = format!("data-{}-{pod}", app.name);
        write_claim(scribe, plan, template, (&name, u64::from(pod)));
    }
}

/// Writes a claim that is bound, unless its workload bears the fault that it is not.
pub(crate) fn write_claim(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>, (name, of): (&str, u64)) {
    let app = template.app;
    let is_bound = !app.has(Fault::ClaimNotBound);
    let mut random = super::random::Random::of(plan.seed, super::random::Purpose::Part, u64::from(app.index), 2 + of);
    let head = Head {
        name: name.to_owned(),
        uid: random.uid(),
        generation: None,
        finalizers: &["kubernetes.io/pvc-protection"],
        annotations: Vec::new(),
        ..head(plan, template, Part::Other)
    };
    let volume = format!("pvc-{}", head.uid);
    scribe.object(
        &CLAIM,
        head,
        |json| json.object("spec", |json| claim(json, is_bound.then_some(&volume))),
        |json| {
            json.text("phase", if is_bound { "Bound" } else { "Pending" });
            if is_bound {
                json.texts("accessModes", ["ReadWriteOnce"]);
                json.map("capacity", [("storage", "10Gi")]);
            }
        },
    );
}

fn claim(json: &mut Json, volume: Option<&String>) {
    json.texts("accessModes", ["ReadWriteOnce"]);
    json.object("resources", |json| json.map("requests", [("storage", "10Gi")]));
    if let Some(volume) = volume {
        json.text("volumeName", volume);
    }
    json.text("storageClassName", "standard");
    json.text("volumeMode", "Filesystem");
}

fn daemon_set(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    let counts = Counts::of(app);
    scribe.object(
        &DAEMON_SET,
        head(plan, template, Part::Workload),
        |json| {
            json.object("spec", |json| {
                write_selector(json, [("app", app.name.as_str())]);
                write_template(json, template, &[]);
                json.object("updateStrategy", |json| {
                    json.text("type", "RollingUpdate");
                    json.object("rollingUpdate", |json| {
                        json.number("maxUnavailable", 1);
                        json.number("maxSurge", 0);
                    });
                });
                json.number("revisionHistoryLimit", 10);
            });
        },
        |json| {
            json.number("currentNumberScheduled", counts.desired);
            json.number("numberMisscheduled", 0);
            json.number("desiredNumberScheduled", counts.desired);
            json.number("numberReady", counts.ready);
            json.number("observedGeneration", 1);
            json.number("updatedNumberScheduled", counts.desired);
            json.number("numberAvailable", counts.ready);
        },
    );
}

/// An item of `conditions`, true or not since `since`.
pub(crate) fn condition(json: &mut Json, (kind, status): (&str, &str), reason: &str, since: &str) {
    json.item(|json| {
        json.text("type", kind);
        json.text("status", status);
        json.text("lastTransitionTime", since);
        json.text("reason", reason);
        json.text("message", "");
    });
}
