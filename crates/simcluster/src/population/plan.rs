//! Which workloads there are, with how many pods in which state, and what is wrong with them.
//!
//! Owns every decision that concerns more than one object. What an object then looks like is told by the files named
//! after the kinds.

mod batch;
mod replicated;
mod system;

use std::sync::Arc;

use jiff::Timestamp;

use super::Sizes;
use super::fault::{Exposure, Fault};
use super::image::Images;
use super::layout::Layout;
use super::random::{Purpose, Random, letters};
use super::share;

/// A whole population, before anything is written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) sizes: Sizes,
    pub(crate) images: Arc<Images>,
    pub(crate) spaces: Vec<Space>,
    pub(crate) apps: Vec<App>,
    pub(crate) layout: Layout,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) name: String,
    pub(crate) fault: Option<Fault>,
    apps: u32,
}

/// A workload with its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) index: u32,
    pub(crate) space: u32,
    pub(crate) name: String,
    pub(crate) owner: Owner,
    pub(crate) pods: Pods,
    /// Number of its first pod; those of one workload follow each other.
    pub(crate) first_pod: u32,
    /// Number of its first pod among those that are spread over nodes, or its place on every node.
    pub(crate) first_place: u32,
    pub(crate) fault: Option<Fault>,
    pub(crate) exposure: Exposure,
    pub(crate) rights: Rights,
}

/// What owns pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Rollout,
    /// Nobody.
    Bare,
    /// The kubelet of a control-plane node.
    Static,
    /// A kind that nobody serves.
    Foreign(Foreign),
}

/// Kinds that are not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Foreign {
    Devbox,
    RayCluster,
    VirtualMachine,
}

/// How many pods of a workload are in which state; they are numbered in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pods {
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
}

/// What a workload may do on its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    Ordinary,
    /// It shares the node's network and looks into its files.
    Node,
}

/// The phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    Pending,
    Succeeded,
    Failed,
}

/// Namespaces that every cluster has, before those of tenants. No workload of a tenant is in them.
pub(crate) const SYSTEM_SPACES: [&str; 5] = ["default", "kube-node-lease", "kube-public", "kube-system", "monitoring"];
pub(crate) const NODE_LEASE: u32 = 1;
/// Namespaces from this number on belong to tenants.
pub(crate) const TENANTS: u32 = 5;

const NAMES: &[&str] = &[
    "cart",
    "checkout",
    "ledger",
    "mailer",
    "search",
    "gateway",
    "front",
    "catalog",
    "invoice",
    "profile",
    "session",
    "notify",
    "reports",
    "billing",
    "sync",
    "ingest",
    "export",
    "render",
    "thumbs",
    "events",
    "audit",
    "pricing",
    "stock",
    "orders",
    "users",
    "comments",
    "feed",
    "chat",
    "relay",
    "proxy",
    "cache",
    "queue",
    "scheduler",
    "webhook",
    "docs",
    "portal",
    "wiki",
    "blog",
    "shop",
    "api",
];

impl Pods {
    pub(crate) fn total(self) -> u32 {
        let Self { running, pending, succeeded, failed } = self;
        running + pending + succeeded + failed
    }

    /// What the workload wants: pods that ended do not count.
    pub(crate) fn desired(self) -> u32 {
        self.running + self.pending
    }

    /// The phase of the pod of this number.
    pub(crate) fn phase(self, index: u32) -> Phase {
        match index {
            _ if index < self.running => Phase::Running,
            _ if index < self.desired() => Phase::Pending,
            _ if index < self.desired() + self.succeeded => Phase::Succeeded,
            _ => Phase::Failed,
        }
    }
}

impl App {
    /// Whether it bears this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// A tenant's, without a fault so far.
    fn is_sound(&self) -> bool {
        self.fault.is_none() && self.space >= TENANTS
    }

    /// Whether a Service selects it.
    pub(crate) fn is_exposed(&self) -> bool {
        self.exposure == Exposure::Exposed
    }
}

/// Plans a population.
pub(crate) fn plan(seed: u64, sizes: &Sizes) -> Plan {
    // Objects state whole seconds.
    let now = Timestamp::from_second(sizes.now.as_second()).expect("it is a time without its fraction");
    let sizes = &Sizes { now, ..sizes.clone() };
    let mut planner = Planner::new(seed, sizes);
    let daemons = planner.fill();
    let Planner { spaces, mut apps, .. } = planner;
    let layout = Layout::new(seed, sizes, number(&mut apps), daemons);
    if sizes.nodes == 0 {
        apps.iter_mut().for_each(leave_pending);
    }
    let images = Arc::new(Images::new(seed, sizes.images));
    Plan { seed, sizes: sizes.clone(), images, spaces, apps, layout }
}

/// Numbers the pods of all workloads; returns how many are spread over nodes.
fn number(apps: &mut [App]) -> u32 {
    let (mut pod, mut place, mut daemon) = (0, 0, 0);
    for (index, app) in (0..).zip(apps) {
        app.index = index;
        app.first_pod = pod;
        pod += app.pods.total();
        let (places, wanted) = match app.owner {
            Owner::DaemonSet => (&mut daemon, 1),
            Owner::Static => (&mut place, 0),
            _ => (&mut place, app.pods.total()),
        };
        app.first_place = *places;
        *places += wanted;
    }
    place
}

