//! Who has this key? Live pods first, then those that ceased to exist lately.

use std::net::IpAddr;

use kubeio::objects::OwnedMetadata;

use super::owners::Middle;
use super::{Change, Index, Life, Moment, Slot, Tell, View};
use crate::container::IdPrefix;
use crate::uid::{Uid, Wanted};

/// What a pod is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A uid, or the configuration hash of a static pod.
    Uid(Wanted),
    Address(IpAddr),
    Container(IdPrefix),
    Name {
        namespace: Box<str>,
        name: Box<str>,
    },
}

/// By which table a key was answered; metrics tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum By {
    Uid,
    ConfigHash,
    Address,
    Container,
    Name,
}

/// What a question found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    Live(View<'a>),
    Tombstone(View<'a>),
    Missing,
    /// So many containers have the prefix.
    Ambiguous(usize),
}

impl Index {
    /// The pod that has `key`, and the table that knew.
    pub(crate) fn ask(&self, key: &Key, now: Moment) -> (By, Found<'_>) {
        match key {
            Key::Uid(uid) => self.ask_uid(uid, now),
            Key::Address(address) => (By::Address, self.ask_address(address.to_canonical(), now)),
            Key::Container(prefix) => (By::Container, self.ask_container(prefix, now)),
            Key::Name { namespace, name } => (By::Name, self.ask_name(namespace, name, now)),
        }
    }

    /// How many host-network pods share the network of the node that has this address.
    pub(crate) fn sharing(&self, address: IpAddr) -> usize {
        let address = address.to_canonical();
        let slots = self.keys.host_addresses.get(self.keys.hash(address)).map(|slot| self.slot(slot));
        slots.filter(|slot| is_live(slot) && slot.record.addresses().any(|held| held == address)).count()
    }

    pub(super) fn ask_uid(&self, uid: &Wanted, now: Moment) -> (By, Found<'_>) {
        let hash = self.keys.hash(uid);
        let named =
            self.keys.uids.get(hash).map(|slot| self.slot(slot)).filter(|slot| slot.record.uid.wanted() == *uid);
        let by_uid = self.best(named, now);
        if let Found::Live(_) = by_uid {
            return (By::Uid, by_uid);
        }
        let is_it = |slot: &&Slot| slot.record.config_hash().is_some_and(|hash| hash.wanted() == *uid);
        match self.best(self.keys.hashes.get(hash).map(|slot| self.slot(slot)).filter(is_it), now) {
            Found::Missing => (By::Uid, by_uid),
            Found::Tombstone(_) if !matches!(by_uid, Found::Missing) => (By::Uid, by_uid),
            found => (By::ConfigHash, found),
        }
    }

    fn ask_address(&self, address: IpAddr, now: Moment) -> Found<'_> {
        let slots = self.keys.addresses.get(self.keys.hash(address)).map(|slot| self.slot(slot));
        self.best(slots.filter(|slot| slot.record.addresses().any(|held| held == address)), now)
    }

    fn ask_name(&self, namespace: &str, name: &str, now: Moment) -> Found<'_> {
        let Some(namespace) = self.shared.texts.find(namespace) else { return Found::Missing };
        let slots = self.keys.names.get(self.keys.hash((namespace, name))).map(|slot| self.slot(slot));
        self.best(slots.filter(|slot| slot.record.namespace == namespace && slot.record.name() == name), now)
    }

    fn ask_container(&self, prefix: &IdPrefix, now: Moment) -> Found<'_> {
        let slots = self.keys.containers.get(self.keys.hash(&prefix.hashed()[..])).map(|slot| self.slot(slot));
        let is_it = |slot: &&Slot| slot.record.container_ids().any(|id| prefix.matches(id));
        if prefix.is_whole() {
            return self.best(slots.filter(is_it), now);
        }
        let found: Vec<&Slot> = slots.filter(is_it).filter(|slot| self.is_known(slot, now)).collect();
        // A whole id belongs to one container; several answer a prefix only if they are several containers.
        let has_live = found.iter().any(|slot| is_live(slot));
        let counted = found.iter().filter(|slot| is_live(slot) == has_live);
        let mut ids: Vec<_> =
            counted.flat_map(|slot| slot.record.container_ids()).filter(|id| prefix.matches(id)).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > 1 { Found::Ambiguous(ids.len()) } else { self.best(found.into_iter(), now) }
    }

    /// The newest live one, else the one that died last.
    fn best<'a>(&'a self, slots: impl Iterator<Item = &'a Slot>, now: Moment) -> Found<'a> {
        let known = slots.filter(|slot| self.is_known(slot, now));
        let rank = |slot: &&Slot| {
            let view = self.view(slot);
            let death = view.died().map(|died| died.monotonic);
            (death.is_none(), death, view.age_key(), view.uid().clone())
        };
        // Most keys have one pod, which need not be ranked.
        let best = known.reduce(|left, right| if rank(&right) > rank(&left) { right } else { left });
        match best {
            None => Found::Missing,
            Some(slot) if is_live(slot) => Found::Live(self.view(slot)),
            Some(slot) => Found::Tombstone(self.view(slot)),
        }
    }

    fn is_known(&self, slot: &Slot, now: Moment) -> bool {
        match slot.life {
            Life::Live { .. } => true,
            Life::Dead(died) => self.can_be_asked(died, now),
        }
    }

    /// The slot of exactly this pod, live or dead.
    pub(super) fn slot_of_uid(&self, uid: &str) -> Option<u32> {
        let uid = Uid::of(uid);
        let mut slots = self.keys.uids.get(self.keys.hash(uid.wanted()));
        slots.find(|&slot| self.slot(slot).record.uid == uid)
    }

    pub(super) fn live_of_name(&self, namespace: &str, name: &str) -> Option<u32> {
        let namespace = self.shared.texts.find(namespace)?;
        let is_it = |slot: &Slot| is_live(slot) && slot.record.namespace == namespace && slot.record.name() == name;
        self.keys.names.get(self.keys.hash((namespace, name))).find(|&slot| is_it(self.slot(slot)))
    }

    pub(super) fn is_live(&self, slot: u32) -> bool {
        is_live(self.slot(slot))
    }

    /// A ReplicaSet or Job exists.
    pub(crate) fn middle_seen(&mut self, kind: Middle, object: &OwnedMetadata, tell: &mut Tell<'_>) {
        let super::Shared { texts, owners } = &mut self.shared;
        for owner in owners.seen(kind, object, texts) {
            let pods = self.keys.owners.get(owner).map(|slot| self.slot(slot));
            for pod in pods.filter(|slot| is_live(slot)) {
                let view = self.view(pod);
                tell(Change::Modified { before: view, after: view });
            }
        }
    }

    /// A ReplicaSet or Job is gone.
    pub(crate) fn middle_gone(&mut self, kind: Middle, uid: &str) {
        self.shared.owners.gone(kind, uid, &mut self.shared.texts);
    }

    /// A complete list of ReplicaSets or Jobs begins.
    pub(crate) fn begin_middles(&mut self, kind: Middle) {
        self.shared.owners.begin(kind);
    }

    /// A ReplicaSet or Job exists and could not be read.
    pub(crate) fn middle_unreadable(&mut self, kind: Middle, namespace: &str, name: &str) {
        self.shared.owners.spare(kind, namespace, name);
    }

    /// The list is complete: what was not in it is gone.
    pub(crate) fn end_middles(&mut self, kind: Middle) {
        self.shared.owners.end(kind, &mut self.shared.texts);
    }
}

const fn is_live(slot: &Slot) -> bool {
    matches!(slot.life, Life::Live { .. })
}
