//! The `violations` section of the settings, of the node role and of the controller role: one file serves both.
//!
//! Owns keys, defaults, ranges and contradictions. Loading and reloading them is `runtime`'s job.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How violations are kept on nodes and gathered from them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The store of each node.
    pub node: NodeSettings,
    /// The collection from all nodes.
    pub controller: ControllerSettings,
}

/// The store of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSettings {
    /// How long a resolved record stays readable.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1m", "x-max" = "24h"))]
    pub retain: Duration,
    /// Records that are kept. The worst one takes 10 KiB, so that 1,500 fit in the 16 MiB a controller reads.
    #[schemars(range(min = 100, max = 1500))]
    pub max_records: usize,
    /// Who finds out which pod a process belongs to.
    #[schemars(extend("x-applies" = "start"))]
    pub pods: Pods,
}

/// Who finds out which pod a process belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pods {
    /// The node watches its own pods.
    OwnNode,
    /// The node sends uid and container id, and the controller finds out.
    None,
}

/// The collection from all nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ControllerSettings {
    /// Whether nodes are asked at all.
    pub enabled: bool,
    /// Time between the starts of two collections; the first starts at once.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "5s", "x-max" = "1h"))]
    pub every: Duration,
    /// Namespace of the nodes' Service; empty = the namespace of the release.
    #[schemars(regex(pattern = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$"))]
    pub namespace: String,
    /// Name of the nodes' Service, a DNS label.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub service_name: String,
    /// Port of the nodes' API.
    #[schemars(range(min = 1, max = 65535))]
    pub api_port: u16,
    /// Path of the nodes' violations; starts with `/`.
    #[schemars(regex(pattern = "^/"))]
    pub api_path: String,
    /// How nodes are asked.
    pub scheme: Scheme,
    /// Certificates that nodes are verified by, for `https`; empty = those of the system.
    pub ca_file: String,
    /// File with the bearer token that is sent to nodes, read again when it changes; empty = none.
    pub token_file: String,
    /// Requests in flight that are younger than 500 ms.
    #[schemars(range(min = 1, max = 256))]
    pub in_flight: usize,
    /// Time for connection, headers and body of one node together; the connection alone gets at most 3 s.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1s", "x-max" = "60s"))]
    pub timeout: Duration,
    /// Largest body of a node, counted after decompression.
    #[serde(with = "document::size")]
    #[schemars(with = "document::SizeText", extend("x-min" = "64KiB", "x-max" = "64MiB"))]
    pub max_body: u64,
    /// How long a node is missing from the Service before its records resolve as `node-gone`.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1m", "x-max" = "24h"))]
    pub gone_after: Duration,
    /// Share of nodes that may vanish together and still be believed gone.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub gone_share: f64,
}

/// How nodes are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// With TLS.
    Https,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self { retain: Duration::from_hours(1), max_records: 1500, pods: Pods::OwnNode }
    }
}

impl Default for ControllerSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            every: Duration::from_mins(1),
            namespace: String::new(),
            service_name: "keelwatch-node".to_owned(),
            api_port: 9090,
            api_path: "/api/violations".to_owned(),
            scheme: Scheme::Http,
            ca_file: String::new(),
            token_file: String::new(),
            in_flight: 64,
            timeout: Duration::from_secs(10),
            max_body: 16 << 20,
            gone_after: Duration::from_mins(10),
            gone_share: 0.2,
        }
    }
}

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let ControllerSettings { scheme, ca_file, .. } = &self.controller;
        let mut faults = Vec::new();
        if *scheme == Scheme::Http && !ca_file.is_empty() {
            faults.push((
                "controller.ca_file".to_owned(),
                "verifies nobody while controller.scheme is http (accepted: empty, or scheme https)".to_owned(),
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn a_certificate_authority_without_tls_is_a_contradiction() {
        let controller = ControllerSettings { ca_file: "/ca.pem".to_owned(), ..ControllerSettings::default() };
        let paths: Vec<String> =
            Settings { controller, ..Settings::default() }.check().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["controller.ca_file"]);
    }
}
