//! What pods belong to, step by step: Pod → ReplicaSet → Deployment.
//!
//! Owns the references that pods and middle objects (ReplicaSets, Jobs) name, and which middle objects exist. A middle object
//! that no pod refers to costs a few dozen bytes: a Deployment keeps ten old ReplicaSets. Names of tenants are no proof: a
//! reference leads on only through a middle object of the same kind, namespace, name and uid.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use kubeio::objects::{OwnedMetadata, OwnerReference};

use super::postings::Postings;
use super::table::Table;
use super::texts::{Text, Texts};
use crate::uid::{Uid, Wanted};

/// A reference that is kept in [`Owners`].
pub(crate) type OwnerId = u32;

/// A kind that stands between pods and their owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Middle {
    ReplicaSet,
    Job,
}

/// A reference to an object that owns.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) namespace: Text,
    pub(crate) api_version: Text,
    pub(crate) kind: Text,
    pub(crate) name: Text,
    pub(crate) uid: Uid,
    /// `None` if the chain ends here whatever is known.
    pub(crate) middle: Option<Middle>,
    pub(crate) above: Above,
    uses: u32,
}

/// What an owner belongs to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Above {
    /// The middle object has not been seen.
    Unknown,
    /// To nothing, or to nothing that is followed.
    Nothing,
    Owner(OwnerId),
}

/// All owners, and the middle objects that exist.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    nodes: Vec<Option<Owner>>,
    free: Vec<OwnerId>,
    by_key: Table,
    by_uid: Table,
    below: Postings,
    existing: HashTable<Existing>,
    hasher: DefaultHashBuilder,
    /// Of each kind, the complete list that is going on or was the last.
    lists: [u32; 2],
}

/// A middle object as its watch tells it.
#[derive(Debug)]
struct Existing {
    kind: Middle,
    uid: Uid,
    /// Of namespace and name.
    identity: u64,
    above: Option<OwnerId>,
    seen_in: u32,
}

impl Middle {
    fn of(api_version: &str, kind: &str) -> Option<Self> {
        match (api_version.split_once('/')?.0, kind) {
            ("apps", "ReplicaSet") => Some(Self::ReplicaSet),
            ("batch", "Job") => Some(Self::Job),
            _ => None,
        }
    }
}

/// A chain of ReplicaSets and Jobs that is longer than this is somebody's joke.
const LONGEST_CHAIN: usize = 16;

/// The controller, else the only reference.
fn controller(references: &[OwnerReference]) -> Option<&OwnerReference> {
    match references {
        [only] => Some(only),
        several => several.iter().find(|reference| reference.controller),
    }
}

impl Owners {
    pub(crate) fn get(&self, id: OwnerId) -> &Owner {
        self.nodes[id as usize].as_ref().expect("an owner stays as long as it is used")
    }

    /// Keeps the owner that `references` name, one use more.
    pub(crate) fn intern(
        &mut self,
        namespace: &str,
        references: &[OwnerReference],
        texts: &mut Texts,
    ) -> Option<OwnerId> {
        let reference = controller(references)?;
        let key = self.key(namespace, reference);
        let is_it = |id: &OwnerId| {
            let node = self.get(*id);
            let parts = [node.namespace, node.api_version, node.kind, node.name].map(|text| texts.get(text));
            parts == [namespace, &reference.api_version, &reference.kind, &reference.name]
                && node.uid == Uid::of(&reference.uid)
        };
        let known = self.by_key.get(key).find(is_it);
        if let Some(id) = known {
            self.node(id).uses += 1;
            return Some(id);
        }
        let uid = Uid::of(&reference.uid);
        let middle = Middle::of(&reference.api_version, &reference.kind);
        let existing = middle.and_then(|kind| self.existing(kind, &uid, self.identity(namespace, &reference.name)));
        let above = match (middle, existing) {
            (None, _) => Above::Nothing,
            (Some(_), None) => Above::Unknown,
            (Some(_), Some(existing)) => existing.above.map_or(Above::Nothing, Above::Owner),
        };
        let uid_hash = self.hasher.hash_one(uid.wanted());
        let [namespace, api_version, kind, name] =
            [namespace, &reference.api_version, &reference.kind, &reference.name].map(|text| texts.intern(text));
        let id = self.put(Owner { namespace, api_version, kind, name, uid, middle, above: Above::Nothing, uses: 1 });
        self.by_key.insert(key, id);
        self.by_uid.insert(uid_hash, id);
        self.set_above(id, above);
        Some(id)
    }

