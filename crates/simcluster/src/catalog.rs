//! The kinds that are served: those every cluster has, and those that were registered.
//!
//! Owns the list and the look-up. What a CustomResourceDefinition means is `definition`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kind::{Generation, Kind, Origin, Scope, Subresource};

/// Every kind that is served, by group, version and plural.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    kinds: BTreeMap<(String, String, String), Arc<Kind>>,
    /// By what objects say of themselves: `apiVersion`, then `kind`.
    named: BTreeMap<String, BTreeMap<String, Arc<Kind>>>,
    /// By table: the kind that its objects are stored as, of the first version in the order of the alphabet.
    stored: BTreeMap<String, Arc<Kind>>,
}

/// What one row of [`BUILT_IN`] says: group, version, plural, singular, kind, short names, traits.
type Row =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static str);

/// Traits, a letter each: `N` namespaced, `s` status, `r` scale, `g` generation, `a` category `all`, `v` virtual.
const BUILT_IN: &[Row] = &[
    ("", "v1", "namespaces", "namespace", "Namespace", &["ns"], "s"),
    ("", "v1", "nodes", "node", "Node", &["no"], "s"),
    ("", "v1", "pods", "pod", "Pod", &["po"], "Nsga"),
    ("", "v1", "services", "service", "Service", &["svc"], "Nsa"),
    ("", "v1", "endpoints", "endpoints", "Endpoints", &["ep"], "N"),
    ("", "v1", "configmaps", "configmap", "ConfigMap", &["cm"], "N"),
    ("", "v1", "secrets", "secret", "Secret", &[], "N"),
    ("", "v1", "serviceaccounts", "serviceaccount", "ServiceAccount", &["sa"], "N"),
    ("", "v1", "events", "event", "Event", &["ev"], "N"),
    ("", "v1", "resourcequotas", "resourcequota", "ResourceQuota", &["quota"], "Ns"),
    ("", "v1", "limitranges", "limitrange", "LimitRange", &["limits"], "N"),
    ("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", &["pvc"], "Ns"),
    ("apps", "v1", "deployments", "deployment", "Deployment", &["deploy"], "Nsrga"),
    ("apps", "v1", "replicasets", "replicaset", "ReplicaSet", &["rs"], "Nsrga"),
    ("apps", "v1", "statefulsets", "statefulset", "StatefulSet", &["sts"], "Nsrga"),
    ("apps", "v1", "daemonsets", "daemonset", "DaemonSet", &["ds"], "Nsga"),
    ("apps", "v1", "controllerrevisions", "controllerrevision", "ControllerRevision", &[], "N"),
    ("batch", "v1", "jobs", "job", "Job", &[], "Nsga"),
    ("batch", "v1", "cronjobs", "cronjob", "CronJob", &["cj"], "Nsga"),
    ("coordination.k8s.io", "v1", "leases", "lease", "Lease", &[], "N"),
    ("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", &[], "Ng"),
    ("events.k8s.io", "v1", "events", "event", "Event", &["ev"], "N"),
    ("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", &["ing"], "Nsg"),
    ("networking.k8s.io", "v1", "networkpolicies", "networkpolicy", "NetworkPolicy", &["netpol"], "Ng"),
    (
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        "HorizontalPodAutoscaler",
        &["hpa"],
        "Nsa",
    ),
    ("policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", &["pdb"], "Nsg"),
    ("rbac.authorization.k8s.io", "v1", "roles", "role", "Role", &[], "N"),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "clusterrole", "ClusterRole", &[], ""),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "rolebinding", "RoleBinding", &[], "N"),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", &[], ""),
    ("scheduling.k8s.io", "v1", "priorityclasses", "priorityclass", "PriorityClass", &["pc"], "g"),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "customresourcedefinition",
        "CustomResourceDefinition",
        &["crd", "crds"],
        "sg",
    ),
    ("apiregistration.k8s.io", "v1", "apiservices", "apiservice", "APIService", &[], "s"),
    ("authentication.k8s.io", "v1", "tokenreviews", "tokenreview", "TokenReview", &[], "v"),
    (
        "authorization.k8s.io",
        "v1",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        &[],
        "v",
    ),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview", &[], "v"),
];

impl Default for Catalog {
    fn default() -> Self {
        let mut catalog = Self { kinds: BTreeMap::new(), named: BTreeMap::new(), stored: BTreeMap::new() };
        for row in BUILT_IN {
            catalog.insert(built_in(row));
        }
        catalog
    }
}

impl Catalog {
    pub(crate) fn insert(&mut self, kind: Kind) {
        let kind = Arc::new(kind);
        let order = |kind: &Kind| (kind.group.clone(), kind.version.clone());
        match self.stored.get(&kind.table()) {
            Some(stored) if order(stored) < order(&kind) => {}
            _ => {
                self.stored.insert(kind.table(), Arc::clone(&kind));
            }
        }
        self.named.entry(kind.api_version()).or_default().insert(kind.kind.clone(), Arc::clone(&kind));
        let key = (kind.group.clone(), kind.version.clone(), kind.plural.clone());
        self.kinds.insert(key, kind);
    }

    /// Takes all versions of a kind out of service.
    pub(crate) fn remove(&mut self, group: &str, plural: &str) {
        self.kinds.retain(|(of_group, _, of_plural), _| of_group != group || of_plural != plural);
        let is_other = |kind: &Kind| kind.group != group || kind.plural != plural;
        self.stored.retain(|_, kind| is_other(kind));
        self.named.values_mut().for_each(|kinds| kinds.retain(|_, kind| is_other(kind)));
    }

    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.kinds.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// A kind by what objects say of themselves.
    pub(crate) fn by_name(&self, api_version: &str, kind: &str) -> Option<&Arc<Kind>> {
        self.named.get(api_version)?.get(kind)
    }

    /// The kind that the objects of a table are stored as.
    pub(crate) fn by_table(&self, table: &str) -> Option<&Arc<Kind>> {
        self.stored.get(table)
    }

    pub(crate) fn version<'a>(&'a self, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.kinds.values().filter(move |kind| kind.group == group && kind.version == version)
    }

    /// Groups with their versions; the core group is first, named "".
    pub(crate) fn groups(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (group, version, _) in self.kinds.keys() {
            groups.entry(group).or_default().insert(version);
        }
        groups
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.values()
    }
}

fn built_in(row: &Row) -> Kind {
    let (group, version, plural, singular, kind, short_names, traits) = *row;
    let has = |letter: char| traits.contains(letter);
    let subresource = |letter: char| Subresource::when(has(letter).then_some(()));
    Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        kind: kind.to_owned(),
        short_names: short_names.iter().map(|&name| name.to_owned()).collect(),
        categories: if has('a') { vec!["all".to_owned()] } else { Vec::new() },
        scope: if has('N') { Scope::Namespaced } else { Scope::Cluster },
        status: subresource('s'),
        scale: subresource('r'),
        generation: if has('g') { Generation::Counted } else { Generation::None },
        selectable: selectable(plural).iter().map(|&path| path.to_owned()).collect(),
        origin: if has('v') { Origin::Virtual } else { Origin::BuiltIn },
    }
}

fn selectable(plural: &str) -> &'static [&'static str] {
    match plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "jobs" => &["status.successful"],
        "replicasets" => &["status.replicas"],
        "services" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}
