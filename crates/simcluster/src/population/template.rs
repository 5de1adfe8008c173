//! What a workload runs: its containers and the specification of its pods.
//!
//! Owns pod specifications, in templates and in pods alike. Status is `pod`'s.

use super::container::Container;
use super::fault::Fault;
use super::image::popular;
use super::json::Json;
use super::layout::shares_network;
use super::plan::{App, Foreign, Owner, Plan, Rights};
use super::random::{Purpose, Random, spell};

/// Everything that the pods of a workload share.
#[derive(Debug)]
pub(crate) struct Template<'a> {
    pub(crate) app: &'a App,
    pub(crate) init: Vec<Container>,
    pub(crate) containers: Vec<Container>,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) annotations: Vec<(&'static str, String)>,
    /// Ten characters that tell this template from others; the name of a ReplicaSet ends with them.
    pub(crate) hash: String,
    account: String,
    token: Token,
}

/// Whether the pod holds a token of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Mounted,
    Refused,
}

/// What a single pod has beside its template.
#[derive(Debug, Default)]
pub(crate) struct Placed<'a> {
    pub(crate) node: Option<&'a str>,
    /// Name of the pod, where its workload gives it a name that lasts.
    pub(crate) hostname: Option<&'a str>,
    /// Somebody looks into the pod with a container of tools.
    pub(crate) debugger: Option<&'a Container>,
    pub(crate) in_pod: InPod,
}

/// Whether a specification is a pod's or a template's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InPod {
    #[default]
    No,
    Yes,
}

const TEAMS: &[&str] = &["storefront", "payments", "platform", "data", "growth", "identity"];

/// Tolerations that admission gives every pod.
const TOLERATIONS: &[u8] = br#"[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]"#;
const EVERYWHERE: &[u8] = br#"[{"operator":"Exists"}]"#;
const TOKEN_SOURCES: &[u8] = br#"[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},{"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}]"#;

impl<'a> Template<'a> {
    /// The template of a workload.
    pub(crate) fn of(plan: &Plan, app: &'a App) -> Self {
        let Plan { seed, sizes, images, .. } = plan;
        let mut random = Random::of(*seed, Purpose::App, u64::from(app.index), 0);
        let image = |random: &mut Random| images.get(popular(random, sizes.images)).clone();
        let main_image = match rank_of(&app.name) {
            Some(rank) => images.get(rank).clone(),
            // The first workloads take the images in turn, twice, for one may wait and run nothing.
            None if app.index / 2 < sizes.images => images.get(app.index).clone(),
            None => image(&mut random),
        };
        let main = Container::main(app, main_image, &mut random);
        let beside = match random.below(10) {
            _ if app.rights == Rights::Node || usage(app).is_some() => 0,
            0..4 => 0,
            4..9 => 1,
            _ => 2,
        };
        let mut containers = vec![main];
        for name in ["mesh-proxy", "metrics-agent"].into_iter().take(beside) {
            let image = image(&mut random);
            containers.push(Container::beside(name, app, image, &mut random));
        }
        let mut init = Vec::new();
        if random.percent(20) && usage(app).is_none() {
            let image = image(&mut random);
            init.push(Container::before("prepare-files", app, image, &mut random));
        }
        let (account, token) = account(app);
        let (labels, annotations) = (labels(app, &mut random), annotations(app, &mut random));
        let mut template = Self { app, init, containers, labels, annotations, hash: String::new(), account, token };
        let mut json = Json::default();
        json.item(|json| template.write(json, &[]));
        template.hash = hash_of(json.bytes());
        template
    }

