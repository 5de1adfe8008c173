//! Names, uids and times of objects that others refer to.
//!
//! Owns everything that can be told of an object by its place in the plan alone.

use jiff::{SignedDuration, Timestamp};

use super::fault::Fault;
use super::plan::{App, Foreign, Owner, Plan};
use super::random::{Purpose, Random, suffix};
use super::scribe::Reference;
use super::template::Template;

/// Parts of a workload that have a uid of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Workload = 0,
    ReplicaSet = 1,
    Service = 2,
    Slice = 3,
    Budget = 4,
    Scaler = 5,
    Ingress = 6,
    Account = 7,
    Role = 8,
    Binding = 9,
    Other = 10,
    OtherSlice = 11,
    Age = 12,
    Suffixes = 13,
}

impl Plan {
    pub(crate) fn namespace(&self, app: &App) -> &str {
        &self.spaces[app.space as usize].name
    }

    fn part(&self, app: &App, part: Part) -> Random {
        Random::of(self.seed, Purpose::Workload, u64::from(app.index), part as u64)
    }

    pub(crate) fn uid(&self, app: &App, part: Part) -> String {
        self.part(app, part).uid()
    }

    /// When the workload was created: from an hour to ninety days ago, CronJobs at least four days.
    pub(crate) fn created(&self, app: &App) -> Timestamp {
        let mut random = self.part(app, Part::Age);
        let least = if app.owner == Owner::CronJob { 4 * 86_400 } else { 3_600 };
        ago(self.sizes.now, i64::from(least + random.below(86 * 86_400)))
    }

    pub(crate) fn pod_uid(&self, app: &App, pod: u32) -> String {
        self.pod_random(app, pod).uid()
    }

    /// What a pod draws for itself.
    pub(crate) fn pod_random(&self, app: &App, pod: u32) -> Random {
        Random::of(self.seed, Purpose::Pod, u64::from(app.first_pod + pod), 0)
    }

    /// When a pod was created: between its workload and ten minutes ago.
    pub(crate) fn pod_created(&self, app: &App, pod: u32) -> Timestamp {
        if app.owner == Owner::CronJob {
            return self.run_at(app, pod);
        }
        let age = self.sizes.now.as_second() - self.created(app).as_second() - 600;
        let age = u32::try_from(age).expect("workloads are at least an hour and at most ninety days old");
        let mut random = Random::of(self.seed, Purpose::Part, u64::from(app.first_pod + pod), 0);
        ago(self.sizes.now, i64::from(600 + random.below(age.min(30 * 86_400))))
    }

    /// Where generated names begin: `cart-7d4b9c6f5d-`.
    pub(crate) fn generate_name(&self, template: &Template<'_>, pod: u32) -> Option<String> {
        let app = template.app;
        Some(match app.owner {
            Owner::Deployment | Owner::Rollout => format!("{}-{}-", app.name, template.hash),
            Owner::DaemonSet | Owner::Job => format!("{}-", app.name),
            Owner::CronJob => format!("{}-", self.run_name(app, pod)),
            Owner::Foreign(Foreign::RayCluster) => format!("{}-worker-", app.name),
            Owner::Foreign(Foreign::VirtualMachine) => format!("virt-launcher-{}-", app.name),
            Owner::StatefulSet | Owner::Bare | Owner::Static | Owner::Foreign(Foreign::Devbox) => return None,
        })
    }

    pub(crate) fn pod_name(&self, template: &Template<'_>, pod: u32) -> String {
        let app = template.app;
        if let Some(prefix) = self.generate_name(template, pod) {
            return format!("{prefix}{}", suffix(self.part(app, Part::Suffixes).next(), u64::from(pod)));
        }
        match app.owner {
            Owner::StatefulSet => format!("{}-{pod}", app.name),
            Owner::Static => format!("{}-{}", app.name, self.layout.node_name(pod)),
            _ => app.name.clone(),
        }
    }

    /// Seconds between two runs of a CronJob.
    pub(crate) fn period(app: &App) -> i64 {
        if app.has(Fault::CronOverlap) { 600 } else { 3_600 }
    }

    /// When a run of a CronJob was due; the first is the latest.
    pub(crate) fn run_at(&self, app: &App, run: u32) -> Timestamp {
        let period = Self::period(app);
        // A run that overlaps others began long before the last one was due.
        let back = i64::from(run) + if app.has(Fault::CronOverlap) { 2 } else { 0 };
        let last = (self.sizes.now.as_second() - 300).div_euclid(period) * period;
        Timestamp::from_second(last - back * period).expect("a time near now")
    }

    /// The name of a run's Job ends with the minute when it was due.
    pub(crate) fn run_name(&self, app: &App, run: u32) -> String {
        format!("{}-{}", app.name, self.run_at(app, run).as_second() / 60)
    }

    pub(crate) fn run_uid(&self, app: &App, run: u32) -> String {
        Random::of(self.seed, Purpose::Part, u64::from(app.first_pod + run), 1).uid()
    }

    /// The controller of a workload's pods; `None` for those on their own.
    pub(crate) fn controller(&self, template: &Template<'_>, pod: u32) -> Option<Reference> {
        let app = template.app;
        let reference = |api_version, kind, name, uid| Some(Reference { api_version, kind, name, uid });
        let own = |api_version, kind| reference(api_version, kind, app.name.clone(), self.uid(app, Part::Workload));
        match app.owner {
            Owner::Deployment | Owner::Rollout => {
                let name = format!("{}-{}", app.name, template.hash);
                reference("apps/v1", "ReplicaSet", name, self.uid(app, Part::ReplicaSet))
            }
            Owner::StatefulSet => own("apps/v1", "StatefulSet"),
            Owner::DaemonSet => own("apps/v1", "DaemonSet"),
            Owner::Job => own("batch/v1", "Job"),
            Owner::CronJob => reference("batch/v1", "Job", self.run_name(app, pod), self.run_uid(app, pod)),
            Owner::Bare => None,
            Owner::Static => reference("v1", "Node", self.layout.node_name(pod), self.node_uid(pod)),
            Owner::Foreign(Foreign::Devbox) => own("devbox.sealos.io/v1alpha1", "Devbox"),
            Owner::Foreign(Foreign::RayCluster) => own("ray.io/v1", "RayCluster"),
            Owner::Foreign(Foreign::VirtualMachine) => own("kubevirt.io/v1", "VirtualMachineInstance"),
        }
    }

    pub(crate) fn node_uid(&self, node: u32) -> String {
        Random::of(self.seed, Purpose::Node, u64::from(node), 0).uid()
    }
}

/// So many seconds before a time.
pub(crate) fn ago(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_sub(SignedDuration::from_secs(seconds)).expect("a duration in seconds can be taken off")
}
