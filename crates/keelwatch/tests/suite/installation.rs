//! An installation for tests of the controller: agents of nodes whose violations come and go, over a simulated cluster, and a
//! receiver of messages.

use std::collections::{BTreeMap, BTreeSet};

use api::Clock;
use jiff::Timestamp;
use runtime::clock::SystemClock;
use serde_json::{Value, json};
use simcluster::SimCluster;
use simcluster::agents::{Agents, Profile};
use tempfile::TempDir;

use crate::node::Node;
use crate::program::{start, write};
use crate::receiver::Receiver;

pub(crate) const AGENTS: u32 = 8;

/// Whoever shows it may do everything.
pub(crate) const TOKEN: &str = "t0ken";
const TOKEN_SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

/// Violations that one agent can have.
const SLOTS: u64 = 3;

/// A small generator (xorshift64*), so that a run is repeated by its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// Agents whose violations come and go, a controller that is killed, and who hears of it all.
pub(crate) struct Installation {
    pub(crate) cluster: SimCluster,
    pub(crate) agents: Agents,
    pub(crate) receiver: Receiver,
    folder: TempDir,
    storage: String,
    pub(crate) random: Random,
    /// Violations that were ever told, by fingerprint.
    pub(crate) ever: BTreeSet<String>,
    /// How many processes there have been.
    processes: u64,
}

impl Installation {
    /// With a store in a file, or at this address.
    pub(crate) async fn new(storage: Option<String>) -> Self {
        let cluster = SimCluster::builder().crds(&["wasmplugins", "notifications"]).start().await.unwrap();
        let profile = Profile { records: 0, now: clock_now(), ..Profile::default() };
        let agents = Agents::start(AGENTS, &profile).await.unwrap();
        let folder = TempDir::new().unwrap();
        for namespace in ["keelwatch", "higress-system"] {
            cluster.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).unwrap();
        }
        for slice in agents.slices("keelwatch", "keelwatch-node") {
            cluster.put(slice).unwrap();
        }
        for nth in 0..AGENTS {
            for object in app(nth, agents.node(nth as usize)) {
                cluster.put(object).unwrap();
            }
        }
        write(folder.path(), "kubeconfig", &cluster.kubeconfig().unwrap());
        let storage = storage.unwrap_or_else(|| format!("sqlite:{}/keelwatch.db", folder.path().display()));
        let receiver = Receiver::start().await;
        let (ever, random) = (BTreeSet::new(), Random(u64::from(std::process::id()) | 1));
        Self { cluster, agents, receiver, folder, storage, random, ever, processes: 0 }
    }

    /// Starts a controller.
    pub(crate) fn controller(&self) -> Node {
        let (folder, port, receiver) = (self.folder.path().display(), self.agents.port(), self.receiver.address);
        let text = format!(
            "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
             auth: {{anonymous_reads: true, tokens: [{{name: tests, sha256: {TOKEN_SHA256}, scopes: [admin]}}]}}\n\
             cluster: {{mode: required, kubeconfig: '{folder}/kubeconfig'}}\nrelease: {{namespace: keelwatch}}\n\
             leader: {{duration: 1s, renew: 700ms, retry: 200ms}}\n\
             storage: {{url: '{}'}}\n\
             violations: {{controller: {{every: 5s, api_port: {port}}}}}\n\
             responses:\n  every: 5s\n  confirmations: 1\n  hold: 0s\n  \
             wasm_plugin: {{enabled: true, url: 'oci://registry.example/custom-response:1.0.0'}}\n  \
             notification: {{enabled: true}}\n  \
             notifiers: [{{name: ops, type: webhook, enabled: true, url: 'http://{receiver}/', allow_loopback: true, group_wait: 0s}}]\n",
            self.storage,
        );
        let folder = TempDir::new().unwrap();
        let file = write(folder.path(), "keelwatch.yaml", &text);
        Node::of(start(&["controller", "--settings", &file]), folder)
    }

    /// One process starts or ends on some node, and every node has made a pass.
    pub(crate) fn happen(&mut self) {
        let nth = u32::try_from(self.random.below(u64::from(AGENTS))).unwrap();
        let place = nth as usize;
        let mut records = self.agents.records(place);
        let active = records.iter().filter(|record| record["status"] == "active").count() as u64;
        if self.random.below(SLOTS + 1) < active {
            end(records.iter_mut().find(|record| record["status"] == "active").unwrap());
        } else {
            return self.begin(nth);
        }
        self.agents.set_records(place, records);
        self.pass();
    }

    /// A miner starts in the pod of this node, and every node has made a pass.
    pub(crate) fn begin(&mut self, nth: u32) {
        let place = nth as usize;
        self.processes += 1;
        let record = record(nth, self.agents.node(place), self.processes);
        self.ever.insert(record["fingerprint"].as_str().unwrap().to_owned());
        self.agents.set_records(place, [self.agents.records(place), vec![record]].concat());
        self.pass();
    }

    fn pass(&self) {
        for nth in 0..AGENTS as usize {
            self.agents.pass(nth, clock_now());
        }
    }

    /// No process runs any more, and every node has seen that.
    pub(crate) fn end_all(&self) {
        for nth in 0..AGENTS as usize {
            let mut records = self.agents.records(nth);
            records.iter_mut().filter(|record| record["status"] == "active").for_each(end);
            self.agents.set_records(nth, records);
        }
        self.pass();
    }

    /// Whatever was told of a finding, of each of its openings and ends, came under one key.
    pub(crate) fn nothing_was_told_twice(&self) {
        let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for message in self.receiver.taken() {
            let key = message.header("idempotency-key").unwrap().to_owned();
            let told = message.json();
            let event = told["event"].as_str().unwrap().to_owned();
            for finding in told["findings"].as_array().unwrap() {
                let fingerprint = finding["fingerprint"].as_str().unwrap().to_owned();
                keys.entry((fingerprint, event.clone())).or_default().insert(key.clone());
            }
        }
        assert!(!keys.is_empty());
        for (told, keys) in keys {
            assert_eq!(keys.len(), 1, "{told:?} was told under {keys:?}");
        }
    }
}

