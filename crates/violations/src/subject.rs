//! The fields of a record that say whose process it is.
//!
//! Owns what each kind of answer makes of them, and their bounds. `attribution` finds the answer.

use api::Violation;
use api::violation::{Attribution, AttributionReason, SubjectKind};
use processes::cgroup::Place;

use crate::attribution::{Answer, Known};
use crate::record::head;

/// Whose process it is, as a record says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    attribution: Attribution,
    reason: AttributionReason,
    kind: SubjectKind,
    name: String,
    namespace: String,
    pod: String,
    container: String,
    pod_uid: String,
    container_id: String,
}

/// Names of pods and workloads have up to 253 bytes, those of namespaces and containers and the values of labels 63. An
/// API server sees to that, except for the name of an owner that it does not know.
pub(crate) const NAME_MAX: usize = 253;
pub(crate) const LABEL_MAX: usize = 63;

impl Subject {
    /// What the answer says of a process at this place on the node of this name.
    pub(crate) fn of(answer: &Answer, place: &Place, node: &str) -> Self {
        let (pod_uid, container_id) = ids(place);
        let by_id = if pod_uid.is_empty() { container_id } else { pod_uid };
        let (attribution, reason, name) = match answer {
            Answer::Known(known) => return Self::of_pod(known),
            Answer::Host => (Attribution::Host, AttributionReason::None, node),
            Answer::Unknown(reason) => (Attribution::Unresolved, *reason, by_id),
        };
        Self {
            attribution,
            reason,
            kind: SubjectKind::App,
            name: name.to_owned(),
            namespace: String::new(),
            pod: String::new(),
            container: String::new(),
            pod_uid: pod_uid.to_owned(),
            container_id: container_id.to_owned(),
        }
    }

    fn of_pod(known: &Known) -> Self {
        let Known { pod, candidate, is_outermost: _ } = known;
        let (uid, id) = (candidate.pod_uid.as_ref(), candidate.container_id.as_ref());
        Self {
            attribution: Attribution::Resolved,
            reason: AttributionReason::None,
            kind: pod.app.kind,
            name: name(&pod.app.name, NAME_MAX),
            namespace: name(&pod.namespace, LABEL_MAX),
            pod: name(&pod.name, NAME_MAX),
            container: known.container().map(|container| name(&container.name, LABEL_MAX)).unwrap_or_default(),
            pod_uid: uid.map_or_else(|| pod.uid.clone(), |uid| uid.as_str().to_owned()),
            container_id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        }
    }

    /// What a record says.
    pub(crate) fn in_record(violation: &Violation) -> Self {
        Self {
            attribution: violation.attribution,
            reason: violation.attribution_reason,
            kind: violation.kind,
            name: violation.name.clone(),
            namespace: violation.namespace.clone(),
            pod: violation.pod.clone(),
            container: violation.container.clone(),
            pod_uid: violation.pod_uid.clone(),
            container_id: violation.container_id.clone(),
        }
    }

    /// Whether the pod is known.
    pub(crate) fn is_resolved(&self) -> bool {
        self.attribution == Attribution::Resolved
    }

    /// Makes a record say this. Scopes go once the pod is known: whoever knows it has decided them.
    pub(crate) fn put_into(self, violation: &mut Violation) {
        // A new field fails to build here until the record says it.
        let Self { attribution, reason, kind, name, namespace, pod, container, pod_uid, container_id } = self;
        violation.attribution = attribution;
        violation.attribution_reason = reason;
        violation.kind = kind;
        violation.name = name;
        violation.namespace = namespace;
        violation.pod = pod;
        violation.container = container;
        violation.pod_uid = pod_uid;
        violation.container_id = container_id;
        if attribution != Attribution::Unresolved {
            violation.exempt_if.clear();
        }
    }
}

/// A name of the cluster within its bound. A control character, which JSON writes as six, is in no name that an API
/// server has checked.
fn name(text: &str, max: usize) -> String {
    let printable = text.replace(char::is_control, "\u{fffd}");
    head(&printable, max).to_owned()
}

/// Pod uid and container id of the outermost candidate: a container may make cgroups below its own and name another
/// tenant's pod there.
pub(crate) fn ids(place: &Place) -> (&str, &str) {
    let outermost = place.candidates.first();
    let pod_uid = outermost.and_then(|candidate| candidate.pod_uid.as_ref());
    let container_id = outermost.and_then(|candidate| candidate.container_id.as_ref());
    (pod_uid.map_or("", |uid| uid.as_str()), container_id.map_or("", |id| id.as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pods::PodFacts;
    use pods::facts::App;
    use processes::matches::Match;

    use super::*;
    use crate::attribution::Whose;
    use crate::fixture::{self, Index, NODE, UID, cart};

    /// What a record says of a process at this place if this is the only pod.
    fn of(pod: PodFacts, place: &Place) -> Subject {
        let mut whose = Whose::without_index(NODE.to_owned());
        whose.ask(Index::of([pod]));
        Subject::of(&whose.answer(place), place, NODE)
    }

    #[test]
    fn a_known_pod_is_told_with_everything_that_is_known_of_it() {
        let expected = Subject {
            attribution: Attribution::Resolved,
            reason: AttributionReason::None,
            kind: SubjectKind::App,
            name: "cart".to_owned(),
            namespace: "ns-shop".to_owned(),
            pod: "cart-0".to_owned(),
            container: "web".to_owned(),
            pod_uid: UID.to_owned(),
            container_id: "4f1c".repeat(16),
        };
        assert_eq!(of(cart(), &fixture::in_pod().place), expected);
        assert_eq!(of(cart(), &fixture::place(&[("", "4f1c")])), expected);
    }

    #[test]
    fn a_devbox_is_told_as_one() {
        let mut pod = cart();
        pod.app = App { kind: SubjectKind::Devbox, name: "dev1".to_owned() };
        let Subject { kind, name, .. } = of(pod, &fixture::in_pod().place);
        assert_eq!((kind, name.as_str()), (SubjectKind::Devbox, "dev1"));
    }

    #[test]
    fn a_static_pod_keeps_the_uid_of_its_cgroup() {
        let hash = "3e61c214bc3ed9ff81e21474dd6cba17";
        let place = fixture::place(&[(hash, "4f1c")]);
        let Subject { pod, pod_uid, .. } = of(PodFacts { uid: hash.to_owned(), ..cart() }, &place);
        assert_eq!((pod.as_str(), pod_uid.as_str()), ("cart-0", hash));
    }

    #[test]
    fn a_name_that_no_server_would_accept_is_cut_and_made_printable() {
        let mut pod = cart();
        pod.app.name = format!("a\u{1b}[31m\"{}", "é".repeat(300));
        let subject = of(pod, &fixture::in_pod().place);
        assert!(subject.name.starts_with("a\u{fffd}[31m\"é") && subject.name.len() <= 253, "{}", subject.name);
    }

    #[test]
    fn a_record_that_is_told_its_pod_says_what_one_says_that_knew_it() {
        let found: Arc<Match> = Arc::new(fixture::in_pod());
        let mut late = fixture::record(&found);
        let subject = of(cart(), &found.place);
        crate::record::attribute(&mut late, subject.clone());
        assert_eq!(Subject::in_record(&late), subject);
    }
}
