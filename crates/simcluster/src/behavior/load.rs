//! A population, and its churn.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Answered, Events, MAPS, cluster, config_map, delete, get, start, watch};
use crate::{Effect, Fault, SimCluster, population};

const PODS: &str = "/api/v1/pods";

fn small() -> population::Sizes {
    population::Sizes { nodes: 5, pods: 60, namespaces: 3, images: 20, ..population::Sizes::default() }
}

#[tokio::test]
async fn a_population_is_as_large_as_asked_and_the_same_for_the_same_seed() {
    let all = async |seed| {
        let sim = start(SimCluster::builder().seed(seed).population(small())).await;
        (get(&sim, PODS).await, get(&sim, "/api/v1/nodes").await)
    };
    let (pods, nodes) = all(7).await;
    assert_eq!((pods.names().len(), nodes.names().len()), (60, 5));
    assert_ne!(all(8).await.0, pods);
    assert_eq!(all(7).await, (pods, nodes));
}

#[tokio::test]
async fn pods_of_a_population_stay_as_they_are_while_nodes_renew_their_leases() {
    let sim = start(SimCluster::builder().population(small())).await;
    let renewed = async || {
        let leases = get(&sim, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases").await.body;
        leases["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lease| lease["spec"]["renewTime"].to_string())
            .collect::<Vec<_>>()
    };
    let (pods, before) = (get(&sim, PODS).await.body["items"].clone(), renewed().await);
    sim.step(Duration::from_mins(1));
    assert_eq!(get(&sim, PODS).await.body["items"], pods);
    assert!(before.iter().zip(renewed().await).all(|(before, after)| *before < after), "{before:?}");
}

/// A client that lists once, and then only watches.
struct Follower {
    path: &'static str,
    version: u64,
    known: BTreeSet<String>,
}

impl Follower {
    async fn of(sim: &SimCluster, path: &'static str) -> Self {
        let list = get(sim, path).await;
        Self { path, version: list.version(), known: names(&list) }
    }

    /// Follows one watch to its end, or to the present.
    async fn follow(&mut self, sim: &SimCluster) {
        let mut events = self.resume(sim).await;
        while self.version < sim.state().version
            && let Some(event) = events.next().await
        {
            self.learn(&event);
        }
    }

    /// A watch from what is known on.
    async fn resume(&self, sim: &SimCluster) -> Events {
        watch(sim, &format!("{}?watch=1&resourceVersion={}", self.path, self.version)).await
    }

    fn learn(&mut self, event: &Value) {
        let metadata = &event["object"]["metadata"];
        self.version = metadata["resourceVersion"].as_str().unwrap().parse().unwrap();
        let name = metadata["name"].as_str().unwrap().to_owned();
        if event["type"] == "DELETED" {
            self.known.remove(&name)
        } else {
            self.known.insert(name)
        };
    }
}

fn names(list: &Answered) -> BTreeSet<String> {
    list.names().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_client_that_resumes_its_dropped_watches_ends_with_the_present() {
    let sim = start(SimCluster::builder().population(small()).churn(1_000)).await;
    let mut follower = Follower::of(&sim, PODS).await;
    sim.set_faults(vec![Fault::new(Effect::DropWatch(100)).times(10)]);
    sim.step(Duration::from_secs(1));
    for _ in 0..11 {
        follower.follow(&sim).await;
    }
    assert_eq!((sim.faults()[0].met, follower.version), (10, sim.state().version));
    assert_eq!(follower.known, names(&get(&sim, PODS).await));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_cut_off_and_resumes() {
    let sim = cluster().await;
    let mut follower = Follower::of(&sim, MAPS).await;
    let mut unread = follower.resume(&sim).await;
    for nth in 0..10_050 {
        let mut map = config_map(&format!("m{}", nth % 50));
        map["metadata"]["namespace"] = "default".into();
        map["data"] = json!({"k": nth.to_string()});
        sim.put(map).unwrap();
    }
    delete(&sim, &format!("{MAPS}/m7")).await;
    assert_eq!(sim.state().watchers.values().sum::<usize>(), 0);
    let mut told = 0;
    while let Some(event) = unread.next().await {
        follower.learn(&event);
        told += 1;
    }
    assert_eq!((told, follower.known.len()), (10_000, 50));
    follower.follow(&sim).await;
    assert_eq!((follower.known.len(), &follower.known), (49, &names(&get(&sim, MAPS).await)));
}