/// A process has ended, and its node has seen that.
fn end(record: &mut Value) {
    record["status"] = "resolved".into();
    record["resolved_at"] = now().into();
    record["resolved_reason"] = "process-gone".into();
}

pub(crate) fn clock_now() -> Timestamp {
    SystemClock::new().now()
}

fn now() -> String {
    format!("{:.0}", clock_now())
}

fn uid(nth: u32) -> String {
    format!("8712f785-1a3e-41ec-a00b-{nth:012}")
}

fn container(nth: u32) -> String {
    format!("{nth:064x}")
}

/// A pod on a node, in a namespace of its own, with the way to it from outside.
fn app(nth: u32, node: &str) -> [Value; 4] {
    let namespace = format!("ns-{nth}");
    let status = json!({"phase": "Running", "containerStatuses": [{
        "name": "web", "image": "i", "imageID": "", "containerID": format!("containerd://{}", container(nth)), "ready": true,
        "restartCount": 0, "state": {"running": {"startedAt": "2026-11-21T04:00:00Z"}},
    }]});
    let path =
        json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "cart", "port": {"number": 80}}}});
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": namespace, "name": "cart-0", "uid": uid(nth), "labels": {"app": "cart"}},
            "spec": {"nodeName": node, "containers": [{"name": "web", "image": "i"}]}, "status": status,
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": "cart"},
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": namespace, "name": "cart"},
            "spec": {"rules": [{"http": {"paths": [path]}}]},
        }),
    ]
}

/// A miner in the pod of this node.
fn record(nth: u32, node: &str, process: u64) -> Value {
    let at = now();
    json!({
        "pod": "cart-0", "namespace": format!("ns-{nth}"), "process": "xmrig", "cmdline": "./xmrig", "regex": "xmrig",
        "status": "active", "type": "app", "name": "cart", "timestamp": at, "node": node, "pod_uid": uid(nth),
        "container_id": container(nth), "container": "web", "pid": process + 100, "severity": "critical", "rule": "miner-name",
        "rules": ["miner-name"], "action": "respond", "fingerprint": format!("{process:032x}"), "first_seen": at,
        "last_seen": at, "count": 1, "attribution": "resolved", "attribution_reason": "",
        "evidence": {
            "exe": "/app/xmrig", "exe_flags": [], "uid": 1000, "started_at": at, "cpu_seconds": 1.5,
            "sha256": "9b".repeat(32), "parents": [],
        },
    })
}
