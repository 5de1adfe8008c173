//! The index over a simulated cluster, through watches that fail as real ones do. Time is tokio's, and paused.

use std::sync::{Arc, Mutex};

use api::Clock;
use jiff::Timestamp;
use kubeio::{Metrics, Place};
use runtime::shutdown::Stopper;
use serde_json::{Value, json};
use simcluster::{Denied, Effect, Fault, Offer, SimCluster, SimService, population};
use tokio::time::Instant;

use super::*;

#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::constant(1_795_219_200, 0).checked_add(self.0.elapsed()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A role over a cluster.
struct Started {
    sim: SimCluster,
    pods: Pods,
    stopper: Stopper,
}

impl Started {
    fn new(sim: SimCluster, settings: &Settings, role: &Role) -> Self {
        Self::served_by(&Arc::new(Mutex::new(sim.service())), sim, settings, role)
    }

    /// One whose requests reach whatever `server` is at the moment.
    fn served_by(server: &Arc<Mutex<SimService>>, sim: SimCluster, settings: &Settings, role: &Role) -> Self {
        let server = Arc::clone(server);
        let service = tower::service_fn(move |request: axum::http::Request<_>| {
            tower::ServiceExt::oneshot(server.lock().unwrap().clone(), request)
        });
        let clock: Arc<dyn Clock> = Arc::new(TokioClock(Instant::now()));
        let place = Place {
            server: "http://simulated".to_owned(),
            namespace: "default".to_owned(),
            release: "keelwatch".to_owned(),
            requests_per_second: 1000,
            seed: 7,
        };
        let cluster = Cluster::over(service, place, Arc::clone(&clock), &Metrics::default());
        let pods = Pods::new(settings, clock);
        let (stopper, stop) = Stop::channel();
        start(&pods, &cluster, role, &stop);
        Self { sim, pods, stopper }
    }

    async fn synced(sim: SimCluster) -> Self {
        let started = Self::new(sim, &Settings::default(), &Role::Controller);
        until(|| started.pods.is_synced()).await;
        started
    }

    /// A count, as it is served: some as `1`, some as `1.0`.
    fn counted(&self, wanted: &str) -> u64 {
        let mut registry = runtime::metrics::Registry::default();
        crate::register(&self.pods, &mut registry);
        let text = registry.encode(runtime::metrics::Format::Prometheus);
        let line = text.lines().find_map(|line| line.strip_prefix(wanted)).unwrap_or("0");
        line.trim().trim_end_matches(".0").parse().unwrap()
    }
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..1_000_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came true");
}

async fn cluster(builder: simcluster::Builder) -> SimCluster {
    builder.without_listener().start().await.unwrap()
}

async fn populated(pods: u32) -> SimCluster {
    let sizes = population::Sizes { pods, nodes: 20, ..population::Sizes::default() };
    cluster(SimCluster::builder().population(sizes)).await
}

fn put(sim: &SimCluster, name: &str, phase: &str) -> Value {
    let metadata = json!({"name": name, "namespace": "default"});
    let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i:1"}]});
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": phase}});
    sim.put(pod).unwrap()
}

