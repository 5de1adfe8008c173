//! Which pods a list or a stream is about.
//!
//! Owns the meaning of the filters. Their text comes from query strings, and is read by `routes`; selectors by `selector`.

use std::net::IpAddr;

use crate::feed::Verb;
use crate::index::View;
use crate::selector::Selector;
use crate::uid::Wanted;

/// The filter of an event stream; all must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WatchFilter {
    pub(crate) namespace: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) selector: Selector,
}

/// The filter of a list; all must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListFilter {
    pub(crate) watch: WatchFilter,
    pub(crate) phase: Option<String>,
    /// How the name begins.
    pub(crate) name: Option<String>,
    pub(crate) owner: Option<OwnerName>,
    /// Of any owner in the chain.
    pub(crate) owner_uid: Option<Wanted>,
    /// Part of the name of an image.
    pub(crate) image: Option<String>,
    /// 64 hex digits.
    pub(crate) digest: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// Whether pods that have ceased to exist belong to it.
    pub(crate) deleted: bool,
}

/// A top-level owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnerName {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl WatchFilter {
    pub(crate) fn matches(&self, view: &View<'_>) -> bool {
        let Self { namespace, node, selector } = self;
        namespace.as_deref().is_none_or(|namespace| namespace == view.namespace())
            && node.as_deref().is_none_or(|node| node == view.node())
            && selector.matches(|key| view.label(key))
    }

    /// What a change means to a listener of this filter: a pod that comes to match is added, one that ceases to is deleted.
    pub(crate) fn verb(&self, verb: Verb, view: &View<'_>, before: Option<&View<'_>>) -> Option<Verb> {
        let did = before.map_or(verb != Verb::Added, |before| self.matches(before));
        match (did, self.matches(view), verb) {
            (_, true, Verb::Added | Verb::Deleted) => Some(verb),
            (true, true, Verb::Modified) => Some(Verb::Modified),
            (false, true, Verb::Modified) => Some(Verb::Added),
            (true, false, Verb::Modified) => Some(Verb::Deleted),
            (_, false, _) => None,
        }
    }
}

impl ListFilter {
    pub(crate) fn matches(&self, view: &View<'_>) -> bool {
        let Self { watch, phase, name, owner, owner_uid, image, digest, address, deleted } = self;
        let has_image = |image: &str| view.containers().iter().any(|own| view.text(own.image).contains(image));
        let has_digest = |digest: &str| view.containers().iter().any(|own| view.text(own.digest) == digest);
        (*deleted || view.died().is_none())
            && watch.matches(view)
            && phase.as_deref().is_none_or(|phase| phase == view.phase())
            && name.as_deref().is_none_or(|name| view.name().starts_with(name))
            && owner.as_ref().is_none_or(|owner| owner.matches(view))
            && owner_uid.as_ref().is_none_or(|uid| has_owner(view, uid))
            && image.as_deref().is_none_or(has_image)
            && digest.as_deref().is_none_or(has_digest)
            && address.is_none_or(|address| view.held_addresses().any(|own| own == address))
    }

    /// Whether every pod matches, those that have ceased to exist too if they are asked for.
    pub(crate) fn selects_all(&self) -> bool {
        *self == Self { deleted: self.deleted, ..Self::default() }
    }
}

impl OwnerName {
    pub(crate) fn matches(&self, view: &View<'_>) -> bool {
        let Self { kind, namespace, name } = self;
        let owns = match view.chain().top() {
            Some(top) => top.kind == kind && top.name == name,
            None => kind == "Pod" && view.name() == name,
        };
        owns && view.namespace() == namespace
    }
}

fn has_owner(view: &View<'_>, uid: &Wanted) -> bool {
    let chain = view.chain();
    match chain.top() {
        Some(_) => chain.steps().any(|step| step.uid.is_some_and(|own| own.wanted() == *uid)),
        None => view.uid().wanted() == *uid,
    }
}
