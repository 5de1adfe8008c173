//! Containers of pod specifications.
//!
//! Owns how a container is written, soundly, or with the fault that its workload bears.

use super::fault::Fault;
use super::image::Image;
use super::json::Json;
use super::plan::{App, Owner, Rights};
use super::random::Random;

/// A container of a template.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: Image,
    /// As the specification names the image.
    pub(crate) reference: String,
    pub(crate) role: Role,
    fault: Option<Fault>,
    host: Host,
    says: Says,
    rank: Rank,
    /// Thousandths of a core.
    cpu: u32,
    memory_mib: u32,
}

/// Whether files of the node are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    Hidden,
    Mounted,
}

/// Whether a container gives its workload the name, and serves on its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    First,
    Other,
}

/// What a container must say itself, since its pod cannot say it for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    User,
    Seccomp,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It serves for as long as the pod lives.
    Serves,
    /// It ends by itself.
    Ends,
    /// A person put it there.
    Debugs,
}

/// Requests and limits, in thousandths of a core and MiB.
#[derive(Debug, Clone, Copy)]
struct Resources {
    requests: (u32, u32),
    limits: Option<(u32, u32)>,
}

impl Container {
    /// The container that gives the workload its name.
    pub(crate) fn main(app: &App, image: Image, random: &mut Random) -> Self {
        let role = if matches!(app.owner, Owner::Job | Owner::CronJob) { Role::Ends } else { Role::Serves };
        let container = Self::new(&app.name, image, role, random);
        let reference = match app.fault {
            Some(Fault::LatestImage) => format!("{}:latest", container.image.short),
            Some(Fault::UntaggedImage) => container.image.short.clone(),
            _ => container.reference,
        };
        let mounts_host = app.rights == Rights::Node || app.has(Fault::RuntimeSocket) || app.has(Fault::HostPath);
        let host = if mounts_host { Host::Mounted } else { Host::Hidden };
        Self { reference, fault: app.fault, host, rank: Rank::First, ..container }
    }

    /// One that helps the main container.
    pub(crate) fn beside(name: &str, app: &App, image: Image, random: &mut Random) -> Self {
        let role = if matches!(app.owner, Owner::Job | Owner::CronJob) { Role::Ends } else { Role::Serves };
        Self::new(name, image, role, random).aware_of(app.fault)
    }

    /// One that runs before the others.
    pub(crate) fn before(name: &str, app: &App, image: Image, random: &mut Random) -> Self {
        Self::new(name, image, Role::Ends, random).aware_of(app.fault)
    }

    fn aware_of(self, fault: Option<Fault>) -> Self {
        let says = match fault {
            Some(Fault::MayRunAsRoot) => Says::User,
            Some(Fault::NoSeccomp) => Says::Seccomp,
            _ => Says::Nothing,
        };
        Self { says, ..self }
    }

    /// Whether it gives the workload its name.
    fn is_main(&self) -> bool {
        self.rank == Rank::First
    }

    /// A shell in a pod that runs.
    pub(crate) fn debugger(image: Image, random: &mut Random) -> Self {
        Self::new("debugger", image, Role::Debugs, random)
    }

    fn new(name: &str, image: Image, role: Role, random: &mut Random) -> Self {
        let pinned = random.percent(15);
        let reference = if pinned {
            format!("{}:{}@{}", image.short, image.tag, image.digest)
        } else {
            format!("{}:{}", image.short, image.tag)
        };
        let cpu = *random.pick(&[50, 100, 200, 250, 500, 1000]);
        let memory_mib = *random.pick(&[64, 128, 256, 512, 1024]);
        Self {
            name: name.to_owned(),
            image,
            reference,
            role,
            fault: None,
            host: Host::Hidden,
            says: Says::Nothing,
            rank: Rank::Other,
            cpu,
            memory_mib,
        }
    }

