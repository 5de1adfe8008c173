//! `keelwatch node` beside a simulated cluster: whose pod a violation is in, known at once, late or never.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Value, json};
use simcluster::nodes::{self, Driver, Pod, Profile, Program, Runtime};
use simcluster::{Denied, SimCluster};
use tempfile::TempDir;

use crate::node::{Node, OPEN};
use crate::program::write;

const UID: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

/// A node of a cluster, with its process tree.
struct World {
    host: nodes::Node,
    directory: TempDir,
    /// Where the cluster is served, now or later.
    address: SocketAddr,
}

impl World {
    /// A node that has booted; where its cluster will be is known already.
    fn new() -> Self {
        let profile = Profile {
            name: "worker-3".to_owned(),
            boot_id: "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11".to_owned(),
            booted: booted(),
            driver: Driver::Systemd,
            runtime: Runtime::Containerd,
        };
        let host = nodes::Node::boot(profile, booted()).unwrap();
        // Nobody listens on it again until the cluster does: ports are given in turn.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { host, directory: TempDir::new().unwrap(), address }
    }

    async fn cluster(&self) -> SimCluster {
        SimCluster::builder().listen(self.address).start().await.unwrap()
    }

    /// The pod runs on the node, and a miner in its first container.
    fn mine(&mut self, pod: &Value) {
        let pod = Pod::of(pod);
        self.host.run(&pod, booted()).unwrap();
        let miner = Program::new(&["/tmp/xmrig", "-o", "stratum+tcp://pool.example:3333"], 1000);
        self.host.start(&pod.containers[0].id, miner, booted()).unwrap();
    }

    /// Starts the program beside the cluster, with more sections of settings.
    fn watch(&self, more: &str) -> Node {
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: test, cluster: {{server: 'http://{}'}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\nusers: [{{name: test, user: {{}}}}]\n",
            self.address
        );
        let kubeconfig = write(self.directory.path(), "kubeconfig", &kubeconfig);
        let rules = self.directory.path().join("rules.yaml");
        if !rules.exists() {
            write(self.directory.path(), "rules.yaml", "version: 1\n");
        }
        Node::with(&format!(
            "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\ncluster: {{kubeconfig: '{kubeconfig}'}}\n\
             processes: {{proc: '{}', every: 500ms, cpu_share: 1.0, rules: [builtin, '{}']}}\n{OPEN}\n{more}\n",
            self.host.proc().display(),
            rules.display(),
        ))
    }

    fn rules(&self, sections: &str) {
        write(self.directory.path(), "rules.yaml", &format!("version: 1\n{sections}\n"));
    }
}

fn booted() -> Timestamp {
    "2026-11-21T04:00:00Z".parse().unwrap()
}

/// A pod on the node that runs one container `web`.
fn pod(namespace: &str, name: &str, uid: &str, labels: &Value) -> Value {
    let digits = uid.replace('-', "");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "uid": uid, "labels": labels},
        "spec": {"nodeName": "worker-3", "containers": [{"name": "web", "image": "ghcr.io/acme/cart:1.2"}]},
        "status": {"phase": "Running", "qosClass": "Burstable", "containerStatuses": [{
            "name": "web", "image": "ghcr.io/acme/cart:1.2", "imageID": format!("ghcr.io/acme/cart@sha256:{digits}{digits}"),
            "containerID": format!("containerd://{digits}{digits}"), "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-11-21T04:00:00Z"}},
        }]},
    })
}

fn namespace(name: &str, team: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}})
}

/// Namespace, pod, container, kind and name of app, and why not.
fn told(violation: &Value) -> Value {
    let keys = ["namespace", "pod", "container", "type", "name", "attribution", "attribution_reason"];
    Value::from_iter(keys.map(|key| violation[key].clone()))
}

