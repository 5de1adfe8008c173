//! Pods.
//!
//! Owns metadata and status of pods; what they run is `template`'s and `container`'s.

use jiff::Timestamp;

use super::container::Container;
use super::fault::Fault;
use super::json::Json;
use super::layout::{Layout, shares_network};
use super::names::ago;
use super::plan::{App, Owner, Phase, Plan};
use super::random::Random;
use super::scribe::{Head, Kind, Scribe, WHOLE};
use super::template::{InPod, Placed, Template};
use crate::nodes::Runtime;

const POD: Kind =
    Kind { api_version: "v1", name: "Pod", manager: "kube-controller-manager", reporter: "kubelet", whole: WHOLE };
const STATIC: Kind = Kind { manager: "kubelet", ..POD };

/// One pod, on the way to be written.
#[derive(Debug)]
struct Pod<'a> {
    plan: &'a Plan,
    template: &'a Template<'a>,
    index: u32,
    name: String,
    phase: Phase,
    node: Option<u32>,
    created: Timestamp,
    random: Random,
    debugger: Option<Container>,
}

/// What a container does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// It runs and is not ready.
    Unready,
    /// It runs again, after the kernel ended it.
    Revived,
    Waiting(&'static str),
    /// It waits to be started again.
    Crashing,
    Ended(i64),
}

/// Writes all pods of a workload.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    for index in 0..template.app.pods.total() {
        Pod::of(plan, template, index).write(scribe);
    }
}

impl<'a> Pod<'a> {
    fn of(plan: &'a Plan, template: &'a Template<'a>, index: u32) -> Self {
        let app = template.app;
        let mut random = plan.pod_random(app, index);
        // The first draws make the uid.
        random.uid();
        let phase = app.pods.phase(index);
        let is_placed = phase != Phase::Pending || app.fault.is_some_and(|fault| fault != Fault::Pending);
        let is_debugged = phase == Phase::Running && random.below(200) == 0;
        Self {
            plan,
            template,
            index,
            name: plan.pod_name(template, index),
            phase,
            node: plan.layout.node_of(app, index).filter(|_| is_placed),
            created: plan.pod_created(app, index),
            debugger: is_debugged.then(|| {
                let busybox = plan.images.get(6).clone();
                Container::debugger(busybox, &mut random)
            }),
            random,
        }
    }

    fn app(&self) -> &App {
        self.template.app
    }

    fn write(mut self, scribe: &mut Scribe) {
        let node = self.node.map(|node| self.plan.layout.node_name(node));
        let head = self.head(node.as_deref());
        let hostname = (self.app().owner == Owner::StatefulSet).then_some(self.name.as_str());
        let placed = Placed { node: node.as_deref(), hostname, debugger: self.debugger.as_ref(), in_pod: InPod::Yes };
        let main = |json: &mut Json| json.object("spec", |json| self.template.spec(json, &placed));
        let kind = if self.app().owner == Owner::Static { &STATIC } else { &POD };
        let random = &mut self.random.clone();
        scribe.object(kind, head, main, |json| self.status(json, random));
        self.random = random.clone();
    }

    fn head(&mut self, node: Option<&str>) -> Head {
        let (plan, app) = (self.plan, self.template.app);
        let mut labels = self.template.labels.clone();
        match app.owner {
            Owner::Deployment => labels.push(("pod-template-hash", self.template.hash.clone())),
            Owner::Rollout => labels.push(("rollouts-pod-template-hash", self.template.hash.clone())),
            Owner::StatefulSet => {
                labels.push(("apps.kubernetes.io/pod-index", self.index.to_string()));
                labels.push(("controller-revision-hash", format!("{}-{}", app.name, self.template.hash)));
            }
            Owner::DaemonSet => labels.push(("controller-revision-hash", self.template.hash.clone())),
            Owner::Job | Owner::CronJob => {
                let job = plan.controller(self.template, self.index).expect("a Job owns its pods");
                labels.push(("batch.kubernetes.io/job-name", job.name));
            }
            Owner::Static => labels.push(("tier", "control-plane".to_owned())),
            Owner::Bare | Owner::Foreign(_) => {}
        }
        let mut annotations = self.template.annotations.clone();
        annotations.push(("trace.example.com/id", self.random.hex(32)));
        if app.owner == Owner::Static {
            let hash = self.random.hex(32);
            annotations.push(("kubernetes.io/config.hash", hash.clone()));
            annotations.push(("kubernetes.io/config.mirror", hash));
            annotations.push(("kubernetes.io/config.seen", self.created.to_string()));
            annotations.push(("kubernetes.io/config.source", "file".to_owned()));
        }
        Head {
            namespace: plan.namespace(app).to_owned(),
            name: self.name.clone(),
            generate_name: plan.generate_name(self.template, self.index).unwrap_or_default(),
            uid: plan.pod_uid(app, self.index),
            generation: Some(1),
            created: self.created,
            labels,
            annotations,
            owner: plan.controller(self.template, self.index),
            sort: Some((app.index, self.sort())),
            fields: self.fields(node),
            ..Head::default()
        }
    }

