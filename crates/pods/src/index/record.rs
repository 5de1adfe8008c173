//! What is kept of a pod, under a kilobyte with all indexes.
//!
//! Owns the form and how a decoded pod is packed into it: what repeats is a number, what is the pod's own lies in one piece.

use std::net::{IpAddr, Ipv4Addr};

use kubeio::objects::{self, Pairs};

use super::owners::{OwnerId, Owners};
use super::texts::{Text, Texts};
use crate::container::{self, Id, Runtime};
use crate::pattern::Patterns;
use crate::uid::{ConfigHash, Uid};

/// What of a pod is kept, as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caps {
    pub(crate) labels: Patterns,
    pub(crate) annotations: Patterns,
    /// Longer values are cut.
    pub(crate) value_bytes: usize,
    /// Keys and values of all annotations of a pod together.
    pub(crate) annotations_bytes: usize,
}

/// What records share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) texts: Texts,
    pub(crate) owners: Owners,
}

/// A pod. Two are equal exactly if nothing that is served differs.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) uid: Uid,
    pub(crate) namespace: Text,
    pub(crate) node: Text,
    pub(crate) phase: Text,
    pub(crate) owner: Option<OwnerId>,
    /// Seconds since 1970; 0 = unknown.
    pub(crate) created: u32,
    name_bytes: u32,
    /// The name, then the values of annotations.
    own: Box<str>,
    /// Labels by key and number of the value, then annotations by key and the end of the value in `own`, where it begins at the
    /// former one's end. One piece, because each costs 32 bytes more than its content.
    pairs: Box<[(Text, u32)]>,
    label_count: u32,
    pub(crate) containers: Box<[Container]>,
    addresses: Addresses,
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) host_network: bool,
}

/// One, but for pods with two families and those that have none yet.
#[derive(Debug, PartialEq)]
enum Addresses {
    One(Ipv4Addr),
    Other(Box<[IpAddr]>),
}

/// What few pods have.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rare {
    pub(crate) config_hash: Option<ConfigHash>,
    /// Keys of annotations that were cut or left out.
    pub(crate) truncated: Box<[Text]>,
    /// In the order of the containers.
    containers: Box<[RareContainer]>,
}

/// What few containers have.
#[derive(Debug, PartialEq)]
struct RareContainer {
    /// The place of the container among those of its pod.
    at: usize,
    /// Its id by a runtime that is not known; empty if it has none.
    odd_id: Text,
    /// Before it was started again.
    previous: Option<Id>,
}

/// A container of a pod. What few have of it is apart: there are two for each pod.
#[derive(Debug, PartialEq)]
pub(crate) struct Container {
    pub(crate) name: Text,
    pub(crate) image: Text,
    pub(crate) image_id: Text,
    /// 64 hex digits.
    pub(crate) digest: Text,
    pub(crate) restarts: u32,
    pub(crate) kind: ContainerKind,
    pub(crate) state: State,
    id: Option<(Runtime, Id)>,
}

/// Which list of the pod a container is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerKind {
    Regular,
    Init,
    Ephemeral,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Running,
    Terminated,
}

/// The id of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerId<'a> {
    None,
    Plain(Runtime, &'a Id),
    /// Of a runtime that is not known: served, and not looked up.
    Odd(Text),
}

impl ContainerKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Init => "init",
            Self::Ephemeral => "ephemeral",
        }
    }
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Terminated => "terminated",
        }
    }

    const fn of(state: &objects::ContainerState) -> Self {
        match state {
            objects::ContainerState { terminated: Some(_), .. } => Self::Terminated,
            objects::ContainerState { running: Some(_), .. } => Self::Running,
            _ => Self::Waiting,
        }
    }
}

