//! The record of a violation: a process that should not run, as nodes and controllers serve it.
//!
//! Owns the wire form only. Matching is `processes`' job, the life of a record `violations`'.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Action, Fingerprint, Severity, Time};

/// One violation. The first nine fields are the former record: always present, always strings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Name of the pod; empty for `host` and `unresolved`.
    pub pod: String,
    /// Namespace of the pod; empty for `host` and `unresolved`.
    pub namespace: String,
    /// The name that matched; else the basename of the executable, else of the first argument, else comm.
    pub process: String,
    /// The command line, redacted, at most 4 KiB.
    pub cmdline: String,
    /// Text of the clause that matched, as the rule has it. Never empty.
    pub regex: String,
    /// `active` while open, else `resolved`.
    pub status: Status,
    /// The tenant's unit: an app or a devbox.
    #[serde(rename = "type")]
    pub kind: SubjectKind,
    /// Name of the app or devbox; the node for `host`; the pod uid, else the container id, for `unresolved`.
    pub name: String,
    /// Equals `last_seen`.
    pub timestamp: Time,
    /// Name of the node.
    pub node: String,
    /// Uid of the pod as the cgroup gives it; empty if unknown.
    pub pod_uid: String,
    /// Id of the container, 64 hex digits; empty if unknown.
    pub container_id: String,
    /// Name of the container, once the pod is known; empty if unknown.
    pub container: String,
    /// Process id on the host.
    pub pid: u32,
    /// Severity of the primary rule.
    pub severity: Severity,
    /// Id of the primary rule.
    pub rule: String,
    /// The first 16 ids of the rules that match, by primary order, then sorted.
    pub rules: Vec<String>,
    /// Action of the primary rule in force.
    pub action: Action,
    /// Only while unresolved: scopes that exempt this match if its pod is in one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt_if: Vec<ExemptScope>,
    /// Identity of the record, stable across rescans and restarts.
    pub fingerprint: Fingerprint,
    /// When it was first seen.
    pub first_seen: Time,
    /// When it was last seen.
    pub last_seen: Time,
    /// Passes in which it was seen.
    pub count: u64,
    /// Whether the pod is known.
    pub attribution: Attribution,
    /// Why the pod is not known; empty when it is.
    pub attribution_reason: AttributionReason,
    /// When it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Time>,
    /// Why it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_reason: Option<ResolvedReason>,
    /// What is known of the process.
    pub evidence: Evidence,
}

/// Whether a violation is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The process still runs and still matches.
    Active,
    /// It does not any more; kept for `violations.node.retain`.
    Resolved,
}

/// The tenant's unit that a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// An application.
    App,
    /// A development environment.
    Devbox,
}

/// Whether it is known whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Attribution {
    /// The pod is known.
    Resolved,
    /// It belongs to the host, to no pod.
    Host,
    /// It belongs to a pod or to something unknown, and nobody has said yet whose it is.
    Unresolved,
}

/// Why it is not known whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AttributionReason {
    /// It is known, or nothing is to be known.
    #[serde(rename = "")]
    None,
    /// No pod of this uid or container id is known.
    PodNotFound,
    /// There is no cluster to ask.
    NoCluster,
    /// The cgroup gives a container and no pod.
    NoPodUid,
    /// The cgroup path has no known form.
    UnknownCgroup,
    /// The cgroup file could not be read.
    CgroupUnreadable,
    /// The pod is placed on another node.
    WrongNode,
}

/// Why a violation was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedReason {
    /// The process was absent from two successive completed passes.
    ProcessGone,
    /// The rule set changed and no rule matches it any more.
    RuleRemoved,
    /// An exemption covers it now.
    Exempt,
    /// The node has left the cluster.
    NodeGone,
}

impl AttributionReason {
    /// The word used on the wire and in metric labels; empty for `None`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::PodNotFound => "pod-not-found",
            Self::NoCluster => "no-cluster",
            Self::NoPodUid => "no-pod-uid",
            Self::UnknownCgroup => "unknown-cgroup",
            Self::CgroupUnreadable => "cgroup-unreadable",
            Self::WrongNode => "wrong-node",
        }
    }
}

impl ResolvedReason {
    /// The word used on the wire, in logs and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessGone => "process-gone",
            Self::RuleRemoved => "rule-removed",
            Self::Exempt => "exempt",
            Self::NodeGone => "node-gone",
        }
    }
}

/// A scope of an exemption whose other conditions hold already; all keys given must hold for the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExemptScope {
    /// Namespaces, exact or with one trailing `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Labels of the namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_labels: BTreeMap<String, String>,
    /// Images: a name without tag, a name with digest, or a prefix with one trailing `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// When the exemption ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Why it was granted.
    pub reason: String,
}

/// What is known of the process of a match, taken once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Path of the executable, redacted; empty if it cannot be read.
    pub exe: String,
    /// What is odd about the executable or the name.
    pub exe_flags: Vec<Flag>,
    /// True if a text over 15 bytes met comm by its first 15 bytes, all that the kernel keeps of it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub comm_truncated: bool,
    /// SHA-256 of the executable, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why there is no hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_skipped: Option<HashSkipped>,
    /// Real user id on the host; absent if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// When the process started.
    pub started_at: Time,
    /// CPU time it had used when the evidence was taken, in seconds.
    pub cpu_seconds: f64,
    /// Its ancestors, nearest first; ends at pid 1, a kernel thread or a cycle.
    pub parents: Vec<Parent>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One ancestor of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// Process id on the host.
    pub pid: u32,
    /// Its comm, redacted.
    pub name: String,
    /// When it started.
    pub started_at: Time,
}

/// What is odd about a process; a rule may ask for any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The executable file has been deleted.
    Deleted,
    /// The executable lives in memory only (memfd_create(2)).
    Memfd,
    /// It is named like a kernel thread and is none.
    KernelThreadName,
}

/// Why an executable was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HashSkipped {
    /// `processes.evidence.hash` is off.
    Off,
    /// It is larger than `processes.evidence.hash_max`.
    TooLarge,
    /// It may not be read.
    Unreadable,
    /// It lies on FUSE or a network file system, where a read may never return.
    RemoteFilesystem,
    /// A read did not return in time.
    Stuck,
}
