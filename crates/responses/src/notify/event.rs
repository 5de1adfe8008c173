//! Events beside the objects in the cluster (`events.k8s.io/v1`).
//!
//! Owns which object an Event lies beside, and its name and words. Writing it, and counting repetitions, is `kubeio`'s.

use api::finding::{Finding, Owner, Source, State, Subject};
use api::{Fingerprint, hex};
use findings::Record;
use kubeio::write::{Incident, IncidentKind, Incidents, Target, WriteError};
use kubeio::{Cluster, Resource};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answer::Outcome;
use super::message::{Happened, Item, Message};
use crate::{Around, Lead};

/// Bytes of the subject in the name of an Event.
const NAME_BYTES: usize = 230;

/// Kinds of objects that findings are about.
static KINDS: [Resource; 9] = [
    Resource { group: "", version: "v1", plural: "pods", kind: "Pod" },
    Resource { group: "", version: "v1", plural: "nodes", kind: "Node" },
    Resource { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" },
    Resource { group: "apps", version: "v1", plural: "statefulsets", kind: "StatefulSet" },
    Resource { group: "apps", version: "v1", plural: "daemonsets", kind: "DaemonSet" },
    Resource { group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet" },
    Resource { group: "batch", version: "v1", plural: "jobs", kind: "Job" },
    Resource { group: "batch", version: "v1", plural: "cronjobs", kind: "CronJob" },
    Resource { group: "argoproj.io", version: "v1alpha1", plural: "rollouts", kind: "Rollout" },
];

/// Writes the Event of a message, which is about one finding.
pub(crate) async fn send(
    incidents: &mut Incidents,
    cluster: Option<&Cluster>,
    lead: &Lead,
    around: &Around,
    message: &Message,
) -> Outcome {
    let Some(cluster) = cluster else { return never("there is no cluster") };
    let Some(incident) = message.items.first().and_then(|item| incident(item, message.event, around)) else {
        return never("there is no object that an Event could lie beside");
    };
    let Some(leading) = lead.proof() else { return Outcome::NotLeading };
    incidents.report(cluster, &leading, &incident).await.map_or_else(|error| outcome(&error), |_| Outcome::Delivered)
}

/// The Event of a finding.
pub(crate) fn incident(item: &Item, happened: Happened, around: &Around) -> Option<Incident> {
    let Item { finding, episode } = item;
    let (regarding, uid) = regarding(finding.source, &finding.subject, finding.owner.as_ref())?;
    let state = match happened {
        Happened::Opened | Happened::Repeated => State::Open,
        Happened::Resolved => State::Resolved,
    };
    let kind = if state == State::Open { IncidentKind::Warning } else { IncidentKind::Normal };
    Some(Incident {
        name: name(&regarding.name, &finding.fingerprint, state, *episode),
        regarding,
        uid,
        kind,
        reason: camel_case(&finding.rule),
        action: "Observe".to_owned(),
        note: note(finding, state, around),
    })
}

/// An Event as a preview shows it.
pub(crate) fn shown(incident: &Incident) -> Value {
    let Incident { name, regarding, uid: _, kind, reason, action, note } = incident;
    let namespace = regarding.namespace.as_deref().unwrap_or("default");
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "type": match kind { IncidentKind::Normal => "Normal", IncidentKind::Warning => "Warning" },
        "reason": reason,
        "action": action,
        "note": note,
        "regarding": {
            "apiVersion": regarding.resource.api_version(), "kind": regarding.resource.kind,
            "namespace": regarding.namespace, "name": regarding.name,
        },
    })
}

/// Whether there is an object that an Event about a finding can lie beside.
pub(crate) fn has_object(record: &Record) -> bool {
    regarding(record.source, &record.told.subject, record.told.belongs.owner.as_ref()).is_some()
}

/// The same for the same opening or end of a finding, and no other.
fn name(subject: &str, fingerprint: &Fingerprint, state: State, episode: u64) -> String {
    let told = format!("{fingerprint}\0{}\0{episode}", state.as_str());
    let digest = hex(&Sha256::digest(told)[..8]);
    // Names of objects are ASCII. What a cut leaves must not end in a dot or a dash.
    let cut = subject.get(..NAME_BYTES).unwrap_or(subject).trim_end_matches(|sign: char| !sign.is_ascii_alphanumeric());
    format!("{cut}.{digest}")
}

/// The pod of a process, its host, or the object itself; with its uid as far as it is known.
fn regarding(source: Source, subject: &Subject, owner: Option<&Owner>) -> Option<(Target, String)> {
    let target = |kind: &str, namespace: Option<&str>, name: &str| {
        let resource = KINDS.iter().find(|resource| resource.kind == kind)?;
        (!name.is_empty()).then(|| Target::new(resource, namespace, name))
    };
    let namespace = subject.namespace.as_deref();
    let pod = || {
        let (namespace, pod) = (namespace?, subject.pod.as_deref()?);
        Some((target("Pod", Some(namespace), pod)?, subject.pod_uid.as_deref().unwrap_or_default().to_owned()))
    };
    let itself = || {
        let is_object = source != Source::Process && namespace.is_some();
        is_object.then(|| target(&subject.kind, namespace, &subject.name)).flatten()
    };
    let owner = || {
        let owner = owner.filter(|owner| Some(owner.namespace.as_str()) == namespace)?;
        target(&owner.kind, namespace, &owner.name)
    };
    let host = || namespace.is_none().then(|| target("Node", None, subject.node.as_deref()?)).flatten();
    pod().or_else(|| itself().or_else(owner).or_else(host).map(|target| (target, String::new())))
}

