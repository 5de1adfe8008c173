//! Every key by which a pod is found, and the order of lists.
//!
//! Owns which slots stand under which key. What a slot holds is told by who asks.

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;

use hashbrown::DefaultHashBuilder;

use super::order::Order;
use super::postings::Postings;
use super::record::{Record, Shared};
use super::table::Table;
use crate::container;

/// Tables from key to slot.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) uids: Table,
    pub(super) hashes: Table,
    pub(super) names: Table,
    /// Of pods with a network of their own.
    pub(super) addresses: Table,
    /// Of pods that share the network of their node.
    pub(super) host_addresses: Table,
    pub(super) containers: Table,
    pub(super) nodes: Postings,
    pub(super) owners: Postings,
    pub(super) digests: Postings,
    pub(super) order: Order,
    hasher: DefaultHashBuilder,
}

/// Where a pod stands in lists: namespace, name, uid.
pub(super) fn compare(left: &Record, right: &Record, shared: &Shared) -> Ordering {
    let by_namespace = || shared.texts.get(left.namespace).cmp(shared.texts.get(right.namespace));
    let is_same = left.namespace == right.namespace;
    let namespace = if is_same { Ordering::Equal } else { by_namespace() };
    namespace.then_with(|| left.name().cmp(right.name())).then_with(|| left.uid.cmp(&right.uid))
}

impl Keys {
    /// The hash of a key.
    pub(super) fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(super) fn name_hash(&self, record: &Record) -> u64 {
        self.hash((record.namespace, record.name()))
    }

    /// Under what never changes while a pod lives.
    pub(super) fn add_identity(&mut self, slot: u32, record: &Record, of: impl Fn(u32) -> Ordering) {
        self.uids.insert(self.hash(record.uid.wanted()), slot);
        self.names.insert(self.name_hash(record), slot);
        self.order.insert(slot, of);
    }

    pub(super) fn remove_identity(&mut self, slot: u32, record: &Record, of: impl Fn(u32) -> Ordering) {
        self.uids.remove(self.hash(record.uid.wanted()), slot);
        self.names.remove(self.name_hash(record), slot);
        self.order.remove(of);
    }

    /// Under what may change.
    pub(super) fn add_state(&mut self, slot: u32, record: &Record, shared: &Shared) {
        if let Some(hash) = record.config_hash() {
            self.hashes.insert(self.hash(hash.wanted()), slot);
        }
        for address in held(record, shared) {
            let hash = self.hash(address);
            self.address_table(record).insert(hash, slot);
        }
        for id in record.container_ids() {
            self.containers.insert(self.hash(container::hashed(id)), slot);
        }
        if !record.node.is_empty() {
            self.nodes.insert(record.node.id(), slot);
        }
        if let Some(owner) = record.owner {
            self.owners.insert(owner, slot);
        }
        for container in record.containers.iter().filter(|container| !container.digest.is_empty()) {
            self.digests.insert(container.digest.id(), slot);
        }
    }

    pub(super) fn remove_state(&mut self, slot: u32, record: &Record, shared: &Shared) {
        if let Some(hash) = record.config_hash() {
            self.hashes.remove(self.hash(hash.wanted()), slot);
        }
        for address in held(record, shared) {
            let hash = self.hash(address);
            self.address_table(record).remove(hash, slot);
        }
        for id in record.container_ids() {
            self.containers.remove(self.hash(container::hashed(id)), slot);
        }
        self.nodes.remove(record.node.id(), slot);
        if let Some(owner) = record.owner {
            self.owners.remove(owner, slot);
        }
        for container in &record.containers {
            self.digests.remove(container.digest.id(), slot);
        }
    }

    fn address_table(&mut self, record: &Record) -> &mut Table {
        if record.host_network { &mut self.host_addresses } else { &mut self.addresses }
    }

    /// How many entries all tables have together.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let tables = [&self.uids, &self.hashes, &self.names, &self.addresses, &self.host_addresses, &self.containers];
        let postings = [&self.nodes, &self.owners, &self.digests];
        let shared: usize = postings.into_iter().map(Postings::len).sum();
        tables.into_iter().map(Table::len).sum::<usize>() + shared + self.order.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let tables = [&self.uids, &self.hashes, &self.names, &self.addresses, &self.host_addresses, &self.containers];
        let postings = [&self.nodes, &self.owners, &self.digests];
        let shared: usize = postings.into_iter().map(Postings::bytes).sum();
        tables.into_iter().map(Table::bytes).sum::<usize>() + shared + self.order.bytes()
    }
}

/// The addresses that a pod holds: those of one that is over may be another's already.
pub(super) fn held<'a>(record: &'a Record, shared: &Shared) -> impl Iterator<Item = IpAddr> + use<'a> {
    let holds = !record.is_over(&shared.texts);
    record.addresses().filter(move |_| holds)
}