/// Without a node nothing runs.
fn leave_pending(app: &mut App) {
    app.pods = Pods { pending: app.pods.total(), ..Pods::default() };
    app.fault = Some(Fault::Pending);
}

/// A plan in the making.
#[derive(Debug)]
struct Planner<'a> {
    sizes: &'a Sizes,
    spaces: Vec<Space>,
    apps: Vec<App>,
    /// Workloads of the system that are not planned yet.
    needed: Vec<(Owner, u32, &'static str)>,
    random: Random,
    /// How many workloads could have borne a fault, and how many faults were given, by list.
    chances: u32,
    given: [usize; 2],
}

impl<'a> Planner<'a> {
    fn new(seed: u64, sizes: &'a Sizes) -> Self {
        Self {
            sizes,
            spaces: spaces(seed, sizes.namespaces),
            apps: Vec::new(),
            needed: system::NEEDED.to_vec(),
            random: Random::of(seed, Purpose::Names, 0, 0),
            chances: 0,
            given: [0; 2],
        }
    }

    /// Plans all workloads; returns how many DaemonSets there are.
    fn fill(&mut self) -> u32 {
        let [_, pending, succeeded, failed] = share::divide(self.sizes.pods, [94, 2, 3, 1]);
        let [mut deployed, stateful, mut daemon, jobs, rollouts, bare, foreign] =
            share::divide(self.sizes.pods, [60, 15, 10, 8, 3, 2, 2]);
        if self.sizes.nodes == 0 {
            deployed += std::mem::take(&mut daemon);
        }
        let daemons = self.daemon_sets(daemon);
        self.bare(bare);
        let failed = failed - self.jobs(jobs, succeeded, failed);
        self.deployments(deployed, pending, failed);
        self.replicated(Owner::StatefulSet, stateful);
        self.replicated(Owner::Rollout, rollouts);
        self.foreign(foreign);
        daemons
    }

    fn foreign(&mut self, pods: u32) {
        let mut left = pods;
        for turn in 0.. {
            let (kind, wanted) = match turn % 4 {
                2 => (Foreign::RayCluster, 3),
                3 => (Foreign::VirtualMachine, 1),
                _ => (Foreign::Devbox, 1),
            };
            if left == 0 {
                return;
            }
            let running = left.min(wanted);
            self.add(Owner::Foreign(kind), Pods { running, ..Pods::default() });
            left -= running;
        }
    }

    /// Adds a workload: those that the system needs come first, then tenants'.
    fn add(&mut self, owner: Owner, pods: Pods) -> &mut App {
        let needed = self.needed.iter().position(|(of, _, _)| *of == owner);
        let (space, name) = match needed.map(|at| self.needed.remove(at)) {
            Some((_, space, name)) => (space, name.to_owned()),
            None => self.place(),
        };
        self.push(space, name, owner, pods)
    }

    /// A namespace of tenants, and a name that is new there.
    fn place(&mut self) -> (u32, String) {
        let open = self.sizes.namespaces - u32::from(self.sizes.namespaces >= STUCK_FROM);
        let space = TENANTS + self.random.below(open);
        let taken = &mut self.spaces[space as usize].apps;
        let (turn, of) = (*taken / LENGTH, (*taken + space) % LENGTH);
        *taken += 1;
        let name = NAMES[of as usize];
        (space, if turn == 0 { name.to_owned() } else { format!("{name}-{}", turn + 1) })
    }

    fn push(&mut self, space: u32, name: String, owner: Owner, pods: Pods) -> &mut App {
        self.apps.push(App {
            index: 0,
            space,
            name,
            owner,
            pods,
            first_pod: 0,
            first_place: 0,
            fault: None,
            exposure: Exposure::Either,
            rights: Rights::Ordinary,
        });
        self.apps.last_mut().expect("it was pushed")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "forty names")]
const LENGTH: u32 = NAMES.len() as u32;

/// From so many namespaces on, the last one is stuck while it is deleted.
const STUCK_FROM: u32 = 10;

fn spaces(seed: u64, tenants: u32) -> Vec<Space> {
    let start = Random::of(seed, Purpose::Namespace, 0, 0).next();
    let system = SYSTEM_SPACES.iter().map(|name| Space { name: (*name).to_owned(), fault: None, apps: 0 });
    let fault = |index: u32| match index % 10 {
        _ if index + 1 == tenants && tenants >= STUCK_FROM => Some(Fault::StuckTerminating),
        4 => Some(Fault::NoLimitRange),
        7 => Some(Fault::NoNetworkPolicy),
        _ => None,
    };
    let tenant = |index: u32| {
        let name = format!("ns-{}", letters(start, u64::from(index)));
        Space { name, fault: fault(index), apps: 0 }
    };
    system.chain((0..tenants).map(tenant)).collect()
}
