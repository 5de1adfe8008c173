//! What moves by itself, step by step.

use std::time::Duration;

use serde_json::{Value, json};

use crate::SimCluster;
use crate::fixture::{cluster, delete, get, send};

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

async fn with_nodes(count: usize) -> SimCluster {
    let sim = cluster().await;
    for nth in 1..=count {
        let addresses = json!([{"type": "InternalIP", "address": format!("192.168.0.{nth}")}]);
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("n{nth}")}, "status": {"addresses": addresses}});
        sim.put(node).unwrap();
    }
    sim
}

fn deployment(replicas: u32) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx:1", "ports": [{"name": "http", "containerPort": 80}]}]},
            },
        },
    })
}

async fn phases(sim: &SimCluster) -> Vec<String> {
    let pods = get(sim, PODS).await;
    let phase = |pod: &Value| {
        format!("{} {}", pod["spec"]["nodeName"].as_str().unwrap_or("-"), pod["status"]["phase"].as_str().unwrap())
    };
    let mut phases: Vec<String> = pods.body["items"].as_array().unwrap().iter().map(phase).collect();
    phases.sort();
    phases
}

#[tokio::test]
async fn nothing_moves_but_by_steps() {
    let sim = with_nodes(2).await;
    send(&sim, "POST", DEPLOYMENTS, &deployment(2)).await;
    assert_eq!(phases(&sim).await, Vec::<String>::new());
    assert!(sim.step(Duration::ZERO) > 0);
    assert_eq!(phases(&sim).await, ["n1 Running", "n2 Running"]);
}

#[tokio::test]
async fn a_deployment_has_as_many_pods_as_it_wants() {
    let sim = with_nodes(1).await;
    send(&sim, "POST", DEPLOYMENTS, &deployment(3)).await;
    sim.step(Duration::from_secs(1));
    let path = format!("{DEPLOYMENTS}/web");
    assert_eq!(get(&sim, &path).await.body["status"]["readyReplicas"], 3);
    send(&sim, "PATCH", &format!("{path}/scale"), &json!({"spec": {"replicas": 1}})).await;
    sim.step(Duration::from_secs(1));
    assert_eq!((phases(&sim).await.len(), &get(&sim, &path).await.body["status"]["replicas"]), (1, &json!(1)));
    delete(&sim, &format!("{path}?propagationPolicy=Background")).await;
    sim.step(Duration::from_secs(1));
    assert_eq!(phases(&sim).await.len(), 0);
}

#[tokio::test]
async fn a_pod_waits_for_a_node() {
    let sim = cluster().await;
    send(&sim, "POST", DEPLOYMENTS, &deployment(1)).await;
    sim.step(Duration::from_secs(1));
    assert_eq!(phases(&sim).await, ["- Pending"]);
    sim.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "late"}})).unwrap();
    sim.step(Duration::from_secs(1));
    assert_eq!(phases(&sim).await, ["late Running"]);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_cluster() {
    let hash = async || {
        let sim = with_nodes(2).await;
        send(&sim, "POST", DEPLOYMENTS, &deployment(3)).await;
        sim.step(Duration::from_mins(1));
        get(&sim, PODS).await.body.to_string()
    };
    assert_eq!(hash().await, hash().await);
}

#[tokio::test]
async fn a_service_lists_its_pods_by_name_of_the_port() {
    let sim = with_nodes(1).await;
    send(&sim, "POST", DEPLOYMENTS, &deployment(2)).await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "http"}]}});
    send(&sim, "POST", "/api/v1/namespaces/default/services", &service).await;
    sim.step(Duration::from_secs(1));
    let slices = get(&sim, "/apis/discovery.k8s.io/v1/endpointslices").await.body;
    let slice = &slices["items"][0];
    let conditions = json!({"ready": true, "serving": true, "terminating": false});
    assert_eq!((slice["endpoints"].as_array().unwrap().len(), &slice["endpoints"][0]["conditions"]), (2, &conditions));
    assert_eq!(slice["ports"][0]["port"], 80);
}

#[tokio::test]
async fn a_dead_node_is_not_ready_after_its_silence() {
    let sim = with_nodes(1).await;
    let ready = async || get(&sim, "/api/v1/nodes/n1").await.body["status"]["conditions"][0]["status"].clone();
    sim.step(Duration::from_mins(1));
    assert_eq!(ready().await, "True");
    let dead = json!({"metadata": {"annotations": {"sim.keelwatch.io/dead": "true"}}});
    send(&sim, "PATCH", "/api/v1/nodes/n1", &dead).await;
    sim.step(Duration::from_secs(30));
    assert_eq!(ready().await, "True");
    sim.step(Duration::from_secs(15));
    assert_eq!(ready().await, "Unknown");
}
