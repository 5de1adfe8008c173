//! From a process on a node to what is done about it, and back: three nodes and a controller, each a process of its own, over
//! a simulated cluster.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use simcluster::nodes::{Fleet, RUN};
use simcluster::{Section, SimCluster};
use tempfile::TempDir;

use crate::installation::clock_now;
use crate::node::Node;
use crate::program::{start, write};
use crate::real_servers::free_port;
use crate::receiver::Receiver;

const MINER: &str = "/tmp/xmrig -o stratum+tcp://pool.example:3333 -u wallet";

const WASM_PLUGINS: &str = "wasmplugins.extensions.higress.io";
const NOTIFICATIONS: &str = "notifications.notification.sealos.io";

/// A whole installation: a cluster, its nodes, its controller, and who hears of findings.
struct World {
    cluster: Arc<SimCluster>,
    nodes: Vec<(String, Node)>,
    controller: Option<Node>,
    receiver: Receiver,
    folder: TempDir,
    port: u16,
    /// Namespace and name of the pod that a miner can start in, and the name of its app.
    host: (String, String, String),
    following: tokio::task::JoinHandle<()>,
}

impl World {
    async fn start() -> Self {
        let section = Section { nodes: 3, pods: 30, namespaces: 2, images: 10, ..Section::default() };
        // The trees of the nodes show the time of the cluster, and processes have started in it.
        let cluster = SimCluster::builder().settings(section.settings(clock_now())).start().await.unwrap();
        let cluster = Arc::new(cluster);
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        for namespace in ["keelwatch", "higress-system"] {
            cluster.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).unwrap();
        }
        let names: Vec<String> =
            cluster.list("nodes", "", "").unwrap().iter().map(|node| text(&node["metadata"]["name"])).collect();
        let mut fleet = Fleet::boot(&cluster, &names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let kubeconfig = write(folder.path(), "kubeconfig", &cluster.kubeconfig().unwrap());
        let rules = "version: 1\noverrides: [{rules: [miner-name], action: respond}]\n";
        let rules = write(folder.path(), "rules.yaml", rules);
        let mut nodes = Vec::new();
        for (place, name) in (1_u8..).zip(&names) {
            let proc = fleet.node(name).unwrap().proc().display().to_string();
            nodes.push((name.clone(), Node::with(&format!(
                "listen: {{api: '127.64.7.{place}:{port}', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\nnode: {name}\n\
                 auth: {{anonymous_reads: true}}\ncluster: {{mode: required, kubeconfig: '{kubeconfig}'}}\n\
                 processes: {{proc: '{proc}', every: 1s, cpu_share: 1.0, rules: [builtin, '{rules}']}}\n"
            ))));
        }
        cluster.put(slice(&names, port)).unwrap();
        let host = exposed(&cluster);
        let following = tokio::spawn({
            let cluster = Arc::clone(&cluster);
            async move {
                loop {
                    tokio::task::block_in_place(|| fleet.follow(&cluster)).unwrap();
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
        let receiver = Receiver::start().await;
        let mut world = Self { cluster, nodes, controller: None, receiver, folder, port, host, following };
        world.begin();
        world
    }

    /// Starts the controller, with the store that it had.
    fn begin(&mut self) {
        let folder = self.folder.path().display();
        let (port, receiver) = (self.port, self.receiver.address);
        let text = format!(
            "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\nauth: {{anonymous_reads: true}}\n\
             cluster: {{mode: required, kubeconfig: '{folder}/kubeconfig'}}\nrelease: {{namespace: keelwatch}}\n\
             leader: {{duration: 1s, renew: 700ms, retry: 200ms}}\n\
             storage: {{url: 'sqlite:{folder}/keelwatch.db'}}\n\
             violations: {{controller: {{every: 5s, api_port: {port}}}}}\n\
             responses:\n  every: 5s\n  confirmations: 2\n  hold: 2s\n  \
             wasm_plugin: {{enabled: true, url: 'oci://registry.example/custom-response:1.0.0'}}\n  \
             notification: {{enabled: true}}\n  \
             notifiers: [{{name: ops, type: webhook, enabled: true, url: 'http://{receiver}/', allow_loopback: true, group_wait: 0s}}]\n"
        );
        let file = write(self.folder.path(), "keelwatch.yaml", &text);
        self.controller = Some(Node::of(start(&["controller", "--settings", &file]), TempDir::new().unwrap()));
    }

    fn controller(&self) -> &Node {
        self.controller.as_ref().unwrap()
    }

    fn mine(&self, command: Option<&str>) {
        let (namespace, name, _) = &self.host;
        let mut pod = self.cluster.get("pods", namespace, name).unwrap();
        match command {
            Some(command) => pod["metadata"]["annotations"][RUN] = command.into(),
            None => drop(pod["metadata"]["annotations"].as_object_mut().unwrap().remove(RUN)),
        }
        self.cluster.put(pod).unwrap();
    }

    /// The findings of the pod, in any state, once they are as they should be.
    async fn until_finding(&self, is_meant: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/findings?state=all&namespace={}&rule=miner-name", self.host.0);
        self.controller()
            .until(&path, async |response| {
                let answer: Value = response.json().await.ok()?;
                let found =
                    answer["items"].as_array()?.iter().find(|item| item["subject"]["pod"] == self.host.1.as_str());
                found.filter(|found| is_meant(found)).cloned()
            })
            .await
    }

    /// Objects of this kind, once they are as many.
    async fn until_objects(&self, resource: &str, count: usize) -> Vec<Value> {
        let asking = async {
            loop {
                let objects = self.cluster.list(resource, "", "").unwrap();
                if objects.len() == count {
                    return objects;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let waited = tokio::time::timeout(crate::node::PATIENCE * 2, asking).await;
        waited.unwrap_or_else(|_| panic!("{resource} are not {count}"))
    }

    async fn until_node(&self, name: &str, state: &str) -> Value {
        self.controller()
            .until("/api/v1/violations/nodes", async |response| {
                let answer: Value = response.json().await.ok()?;
                let node = answer["items"].as_array()?.iter().find(|item| item["node"] == name)?.clone();
                (node["state"] == state).then_some(node)
            })
            .await
    }

    /// Messages that the receiver got of this event.
    fn told(&self, event: &str) -> usize {
        self.receiver.taken().iter().filter(|message| message.header("keelwatch-event") == Some(event)).count()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.following.abort();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn slice(names: &[String], port: u16) -> Value {
    let endpoint = |(place, name): (u8, &String)| json!({"addresses": [format!("127.64.7.{place}")], "conditions": {"ready": true}, "nodeName": name});
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": "keelwatch-node", "namespace": "keelwatch",
            "labels": {"kubernetes.io/service-name": "keelwatch-node"},
        },
        "endpoints": (1_u8..).zip(names).map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "api", "port": port, "protocol": "TCP"}],
    })
}

/// A running pod whose app is given a Service and an Ingress.
fn exposed(cluster: &SimCluster) -> (String, String, String) {
    let pods = cluster.list("pods", "", "status.phase=Running").unwrap();
    let of_an_app = |pod: &&Value| {
        pod["metadata"]["labels"]["app"].is_string() && text(&pod["metadata"]["namespace"]).starts_with("ns-")
    };
    let pod = pods.iter().find(of_an_app).unwrap();
    let [namespace, name] = [&pod["metadata"]["namespace"], &pod["metadata"]["name"]].map(text);
    let app = text(&pod["metadata"]["labels"]["app"]);
    cluster
        .put(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": "way-in"},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
        }))
        .unwrap();
    cluster.put(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": namespace, "name": "way-in"},
        "spec": {"rules": [{"host": "cart.example.com", "http": {"paths": [{
            "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "way-in", "port": {"number": 80}}},
        }]}}]},
    })).unwrap();
    (namespace, name, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_is_found_blocked_and_told_of_and_all_of_it_is_undone_when_it_has_stopped() {
    let mut world = World::start().await;
    let (namespace, pod, app) = world.host.clone();
    world.mine(Some(MINER));

    let finding = world.until_finding(|finding| finding["state"] == "open").await;
    let got = [&finding["source"], &finding["severity"], &finding["action"], &finding["app"]["name"]];
    assert_eq!(got, [&json!("process"), &json!("critical"), &json!("respond"), &json!(app)]);
    let violations: Value = world.controller().get("/api/violations").await.json().await.unwrap();
    let of_pod =
        violations["violations"].as_array().unwrap().iter().find(|violation| violation["pod"] == pod.as_str()).unwrap();
    assert_eq!(
        (&of_pod["fingerprint"], &of_pod["status"], &of_pod["stale"]),
        (&finding["fingerprint"], &json!("active"), &json!(false))
    );

    let plugin = world.until_objects(WASM_PLUGINS, 1).await.remove(0);
    assert_eq!(plugin["metadata"]["namespace"], "higress-system");
    assert_eq!(
        plugin["spec"],
        json!({
            "url": "oci://registry.example/custom-response:1.0.0", "phase": "AUTHN", "priority": 910, "failStrategy": "FAIL_OPEN",
            "imagePullPolicy": "IfNotPresent", "defaultConfigDisable": true,
            "matchRules": [{"ingress": [format!("{namespace}/way-in")], "config": {
                "status_code": 403, "headers": ["Content-Type=text/plain; charset=utf-8"],
                "body": "This application is blocked because it breaks the rules of this cluster.",
            }}],
        })
    );
    let notification = world.until_objects(NOTIFICATIONS, 1).await.remove(0);
    let reference = &text(&finding["fingerprint"])[..8];
    assert_eq!(notification["metadata"]["namespace"], json!(namespace));
    assert_eq!(notification["spec"]["title"], json!(format!("Forbidden processes in {namespace}")));
    assert_eq!(notification["spec"]["importance"], "High");
    assert!(text(&notification["spec"]["message"]).contains(reference), "{notification}");
    assert!(!text(&notification["spec"]["message"]).contains("stratum"), "{notification}");
    crate::wait::until("the message", || (world.told("opened") == 1).then_some(()));

    // A node that stops answering changes nothing but its freshness.
    let node = text(&finding["subject"]["node"]);
    let stopped = &world.nodes.iter().find(|(name, _)| *name == node).unwrap().1;
    stopped.program.signal(Signal::STOP);
    world.until_node(&node, "stale").await;
    let stale = world.until_finding(|finding| finding["stale"] == true).await;
    assert_eq!((&stale["state"], &stale["first_seen"]), (&json!("open"), &finding["first_seen"]));
    assert_eq!(world.until_objects(WASM_PLUGINS, 1).await, std::slice::from_ref(&plugin));
    stopped.program.signal(Signal::CONT);
    world.until_node(&node, "fresh").await;

    // The controller dies and comes back: it knows what it said and did.
    world.controller().program.signal(Signal::KILL);
    world.controller = None;
    world.begin();
    let again = world.until_finding(|finding| finding["stale"] == false).await;
    assert_eq!((&again["first_seen"], &again["reopened"]), (&finding["first_seen"], &json!(0)));
    world
        .controller()
        .until("/api/v1/responses", async |response| {
            let answer: Value = response.json().await.ok()?;
            (answer["warm"] == true && answer["applied"].as_array()?.len() == 2).then_some(())
        })
        .await;
    assert_eq!(world.until_objects(WASM_PLUGINS, 1).await, [plugin]);
    assert_eq!(world.until_objects(NOTIFICATIONS, 1).await, [notification]);
    assert_eq!(world.told("opened"), 1);

    world.mine(None);
    let resolved = world.until_finding(|finding| finding["state"] == "resolved").await;
    assert_eq!(resolved["resolved_reason"], "process-gone");
    world.until_objects(WASM_PLUGINS, 0).await;
    world.until_objects(NOTIFICATIONS, 0).await;
    crate::wait::until("the message of the end", || (world.told("resolved") == 1).then_some(()));
}
