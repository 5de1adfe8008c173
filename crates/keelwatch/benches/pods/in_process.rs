//! Look-ups as other rooms make them, without HTTP.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::ContainerId;
// The allocator of the program.
use keelwatch as _;
use kubeio::{Cluster, Metrics, Place};
use pods::{Pods, Role};
use runtime::clock::SystemClock;
use runtime::shutdown::Stop;
use serde_json::Value;
use simcluster::SimCluster;
use simcluster::population::Sizes;

use crate::result;

const PODS: u32 = 20_000;
const ASKED: u32 = 200_000;

/// What is known of some pod.
struct Known {
    uid: String,
    container: ContainerId,
    address: IpAddr,
    name: (String, String),
}

pub(crate) fn run() {
    let workers = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (pods, known, _stopper) = workers.block_on(filled());
    measure("lookup-by-uid", &known, |known| black_box(pods.by_uid(&known.uid)).is_some());
    measure("lookup-by-container", &known, |known| black_box(pods.by_container(&known.container)).is_some());
    measure("lookup-by-address", &known, |known| black_box(pods.by_address(known.address)).is_some());
    measure("lookup-by-name", &known, |known| black_box(pods.by_name(&known.name.0, &known.name.1)).is_some());
}

/// An index of a simulated cluster, and keys of its pods.
async fn filled() -> (Pods, Vec<Known>, runtime::shutdown::Stopper) {
    let sizes = Sizes { nodes: 500, pods: PODS, namespaces: 500, images: 500, ..Sizes::default() };
    let sim = SimCluster::builder().population(sizes).without_listener().start().await.expect("a simulation starts");
    let known = sim.list("pods", "", "").expect("pods can be listed").iter().filter_map(Known::of).collect();
    let clock = Arc::new(SystemClock::new());
    let place = Place {
        server: "simulated".to_owned(),
        namespace: "default".to_owned(),
        release: "keelwatch".to_owned(),
        requests_per_second: 50,
        seed: 7,
    };
    let cluster = Cluster::over(sim.service(), place, clock.clone(), &Metrics::default());
    let pods = Pods::new(&pods::Settings::default(), clock);
    let (stopper, stop) = Stop::channel();
    pods::start(&pods, &cluster, &Role::Controller, &stop);
    while !pods.is_synced() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (pods, known, stopper)
}

fn measure(name: &str, known: &[Known], ask: impl Fn(&Known) -> bool) {
    assert!(known.iter().all(&ask), "every pod is found");
    let started = Instant::now();
    let found = known.iter().cycle().take(ASKED as usize).filter(|known| ask(known)).count();
    let each = started.elapsed() / ASKED;
    assert_eq!(found, ASKED as usize);
    result(name, each.as_secs_f64() * 1e6, "us", "<=1");
}

impl Known {
    fn of(pod: &Value) -> Option<Self> {
        let (metadata, status) = (&pod["metadata"], &pod["status"]);
        if pod["spec"]["hostNetwork"] == true || status["phase"] != "Running" {
            return None;
        }
        let container = status["containerStatuses"][0]["containerID"].as_str()?.split("://").nth(1)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            uid: text(&metadata["uid"])?,
            container: container.parse().ok()?,
            address: status["podIP"].as_str()?.parse().ok()?,
            name: (text(&metadata["namespace"])?, text(&metadata["name"])?),
        })
    }
}
