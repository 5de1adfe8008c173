//! Whose process it is: what its cgroup names, and what the pods index knows of that.
//!
//! Owns the choice between candidates, and the reason when none will do. Reading cgroups is `processes`' job, knowing
//! pods that of `pods`; both may be late, so an answer that is not final is asked for again.
//!
//! ```text
//! Place (uid, container id; outermost first) ──► Whose ──► Host | Known(pod, container) | Unknown(reason)
//!                                                  │
//!                                               PodIndex
//! ```

use std::fmt;
use std::sync::Arc;

use api::violation::AttributionReason;
use api::{ContainerId, PodUid};
use pods::facts::ContainerFacts;
use pods::{PodFacts, Pods};
use processes::cgroup::{Candidate, Outcome, Place};

/// Who knows pods. Asked under the lock of the node: it must not wait.
pub trait PodIndex: Send + Sync + fmt::Debug {
    /// Whether it has heard of every pod once, so that one it does not know is none.
    fn is_synced(&self) -> bool;

    /// The pod of this uid or configuration hash, or one that was deleted a short while ago.
    fn by_uid(&self, uid: &PodUid) -> Option<PodFacts>;

    /// The pod that has or had this container.
    fn by_container(&self, id: &ContainerId) -> Option<PodFacts>;

    /// The pod of this name.
    fn by_name(&self, namespace: &str, name: &str) -> Option<PodFacts>;
}

/// Says whose a process of this node is.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    node: String,
    index: Option<Arc<dyn PodIndex>>,
}

/// Whose a process is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Nobody's but the host's.
    Host,
    /// That of a pod.
    Known(Box<Known>),
    /// Not known, and why.
    Unknown(AttributionReason),
}

/// The pod of a process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) pod: PodFacts,
    /// What the cgroup names.
    pub(crate) candidate: Candidate,
    /// The kubelet has made the cgroup that names it. One further inside may have been made by a container.
    pub(crate) is_outermost: bool,
}

impl Whose {
    /// Nobody knows pods.
    pub(crate) fn without_index(node: String) -> Self {
        Self { node, index: None }
    }

    /// From now on this index is asked.
    pub(crate) fn ask(&mut self, index: Arc<dyn PodIndex>) {
        self.index = Some(index);
    }

    /// Name of this node.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Whether anybody can be asked.
    pub(crate) fn has_index(&self) -> bool {
        self.index.is_some()
    }

    /// Whose a process at this place is.
    pub(crate) fn answer(&self, place: &Place) -> Answer {
        let Some(index) = self.index.as_deref() else { return unknown(place, false) };
        for (position, candidate) in place.candidates.iter().enumerate() {
            let is_outermost = position == 0;
            let Some(pod) = pod_of(index, candidate) else { continue };
            let known = Known { pod, candidate: candidate.clone(), is_outermost };
            if *known.pod.node == *self.node && (is_outermost || known.is_certain(index)) {
                return Answer::Known(Box::new(known));
            }
            if is_outermost {
                return Answer::Unknown(AttributionReason::WrongNode);
            }
        }
        unknown(place, index.is_synced())
    }
}

/// The kubelet has put the uid above what the runtime has put the id into. So an id never finds another pod than the
/// uid does: that of a container whose form is unknown may be below, with a name of the container's own choice.
fn pod_of(index: &dyn PodIndex, candidate: &Candidate) -> Option<PodFacts> {
    match (&candidate.pod_uid, &candidate.container_id) {
        (Some(uid), _) => index.by_uid(uid),
        (None, Some(id)) => index.by_container(id),
        (None, None) => None,
    }
}

fn unknown(place: &Place, is_synced: bool) -> Answer {
    let has_uid = place.candidates.first().is_some_and(|outermost| outermost.pod_uid.is_some());
    Answer::Unknown(match place.outcome {
        Outcome::Host => return Answer::Host,
        Outcome::UnknownCgroup => AttributionReason::UnknownCgroup,
        Outcome::Unreadable => AttributionReason::CgroupUnreadable,
        Outcome::Candidate if !has_uid => AttributionReason::NoPodUid,
        Outcome::Candidate if is_synced => AttributionReason::PodNotFound,
        Outcome::Candidate => AttributionReason::NoCluster,
    })
}

impl PodIndex for Pods {
    fn is_synced(&self) -> bool {
        Self::is_synced(self)
    }

    fn by_uid(&self, uid: &PodUid) -> Option<PodFacts> {
        Self::by_uid(self, uid.as_str())
    }

    fn by_container(&self, id: &ContainerId) -> Option<PodFacts> {
        Self::by_container(self, id)
    }

    fn by_name(&self, namespace: &str, name: &str) -> Option<PodFacts> {
        Self::by_name(self, namespace, name)
    }
}

impl Known {
    /// The container, if the pod has one of this id. Its status may come later than its first process.
    pub(crate) fn container(&self) -> Option<&ContainerFacts> {
        self.pod.container(self.candidate.container_id.as_ref()?.as_str())
    }

    /// Whether asking again can bring nothing better: a name of the container, or the pod around this one.
    pub(crate) fn is_final(&self) -> bool {
        let Self { pod, candidate, is_outermost } = self;
        *is_outermost && pod.owner.resolved && (candidate.container_id.is_none() || self.container().is_some())
    }

    /// A pod inside another one, as a cluster in a pod has them, is believed only if all pods are known and the two ids
    /// belong together: a container that may make cgroups below its own can name any pod there.
    fn is_certain(&self, index: &dyn PodIndex) -> bool {
        index.is_synced() && self.container().is_some()
    }
}

#[cfg(test)]
mod tests;
