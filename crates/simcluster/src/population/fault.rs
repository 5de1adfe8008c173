//! What is wrong on purpose, so that tests can say what must be found.
//!
//! Owns the list of faults and where each shows. Everything that bears no fault is built such that no detector that is
//! on by default has anything to say about it; namespaces of the system apart. Faults never share a workload.

/// Something wrong with a workload, with what surrounds it, or with a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained by its row in `Fault::facts`")]
pub enum Fault {
    NoResources,
    NoLimits,
    OverProvisioned,
    Wasteful,
    LimitRatio,
    RequestAboveLimit,
    Starved,
    NoProbes,
    NoLiveness,
    NoReadiness,
    LatestImage,
    UntaggedImage,
    Privileged,
    RunsAsRoot,
    MayRunAsRoot,
    EscalationAllowed,
    CapabilitiesAdded,
    CapabilitiesKept,
    NoSeccomp,
    RuntimeSocket,
    HostPid,
    HostNetwork,
    HostPath,
    HostPort,
    ManyReplicas,
    SingleReplica,
    SecretInEnv,
    AccountToken,
    BudgetBlocks,
    BudgetUnused,
    NotSpread,
    WritableRoot,
    NoBudget,
    MissingAccount,
    MissingClaim,
    ClusterAdmin,
    ServiceSelectsNothing,
    ServicePortUnknown,
    IngressWithoutBackend,
    ServiceExposed,
    ScalerWithoutTarget,
    ScalerNotScaling,
    ScalerMaxed,
    ScalerFixed,
    CronNoDeadline,
    CronOverlap,
    CronFailing,
    CronPilingUp,
    CrashLoop,
    OomKilled,
    ImagePull,
    ConfigError,
    Pending,
    NotReady,
    FailedKept,
    ClaimNotBound,
    NoLimitRange,
    NoNetworkPolicy,
    StuckTerminating,
}

/// Which object a fault shows on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// The first container of the workload.
    Container,
    Workload,
    /// An object beside the workload: kind, and what follows the workload's name in its own.
    Beside(&'static str, &'static str),
    Namespace,
}

/// One fault that was planted: what a detector has to find, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planting {
    /// What is wrong.
    pub fault: Fault,
    /// Code of the detector, for example `R001`.
    pub code: &'static str,
    /// The detector's case; empty where it has none.
    pub case: &'static str,
    /// Kind of the object that bears it, for example `Deployment`.
    pub kind: &'static str,
    /// Its namespace; of a Namespace, its name.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The container that bears it; empty if it is the object's.
    pub container: String,
}

/// The faults of a population.
///
/// What was ended for its memory (P001 `oom-killed`) may show as R005 too, once its usage has been sampled for long enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planted {
    /// Every one of them, sorted.
    pub plantings: Vec<Planting>,
}

/// What one fault means.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) code: &'static str,
    pub(crate) case: &'static str,
    pub(crate) bearer: Bearer,
    /// Replicas that the workload must have for it; `None`: any number.
    pub(crate) replicas: Option<u32>,
    /// Whether a Service must select the workload.
    pub(crate) service: Exposure,
}

/// Whether a Service selects a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    Either,
    Exposed,
}

/// Faults that any long-running workload may bear.
pub(crate) const OF_TEMPLATES: &[Fault] = &[
    Fault::NoResources,
    Fault::NoProbes,
    Fault::LatestImage,
    Fault::Privileged,
    Fault::NoLimits,
    Fault::OverProvisioned,
    Fault::LimitRatio,
    Fault::RequestAboveLimit,
    Fault::NoLiveness,
    Fault::NoReadiness,
    Fault::UntaggedImage,
    Fault::RunsAsRoot,
    Fault::MayRunAsRoot,
    Fault::EscalationAllowed,
    Fault::CapabilitiesAdded,
    Fault::CapabilitiesKept,
    Fault::NoSeccomp,
    Fault::RuntimeSocket,
    Fault::HostPid,
    Fault::HostPath,
    Fault::SecretInEnv,
    Fault::AccountToken,
    Fault::WritableRoot,
];

/// Faults that Deployments bear beside [`OF_TEMPLATES`].
pub(crate) const OF_DEPLOYMENTS: &[Fault] = &[
    Fault::CrashLoop,
    Fault::ManyReplicas,
    Fault::SingleReplica,
    Fault::OomKilled,
    Fault::NoBudget,
    Fault::ImagePull,
    Fault::ServiceSelectsNothing,
    Fault::BudgetBlocks,
    Fault::MissingAccount,
    Fault::ScalerWithoutTarget,
    Fault::IngressWithoutBackend,
    Fault::ConfigError,
    Fault::NotReady,
    Fault::Wasteful,
    Fault::Starved,
    Fault::ClusterAdmin,
    Fault::MissingClaim,
    Fault::BudgetUnused,
    Fault::ServicePortUnknown,
    Fault::ScalerNotScaling,
    Fault::ScalerMaxed,
    Fault::ScalerFixed,
    Fault::NotSpread,
    Fault::ServiceExposed,
    Fault::ClaimNotBound,
    Fault::HostNetwork,
    Fault::HostPort,
];

/// Faults of CronJobs.
pub(crate) const OF_CRON_JOBS: &[Fault] =
    &[Fault::CronNoDeadline, Fault::CronFailing, Fault::CronOverlap, Fault::CronPilingUp];

impl Planted {
    /// How many findings a detector must have. H001, S001 and their like count objects beside the workloads.
    pub fn count(&self, code: &str) -> usize {
        self.plantings.iter().filter(|planting| planting.code == code).count()
    }
}

impl Facts {
    const fn new(code: &'static str, case: &'static str, bearer: Bearer) -> Self {
        Self { code, case, bearer, replicas: None, service: Exposure::Either }
    }