    /// One use less. An owner that nobody uses leaves, and its use of what is above with it.
    pub(crate) fn release(&mut self, id: OwnerId, texts: &mut Texts) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let node = self.node(id);
            node.uses -= 1;
            if node.uses == 0
                && let Above::Owner(above) = self.forget(id, texts)
            {
                self.below.remove(above, id);
                next = Some(above);
            }
        }
    }

    /// A middle object exists. Returns the owners whose chain is another now.
    pub(crate) fn seen(&mut self, kind: Middle, object: &OwnedMetadata, texts: &mut Texts) -> Vec<OwnerId> {
        let uid = Uid::of(&object.uid);
        let identity = self.identity(&object.namespace, &object.name);
        let above = self.intern(&object.namespace, &object.owner_references, texts);
        let seen_in = self.lists[kind as usize];
        let hash = self.hash_of(kind, &uid);
        let former = self.existing.find_mut(hash, |known| known.kind == kind && known.uid == uid);
        let released = if let Some(known) = former {
            (known.identity, known.seen_in) = (identity, seen_in);
            std::mem::replace(&mut known.above, above)
        } else {
            let hasher = &self.hasher;
            let hash_one = |known: &Existing| hasher.hash_one((known.kind, &known.uid));
            self.existing.insert_unique(hash, Existing { kind, uid: uid.clone(), identity, above, seen_in }, hash_one);
            None
        };
        let above = above.map_or(Above::Nothing, Above::Owner);
        let changed = self.lead((kind, &uid, identity), above, texts);
        if let Some(released) = released {
            self.release(released, texts);
        }
        changed
    }

    /// A middle object is gone. What its pods belong to stays known.
    pub(crate) fn gone(&mut self, kind: Middle, uid: &str, texts: &mut Texts) {
        let uid = Uid::of(uid);
        let found = self.existing.find_entry(self.hash_of(kind, &uid), |known| known.kind == kind && known.uid == uid);
        if let Ok(found) = found
            && let (Existing { above: Some(above), .. }, _) = found.remove()
        {
            self.release(above, texts);
        }
    }

    /// A complete list of middle objects begins.
    pub(crate) fn begin(&mut self, kind: Middle) {
        self.lists[kind as usize] += 1;
    }

    /// An object of the list could not be read: its like is spared.
    pub(crate) fn spare(&mut self, kind: Middle, namespace: &str, name: &str) {
        let (identity, list) = (self.identity(namespace, name), self.lists[kind as usize]);
        for known in self.existing.iter_mut().filter(|known| known.kind == kind && known.identity == identity) {
            known.seen_in = list;
        }
    }

    /// The list is complete: what was not in it is gone.
    pub(crate) fn end(&mut self, kind: Middle, texts: &mut Texts) {
        let list = self.lists[kind as usize];
        let gone = self.existing.extract_if(|known| known.kind == kind && known.seen_in != list);
        let above: Vec<OwnerId> = gone.filter_map(|known| known.above).collect();
        for above in above {
            self.release(above, texts);
        }
    }

    /// The owners of this uid.
    pub(crate) fn with_uid(&self, uid: &Wanted) -> impl Iterator<Item = OwnerId> {
        self.by_uid.get(self.hasher.hash_one(uid)).filter(move |&id| self.get(id).uid.wanted() == *uid)
    }

    /// The owners that pods of a top-level owner may refer to at the end of the chain: those of this name, and ReplicaSets that
    /// have not been seen, whose name begins so.
    pub(crate) fn leading_to(&self, (namespace, kind, name): (&str, &str, &str), texts: &Texts) -> Vec<OwnerId> {
        let Some(namespace) = texts.find(namespace) else { return Vec::new() };
        let (kind, named) = (texts.find(kind), texts.find(name));
        let leads = |node: &Owner| {
            let is_it = Some(node.kind) == kind && Some(node.name) == named;
            node.namespace == namespace
                && (is_it || (node.above == Above::Unknown && texts.get(node.name).starts_with(name)))
        };
        let known = (0..).zip(&self.nodes).filter_map(|(id, node)| Some((id, node.as_ref()?)));
        known.filter(|(_, node)| leads(node)).map(|(id, _)| id).collect()
    }

    /// These owners and all whose chain leads through them.
    pub(crate) fn and_below(&self, owners: Vec<OwnerId>) -> Vec<OwnerId> {
        let mut found = owners;
        let mut at = 0;
        while at < found.len() {
            for below in self.below.get(found[at]) {
                // Chains may be cycles.
                if !found.contains(&below) {
                    found.push(below);
                }
            }
            at += 1;
        }
        found
    }

    /// How many references, and how many middle objects, are kept.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.by_key.len(), self.existing.len())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Option<Owner>>()
            + self.by_key.bytes()
            + self.by_uid.bytes()
            + self.below.bytes()
            + self.existing.allocation_size()
    }

    /// Has the references that mean this middle object lead to `above`.
    fn lead(&mut self, (kind, uid, identity): (Middle, &Uid, u64), above: Above, texts: &mut Texts) -> Vec<OwnerId> {
        let means = |&id: &OwnerId| {
            let node = self.get(id);
            node.middle == Some(kind)
                && node.uid == *uid
                && self.identity(texts.get(node.namespace), texts.get(node.name)) == identity
        };
        let led: Vec<OwnerId> = self.by_uid.get(self.hasher.hash_one(uid.wanted())).filter(means).collect();
        let mut changed = Vec::new();
        for id in led {
            let former = self.get(id).above;
            self.set_above(id, above);
            if let Above::Owner(above) = self.get(id).above
                && former == Above::Owner(above)
            {
                // Counted twice for a moment.
                self.node(above).uses -= 1;
                continue;
            }
            if self.get(id).above != former {
                changed.push(id);
                if let Above::Owner(former) = former {
                    self.below.remove(former, id);
                    self.release(former, texts);
                }
            }
        }
        self.and_below(changed)
    }

    /// The former use is left to the caller. A step that would close a circle is not taken: uses are counted.
    fn set_above(&mut self, id: OwnerId, above: Above) {
        let above = match above {
            Above::Owner(above) if self.leads_to(above, id) => Above::Nothing,
            other => other,
        };
        if let Above::Owner(above) = above {
            self.node(above).uses += 1;
            self.below.insert(above, id);
        }
        self.node(id).above = above;
    }

    /// Whether the chain from `from` on leads to `id`, or is longer than any that is meant.
    fn leads_to(&self, from: OwnerId, id: OwnerId) -> bool {
        let above = |&id: &OwnerId| match self.get(id).above {
            Above::Owner(above) => Some(above),
            Above::Unknown | Above::Nothing => None,
        };
        let mut chain = std::iter::successors(Some(from), above).take(LONGEST_CHAIN + 1).enumerate();
        chain.any(|(step, known)| known == id || step == LONGEST_CHAIN)
    }

    /// Takes an owner out that nobody uses.
    fn forget(&mut self, id: OwnerId, texts: &mut Texts) -> Above {
        let node = self.nodes[id as usize].take().expect("an owner stays as long as it is used");
        let Owner { namespace, api_version, kind, name, uid, middle: _, above, uses: _ } = node;
        let reference = OwnerReference {
            api_version: texts.get(api_version).into(),
            kind: texts.get(kind).into(),
            name: texts.get(name).into(),
            uid: uid.to_string().into(),
            controller: true,
        };
        self.by_key.remove(self.key(texts.get(namespace), &reference), id);
        self.by_uid.remove(self.hasher.hash_one(uid.wanted()), id);
        self.free.push(id);
        for text in [namespace, api_version, kind, name] {
            texts.release(text);
        }
        above
    }

    fn put(&mut self, owner: Owner) -> OwnerId {
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = Some(owner);
            return id;
        }
        self.nodes.push(Some(owner));
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 owners fit in memory")
    }

    fn node(&mut self, id: OwnerId) -> &mut Owner {
        self.nodes[id as usize].as_mut().expect("an owner stays as long as it is used")
    }

    fn existing(&self, kind: Middle, uid: &Uid, identity: u64) -> Option<&Existing> {
        let is_it = |known: &Existing| known.kind == kind && known.uid == *uid && known.identity == identity;
        self.existing.find(self.hash_of(kind, uid), is_it)
    }

    fn hash_of(&self, kind: Middle, uid: &Uid) -> u64 {
        self.hasher.hash_one((kind, uid))
    }

    fn identity(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }

    fn key(&self, namespace: &str, reference: &OwnerReference) -> u64 {
        let OwnerReference { api_version, kind, name, uid, controller: _ } = reference;
        self.hasher.hash_one((namespace, api_version, kind, name, uid))
    }
}
