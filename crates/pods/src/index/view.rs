//! A pod as it is read: the record with the texts and owners that it shares.

use std::net::IpAddr;

use api::violation::SubjectKind;

use super::Life;
use super::owners::{Above, Middle};
use super::record::{Container, Record, Shared};
use super::texts::Text;
use super::tombstones::Moment;
use crate::app::AppRule;
use crate::uid::{ConfigHash, Uid};

/// Steps of an owner chain that are followed.
const LONGEST_CHAIN: usize = 4;

/// A pod, for reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    shared: &'a Shared,
    record: &'a Record,
    version: u64,
    life: Life,
}

/// An owner by reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    /// `None` while it is only guessed.
    pub(crate) uid: Option<&'a Uid>,
}

/// What a pod belongs to, from the next owner to the top-level one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a> {
    steps: [Option<Reference<'a>>; LONGEST_CHAIN],
    len: usize,
    /// Whether every step has been seen.
    pub(crate) resolved: bool,
}

impl<'a> Chain<'a> {
    /// From the next owner on.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Reference<'a>> + '_ {
        self.steps[..self.len].iter().flatten().copied()
    }

    /// The top-level owner; `None` for a pod of its own.
    pub(crate) fn top(&self) -> Option<Reference<'a>> {
        self.steps[..self.len].last().copied().flatten()
    }

    fn push(&mut self, step: Reference<'a>) {
        if let Some(free) = self.steps.get_mut(self.len) {
            *free = Some(step);
            self.len += 1;
        }
    }
}

impl<'a> View<'a> {
    pub(super) const fn new(shared: &'a Shared, record: &'a Record, version: u64, life: Life) -> Self {
        Self { shared, record, version, life }
    }

    pub(crate) const fn uid(&self) -> &'a Uid {
        &self.record.uid
    }

    pub(crate) fn name(&self) -> &'a str {
        self.record.name()
    }

    pub(crate) fn namespace(&self) -> &'a str {
        self.text(self.record.namespace)
    }

    pub(crate) fn node(&self) -> &'a str {
        self.text(self.record.node)
    }

    pub(crate) fn phase(&self) -> &'a str {
        self.text(self.record.phase)
    }

    /// Seconds since 1970; `None` if it is not known.
    pub(crate) const fn created(&self) -> Option<u32> {
        match self.record.created {
            0 => None,
            seconds => Some(seconds),
        }
    }

    pub(super) const fn age_key(&self) -> (u32, u64) {
        (self.record.created, self.version)
    }

    pub(crate) const fn host_network(&self) -> bool {
        self.record.host_network
    }

    pub(crate) fn config_hash(&self) -> Option<&'a ConfigHash> {
        self.record.config_hash()
    }

    /// When it was noticed that it is gone.
    pub(crate) const fn died(&self) -> Option<Moment> {
        match self.life {
            Life::Live { .. } => None,
            Life::Dead(moment) => Some(moment),
        }
    }

    /// Whether its last state could not be read.
    pub(crate) const fn is_stale(&self) -> bool {
        matches!(self.life, Life::Live { is_stale: true, .. })
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> + 'a {
        self.record.addresses()
    }

    /// Its addresses, unless it is over: then they may be another's.
    pub(crate) fn held_addresses(&self) -> impl Iterator<Item = IpAddr> + use<'a> {
        super::keys::held(self.record, self.shared)
    }

    /// Sorted by key.
    pub(crate) fn labels(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        let shared = self.shared;
        self.record.labels().map(move |(key, value)| (shared.texts.get(key), shared.texts.get(value)))
    }

    pub(crate) fn label(&self, key: &str) -> Option<&'a str> {
        let key = self.shared.texts.find(key)?;
        let (_, value) = self.record.labels().find(|&(known, _)| known == key)?;
        Some(self.text(value))
    }

    /// Sorted by key.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let shared = self.shared;
        self.record.annotations().map(move |(key, value)| (shared.texts.get(key), value))
    }

    /// Keys of annotations that were cut or left out, sorted.
    pub(crate) fn truncated(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let shared = self.shared;
        let keys = self.record.rare.as_ref().map_or(&[][..], |rare| &rare.truncated);
        keys.iter().map(move |&key| shared.texts.get(key))
    }

    pub(crate) fn containers(&self) -> &'a [Container] {
        &self.record.containers
    }

    pub(crate) fn text(&self, text: Text) -> &'a str {
        self.shared.texts.get(text)
    }

    /// A text that outlives the view.
    pub(crate) fn keep(&self, text: Text) -> std::sync::Arc<str> {
        self.shared.texts.shared(text)
    }

    pub(crate) const fn record(&self) -> &'a Record {
        self.record
    }

    /// Whether a selector or a filter may judge the two differently.
    pub(crate) fn is_placed_or_labeled_like(&self, other: &View<'_>) -> bool {
        self.record.labels().eq(other.record.labels()) && self.record.node == other.record.node
    }

    /// The app or devbox that it belongs to.
    pub(crate) fn app(&self, rule: &AppRule) -> (SubjectKind, &'a str) {
        let owner = self.chain().top().map_or(self.name(), |top| top.name);
        rule.judge(|key| self.label(key).unwrap_or_default(), owner)
    }

    /// What it belongs to.
    pub(crate) fn chain(&self) -> Chain<'a> {
        let mut chain = Chain { steps: [None; LONGEST_CHAIN], len: 0, resolved: true };
        let mut next = self.record.owner;
        while let Some(id) = next.take().filter(|_| chain.len < LONGEST_CHAIN) {
            let owner = self.shared.owners.get(id);
            let [api_version, kind, name] = [owner.api_version, owner.kind, owner.name].map(|text| self.text(text));
            chain.push(Reference { api_version, kind, name, uid: Some(&owner.uid) });
            match owner.above {
                Above::Owner(above) => next = Some(above),
                Above::Nothing => {}
                Above::Unknown => {
                    chain.resolved = false;
                    if let Some(guess) = owner.middle.and_then(|middle| self.guess(middle, name)) {
                        chain.push(guess);
                    }
                }
            }
        }
        chain
    }

    /// What a ReplicaSet that has not been seen must belong to: its name is the owner's name and the hash of the template.
    fn guess(&self, middle: Middle, name: &'a str) -> Option<Reference<'a>> {
        let owners = [
            ("pod-template-hash", "apps/v1", "Deployment"),
            ("rollouts-pod-template-hash", "argoproj.io/v1alpha1", "Rollout"),
        ];
        if middle != Middle::ReplicaSet {
            return None;
        }
        owners.into_iter().find_map(|(label, api_version, kind)| {
            let hash = self.label(label).filter(|hash| !hash.is_empty())?;
            let name = name.strip_suffix(hash)?.strip_suffix('-').filter(|name| !name.is_empty())?;
            Some(Reference { api_version, kind, name, uid: None })
        })
    }
}