fn note(finding: &Finding, state: State, around: &Around) -> String {
    let ended = match (state, &finding.resolved_reason) {
        (State::Resolved, Some(reason)) => format!("Resolved ({reason}): "),
        (State::Resolved, None) => "Resolved: ".to_owned(),
        (State::Open | State::Silenced, _) => String::new(),
    };
    let cluster = if around.cluster.is_empty() { String::new() } else { format!(" [cluster {}]", around.cluster) };
    format!("{ended}{} ({} {}){cluster}", finding.title, finding.severity, finding.rule)
}

/// `miner-stratum` as `MinerStratum`.
fn camel_case(rule: &str) -> String {
    let words = rule.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let camel: String = words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect();
    if camel.is_empty() { "Finding".to_owned() } else { camel }
}

fn outcome(error: &WriteError) -> Outcome {
    match error {
        WriteError::NotLeading(_) => Outcome::NotLeading,
        WriteError::Call(_, call) => {
            let again = |is_down| Outcome::Again { why: call.to_string(), after: call.retry_after(), is_down };
            match call.code() {
                None | Some(429 | 503) => again(true),
                Some(408 | 409 | 425 | 500..=599) => again(false),
                Some(_) => never(&call.to_string()),
            }
        }
        WriteError::Conflict(..) | WriteError::NotOurs(_) => never(&error.to_string()),
    }
}

fn never(why: &str) -> Outcome {
    Outcome::Never { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::fixture::{finding, item};

    fn told(finding: Finding) -> Option<(String, Option<String>, String, String)> {
        let incident = incident(&Item { finding, episode: 1 }, Happened::Opened, &Around::default())?;
        let Target { resource, namespace, name } = incident.regarding;
        Some((resource.kind.to_owned(), namespace, name, incident.uid))
    }

    #[test]
    fn an_event_lies_beside_the_pod_the_object_or_the_node() {
        let process = finding(1, api::Severity::High);
        let text = |text: &str| text.to_owned();
        let expected = (text("Pod"), Some(text("ns-shop")), text("cart-0"), text("uid-0"));
        assert_eq!(told(process.clone()), Some(expected));
        let mut host = process.clone();
        (host.subject.namespace, host.subject.pod, host.subject.node) = (None, None, Some("worker-3".into()));
        assert_eq!(told(host.clone()), Some((text("Node"), None, text("worker-3"), String::new())));
        host.subject.node = None;
        assert_eq!(told(host), None);
        let mut workload = process;
        (workload.source, workload.subject.pod) = (Source::Workload, None);
        (workload.subject.kind, workload.subject.name) = ("Deployment".into(), "cart".into());
        let expected = (text("Deployment"), Some(text("ns-shop")), text("cart"), String::new());
        assert_eq!(told(workload.clone()), Some(expected.clone()));
        workload.subject.kind = "Strange".into();
        assert_eq!(told(workload.clone()), None);
        workload.owner = Some(Owner {
            api_version: text("apps/v1"),
            kind: text("Deployment"),
            namespace: text("ns-shop"),
            name: text("cart"),
        });
        assert_eq!(told(workload), Some(expected));
    }

    #[test]
    fn beginning_and_end_of_each_opening_have_names_of_their_own() {
        let name = |happened, episode| {
            let item = Item { episode, ..item(1, api::Severity::High) };
            incident(&item, happened, &Around::default()).unwrap().name
        };
        let first = name(Happened::Opened, 1);
        let digest = hex(&Sha256::digest(format!("{}\0open\01", finding(1, api::Severity::High).fingerprint))[..8]);
        assert_eq!(first, format!("cart-0.{digest}"));
        assert_eq!(name(Happened::Repeated, 1), first);
        let others = [name(Happened::Resolved, 1), name(Happened::Opened, 2), name(Happened::Resolved, 2)];
        assert!(others.iter().all(|other| *other != first) && others[0] != others[2], "{others:?}");
    }

    #[test]
    fn a_long_name_is_cut_to_one_that_is_valid() {
        let fingerprint = Fingerprint::over(["a"]);
        let of = |subject: &str| name(subject, &fingerprint, State::Open, 1);
        let long = of(&format!("{}-.{}", "a".repeat(228), "b".repeat(20)));
        assert_eq!((long.len(), &long[..229]), (228 + 17, format!("{}.", "a".repeat(228)).as_str()));
    }

    #[test]
    fn the_reason_is_the_rule_in_camel_case() {
        let reasons = ["miner-stratum", "KW001", "no_limits.cpu", "", "---"].map(camel_case);
        assert_eq!(reasons, ["MinerStratum", "KW001", "NoLimitsCpu", "Finding", "Finding"]);
    }

    #[test]
    fn an_end_is_normal_and_says_why() {
        let mut over = finding(1, api::Severity::High);
        over.resolved_reason = Some("process-gone".to_owned());
        let around = Around { cluster: "c1".to_owned(), ..Around::default() };
        let told = incident(&Item { finding: over, episode: 1 }, Happened::Resolved, &around).unwrap();
        let expected = (IncidentKind::Normal, "Resolved (process-gone): xmrig runs (high miner-name) [cluster c1]");
        assert_eq!((told.kind, told.note.as_str()), expected);
    }
}
