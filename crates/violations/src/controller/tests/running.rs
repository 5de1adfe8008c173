//! The collector as a process runs it: watches, ticks, nudges, settings that change.

use kubeio::{Metrics, Place};
use simcluster::{Pace, SimCluster};
use tokio::time::timeout;

use super::*;

/// Longer than anything that is waited for on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

/// A simulated cluster whose Service `keelwatch-node` lists the agents.
async fn cluster(world: &World, service: &str) -> (SimCluster, Cluster) {
    let sim = SimCluster::builder().pace(Pace::Manual).without_listener().start().await.unwrap();
    for slice in world.agents.slices("default", service) {
        sim.put(slice).unwrap();
    }
    let place = Place {
        server: "http://simulated".to_owned(),
        namespace: "default".to_owned(),
        release: "keelwatch".to_owned(),
        requests_per_second: 1000,
        seed: 7,
    };
    let cluster = Cluster::over(sim.service(), place, world.clock.clone(), &Metrics::default());
    (sim, cluster)
}

/// Waits until what findings know makes this true.
async fn until(world: &World, what: &str, mut is_true: impl FnMut(&World) -> bool) {
    let mut wakes = world.collector.findings().wakes();
    let waiting = async {
        while !is_true(world) {
            wakes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn the_first_round_begins_when_the_endpoints_are_known_and_the_next_on_demand() {
    let mut world = World::of(3).await;
    world.collector.0.endpoints.forget();
    let (_sim, cluster) = cluster(&world, "keelwatch-node").await;
    world.collector.start(&cluster, &world.stop);
    let running = tokio::spawn({
        let (collector, stop) = (world.collector.clone(), world.stop.clone());
        async move { collector.run(stop).await }
    });
    until(&world, "a first round", |world| world.findings() == (12, 0, 0)).await;
    world.agents.set_records(1, Vec::new());
    timeout(PATIENCE, async {
        while world.collector.nudge().is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    until(&world, "a second round", |world| world.findings() == (8, 0, 4)).await;

    let mut settings = world.settings.clone();
    settings.enabled = false;
    world.collector.apply(&settings);
    until(&world, "no round", |world| world.findings() == (0, 8, 4)).await;
    assert_eq!(world.nodes()[0], "agent-1 stale disabled");
    settings.enabled = true;
    world.collector.apply(&settings);
    until(&world, "a round again", |world| world.findings() == (8, 0, 4)).await;

    settings.service_name = "other".to_owned();
    world.collector.apply(&settings);
    world.stopper.stop();
    timeout(PATIENCE, running).await.unwrap().unwrap();
    assert_eq!(world.collector.nudge(), Err("not leading yet"));
    world.set(0, Manner::Dead).await;
}

#[tokio::test]
async fn a_service_of_another_name_has_no_endpoints_and_readiness_says_so() {
    let mut world = World::of(1).await;
    world.round().await;
    world.collector.0.endpoints.forget();
    world.settings.service_name = "keelwatch-nodes".to_owned();
    world.collector.apply(&world.settings);
    let (_sim, cluster) = cluster(&world, "keelwatch-node").await;
    world.collector.start(&cluster, &world.stop);
    timeout(PATIENCE, world.collector.0.endpoints.synced()).await.unwrap();
    world.round().await;
    assert_eq!((world.nodes(), world.findings()), (vec!["agent-1 stale missing".to_owned()], (0, 4, 0)));
    let expected = "Service keelwatch-nodes in namespace default has no endpoints";
    assert_eq!(world.collector.check(), Check::Warn(expected.to_owned()));
    assert_eq!(world.metric("keelwatch_violations_collects_total{result=\"none\"}"), Some(1.0));
}
