//! Where the nodes of the demo listen, and the Service that tells the controller of them.
//!
//! Owns addresses and objects. In a real cluster each node has an address of its own and all listen on one port; here each has
//! one of 127.0.0.0/8.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use serde_json::{Value, json};
use simcluster::SimCluster;

use super::roles::NAMESPACE;

/// As the chart names it, and as the settings expect it.
const NAME: &str = "keelwatch-node";

/// Addresses of the nodes, all on one port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) port: u16,
}

impl Addresses {
    /// On a port that is free now.
    pub(super) fn free() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
        Ok(Self { port: listener.local_addr().context("failed to find a free port")?.port() })
    }

    /// Of one node, by its place among them. They stand apart from those that other programs use.
    pub(super) fn of(self, place: usize) -> SocketAddr {
        let last = u8::try_from(place + 1).expect("a demo has a handful of nodes");
        SocketAddr::from((Ipv4Addr::new(127, 64, 0, last), self.port))
    }

    /// Tells the cluster of all nodes, which have these names.
    pub(super) fn publish(self, cluster: &SimCluster, names: &[&str]) -> anyhow::Result<()> {
        let endpoints: Vec<Value> = names.iter().enumerate().map(|(place, name)| self.endpoint(place, name)).collect();
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"clusterIP": "None", "ports": [{"name": "api", "port": self.port}]},
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": NAME, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": NAME},
            },
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{"name": "api", "port": self.port, "protocol": "TCP"}],
        });
        for object in [service, slice] {
            cluster.put(object).map_err(|status| anyhow::anyhow!("failed to tell of the nodes: {status:?}"))?;
        }
        Ok(())
    }

    fn endpoint(self, place: usize, name: &str) -> Value {
        json!({
            "addresses": [self.of(place).ip().to_string()],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": name,
        })
    }
}
