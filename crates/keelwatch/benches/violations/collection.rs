//! Five thousand nodes with four violations each, collected again and again.
//!
//! Owns the controller's bars. Agents and API server are in the process of the bench and share its two cores with the controller.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use runtime::clock::SystemClock;
use simcluster::agents::{Agents, Garbage, Manner, Profile};
use simcluster::{Pace, SimCluster};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::controller::Controller;
use crate::result;

const NODES: u32 = 5_000;

/// Nodes that do what no node should.
const BAD: usize = 500;

/// How long the controller waits for one node.
const TIMEOUT_S: u32 = 5;

/// A 1 GB answer.
const HUGE: usize = 1 << 30;

/// What is collected from.
struct Cluster {
    runtime: Runtime,
    agents: Agents,
    _sim: SimCluster,
    kubeconfig: PathBuf,
    _folder: TempDir,
}

pub(crate) fn run() {
    // Two descriptors an agent: its listener, and the connection that is kept.
    processes::raise_open_files(0);
    let mut cluster = Cluster::start();
    let controller = Controller::start(&cluster.kubeconfig, cluster.agents.port(), TIMEOUT_S);
    let first = controller.until(1, 0.0);
    let cpu = controller.cpu_s();
    result("collect-5000-first", first.seconds, "s", "<=5");
    result("collect-5000-first-cpu", cpu, "s", "-");
    assert_open(&controller, NODES as usize * 4);
    let second = controller.round(2);
    result("collect-5000-unchanged", second.seconds, "s", "<=2");
    result("collect-5000-unchanged-cpu", controller.cpu_s() - cpu, "s", "-");
    result("collect-5000-peak", controller.peak_mib(), "MiB", "<=200");
    cluster.set(17, Manner::Silent);
    let third = controller.round(3);
    result("one-dead-node-lengthens-by", third.seconds - second.seconds, "s", &format!("<={TIMEOUT_S}.5"));
    cluster.set(17, Manner::Answers);
    drop(controller);
    with_bad_ones(&mut cluster);
}

/// 500 nodes that hang, fail, answer garbage or a gigabyte: how late all others are asked, at first and once it is known.
fn with_bad_ones(cluster: &mut Cluster) {
    let manners = [Manner::Silent, Manner::Status(500), Manner::Garbage(Garbage::Truncated), Manner::Huge(HUGE)];
    // Spread over all.
    let step = NODES as usize / BAD;
    for bad in 0..BAD {
        cluster.set(bad * step, manners[bad % manners.len()].clone());
    }
    let before = cluster.asked();
    let begun = Instant::now();
    let controller = Controller::start(&cluster.kubeconfig, cluster.agents.port(), TIMEOUT_S);
    let first = cluster.until_asked(&before, step, begun);
    controller.until(1, 0.0);
    result("collect-4500-beside-500-bad-first", first, "s", "<=10");
    let before = cluster.asked();
    let begun = Instant::now();
    let asking = std::thread::scope(|scope| {
        let round = scope.spawn(|| controller.round(2));
        let asked = cluster.until_asked(&before, step, begun);
        round.join().expect("a round ends");
        asked
    });
    result("collect-4500-beside-500-bad-again", asking, "s", "<=2");
    result("collect-beside-500-bad-peak", controller.peak_mib(), "MiB", "<=200");
    assert_open(&controller, (NODES as usize - BAD) * 4);
}

/// Nothing was lost.
fn assert_open(controller: &Controller, expected: usize) {
    let answer = controller.ask("GET", "/api/violations?limit=1");
    assert!(answer.contains(&format!("\"total_count\":{expected}")), "{answer}");
}

impl Cluster {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let now = api::Clock::now(&SystemClock::new());
        // A pass an hour, so that none is overdue while the bench runs.
        let profile = Profile { now, interval_seconds: 3600, ..Profile::default() };
        let agents = runtime.block_on(Agents::start(NODES, &profile)).expect("agents listen");
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let sim = SimCluster::builder().pace(Pace::Auto).listen(listen).start();
        let sim = runtime.block_on(sim).expect("the simulated API listens");
        for slice in agents.slices("default", "keelwatch-node") {
            sim.put(slice).expect("a slice is an object");
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, sim.kubeconfig().expect("it listens")).expect("a temporary folder can be written");
        Self { runtime, agents, _sim: sim, kubeconfig, _folder: folder }
    }

    fn set(&mut self, agent: usize, manner: Manner) {
        self.runtime.block_on(self.agents.set(agent, manner)).expect("an agent listens");
    }

    /// How often each was asked.
    fn asked(&self) -> Vec<u64> {
        (0..self.agents.count()).map(|agent| self.agents.asked(agent).0).collect()
    }

    /// Seconds until every good agent has been asked once more.
    fn until_asked(&self, before: &[u64], step: usize, begun: Instant) -> f64 {
        let is_good = |agent: &usize| !agent.is_multiple_of(step);
        let is_left = |agent: &usize| self.agents.asked(*agent).0 <= before[*agent];
        let left = || (0..self.agents.count()).filter(is_good).filter(is_left).count();
        while left() > 0 {
            assert!(begun.elapsed() < Duration::from_mins(2), "{} good nodes are not asked", left());
            std::thread::sleep(Duration::from_millis(10));
        }
        begun.elapsed().as_secs_f64()
    }
}
