//! A follower of a simulated cluster, and Leases with one address or another.

use std::sync::Arc;

use kubeio::election::Candidate;
use kubeio::{Metrics, Place};
use runtime::clock::SystemClock;
use runtime::settings::sections::LeaderSettings;
use runtime::shutdown::Stopper;
use serde_json::{Value, json};
use simcluster::{Effect, Fault, SimCluster};

use super::*;

struct Follower {
    sim: SimCluster,
    leader: KnownLeader,
    _stopper: Stopper,
}

impl Follower {
    /// One that listens on a host's address; the Lease is another's, with this annotation.
    async fn of(address: Option<&str>, faults: Vec<Fault>) -> Self {
        let sim = SimCluster::builder().faults(faults).without_listener().start().await.unwrap();
        let place = Place {
            server: "http://simulated".to_owned(),
            namespace: "default".to_owned(),
            release: "kw".to_owned(),
            requests_per_second: 50,
            seed: 7,
        };
        sim.put(lease(address)).unwrap();
        let cluster = Cluster::over(sim.service(), place, Arc::new(SystemClock::new()), &Metrics::default());
        let candidate = Candidate { identity: "follower_1".to_owned(), address: String::new() };
        let (stopper, stop) = Stop::channel();
        let election = Election::start(&cluster, &LeaderSettings::default(), candidate, stop.clone());
        let leader = KnownLeader::follow(&election, &cluster, ([10, 0, 0, 1], 18080).into(), &stop);
        Self { sim, leader, _stopper: stopper }
    }

    async fn until(&self, holds: impl Fn(&Leader) -> bool) {
        while !holds(&self.leader.leader()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A Lease that nobody lets go of.
fn lease(address: Option<&str>) -> Value {
    let annotations = address.map(|address| json!({"keelwatch.io/address": address}));
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "keelwatch", "namespace": "default", "annotations": annotations},
        "spec": {
            "holderIdentity": "leader_1",
            "leaseDurationSeconds": 3600,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    })
}

fn replica(address: &str) -> Value {
    let labels = json!({"app.kubernetes.io/name": "keelwatch", "app.kubernetes.io/instance": "kw"});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kw-0", "namespace": "default", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    })
}

/// Requests are refused with a reason in which each of these stands.
async fn check(address: Option<&str>, parts: &[&str]) {
    let follower = Follower::of(address, Vec::new()).await;
    let is_told =
        |leader: &Leader| matches!(leader, Leader::Untrusted(why) if parts.iter().all(|part| why.contains(part)));
    follower.until(is_told).await;
}

#[tokio::test]
async fn a_leader_whose_address_is_not_trusted_is_told_from_none_with_what_would_be_accepted() {
    check(None, &["another process leads and does not say where", "POD_IP", "leader.address"]).await;
    check(Some("kw.example:1"), &["`kw.example:1`, which is no address", "an IP address and a port"]).await;
    check(Some("127.0.0.1:18080"), &["127.0.0.1:18080, which is this host", "leader.address"]).await;
    let of_a_pod = ["10.0.0.9:18080, and no live pod", "`default`", "app.kubernetes.io/instance=kw"];
    check(Some("10.0.0.9:18080"), &of_a_pod).await;
}

#[tokio::test]
async fn a_leader_is_trusted_as_soon_as_a_pod_of_the_release_has_its_address() {
    let refused = Fault::new(Effect::Status { code: 403, retry_after: None }).on("list", "pods");
    let follower = Follower::of(Some("10.0.0.9:18080"), vec![refused]).await;
    follower.until(|leader| matches!(leader, Leader::Untrusted(why) if why.contains("right to list pods"))).await;
    follower.sim.set_faults(Vec::new());
    follower.sim.put(replica("10.0.0.9")).unwrap();
    follower.until(|leader| *leader == Leader::At(([10, 0, 0, 9], 18080).into())).await;
}