    const fn replicas(self, replicas: u32) -> Self {
        Self { replicas: Some(replicas), ..self }
    }

    const fn service(self, service: Exposure) -> Self {
        Self { service, ..self }
    }
}

impl Fault {
    /// Code and case of the detector, and where it shows.
    pub(crate) fn facts(self) -> Facts {
        use Bearer::{Beside, Container, Namespace, Workload};
        use Exposure::Exposed;
        match self {
            Self::NoResources => Facts::new("R001", "both", Container),
            Self::NoLimits => Facts::new("R001", "limits", Container),
            Self::OverProvisioned => Facts::new("R002", "", Container),
            Self::Wasteful => Facts::new("R003", "", Container),
            Self::LimitRatio => Facts::new("R004", "ratio", Container),
            Self::RequestAboveLimit => Facts::new("R004", "request-above-limit", Container),
            Self::Starved => Facts::new("R005", "", Container),
            Self::NoProbes => Facts::new("W001", "both", Container),
            Self::NoLiveness => Facts::new("W001", "liveness", Container),
            Self::NoReadiness => Facts::new("W001", "readiness", Container),
            Self::LatestImage => Facts::new("W002", "latest", Container),
            Self::UntaggedImage => Facts::new("W002", "untagged", Container),
            Self::Privileged => Facts::new("W003", "privileged", Container),
            Self::RunsAsRoot => Facts::new("W003", "runs-as-root", Container),
            Self::MayRunAsRoot => Facts::new("W003", "may-run-as-root", Container),
            Self::EscalationAllowed => Facts::new("W003", "privilege-escalation", Container),
            Self::CapabilitiesAdded => Facts::new("W003", "added-capabilities", Container),
            Self::CapabilitiesKept => Facts::new("W003", "capabilities-kept", Container),
            Self::NoSeccomp => Facts::new("W003", "seccomp", Container),
            Self::RuntimeSocket => Facts::new("W004", "runtime-socket", Workload),
            Self::HostPid => Facts::new("W004", "host-pid", Workload),
            Self::HostNetwork => Facts::new("W004", "host-network", Workload),
            Self::HostPath => Facts::new("W004", "host-path", Workload),
            Self::HostPort => Facts::new("W004", "host-port", Workload),
            Self::ManyReplicas => Facts::new("W005", "", Workload).replicas(14),
            Self::SingleReplica => Facts::new("W006", "", Workload).replicas(1).service(Exposed),
            Self::SecretInEnv => Facts::new("W007", "", Container),
            Self::AccountToken => Facts::new("W008", "", Workload),
            Self::BudgetBlocks => {
                Facts::new("W009", "", Beside("PodDisruptionBudget", "")).replicas(3).service(Exposed)
            }
            Self::BudgetUnused => Facts::new("W009", "unused", Beside("PodDisruptionBudget", "-old")),
            Self::NotSpread => Facts::new("W010", "", Workload).replicas(2),
            Self::WritableRoot => Facts::new("W011", "", Container),
            Self::NoBudget => Facts::new("W012", "", Workload).replicas(3).service(Exposed),
            Self::MissingAccount | Self::MissingClaim => Facts::new("W013", "", Workload),
            Self::ClusterAdmin => Facts::new("A001", "", Beside("ServiceAccount", "")),
            Self::ServiceSelectsNothing => Facts::new("S001", "", Beside("Service", "-old")),
            Self::ServicePortUnknown => Facts::new("S001", "port", Beside("Service", "")).replicas(2).service(Exposed),
            Self::IngressWithoutBackend => Facts::new("S002", "", Beside("Ingress", "")),
            Self::ServiceExposed => Facts::new("S003", "", Beside("Service", "")).replicas(2).service(Exposed),
            Self::ScalerWithoutTarget => Facts::new("H001", "no-target", Beside("HorizontalPodAutoscaler", "-old")),
            Self::ScalerNotScaling => Facts::new("H001", "not-scaling", Beside("HorizontalPodAutoscaler", "")),
            Self::ScalerMaxed => Facts::new("H001", "maxed", Beside("HorizontalPodAutoscaler", "")).replicas(4),
            Self::ScalerFixed => Facts::new("H001", "fixed", Beside("HorizontalPodAutoscaler", "")).replicas(2),
            Self::CronNoDeadline => Facts::new("C001", "no-deadline", Workload),
            Self::CronOverlap => Facts::new("C001", "overlap", Workload),
            Self::CronFailing => Facts::new("C001", "failing", Workload),
            Self::CronPilingUp => Facts::new("C001", "piling-up", Workload),
            Self::CrashLoop => Facts::new("P001", "crash-loop", Workload),
            Self::OomKilled => Facts::new("P001", "oom-killed", Workload),
            Self::ImagePull => Facts::new("P001", "image-pull", Workload),
            Self::ConfigError => Facts::new("P001", "config-error", Workload),
            Self::Pending => Facts::new("P001", "pending", Workload),
            Self::NotReady => Facts::new("P001", "not-ready", Workload),
            Self::FailedKept => Facts::new("P002", "", Workload),
            Self::ClaimNotBound => Facts::new("V001", "", Beside("PersistentVolumeClaim", "-scratch")),
            Self::NoLimitRange => Facts::new("N001", "", Namespace),
            Self::NoNetworkPolicy => Facts::new("N002", "", Namespace),
            Self::StuckTerminating => Facts::new("N003", "", Namespace),
        }
    }

    /// Whether pods of the workload wait for it, so that they are Pending.
    pub(crate) fn keeps_pending(self) -> bool {
        matches!(self, Self::ImagePull | Self::ConfigError | Self::Pending)
    }
}