    /// Members of the container; `token` says that the account's is mounted.
    pub(crate) fn spec(&self, json: &mut Json, token: Option<&str>) {
        json.text("name", &self.name);
        json.text("image", &self.reference);
        if self.role == Role::Ends {
            json.texts("command", ["/bin/sh", "-c", "exec /app/run --once"]);
        }
        if self.is_main() {
            json.texts("args", ["--listen=0.0.0.0:8080", "--log=info"]);
            self.ports(json);
            self.env(json);
        }
        json.object("resources", |json| self.resources(json));
        self.mounts(json, token);
        if self.role == Role::Serves {
            self.probes(json);
        }
        json.text("imagePullPolicy", "IfNotPresent");
        json.object("securityContext", |json| self.security(json));
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn ports(&self, json: &mut Json) {
        json.array("ports", |json| {
            json.item(|json| {
                json.text("name", "http");
                if self.has(Fault::HostPort) || self.has(Fault::HostNetwork) {
                    json.number("hostPort", 8080);
                }
                json.number("containerPort", 8080);
                json.text("protocol", "TCP");
            });
        });
    }

    fn env(&self, json: &mut Json) {
        json.array("env", |json| {
            let mut set = |name, value| {
                json.item(|json| {
                    json.text("name", name);
                    json.text("value", value);
                });
            };
            set("LOG_LEVEL", "info");
            set("CONFIG_FILE", "/etc/app/config.yaml");
            if self.has(Fault::SecretInEnv) {
                set("DB_PASSWORD", "planted-not-a-secret");
            }
            json.item(|json| {
                json.text("name", "POD_NAME");
                json.object("valueFrom", |json| {
                    json.map("fieldRef", [("apiVersion", "v1"), ("fieldPath", "metadata.name")]);
                });
            });
        });
    }

    fn resources(&self, json: &mut Json) {
        let (cpu, memory) = (self.cpu, self.memory_mib);
        let sound = Resources { requests: (cpu, memory), limits: Some((cpu * 2, memory * 2)) };
        let resources = match self.fault {
            Some(Fault::NoResources) => return,
            Some(Fault::NoLimits) => Resources { limits: None, ..sound },
            Some(Fault::OverProvisioned) => Resources { requests: (4000, 8192), limits: Some((8000, 16_384)) },
            Some(Fault::Wasteful) => Resources { requests: (1000, 2048), limits: Some((2000, 2048)) },
            Some(Fault::LimitRatio) => Resources { requests: (100, memory), limits: Some((2000, memory * 2)) },
            Some(Fault::RequestAboveLimit) => Resources { requests: (100, 160), limits: Some((100, 128)) },
            Some(Fault::Starved) => Resources { requests: (cpu, memory), limits: Some((cpu, memory)) },
            _ => sound,
        };
        let mut write = |key, (cpu, memory): (u32, u32)| {
            json.map(key, [("cpu", cpu_text(cpu).as_str()), ("memory", memory_text(memory).as_str())]);
        };
        if let Some(limits) = resources.limits {
            write("limits", limits);
        }
        write("requests", resources.requests);
    }

    fn mounts(&self, json: &mut Json, token: Option<&str>) {
        let host = (self.host == Host::Mounted).then_some(("host", "/host"));
        let claim = self.has(Fault::MissingClaim).then_some(("data", "/data"));
        let token = token.map(|_| ("kube-api-access", "/var/run/secrets/kubernetes.io/serviceaccount"));
        let config = self.is_main().then_some(("config", "/etc/app"));
        let mounts = [Some(("tmp", "/tmp")), config, host, claim, token];
        json.array("volumeMounts", |json| {
            for (name, path) in mounts.into_iter().flatten() {
                json.item(|json| {
                    json.text("name", name);
                    if matches!(name, "config" | "kube-api-access") {
                        json.flag("readOnly", true);
                    }
                    json.text("mountPath", path);
                });
            }
        });
    }

    fn probes(&self, json: &mut Json) {
        let without_liveness = self.has(Fault::NoProbes) || self.has(Fault::NoLiveness);
        let without_readiness = self.has(Fault::NoProbes) || self.has(Fault::NoReadiness);
        let probes = [("livenessProbe", "/healthz", without_liveness), ("readinessProbe", "/ready", without_readiness)];
        for (key, path, _) in probes.into_iter().filter(|(_, _, without)| !without) {
            json.object(key, |json| {
                if self.is_main() {
                    json.object("httpGet", |json| {
                        json.text("path", path);
                        json.text("port", "http");
                    });
                } else {
                    json.object("tcpSocket", |json| json.number("port", 9102));
                }
                json.number("periodSeconds", 10);
            });
        }
    }

    fn security(&self, json: &mut Json) {
        json.object("capabilities", |json| {
            if self.has(Fault::CapabilitiesAdded) {
                json.texts("add", ["NET_ADMIN"]);
            }
            if !self.has(Fault::CapabilitiesKept) {
                json.texts("drop", ["ALL"]);
            }
        });
        if self.has(Fault::Privileged) {
            json.flag("privileged", true);
        }
        if self.has(Fault::RunsAsRoot) {
            json.number("runAsUser", 0);
            json.flag("runAsNonRoot", false);
        } else if self.says == Says::User {
            json.number("runAsUser", 1000);
            json.flag("runAsNonRoot", true);
        }
        json.flag("readOnlyRootFilesystem", !self.has(Fault::WritableRoot));
        // The server refuses to forbid escalation to those that are privileged.
        json.flag("allowPrivilegeEscalation", self.has(Fault::EscalationAllowed) || self.has(Fault::Privileged));
        if self.says == Says::Seccomp {
            json.map("seccompProfile", [("type", "RuntimeDefault")]);
        }
    }
}

/// `250m`, `2`: as the server writes it.
fn cpu_text(thousandths: u32) -> String {
    if thousandths.is_multiple_of(1000) { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}

/// `512Mi`, `2Gi`: as the server writes it.
fn memory_text(mib: u32) -> String {
    if mib.is_multiple_of(1024) { format!("{}Gi", mib / 1024) } else { format!("{mib}Mi") }
}