async fn delete(sim: &SimCluster, name: &str) {
    let path = format!("/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0");
    let request = axum::http::Request::delete(path).body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(sim.service(), request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_controller_knows_every_pod_with_its_owner() {
    let sim = populated(500).await;
    let started = Started::synced(sim).await;
    let all = |pods: &Pods| pods.read(|state| state.index.live().filter(|view| !view.chain().resolved).count());
    until(|| all(&started.pods) == 0).await;
    assert_eq!((started.pods.count(), started.pods.check()), (started.sim.state().objects["pods"], Check::Ok));
    let kinds: std::collections::BTreeSet<String> = started.pods.read(|state| {
        let top = |view: crate::index::View<'_>| view.chain().top().map(|top| top.kind.to_owned());
        state.index.live().filter_map(top).collect()
    });
    assert!(["Deployment", "StatefulSet", "DaemonSet"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    assert!(!kinds.contains("ReplicaSet"));
}

#[tokio::test(start_paused = true)]
async fn a_node_knows_its_own_pods() {
    let sim = populated(500).await;
    let all = Started::synced(sim).await;
    let (node, expected) = all.pods.read(|state| {
        let node = state.index.live().map(|view| view.node().to_owned()).find(|node| !node.is_empty()).unwrap();
        let expected = state.index.live().filter(|view| view.node() == node).count();
        (node, expected)
    });
    let own = Started::new(all.sim, &Settings::default(), &Role::Node(node.clone()));
    until(|| own.pods.is_synced()).await;
    let is_own = own.pods.read(|state| state.index.live().all(|view| view.node() == node));
    assert_eq!((own.pods.count(), is_own), (expected, true));
}

#[tokio::test(start_paused = true)]
async fn other_rooms_learn_whose_a_pod_is() {
    let sim = cluster(SimCluster::builder()).await;
    sim.put(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "red"}}}),
    )
    .unwrap();
    let id = "4f1c".repeat(16);
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "namespace": "default", "labels": {"devbox.sealos.io/name": "dev1"}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i:1"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses":
            [{"name": "c", "image": "i:1", "imageID": "i@sha256:x", "containerID": format!("containerd://{id}")}]}});
    let uid = sim.put(pod).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    let started = Started::synced(sim).await;
    let labels = || started.pods.by_uid(&uid).unwrap().namespace_labels;
    until(|| labels().is_some_and(|labels| labels.get("team").is_some())).await;
    let facts = started.pods.by_uid(&uid).unwrap();
    let own = facts.container(&id).map(|container| (&*container.name, &*container.image));
    assert_eq!((own, facts.app.name.as_str(), facts.owner.kind.as_str()), (Some(("c", "i:1")), "dev1", "Pod"));
    let keys = [
        started.pods.by_container(&id.parse().unwrap()),
        started.pods.by_address("10.0.0.1".parse().unwrap()),
        started.pods.by_name("default", "a"),
    ];
    assert_eq!(keys, [(); 3].map(|()| Some(facts.clone())));
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_away_is_told_once_the_version_has_expired() {
    let sim = cluster(SimCluster::builder()).await;
    for at in 0..30 {
        put(&sim, &format!("p-{at:02}"), "Pending");
    }
    let started = Started::synced(sim).await;
    let sequence = || started.pods.read(|state| state.feed.sequence());
    let before = sequence();
    started.sim.set_faults(vec![Fault::new(Effect::Status { code: 503, retry_after: None }).on("watch", "pods")]);
    started.sim.drop_watches();
    for at in 0..10 {
        delete(&started.sim, &format!("p-{at:02}")).await;
    }
    for at in 10..15 {
        put(&started.sim, &format!("p-{at:02}"), "Running");
    }
    started.sim.expire_history();
    started.sim.set_faults(Vec::new());
    until(|| started.pods.count() == 20 && started.counted("keelwatch_pods_relists_total{reason=\"expired\"}") >= 1)
        .await;
    let tombstones = started.pods.read(|state| state.index.tombstones(state.now()));
    assert_eq!((tombstones, sequence() - before), (10, 15));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_streaming_lists_is_read_page_by_page() {
    let settings = simcluster::Settings { streaming_lists: Offer::Missing, ..simcluster::Settings::default() };
    let sizes = population::Sizes { pods: 2600, nodes: 20, ..population::Sizes::default() };
    let sim = cluster(SimCluster::builder().settings(settings).population(sizes)).await;
    let started = Started::synced(sim).await;
    let is_page = |request: &&simcluster::Request| request.verb == "list" && request.resource == "pods";
    let pages = started.sim.requests().iter().filter(is_page).count();
    let exist = started.sim.state().objects["pods"];
    assert_eq!((started.pods.count(), pages), (exist, exist.div_ceil(500)));
    assert_eq!(started.counted("keelwatch_pods_sync_duration_seconds_count{mode=\"paged\"}"), 1);
}

#[tokio::test(start_paused = true)]
async fn one_pod_of_an_unknown_shape_does_not_stop_the_others() {
    let sim = cluster(SimCluster::builder()).await;
    for at in 0..500 {
        put(&sim, &format!("p-{at:03}"), "Running");
    }
    sim.set_faults(vec![Fault::new(Effect::UndecodableItem).on("list", "pods")]);
    let settings = Settings { list: settings::List::Paged, ..Settings::default() };
    let started = Started::new(sim, &settings, &Role::Controller);
    until(|| started.pods.is_synced()).await;
    assert_eq!((started.pods.count(), started.counted("keelwatch_pods_undecodable_total")), (499, 1));
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_told_with_what_it_costs() {
    let sim = populated(100).await;
    let deny = |resource: &str| {
        ["list", "watch"].map(|verb| Denied {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: "*".to_owned(),
        })
    };
    sim.deny(["replicasets", "namespaces"].iter().flat_map(|resource| deny(resource)).collect());
    let started = Started::synced(sim).await;
    let told = || match started.pods.check() {
        Check::Warn(why) => why,
        other => format!("{other:?}"),
    };
    until(|| told().contains("replicasets") && told().contains("namespaces")).await;
    let why = told();
    assert!(why.contains("owners are guessed from names") && why.contains("labels of namespaces do not hold"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn pods_that_may_not_be_watched_unready_with_the_reason() {
    let sim = populated(10).await;
    sim.deny(
        ["list", "watch"]
            .map(|verb| Denied { verb: verb.to_owned(), resource: "pods".to_owned(), namespace: "*".to_owned() })
            .to_vec(),
    );
    let started = Started::new(sim, &Settings::default(), &Role::Controller);
    until(|| matches!(started.pods.check(), Check::Fail(why) if why.contains("forbidden"))).await;
    started.sim.deny(Vec::new());
    until(|| started.pods.check() == Check::Ok).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_server_makes_what_is_known_stale_and_unready_only_if_that_is_set() {
    let sim = populated(10).await;
    let started = Started::synced(sim).await;
    started.sim.set_faults(vec![Fault::new(Effect::Status { code: 503, retry_after: None })]);
    started.sim.drop_watches();
    until(|| started.pods.freshness().is_stale).await;
    assert!(matches!(started.pods.check(), Check::Warn(why) if why.contains("what is known is stale (age 18")));
    started.pods.apply(&Settings { unready_when_stale: true, ..Settings::default() });
    assert!(matches!(started.pods.check(), Check::Fail(_)));
    started.sim.set_faults(Vec::new());
    until(|| started.pods.check() == Check::Ok).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_pods_changes_with_the_next_list() {
    let sim = cluster(SimCluster::builder()).await;
    let metadata = json!({"name": "a", "namespace": "default", "annotations": {"a": "1", "b": "2"}});
    sim.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}})).unwrap();
    let started = Started::synced(sim).await;
    let kept = || {
        started.pods.read(|state| {
            let annotations =
                |view: crate::index::View<'_>| view.annotations().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
            state.index.live().flat_map(annotations).collect::<Vec<_>>()
        })
    };
    assert_eq!(kept(), ["a", "b"]);
    started.pods.apply(&Settings { annotations: vec!["b".to_owned()], ..Settings::default() });
    until(|| kept() == ["b"]).await;
    assert_eq!(started.counted("keelwatch_pods_relists_total{reason=\"settings\"}"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_restored_from_a_backup_is_believed() {
    let [sim, backup] = [cluster(SimCluster::builder()).await, cluster(SimCluster::builder()).await];
    for sim in [&sim, &backup] {
        put(sim, "changed", "Running");
        put(sim, "gone", "Running");
    }
    put(&sim, "changed", "Failed");
    put(&sim, "new", "Running");
    delete(&sim, "gone").await;
    let server = Arc::new(Mutex::new(sim.service()));
    let started = Started::served_by(&server, sim, &Settings::default(), &Role::Controller);
    let known = || {
        let of = |view: crate::index::View<'_>| format!("{} {}", view.name(), view.phase());
        let mut pods: Vec<String> = started.pods.read(|state| state.index.live().map(of).collect());
        pods.sort();
        pods
    };
    until(|| known() == ["changed Failed", "new Running"]).await;
    *server.lock().unwrap() = backup.service();
    started.sim.drop_watches();
    until(|| known() == ["changed Running", "gone Running"]).await;
    put(&backup, "changed", "Succeeded");
    until(|| known() == ["changed Succeeded", "gone Running"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_ended_is_said_by_readiness() {
    let started = Started::synced(populated(10).await).await;
    started.stopper.stop();
    until(|| started.pods.check() == Check::Fail("the watch of pods has ended".to_owned())).await;
}
