//! EndpointSlices that tell of agents.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

/// Endpoints of a slice, as the controller of real clusters fills them.
pub(crate) const PER_SLICE: usize = 100;

pub(super) fn endpoint(namespace: &str, node: &str, ip: Ipv4Addr) -> Value {
    json!({
        "addresses": [ip.to_string()],
        "conditions": {"ready": true, "serving": true, "terminating": false},
        "nodeName": node,
        "targetRef": {"kind": "Pod", "namespace": namespace, "name": format!("keelwatch-{node}"), "uid": node},
    })
}

/// Slices of a Service with these endpoints.
pub(super) fn of(namespace: &str, service: &str, port: u16, endpoints: &[Value]) -> Vec<Value> {
    let slice = |(nth, endpoints): (usize, &[Value])| {
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": format!("{service}-{nth:05}"), "namespace": namespace,
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{"name": "api", "port": port, "protocol": "TCP"}],
        })
    };
    endpoints.chunks(PER_SLICE).enumerate().map(slice).collect()
}