impl Record {
    /// Packs a pod; its texts and its owner are used once more.
    pub(crate) fn of(pod: &objects::Pod, caps: &Caps, shared: &mut Shared) -> Self {
        let objects::Pod { metadata, spec, status } = pod;
        let mut own = String::from(&*metadata.name);
        let Shared { texts, owners } = shared;
        let (annotations, truncated) = annotations(&metadata.annotations, caps, &mut own, texts);
        let config_hash = metadata.annotations.get("kubernetes.io/config.hash").filter(|hash| !hash.is_empty());
        let (containers, rare_containers) = containers(spec, status, texts);
        let is_rare = config_hash.is_some() || !truncated.is_empty() || !rare_containers.is_empty();
        let rare = Rare {
            config_hash: config_hash.map(ConfigHash::of),
            truncated: truncated.into(),
            containers: rare_containers.into(),
        };
        let labels = metadata.labels.iter().filter(|(key, _)| caps.labels.keep(key));
        let mut pairs: Vec<(Text, u32)> =
            labels.map(|(key, value)| (texts.intern(key), texts.intern(value).number())).collect();
        let label_count = u32::try_from(pairs.len()).expect("an object of less than 4 GiB");
        pairs.extend(annotations);
        let created = metadata.creation_timestamp.map_or(0, jiff::Timestamp::as_second);
        Self {
            uid: Uid::of(&metadata.uid),
            namespace: texts.intern(&metadata.namespace),
            node: texts.intern(&spec.node_name),
            phase: texts.intern(&status.phase),
            owner: owners.intern(&metadata.namespace, &metadata.owner_references, texts),
            created: u32::try_from(created).unwrap_or(0),
            name_bytes: u32::try_from(metadata.name.len()).expect("an object of less than 4 GiB"),
            own: own.into(),
            pairs: pairs.into(),
            label_count,
            containers,
            addresses: Addresses::of(status),
            rare: is_rare.then(|| Box::new(rare)),
            host_network: spec.host_network,
        }
    }

    /// Gives back what is shared.
    pub(crate) fn release(self, shared: &mut Shared) {
        let Shared { texts, owners } = shared;
        for text in [self.namespace, self.node, self.phase] {
            texts.release(text);
        }
        for text in self.labels().flat_map(|(key, value)| [key, value]) {
            texts.release(text);
        }
        for &(key, _) in self.annotation_pairs() {
            texts.release(key);
        }
        for container in &self.containers {
            let Container { name, image, image_id, digest, .. } = container;
            for text in [*name, *image, *image_id, *digest] {
                texts.release(text);
            }
        }
        if let Some(rare) = self.rare {
            for text in rare.truncated.iter().copied().chain(rare.containers.iter().map(|container| container.odd_id)) {
                texts.release(text);
            }
        }
        if let Some(owner) = self.owner {
            owners.release(owner, texts);
        }
    }

    pub(crate) fn config_hash(&self) -> Option<&ConfigHash> {
        self.rare.as_ref()?.config_hash.as_ref()
    }

    pub(crate) fn name(&self) -> &str {
        &self.own[..self.name_bytes as usize]
    }

    /// Key and value of each label.
    pub(crate) fn labels(&self) -> impl ExactSizeIterator<Item = (Text, Text)> {
        self.pairs[..self.label_count as usize].iter().map(|&(key, value)| (key, Text::of(value)))
    }

    /// Key and value of each annotation.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = (Text, &str)> {
        let pairs = self.annotation_pairs();
        let starts = std::iter::once(self.name_bytes).chain(pairs.iter().map(|&(_, end)| end));
        pairs.iter().zip(starts).map(|(&(key, end), start)| (key, &self.own[start as usize..end as usize]))
    }

    fn annotation_pairs(&self) -> &[(Text, u32)] {
        &self.pairs[self.label_count as usize..]
    }

    /// Its addresses in the order of its status.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let (one, other) = match &self.addresses {
            Addresses::One(one) => (Some(IpAddr::V4(*one)), &[][..]),
            Addresses::Other(other) => (None, &**other),
        };
        one.into_iter().chain(other.iter().copied())
    }

    /// Ids of its containers, current and previous.
    pub(crate) fn container_ids(&self) -> impl Iterator<Item = &Id> {
        let current = self.containers.iter().filter_map(|container| container.id.as_ref()).map(|(_, id)| id);
        current.chain(self.rare_containers().iter().filter_map(|container| container.previous.as_ref()))
    }

    /// The id of the container at this place.
    pub(crate) fn container_id(&self, at: usize) -> ContainerId<'_> {
        match (&self.containers[at].id, self.rare_container(at)) {
            (Some((runtime, id)), _) => ContainerId::Plain(*runtime, id),
            (None, Some(rare)) if !rare.odd_id.is_empty() => ContainerId::Odd(rare.odd_id),
            (None, _) => ContainerId::None,
        }
    }

    /// The id that the container at this place had before it was started again.
    pub(crate) fn previous_id(&self, at: usize) -> Option<&Id> {
        self.rare_container(at)?.previous.as_ref()
    }

    fn rare_container(&self, at: usize) -> Option<&RareContainer> {
        self.rare_containers().iter().find(|container| container.at == at)
    }

    fn rare_containers(&self) -> &[RareContainer] {
        self.rare.as_ref().map_or(&[], |rare| &rare.containers)
    }

    /// Whether its containers have ended for good, so that its address is somebody else's.
    pub(crate) fn is_over(&self, texts: &Texts) -> bool {
        matches!(texts.get(self.phase), "Succeeded" | "Failed")
    }

    /// Memory in bytes beside the record itself, with what the allocator adds.
    pub(crate) fn heap_bytes(&self) -> usize {
        let pieces = [
            self.own.len(),
            size_of_val(&*self.pairs),
            size_of_val(&*self.containers),
            if let Addresses::Other(other) = &self.addresses { size_of_val(&**other) } else { 0 },
            self.rare.as_ref().map_or(0, |rare| size_of::<Rare>() + size_of_val(&*rare.truncated)),
            size_of_val(self.rare_containers()),
            self.uid.heap_bytes(),
        ];
        pieces.into_iter().filter(|&bytes| bytes > 0).map(|bytes| bytes + 12).sum()
    }
}

