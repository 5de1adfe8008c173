//! Whether a record is believed, and what is made of it: a node speaks for itself only, and the pods index knows better.
//!
//! Owns what the index changes in a record, and when that is the last word. Reading records is `told`'s job; whose a process is,
//! `attribution` finds out as it does on nodes, and `exemption` whether a scope holds.
//!
//! ```text
//! record ─► pods index ─┬─ another node ─────► unresolved, wrong-node
//!                       ├─ this node ────────► names and app as the index has them, exempt or not
//!                       └─ not known ────────► as the node says it
//! ```

use api::finding::{App, Owner};
use api::violation::{Attribution, AttributionReason};
use api::{Time, Violation};
use findings::batch::Belongs;
use pods::PodFacts;
use processes::cgroup::{Candidate, Outcome, Place};

use crate::attribution::{Answer, Known, PodIndex, Whose};
use crate::exemption::{Decision, decide};
use crate::record::attribute;
use crate::subject::Subject;

/// A record, and what the index says of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) violation: Violation,
    /// Whose its subject is.
    pub(crate) belongs: Belongs,
    /// An exemption that waited for the pod holds: it is no violation.
    pub(crate) is_exempt: bool,
    /// The node on which the index has the pod; none if it does not know it.
    pub(crate) placed_on: Option<Box<str>>,
    /// Asking again can bring nothing better.
    pub(crate) is_settled: bool,
}

impl Judged {
    /// Whether the index has its pod on another node.
    pub(crate) fn is_misplaced(&self) -> bool {
        self.violation.attribution_reason == AttributionReason::WrongNode
    }
}

/// Judges a record of the node that `whose` is of.
pub(crate) fn judge(violation: Violation, whose: &Whose, index: &dyn PodIndex, now: Time) -> Judged {
    match violation.attribution {
        Attribution::Resolved => resolved(violation, whose, index),
        Attribution::Host | Attribution::Unresolved => unresolved(violation, whose, index, now),
    }
}

/// The node knows the pod; the index may know it too.
fn resolved(mut violation: Violation, whose: &Whose, index: &dyn PodIndex) -> Judged {
    let candidate = candidate(&violation);
    let Some(pod) = pod_of(&violation, &candidate, index) else {
        // It is gone by now, or the index is behind.
        let app = App { kind: violation.kind, name: violation.name.clone() };
        let belongs = Belongs { app: Some(app), ..Belongs::default() };
        violation.exempt_if.clear();
        return Judged { violation, belongs, is_exempt: false, placed_on: None, is_settled: index.is_synced() };
    };
    let placed_on = Some(Box::from(&*pod.node));
    if *pod.node != *whose.node() {
        let answer = Answer::Unknown(AttributionReason::WrongNode);
        let place = place(&violation, candidate);
        attribute(&mut violation, Subject::of(&answer, &place, whose.node()));
        return Judged { violation, belongs: Belongs::default(), is_exempt: false, placed_on, is_settled: false };
    }
    // What the index does not know yet, such as a container that has just started, the node may.
    let told = std::mem::take(&mut violation.container);
    let known = Known { pod, candidate: candidate.clone(), is_outermost: true };
    let belongs = belongs(&known);
    let is_settled = known.is_final() && index.is_synced();
    let place = place(&violation, candidate);
    attribute(&mut violation, Subject::of(&Answer::Known(Box::new(known)), &place, whose.node()));
    if violation.container.is_empty() {
        violation.container = told;
    }
    Judged { violation, belongs, is_exempt: false, placed_on, is_settled }
}

/// Nobody on the node knows the pod: everything is found out here.
fn unresolved(mut violation: Violation, whose: &Whose, index: &dyn PodIndex, now: Time) -> Judged {
    let candidate = candidate(&violation);
    let place = place(&violation, candidate);
    let answer = whose.answer(&place);
    let (is_exempt, is_settled) = match &answer {
        Answer::Known(known) => match decide(&violation.exempt_if, known, now) {
            Decision::Exempt(_) => (true, false),
            Decision::Undecided => (false, false),
            Decision::Not => (false, known.is_final() && violation.exempt_if.is_empty()),
        },
        Answer::Host => (false, place.candidates.is_empty()),
        Answer::Unknown(_) => (false, false),
    };
    let (belongs, placed_on) = match &answer {
        Answer::Known(known) => (belongs(known), Some(Box::from(whose.node()))),
        Answer::Host => (Belongs::default(), None),
        Answer::Unknown(_) => (Belongs::default(), placed_on(&place, index)),
    };
    let subject = Subject::of(&answer, &place, whose.node());
    attribute(&mut violation, subject);
    Judged { violation, belongs, is_exempt, placed_on, is_settled: is_settled && index.is_synced() }
}

/// A former record names its pod and nothing else.
fn pod_of(violation: &Violation, candidate: &Candidate, index: &dyn PodIndex) -> Option<PodFacts> {
    let Candidate { pod_uid, container_id } = candidate;
    let by_uid = pod_uid.as_ref().and_then(|uid| index.by_uid(uid));
    let by_container = || container_id.as_ref().and_then(|id| index.by_container(id));
    by_uid.or_else(by_container).or_else(|| index.by_name(&violation.namespace, &violation.pod))
}

fn placed_on(place: &Place, index: &dyn PodIndex) -> Option<Box<str>> {
    let uid = place.candidates.first()?.pod_uid.as_ref()?;
    index.by_uid(uid).map(|pod| Box::from(&*pod.node))
}

fn candidate(violation: &Violation) -> Candidate {
    Candidate { pod_uid: violation.pod_uid.parse().ok(), container_id: violation.container_id.parse().ok() }
}

/// The place that the record has been made from, as far as it tells.
fn place(violation: &Violation, candidate: Candidate) -> Place {
    let outcome = match (violation.attribution, violation.attribution_reason) {
        (Attribution::Host, _) => Outcome::Host,
        (_, AttributionReason::UnknownCgroup) => Outcome::UnknownCgroup,
        (_, AttributionReason::CgroupUnreadable) => Outcome::Unreadable,
        _ => Outcome::Candidate,
    };
    let is_named = candidate.pod_uid.is_some() || candidate.container_id.is_some();
    let candidates = if is_named { vec![candidate] } else { Vec::new() };
    Place { candidates, nested: false, outcome }
}

fn belongs(known: &Known) -> Belongs {
    let PodFacts { namespace, app, owner, .. } = &known.pod;
    let image = known.container().and_then(|container| container.image_id.split_once('@'));
    Belongs {
        owner: Some(Owner {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: (**namespace).to_owned(),
            name: owner.name.clone(),
        }),
        app: Some(App { kind: app.kind, name: app.name.clone() }),
        image: image.map(|(_, digest)| digest.to_owned()),
    }
}

#[cfg(test)]
mod tests;
