//! Watches against a simulated cluster, in paused time.

use simcluster::SimCluster;

use crate::fixture::{Watched, cluster_with, map};

#[tokio::test(start_paused = true)]
async fn a_list_comes_first_and_changes_follow() {
    let sim = cluster_with(SimCluster::builder(), &["a", "b"]).await;
    let watched = Watched::synced(sim).await;
    assert_eq!(watched.known.told(), ["listing Start", "seen a=1", "seen b=1", "listed Streaming"]);
    watched.sim.put(map("b", "2")).unwrap();
    watched.knows(&["a=1", "b=2"]).await;
    assert_eq!(watched.known.told(), ["seen b=2"]);
}