impl Addresses {
    fn of(status: &objects::PodStatus) -> Self {
        let all = status.pod_ips.iter().map(|address| &*address.ip);
        let texts = all.chain(status.pod_ips.is_empty().then_some(&*status.pod_ip));
        // What is no address cannot be asked for.
        let addresses: Vec<IpAddr> =
            texts.filter_map(|text| text.parse().ok()).map(|ip: IpAddr| ip.to_canonical()).collect();
        match addresses.as_slice() {
            [IpAddr::V4(one)] => Self::One(*one),
            _ => Self::Other(addresses.into()),
        }
    }
}

/// What is kept of the annotations, their values appended to `own`; and the keys of what was cut or left out.
fn annotations(all: &Pairs, caps: &Caps, own: &mut String, texts: &mut Texts) -> (Vec<(Text, u32)>, Vec<Text>) {
    let (mut kept, mut truncated) = (Vec::new(), Vec::new());
    let mut room = caps.annotations_bytes;
    for (key, value) in all.iter().filter(|(key, _)| caps.annotations.keep(key)) {
        let cut = &value[..value.floor_char_boundary(caps.value_bytes)];
        let bytes = key.len() + cut.len();
        if cut.len() < value.len() || bytes > room {
            truncated.push(texts.intern(key));
        }
        if bytes > room {
            // Nothing behind it is kept either, so that what is kept does not depend on how the rest is long.
            room = 0;
            continue;
        }
        room -= bytes;
        own.push_str(cut);
        let end = u32::try_from(own.len()).expect("an object of less than 4 GiB");
        kept.push((texts.intern(key), end));
    }
    (kept, truncated)
}

fn containers(
    spec: &objects::PodSpec,
    status: &objects::PodStatus,
    texts: &mut Texts,
) -> (Box<[Container]>, Vec<RareContainer>) {
    let lists = [
        (ContainerKind::Regular, &spec.containers, &status.container_statuses),
        (ContainerKind::Init, &spec.init_containers, &status.init_container_statuses),
        (ContainerKind::Ephemeral, &spec.ephemeral_containers, &status.ephemeral_container_statuses),
    ];
    let mut found = Vec::with_capacity(lists.iter().map(|(_, wanted, _)| wanted.len()).sum());
    let mut rare = Vec::new();
    let none = objects::ContainerStatus::default();
    for (kind, wanted, statuses) in lists {
        for (at, container) in wanted.iter().enumerate() {
            // Most are at the same place in both lists.
            let in_place = statuses.get(at).filter(|status| status.name == container.name);
            let status = in_place.or_else(|| statuses.iter().find(|status| status.name == container.name));
            let status = status.unwrap_or(&none);
            let id = container::parse(&status.container_id);
            rare.extend(RareContainer::of(found.len(), id.as_ref(), status, texts));
            found.push(Container::of(kind, id, container, status, texts));
        }
    }
    (found.into(), rare)
}

impl Container {
    fn of(
        kind: ContainerKind,
        id: Option<(Runtime, Id)>,
        container: &objects::Container,
        status: &objects::ContainerStatus,
        texts: &mut Texts,
    ) -> Self {
        Self {
            name: texts.intern(&container.name),
            image: texts.intern(&container.image),
            image_id: texts.intern(&status.image_id),
            digest: texts.intern(container::digest(&status.image_id).unwrap_or_default()),
            restarts: status.restart_count,
            kind,
            state: State::of(&status.state),
            id,
        }
    }
}

impl RareContainer {
    fn of(at: usize, id: Option<&(Runtime, Id)>, status: &objects::ContainerStatus, texts: &mut Texts) -> Option<Self> {
        let last = status.last_state.terminated.as_ref().and_then(|last| container::parse(&last.container_id));
        let previous = last.map(|(_, previous)| previous).filter(|previous| id.is_none_or(|(_, id)| id != previous));
        let odd_id = if id.is_none() { texts.intern(&status.container_id) } else { Text::EMPTY };
        (!odd_id.is_empty() || previous.is_some()).then_some(Self { at, odd_id, previous })
    }
}
