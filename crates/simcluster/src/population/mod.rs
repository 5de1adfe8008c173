//! A made-up cluster of any size: the same for the same seed and sizes, byte for byte.
//!
//! Owns which objects there are at the start and what they say. Storing and moving them is the others' job. Nothing here
//! keeps what it wrote: objects come one after another, already encoded, so that 150,000 pods take no more memory than
//! whoever takes them spends.
//!
//! ```text
//! seed, sizes ──► plan ──► workloads, their pods by phase, their faults ──► planted: what must be found
//!                  │
//!                  └──► objects: cluster, namespaces, nodes, then workload by workload ──► encoded JSON
//! ```

mod around;
mod batch;
mod container;
mod fault;
mod image;
mod json;
mod layout;
mod names;
mod node;
mod ownership;
mod plan;
mod planting;
mod pod;
mod random;
mod scribe;
mod share;
mod space;
mod template;
#[cfg(test)]
mod tests;
mod workload;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

pub use self::fault::{Fault, Planted, Planting};
pub use self::image::ImageError;
pub(crate) use self::image::{Images, KNOWN_IMAGES};
use self::plan::Plan;
use self::scribe::Scribe;
use self::template::Template;

/// How large a cluster is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes {
    /// Nodes, up to 5,000. Without any, every pod waits.
    pub nodes: u32,
    /// Pods, up to 200,000.
    pub pods: u32,
    /// Namespaces of tenants, 1 to 10,000; the five of the system come on top.
    pub namespaces: u32,
    /// Digests of images at most, 1 to 20,000. Where there are more workloads than that, each of them runs.
    pub images: u32,
    /// Share of the nodes that are arm64, 0 to 1.
    pub arm64: f64,
    /// The moment that ages are counted from. Another moment is another cluster.
    pub now: Timestamp,
}

/// An object of the population.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// For example `apps/v1`.
    pub api_version: &'static str,
    /// For example `Deployment`.
    pub kind: &'static str,
    /// Empty for objects of the cluster.
    pub namespace: Box<str>,
    /// Name, unique for its kind in its namespace.
    pub name: Box<str>,
    /// Unique in the population.
    pub uid: Box<str>,
    /// What the encoding says under `metadata.resourceVersion`.
    pub version: u64,
    /// Sorted by key.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// The fields that selectors may name, by path; what is not listed has its default value.
    pub fields: Box<[(&'static str, Box<str>)]>,
    /// The uid of its controller.
    pub owner: Option<Box<str>>,
    /// The encoding, complete, in the order of keys in which servers write.
    pub body: Bytes,
}

/// A population that can be walked any number of times.
#[derive(Debug)]
pub struct Population {
    plan: Plan,
}

/// What is written in one go.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Cluster,
    Space(u32),
    Node(u32),
    App(usize),
}

/// Plans the population of a cluster.
///
/// Sizes are taken as they are; whoever reads them from outside checks their ranges.
pub fn population(seed: u64, sizes: &Sizes) -> Population {
    Population { plan: plan::plan(seed, sizes) }
}

impl Default for Sizes {
    /// A small cluster, as it was on 2026-11-21.
    fn default() -> Self {
        let now = Timestamp::constant(1_795_233_600, 0);
        Self { nodes: 20, pods: 1000, namespaces: 25, images: 120, arm64: 0.1, now }
    }
}

impl Population {
    /// All objects. Owners come before what they own, namespaces before what is in them. Versions count up from
    /// `first_version`.
    pub fn objects(&self, first_version: u64) -> impl Iterator<Item = Object> + '_ {
        let mut scribe = Scribe::new(first_version, self.plan.sizes.now);
        self.units().flat_map(move |unit| {
            self.write(&mut scribe, unit);
            std::mem::take(&mut scribe.written)
        })
    }

    /// The images that its pods name.
    pub(crate) fn images(&self) -> Arc<Images> {
        Arc::clone(&self.plan.images)
    }

    /// The faults, each with the object that bears it.
    pub fn planted(&self) -> Planted {
        planting::planted(&self.plan)
    }

    fn units(&self) -> impl Iterator<Item = Unit> + '_ {
        let Plan { spaces, apps, sizes, .. } = &self.plan;
        let spaces = (0..).zip(spaces).map(|(index, _)| Unit::Space(index));
        let nodes = (0..sizes.nodes).map(Unit::Node);
        std::iter::once(Unit::Cluster).chain(spaces).chain(nodes).chain((0..apps.len()).map(Unit::App))
    }

    fn write(&self, scribe: &mut Scribe, unit: Unit) {
        let plan = &self.plan;
        match unit {
            Unit::Cluster => space::write_cluster(scribe, plan),
            Unit::Space(index) => space::write(scribe, plan, index),
            Unit::Node(index) => node::write(scribe, plan, index),
            Unit::App(index) => {
                let template = Template::of(plan, &plan.apps[index]);
                workload::write(scribe, plan, &template);
                batch::write(scribe, plan, &template);
                around::write(scribe, plan, &template);
                pod::write(scribe, plan, &template);
            }
        }
    }
}