    /// Members of a pod template, with labels beside those of the workload.
    pub(crate) fn write(&self, json: &mut Json, more: &[(&'static str, String)]) {
        let mut labels = self.labels.clone();
        labels.extend_from_slice(more);
        labels.sort_unstable();
        json.object("metadata", |json| {
            json.map("labels", labels.iter().map(|(key, value)| (*key, value.as_str())));
            json.map("annotations", self.annotations.iter().map(|(key, value)| (*key, value.as_str())));
        });
        json.object("spec", |json| self.spec(json, &Placed::default()));
    }

    /// Members of a pod specification.
    pub(crate) fn spec(&self, json: &mut Json, placed: &Placed<'_>) {
        self.volumes(json, placed);
        self.all_containers(json, placed);
        json.text("restartPolicy", self.restart_policy());
        json.number("terminationGracePeriodSeconds", 30);
        json.text("dnsPolicy", if shares_network(self.app) { "ClusterFirstWithHostNet" } else { "ClusterFirst" });
        json.text("serviceAccountName", &self.account);
        if self.token == Token::Refused {
            json.flag("automountServiceAccountToken", false);
        }
        if let Some(node) = placed.node {
            json.text("nodeName", node);
        }
        if shares_network(self.app) {
            json.flag("hostNetwork", true);
        }
        if self.app.has(Fault::HostPid) {
            json.flag("hostPID", true);
        }
        json.object("securityContext", |json| self.security(json));
        if let Some(hostname) = placed.hostname {
            json.text("hostname", hostname);
            json.text("subdomain", &self.app.name);
        }
        json.text("schedulerName", "default-scheduler");
        self.placement(json, placed);
    }

    pub(crate) fn restart_policy(&self) -> &'static str {
        if matches!(self.app.owner, Owner::Job | Owner::CronJob) { "Never" } else { "Always" }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    fn all_containers(&self, json: &mut Json, placed: &Placed<'_>) {
        let mounts_token = self.token == Token::Mounted && placed.in_pod == InPod::Yes;
        let write = |json: &mut Json, containers: &[Container]| {
            for container in containers {
                json.item(|json| container.spec(json, mounts_token.then_some("token")));
            }
        };
        if !self.init.is_empty() {
            json.array("initContainers", |json| write(json, &self.init));
        }
        json.array("containers", |json| write(json, &self.containers));
        if let Some(debugger) = placed.debugger {
            json.array("ephemeralContainers", |json| json.item(|json| debugger.spec(json, None)));
        }
    }

    fn volumes(&self, json: &mut Json, placed: &Placed<'_>) {
        json.array("volumes", |json| {
            json.item(|json| {
                json.text("name", "tmp");
                json.object("emptyDir", |json| json.text("sizeLimit", "256Mi"));
            });
            json.item(|json| {
                json.text("name", "config");
                json.object("configMap", |json| {
                    json.text("name", &format!("{}-config", self.app.name));
                    json.number("defaultMode", 420);
                });
            });
            self.special_volumes(json);
            if self.token == Token::Mounted && placed.in_pod == InPod::Yes {
                json.item(|json| {
                    json.text("name", "kube-api-access");
                    json.object("projected", |json| {
                        json.key("sources");
                        json.raw(TOKEN_SOURCES);
                        json.number("defaultMode", 420);
                    });
                });
            }
        });
    }

    /// What holds for all containers, unless it is what the first one lacks.
    fn security(&self, json: &mut Json) {
        if !self.app.has(Fault::MayRunAsRoot) {
            json.number("runAsUser", 1000);
            json.flag("runAsNonRoot", true);
        }
        json.number("fsGroup", 1000);
        if !self.app.has(Fault::NoSeccomp) {
            json.map("seccompProfile", [("type", "RuntimeDefault")]);
        }
    }

    fn special_volumes(&self, json: &mut Json) {
        let host_path = match self.app.fault {
            Some(Fault::RuntimeSocket) => Some("/run/containerd/containerd.sock"),
            Some(Fault::HostPath) => Some("/var/lib/kubelet"),
            _ if self.app.rights == Rights::Node => Some("/proc"),
            _ => None,
        };
        if let Some(path) = host_path {
            json.item(|json| {
                json.text("name", "host");
                json.object("hostPath", |json| {
                    json.text("path", path);
                    json.text("type", "");
                });
            });
        }
        if self.app.has(Fault::MissingClaim) {
            json.item(|json| {
                json.text("name", "data");
                json.object("persistentVolumeClaim", |json| json.text("claimName", &format!("{}-gone", self.app.name)));
            });
        }
    }

    fn placement(&self, json: &mut Json, placed: &Placed<'_>) {
        if placed.in_pod == InPod::Yes {
            json.key("tolerations");
            let everywhere = matches!(self.app.owner, Owner::DaemonSet | Owner::Static);
            json.raw(if everywhere { EVERYWHERE } else { TOLERATIONS });
            json.number("priority", 0);
        }
        let is_replicated = matches!(self.app.owner, Owner::Deployment | Owner::StatefulSet | Owner::Rollout);
        if is_replicated && self.app.pods.desired() > 1 && !self.app.has(Fault::NotSpread) {
            json.array("topologySpreadConstraints", |json| {
                json.item(|json| {
                    json.number("maxSkew", 1);
                    json.text("topologyKey", "kubernetes.io/hostname");
                    json.text("whenUnsatisfiable", "ScheduleAnyway");
                    json.object("labelSelector", |json| json.map("matchLabels", [("app", self.app.name.as_str())]));
                });
            });
        }
    }
}

/// FNV-1a over the encoding, spelled with ten letters, as the simulated Deployment controller does: so it knows the
/// ReplicaSets of the population for its own.
fn hash_of(encoding: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    spell(encoding.iter().fold(0xcbf2_9ce4_8422_2325, step), 10)
}

/// Rank of the image that is known to run in a workload of this name.
fn rank_of(name: &str) -> Option<u32> {
    Some(match name {
        "kube-proxy" => 0,
        "cilium" => 1,
        "node-exporter" => 7,
        "fluent-bit" => 10,
        "grafana" => 11,
        "prometheus" => 14,
        "coredns" | "node-local-dns" => 17,
        _ => return None,
    })
}

/// Most pods refuse the token of the default account; some have an account with rights of its own.
fn account(app: &App) -> (String, Token) {
    match app.fault {
        Some(Fault::AccountToken) => ("default".to_owned(), Token::Mounted),
        Some(Fault::MissingAccount) => (format!("{}-gone", app.name), Token::Refused),
        _ if has_account(app) => (app.name.clone(), Token::Mounted),
        _ => ("default".to_owned(), Token::Refused),
    }
}

/// Whether a workload has a ServiceAccount of its own.
pub(crate) fn has_account(app: &App) -> bool {
    app.has(Fault::ClusterAdmin) || (app.fault.is_none() && app.owner == Owner::Deployment && app.index % 10 == 3)
}

fn labels(app: &App, random: &mut Random) -> Vec<(&'static str, String)> {
    if app.owner == Owner::Foreign(Foreign::Devbox) {
        return vec![
            ("app.kubernetes.io/component", "devbox".to_owned()),
            ("app.kubernetes.io/managed-by", "sealos".to_owned()),
            ("app.kubernetes.io/name", app.name.clone()),
            ("app.kubernetes.io/part-of", "devbox".to_owned()),
            ("app.kubernetes.io/version", format!("{}", random.below(30))),
            ("team", (*random.pick(TEAMS)).to_owned()),
        ];
    }
    vec![
        ("app", app.name.clone()),
        ("app.kubernetes.io/instance", format!("{}-{}", app.name, random.below(3))),
        ("app.kubernetes.io/name", app.name.clone()),
        ("app.kubernetes.io/version", format!("{}.{}.{}", random.below(4), random.below(30), random.below(10))),
        ("team", (*random.pick(TEAMS)).to_owned()),
    ]
}

/// How much of its requests a workload uses, where that matters; it then has one container, for usage is told by pod.
/// Starved ones have limits as high as their requests.
pub(crate) fn usage(app: &App) -> Option<(&'static str, String)> {
    let share = match app.fault {
        Some(Fault::Wasteful) => "0.1",
        Some(Fault::Starved) => "0.95",
        // Else it would be starved as well.
        Some(Fault::RequestAboveLimit) => "0.6",
        _ => return None,
    };
    Some(("sim.keelwatch.io/usage", share.to_owned()))
}

fn annotations(app: &App, random: &mut Random) -> Vec<(&'static str, String)> {
    let mut annotations = vec![
        ("checksum/config", random.hex(16)),
        ("prometheus.io/port", "9102".to_owned()),
        ("prometheus.io/scrape", "true".to_owned()),
    ];
    annotations.extend(usage(app));
    annotations
}
