//! The way from outside to the app that the miner runs in, so that there is something to block.
//!
//! Owns the Service and the Ingress of that app, and the namespace of the gateway. Blocking is `responses`'.

use serde_json::{Value, json};
use simcluster::SimCluster;

use super::miner::Host;

/// Where the gateway reads its plugins.
const GATEWAY: &str = "higress-system";

/// Opens the app of this pod to the outside, as its tenant would have.
pub(super) fn open(cluster: &SimCluster, host: &Host) -> anyhow::Result<()> {
    let Host { namespace, name } = host;
    let pod = cluster.get("pods", namespace, name).unwrap_or_default();
    let app = pod["metadata"]["labels"]["app"].as_str().unwrap_or(name);
    let name = format!("{app}-web");
    let path =
        json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}});
    put(cluster, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAY}}))?;
    put(
        cluster,
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
    )?;
    put(
        cluster,
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "ingressClassName": "higress",
                "rules": [{"host": format!("{app}.example.com"), "http": {"paths": [path]}}],
            },
        }),
    )
}

fn put(cluster: &SimCluster, object: Value) -> anyhow::Result<()> {
    let kind = object["kind"].clone();
    cluster.put(object).map(drop).map_err(|status| anyhow::anyhow!("failed to make the {kind}: {status:?}"))
}