    /// Everything that decides which fields it has, beside its workload.
    fn sort(&self) -> u32 {
        let facts = [self.node.is_some(), self.debugger.is_some(), self.address().is_some(), self.is_evicted()];
        facts.iter().fold(self.phase as u32, |sort, fact| sort << 1 | u32::from(*fact))
    }

    fn fields(&self, node: Option<&str>) -> Vec<(&'static str, String)> {
        vec![
            ("spec.nodeName", node.unwrap_or_default().to_owned()),
            ("spec.restartPolicy", self.template.restart_policy().to_owned()),
            ("spec.schedulerName", "default-scheduler".to_owned()),
            ("spec.serviceAccountName", self.template.account().to_owned()),
            ("spec.hostNetwork", shares_network(self.app()).to_string()),
            ("status.phase", self.phase_name().to_owned()),
            ("status.podIP", self.address().unwrap_or_default()),
        ]
    }

    fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Running => "Running",
            Phase::Pending => "Pending",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
        }
    }

    fn is_evicted(&self) -> bool {
        self.phase == Phase::Failed && self.app().owner == Owner::Deployment
    }

    /// The pod's address; one that was evicted, or that waits for a node, has none.
    fn address(&self) -> Option<String> {
        self.node?;
        if self.is_evicted() {
            return None;
        }
        self.plan.layout.address_of(self.app(), self.index).map(|address| address.to_string())
    }

    fn status(&self, json: &mut Json, random: &mut Random) {
        json.number("observedGeneration", 1);
        json.text("phase", self.phase_name());
        json.array("conditions", |json| self.conditions(json));
        if self.is_evicted() {
            json.text("message", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 92Mi. ");
            json.text("reason", "Evicted");
        }
        let Some(node) = self.node else {
            json.text("qosClass", "Burstable");
            return;
        };
        let host = Layout::node_address(node).to_string();
        json.text("hostIP", &host);
        json.array("hostIPs", |json| json.item(|json| json.text("ip", &host)));
        if let Some(address) = self.address() {
            json.text("podIP", &address);
            json.array("podIPs", |json| json.item(|json| json.text("ip", &address)));
        }
        json.text("startTime", &self.created.to_string());
        if !self.is_evicted() {
            self.containers(json, self.plan.layout.runtime(node), random);
        }
        json.text("qosClass", "Burstable");
    }

    fn containers(&self, json: &mut Json, runtime: Runtime, random: &mut Random) {
        let mut list = |key, containers: &mut dyn Iterator<Item = (&Container, State)>| {
            json.array(key, |json| {
                containers.for_each(|(container, state)| {
                    json.item(|json| self.container(json, container, state, (runtime, random.hex(64))));
                });
            });
        };
        if !self.template.init.is_empty() {
            list("initContainerStatuses", &mut self.template.init.iter().map(|container| (container, State::Ended(0))));
        }
        let states = |(at, container)| (container, self.state(at));
        list("containerStatuses", &mut self.template.containers.iter().enumerate().map(states));
        if let Some(debugger) = &self.debugger {
            list("ephemeralContainerStatuses", &mut std::iter::once((debugger, State::Running)));
        }
    }

    /// Only the first container of the first pod bears the fault of its workload.
    fn state(&self, container: usize) -> State {
        let fault = self.app().fault.filter(|_| container == 0 && (self.index == 0 || self.phase == Phase::Pending));
        match (self.phase, fault) {
            (Phase::Succeeded, _) => State::Ended(0),
            (Phase::Failed, _) => State::Ended(1),
            (Phase::Running, Some(Fault::CrashLoop)) => State::Crashing,
            (Phase::Running, Some(Fault::OomKilled)) => State::Revived,
            (Phase::Running, Some(Fault::NotReady)) => State::Unready,
            (Phase::Running, _) => State::Running,
            (Phase::Pending, Some(Fault::ImagePull)) => State::Waiting("ImagePullBackOff"),
            (Phase::Pending, Some(Fault::ConfigError)) => State::Waiting("CreateContainerConfigError"),
            (Phase::Pending, _) => State::Waiting("PodInitializing"),
        }
    }

    fn is_ready(&self) -> bool {
        self.phase == Phase::Running && !matches!(self.state(0), State::Crashing | State::Unready)
    }

    fn conditions(&self, json: &mut Json) {
        let since = self.created.to_string();
        let ready = self.is_ready();
        let mut condition = |kind: &str, holds: bool, reason: &str, message: &str| {
            json.item(|json| {
                json.text("type", kind);
                json.text("status", if holds { "True" } else { "False" });
                json.text("lastTransitionTime", &since);
                if !reason.is_empty() {
                    json.text("reason", reason);
                    json.text("message", message);
                }
            });
        };
        if self.node.is_none() {
            let message = "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate.";
            condition("PodScheduled", false, "Unschedulable", message);
            return;
        }
        let reason = match self.phase {
            Phase::Succeeded => "PodCompleted",
            Phase::Failed => "PodFailed",
            Phase::Running | Phase::Pending if ready => "",
            Phase::Running | Phase::Pending => "ContainersNotReady",
        };
        let message = if reason == "ContainersNotReady" { "containers with unready status" } else { "" };
        condition("Initialized", true, "", "");
        condition("Ready", ready, reason, message);
        condition("ContainersReady", ready, reason, message);
        condition("PodScheduled", true, "", "");
    }

    fn container(&self, json: &mut Json, container: &Container, state: State, (runtime, id): (Runtime, String)) {
        let id = format!("{}://{id}", runtime.scheme());
        // What ended well is ready as long as others go on: an init container.
        let has_ended = state == State::Ended(0) && matches!(self.phase, Phase::Running | Phase::Pending);
        json.text("name", &container.name);
        json.object("state", |json| self.state_now(json, state, &id));
        json.object("lastState", |json| match state {
            State::Crashing => terminated(json, 1, "Error", (ago(self.plan.sizes.now, 120), &id)),
            State::Revived => terminated(json, 137, "OOMKilled", (ago(self.plan.sizes.now, 1_200), &id)),
            State::Running | State::Unready | State::Waiting(_) | State::Ended(_) => {}
        });
        json.flag("ready", has_ended || matches!(state, State::Running | State::Revived));
        json.number(
            "restartCount",
            match state {
                State::Crashing => 12,
                State::Revived => 1,
                State::Running | State::Unready | State::Waiting(_) | State::Ended(_) => 0,
            },
        );
        let image = &container.image;
        if let State::Waiting(_) = state {
            json.text("image", &container.reference);
            json.text("imageID", "");
            json.flag("started", false);
            return;
        }
        json.text("image", &format!("{}:{}", image.repository(), image.tag));
        json.text("imageID", &image.id(runtime));
        json.text("containerID", &id);
        json.flag("started", matches!(state, State::Running | State::Unready | State::Revived));
    }

    fn state_now(&self, json: &mut Json, state: State, id: &str) {
        let started =
            |json: &mut Json, at: Timestamp| json.object("running", |json| json.text("startedAt", &at.to_string()));
        match state {
            State::Running | State::Unready => started(json, self.created),
            State::Revived => started(json, ago(self.plan.sizes.now, 1_198)),
            State::Waiting(reason) => json.object("waiting", |json| json.text("reason", reason)),
            State::Crashing => json.object("waiting", |json| {
                json.text("reason", "CrashLoopBackOff");
                json.text("message", "back-off 5m0s restarting failed container");
            }),
            State::Ended(code) => {
                let reason = if code == 0 { "Completed" } else { "Error" };
                terminated(json, code, reason, (ago(self.created, -40), id));
            }
        }
    }
}

fn terminated(json: &mut Json, code: i64, reason: &str, (at, id): (Timestamp, &str)) {
    json.object("terminated", |json| {
        json.number("exitCode", code);
        json.text("reason", reason);
        json.text("startedAt", &ago(at, 30).to_string());
        json.text("finishedAt", &at.to_string());
        json.text("containerID", id);
    });
}
