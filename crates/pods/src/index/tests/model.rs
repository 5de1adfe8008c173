//! A model of the index: after each step of a random stream every key answers as in an index built from scratch.
//!
//! Owns the streams, the same for the property and the soak: pods that come, change, go and come again under the same name,
//! static pods, owners, states that cannot be read, old states that come again, broken lists, lists that begin a little behind,
//! changes while nobody watches, and a store that is restored from a backup.

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kubeio::objects::OwnedMetadata;
use proptest::prelude::*;

use super::*;
use crate::fixture::{middle, reference};
use crate::index::owners::Middle;

/// What the index was told, and what is true.
struct World {
    index: Index,
    now: Moment,
    /// What exists; `false` if it cannot be read.
    pods: BTreeMap<Name, (objects::Pod, bool)>,
    sets: BTreeMap<u64, OwnedMetadata>,
    /// What the index was told last; `true` if that is stale.
    known: BTreeMap<Name, (objects::Pod, bool)>,
    known_sets: BTreeMap<String, OwnedMetadata>,
    /// While a list goes on: what in it is older than what is known. It counts when the list ends.
    disputed: Option<BTreeMap<Name, objects::Pod>>,
    /// ReplicaSets that are gone, and are remembered as long as a pod refers to them.
    remembered: BTreeMap<String, OwnedMetadata>,
    former: Vec<objects::Pod>,
    /// What existed when the backup was made, and its version.
    backup: (BTreeMap<Name, (objects::Pod, bool)>, u64),
    is_connected: bool,
    version: u64,
    uid: u64,
    draw: u64,
}

type Name = (u64, u64);

const NAMES: u64 = 6;
const SETS: u64 = 3;
const ADDRESSES: u64 = 8;

impl World {
    fn new() -> Self {
        let settings = settings();
        Self {
            index: Index::new(settings.caps(), settings.keep()),
            now: Moment { wall: 1_767_225_600, monotonic: 0 },
            pods: BTreeMap::new(),
            sets: BTreeMap::new(),
            known: BTreeMap::new(),
            known_sets: BTreeMap::new(),
            disputed: None,
            remembered: BTreeMap::new(),
            former: Vec::new(),
            backup: (BTreeMap::new(), 0),
            is_connected: true,
            version: 0,
            uid: 0,
            draw: 0,
        }
    }

    /// One step, as `draw` has it.
    fn step(&mut self, draw: u64) {
        self.draw = draw;
        self.now.monotonic += 1;
        match self.any(100) {
            0..25 => self.create(),
            25..50 => self.modify(),
            50..62 => self.delete(),
            62..68 => self.create_set(),
            68..72 => self.delete_set(),
            72..77 => self.is_connected = false,
            77..85 => self.connect(),
            85..90 => self.repeat(),
            90..94 => self.break_pod(),
            94..97 => self.break_list(),
            97..99 => self.backup = (self.pods.clone(), self.version),
            _ => self.restore(),
        }
    }