/// Waits until exactly one violation is open and is attributed like this.
async fn until_attributed(node: &Node, attribution: &str) -> Value {
    node.until("/api/violations", async |response| {
        let open: Vec<Value> = response.json().await.ok()?;
        let [only] = open.as_slice() else { return None };
        (only["attribution"] == attribution).then(|| only.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_is_served_with_pod_namespace_app_and_container() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let cart = cluster.put(pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}))).unwrap();
    world.mine(&cart);
    let node = world.watch("");
    let violation = until_attributed(&node, "resolved").await;
    assert_eq!(told(&violation), json!(["ns-shop", "cart-0", "web", "app", "cart", "resolved", ""]));
    assert_eq!(violation["pod_uid"], UID);
    node.until_ready_says("[+]pods ok").await;
    assert_eq!(node.metric("keelwatch_pods_indexed ").await, Some(1.0));
    assert_eq!(node.metric("keelwatch_violations_open{namespace=\"ns-shop\",severity=\"critical\"} ").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reads_no_pods_but_its_own() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let mut elsewhere = pod("ns-shop", "cart-1", "11111111-1a3e-41ec-a00b-e2dcc77431cb", &json!({}));
    elsewhere["spec"]["nodeName"] = "worker-4".into();
    cluster.put(elsewhere).unwrap();
    let cart = cluster.put(pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}))).unwrap();
    world.mine(&cart);
    let node = world.watch("");
    until_attributed(&node, "resolved").await;
    assert_eq!(node.metric("keelwatch_pods_indexed ").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_app_labels_is_of_the_app_of_its_owner() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let replica_set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
        "namespace": "ns-shop", "name": "shop-7d4b9", "uid": "22222222-1a3e-41ec-a00b-e2dcc77431cb",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": "d", "controller": true}],
    }});
    cluster.put(replica_set).unwrap();
    let mut shop = pod("ns-shop", "shop-7d4b9-x", UID, &json!({"pod-template-hash": "7d4b9"}));
    shop["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-7d4b9",
        "uid": "22222222-1a3e-41ec-a00b-e2dcc77431cb", "controller": true}]);
    world.mine(&cluster.put(shop).unwrap());
    let violation = until_attributed(&world.watch(""), "resolved").await;
    assert_eq!(told(&violation), json!(["ns-shop", "shop-7d4b9-x", "web", "app", "shop", "resolved", ""]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devbox_is_served_as_one() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let devbox = pod("ns-dev", "dev1-x", UID, &json!({"devbox.sealos.io/name": "dev1", "app": "x"}));
    world.mine(&cluster.put(devbox).unwrap());
    let violation = until_attributed(&world.watch(""), "resolved").await;
    assert_eq!(told(&violation), json!(["ns-dev", "dev1-x", "web", "devbox", "dev1", "resolved", ""]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_pod_is_found_by_the_hash_that_its_cgroup_shows() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let mut mirror = pod("kube-system", "etcd-worker-3", UID, &json!({}));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.hash": "3e61c214bc3ed9ff81e21474dd6cba17"});
    world.mine(&cluster.put(mirror).unwrap());
    let violation = until_attributed(&world.watch(""), "resolved").await;
    assert_eq!((&violation["pod"], &violation["container"]), (&json!("etcd-worker-3"), &json!("web")));
    assert_eq!(violation["pod_uid"], "3e61c214bc3ed9ff81e21474dd6cba17");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_appears_after_its_process_resolves_the_record() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let cart = pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}));
    world.mine(&cart);
    let node = world.watch("");
    node.until_ready_says("[+]pods ok").await;
    let before = node
        .until("/api/violations", async |response| {
            let etag = response.headers().get("etag")?.clone();
            let open: Vec<Value> = response.json().await.ok()?;
            (open.first()?["attribution_reason"] == "pod-not-found").then(|| (etag, open[0].clone()))
        })
        .await;
    assert_eq!(before.1["name"], UID);
    cluster.put(cart).unwrap();
    let after = until_attributed(&node, "resolved").await;
    assert_eq!(told(&after), json!(["ns-shop", "cart-0", "web", "app", "cart", "resolved", ""]));
    assert_eq!((&after["fingerprint"], &after["first_seen"]), (&before.1["fingerprint"], &before.1["first_seen"]));
    assert_ne!(node.get("/api/violations").await.headers()["etag"], before.0);
    assert!(node.has_told("is in pod ns-shop/cart-0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_resolved_when_an_api_server_that_was_down_answers() {
    let mut world = World::new();
    let cart = pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}));
    world.mine(&cart);
    let node = world.watch("");
    let violation = until_attributed(&node, "unresolved").await;
    assert_eq!(told(&violation), json!(["", "", "", "app", UID, "unresolved", "no-cluster"]));
    let ready = node.until_ready_says("[!]pods warning: ").await;
    assert!(node.get("/readyz").await.status().is_success(), "{ready}");
    let cluster = world.cluster().await;
    cluster.put(cart).unwrap();
    let violation = until_attributed(&node, "resolved").await;
    assert_eq!(violation["pod"], "cart-0");
    node.until_ready_says("[+]pods ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_a_node_serves_on_and_says_what_it_lacks() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let denied =
        |resource: &str| Denied { verb: "*".to_owned(), resource: resource.to_owned(), namespace: "*".to_owned() };
    cluster.deny(vec![denied("pods")]);
    world.mine(&cluster.put(pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}))).unwrap());
    let node = world.watch("");
    let violation = until_attributed(&node, "unresolved").await;
    assert_eq!((&violation["attribution_reason"], &violation["name"]), (&json!("no-cluster"), &json!(UID)));
    let ready = node.until_ready_says("403").await;
    assert!(ready.contains("[!]pods warning: ") && node.get("/readyz").await.status().is_success(), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_told_to_watches_no_pods() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    world.mine(&cluster.put(pod("ns-shop", "cart-0", UID, &json!({"app": "cart"}))).unwrap());
    let node = world.watch("violations: {node: {pods: none}}");
    let violation = until_attributed(&node, "unresolved").await;
    assert_eq!((&violation["attribution_reason"], &violation["pod_uid"]), (&json!("no-cluster"), &json!(UID)));
    assert_eq!(cluster.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_a_namespace_exempt_its_pods_and_no_others() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    world.rules("exemptions: [{reason: ordered, namespace_labels: {team: research}}]");
    cluster.put(namespace("ns-bench", "research")).unwrap();
    cluster.put(namespace("ns-shop", "shop")).unwrap();
    let other = "11111111-1a3e-41ec-a00b-e2dcc77431cb";
    world.mine(&cluster.put(pod("ns-bench", "bench-0", UID, &json!({}))).unwrap());
    world.mine(&cluster.put(pod("ns-shop", "cart-0", other, &json!({}))).unwrap());
    let node = world.watch("");
    let violation = until_attributed(&node, "resolved").await;
    assert_eq!((&violation["pod"], &violation["exempt_if"]), (&json!("cart-0"), &Value::Null));
    node.until("/api/v1/rules", async |response| {
        let rules: Value = response.json().await.ok()?;
        (rules["exemptions"][0]["hits"] == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_namespaces_cannot_be_watched_their_labels_exempt_nobody_and_that_is_said() {
    let mut world = World::new();
    let cluster = world.cluster().await;
    let denied = Denied { verb: "*".to_owned(), resource: "namespaces".to_owned(), namespace: "*".to_owned() };
    cluster.deny(vec![denied]);
    world.rules("exemptions: [{reason: ordered, namespace_labels: {team: research}}]");
    cluster.put(namespace("ns-bench", "research")).unwrap();
    world.mine(&cluster.put(pod("ns-bench", "bench-0", UID, &json!({}))).unwrap());
    let node = world.watch("");
    let violation = until_attributed(&node, "resolved").await;
    assert_eq!(violation["pod"], "bench-0");
    node.until_ready_says("exemptions by labels of namespaces do not hold").await;
    assert!(node.has_told("failed to watch namespaces"));
}