    /// A number below `limit`, of what is left of the draw.
    fn any(&mut self, limit: u64) -> u64 {
        self.draw = self.draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.draw >> 33) % limit
    }

    fn name(&mut self) -> Name {
        (self.any(2), self.any(NAMES))
    }

    fn create(&mut self) {
        let name = self.name();
        let is_told = self.any(2) == 0;
        if let Some((former, _)) = self.pods.remove(&name)
            && is_told
        {
            self.tell_deleted(name, &former);
        }
        self.uid += 1;
        let uid = format!("{:08x}-1a3e-41ec-a00b-e2dcc77431cb", self.uid);
        let created = i64::try_from(self.uid).unwrap();
        let mut pod = pod(&format!("p-{}", name.1), &uid).namespace(&format!("ns-{}", name.0)).created(created);
        if self.any(4) == 0 {
            let hash = format!("{:032x}", self.any(3) + 1);
            pod = pod.annotation("kubernetes.io/config.hash", &hash);
        }
        let set = self.any(SETS);
        if let Some(owner) = self.sets.get(&set) {
            pod = pod.owner("ReplicaSet", &owner.name, &owner.uid).label("pod-template-hash", "abc");
        }
        let pod = self.mutate(pod.container("c", &digits(self.uid)));
        self.tell_seen(name, pod, true);
    }

    fn modify(&mut self) {
        let name = self.name();
        if let Some((pod, _)) = self.pods.get(&name).cloned() {
            let pod = self.mutate(pod);
            self.tell_seen(name, pod, true);
        }
    }

    fn mutate(&mut self, mut pod: objects::Pod) -> objects::Pod {
        self.version += 1;
        pod = pod.version(self.version);
        match self.any(6) {
            0 => pod.phase(["Pending", "Running", "Succeeded", "Failed"][usize::try_from(self.any(4)).unwrap()]),
            1 => {
                (pod.status.pod_ip, pod.status.pod_ips) = Default::default();
                pod.address(&format!("10.0.0.{}", self.any(ADDRESSES)))
            }
            2 => {
                let value = self.any(3).to_string();
                pod.label("app", &value)
            }
            3 => {
                self.uid += 1;
                let former = pod.status.container_statuses[0].container_id.clone();
                pod.status.container_statuses[0].container_id = format!("containerd://{}", digits(self.uid)).into();
                pod.status.container_statuses[0].last_state.terminated =
                    Some(objects::Terminated { container_id: former });
                pod
            }
            4 => pod.node(["", "node-1", "node-2"][usize::try_from(self.any(3)).unwrap()]),
            _ => pod,
        }
    }

    fn delete(&mut self) {
        let name = self.name();
        if let Some((pod, _)) = self.pods.remove(&name) {
            self.version += 1;
            self.tell_deleted(name, &pod.version(self.version));
        }
    }

    fn create_set(&mut self) {
        let at = self.any(SETS);
        let controller = (self.any(3) > 0).then(|| reference("Deployment", &format!("d-{}", self.any(2)), "d"));
        self.uid += 1;
        let uid = self.sets.get(&at).map_or_else(|| format!("set-{}", self.uid), |known| known.uid.to_string());
        let set = OwnedMetadata { namespace: "ns-0".into(), ..middle(&format!("d-{at}-abc"), &uid, controller) };
        self.sets.insert(at, set.clone());
        if self.is_connected {
            self.tell_set(set);
        }
    }

    fn delete_set(&mut self) {
        let at = self.any(SETS);
        if let Some(set) = self.sets.remove(&at)
            && self.is_connected
        {
            self.index.middle_gone(Middle::ReplicaSet, &set.uid);
            self.known_sets.remove(&*set.uid);
            self.remember();
        }
    }

    /// An old state comes again: of a pod that lives, or of another that had its name.
    fn repeat(&mut self) {
        let at = usize::try_from(self.any(16)).unwrap();
        let Some(former) = self.former.iter().rev().nth(at).cloned() else { return };
        let name = self.known.keys().find(|name| {
            let (known, _) = &self.known[name];
            (&known.metadata.namespace, &known.metadata.name) == (&former.metadata.namespace, &former.metadata.name)
        });
        // What follows a state that could not be read is newer.
        let is_late = |(known, is_stale): &(objects::Pod, bool)| !is_stale && version(known) > version(&former);
        if name.is_some_and(|name| is_late(&self.known[name])) {
            self.index.apply(&former, self.now, &mut |_| {});
        }
    }

    fn break_pod(&mut self) {
        let name = self.name();
        if let Some((pod, _)) = self.pods.get(&name).cloned() {
            let pod = self.mutate(pod);
            self.tell_seen(name, pod, false);
        }
    }

    fn break_list(&mut self) {
        self.index.begin();
        let some: Vec<Name> = self.pods.keys().copied().take(3).collect();
        for name in some {
            self.list_one(name);
        }
        self.index.break_off();
        self.connect();
    }

    /// Everything is as it was then, and goes on from there. A pod that comes now has a uid that none had before.
    fn restore(&mut self) {
        (self.pods, self.version) = self.backup.clone();
        self.former.clear();
        self.connect();
    }

    /// A complete list of everything.
    fn connect(&mut self) {
        self.is_connected = true;
        self.index.begin_middles(Middle::ReplicaSet);
        let sets: Vec<OwnedMetadata> = self.sets.values().cloned().collect();
        let uids: BTreeSet<String> = sets.iter().map(|set| set.uid.to_string()).collect();
        for set in sets {
            self.tell_set(set);
        }
        self.index.end_middles(Middle::ReplicaSet);
        self.known_sets.retain(|uid, _| uids.contains(uid));
        self.remember();
        self.index.begin();
        self.disputed = Some(BTreeMap::new());
        self.begin_behind();
        let names: Vec<Name> = self.pods.keys().copied().collect();
        for name in names {
            self.list_one(name);
        }
        self.index.end(self.now, &mut |_| {});
        for (name, pod) in self.disputed.take().unwrap() {
            self.known.insert(name, (pod, false));
            self.remember();
        }
        self.known.retain(|name, _| self.pods.contains_key(name));
        self.remember();
    }

    /// A list that is streamed may begin with old states. What happened to them since follows.
    fn begin_behind(&mut self) {
        for _ in 0..self.any(4) {
            let at = usize::try_from(self.any(16)).unwrap();
            let Some(former) = self.former.iter().rev().nth(at).cloned() else { return };
            self.index.apply(&former, self.now, &mut |_| {});
            if !self.pods.values().any(|(pod, _)| pod.metadata.uid == former.metadata.uid) {
                self.index.delete(&former, self.now, &mut |_| {});
                self.known.retain(|_, (known, _)| known.metadata.uid != former.metadata.uid);
            }
        }
        self.remember();
    }

    fn list_one(&mut self, name: Name) {
        let (pod, is_readable) = self.pods[&name].clone();
        self.observe(name, pod, is_readable);
    }

    fn tell_seen(&mut self, name: Name, pod: objects::Pod, is_readable: bool) {
        self.pods.insert(name, (pod.clone(), is_readable));
        if self.is_connected {
            self.observe(name, pod, is_readable);
        }
    }

    fn observe(&mut self, name: Name, pod: objects::Pod, is_readable: bool) {
        if is_readable {
            self.index.apply(&pod, self.now, &mut |_| {});
            self.former.push(pod.clone());
            let forgotten = self.former.len().saturating_sub(64);
            self.former.drain(..forgotten);
            let is_late = self.known.get(&name).is_some_and(|(known, _)| version(known) > version(&pod));
            match &mut self.disputed {
                Some(disputed) if is_late => drop(disputed.insert(name, pod)),
                _ => drop(self.known.insert(name, (pod, false))),
            }
        } else {
            self.index.unreadable(&pod.metadata.namespace, &pod.metadata.name);
            if let Some((_, is_stale)) = self.known.get_mut(&name) {
                *is_stale = true;
            }
        }
        self.remember();
    }

    fn tell_deleted(&mut self, name: Name, pod: &objects::Pod) {
        if !self.is_connected {
            return;
        }
        self.index.delete(pod, self.now, &mut |_| {});
        if self.known.get(&name).is_some_and(|(known, _)| known.metadata.uid == pod.metadata.uid) {
            self.known.remove(&name);
        }
        self.remember();
    }

    fn tell_set(&mut self, set: OwnedMetadata) {
        self.index.middle_seen(Middle::ReplicaSet, &set, &mut |_| {});
        self.known_sets.insert(set.uid.to_string(), set);
        self.remember();
    }

    /// A ReplicaSet that a pod refers to stays known. A reference means one of the pod's own namespace; all sets are in `ns-0`.
    fn remember(&mut self) {
        let beside = self.known.values().map(|(pod, _)| &pod.metadata).filter(|pod| &*pod.namespace == "ns-0");
        let references = beside.flat_map(|pod| &pod.owner_references);
        let referred: BTreeSet<String> = references.map(|reference| reference.uid.to_string()).collect();
        self.remembered.retain(|uid, _| referred.contains(uid));
        let known = self.known_sets.iter().filter(|(uid, _)| referred.contains(*uid));
        self.remembered.extend(known.map(|(uid, set)| (uid.clone(), set.clone())));
    }

    fn end(mut self) {
        self.pods.clear();
        self.sets.clear();
        self.connect();
        assert_empty(&self.index);
    }
}

fn version(pod: &objects::Pod) -> u64 {
    version_of(&pod.metadata.resource_version)
}

fn settings() -> Settings {
    Settings { tombstones: Duration::ZERO, ..Settings::default() }
}

/// An id that is like no other's.
fn digits(uid: u64) -> String {
    format!("{:016x}", uid.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn after_each_step_every_key_answers_as_in_an_index_from_scratch(draws in prop::collection::vec(any::<u64>(), 1..200)) {
        let mut world = World::new();
        for draw in draws {
            world.step(draw);
            world.check();
        }
        world.end();
    }
}

/// Goes on for `KEELWATCH_SOAK_SECONDS`, a million steps at least.
#[test]
#[ignore = "takes minutes: cargo xtask soak pods"]
#[expect(clippy::disallowed_methods, reason = "a soak is told how long by the environment, and takes real time")]
fn soak_pods() {
    let seconds = std::env::var("KEELWATCH_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let (started, mut steps) = (Instant::now(), 0_u64);
    let mut world = World::new();
    while steps < 1_000_000 || started.elapsed() < Duration::from_secs(seconds) {
        // The state of the generator is told by the step that fails.
        steps += 1;
        world.step(steps.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ steps.rotate_left(17));
        world.check();
    }
    world.end();
    println!("{steps} steps, no difference");
}
