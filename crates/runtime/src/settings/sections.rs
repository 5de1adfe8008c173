//! The sections that no room owns yet: `cluster`, `release` and `leader`.
//!
//! Owns their keys, defaults, ranges and contradictions. One file serves both roles, so a node checks them too.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cluster that this process belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// Whether there is a cluster. `auto` uses one if a service account or a kubeconfig is found.
    #[schemars(extend("x-applies" = "start"))]
    pub mode: ClusterMode,
    /// Path of a kubeconfig; empty = the service account, else `KUBECONFIG`, else `~/.kube/config`.
    #[schemars(extend("x-applies" = "start"))]
    pub kubeconfig: String,
    /// Context of the kubeconfig; empty = its current one.
    #[schemars(extend("x-applies" = "start"))]
    pub context: String,
    /// Writes and lists per second; watches are not counted.
    #[schemars(range(min = 1, max = 1000), extend("x-applies" = "start"))]
    pub requests_per_second: u32,
    /// Name of the cluster in alerts (label `cluster`), messages and Events: several clusters may share a receiver.
    pub name: String,
}

/// Whether there is a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClusterMode {
    /// If one is found.
    Auto,
    /// There must be one.
    Required,
    /// There is none.
    None,
}

/// What this installation is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReleaseSettings {
    /// Name of the release, the value of `app.kubernetes.io/instance`.
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$"), extend("x-applies" = "start"))]
    pub name: String,
    /// Its namespace; empty = `POD_NAMESPACE`, else the service account's, else the context's, else `default`.
    #[schemars(regex(pattern = "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$"), extend("x-applies" = "start"))]
    pub namespace: String,
}

/// Which of several replicas writes to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeaderSettings {
    /// Name of the Lease, in the release's namespace.
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"), extend("x-applies" = "start"))]
    pub lease: String,
    /// How long a candidate waits after it last saw the Lease change; whole seconds.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-applies" = "start", "x-min" = "1s", "x-max" = "5m"))]
    pub duration: Duration,
    /// The leader gives up this long after its last success; less than `duration`.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-applies" = "start", "x-min" = "100ms", "x-max" = "5m"))]
    pub renew: Duration,
    /// Time between two attempts to renew or to acquire; less than half of `renew`.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-applies" = "start", "x-min" = "10ms", "x-max" = "5m"))]
    pub retry: Duration,
    /// Where followers reach the leader; empty = `POD_IP`, else the listener's address, with the API port.
    #[schemars(extend("x-applies" = "start"))]
    pub address: String,
    /// Certificates that followers verify the leader by, if it serves TLS.
    #[schemars(extend("x-applies" = "start"))]
    pub ca_file: String,
    /// The name in the leader's certificate.
    #[schemars(extend("x-applies" = "start"))]
    pub server_name: String,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        let empty = String::new;
        let (kubeconfig, context, name) = (empty(), empty(), empty());
        Self { mode: ClusterMode::Auto, kubeconfig, context, requests_per_second: 50, name }
    }
}

impl ClusterSettings {
    /// What is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let given = [("kubeconfig", &self.kubeconfig), ("context", &self.context)];
        let unused = |(key, _): (&str, &String)| {
            (key.to_owned(), "is given with mode none (accepted: empty, or mode auto or required)".to_owned())
        };
        if self.mode != ClusterMode::None {
            return Vec::new();
        }
        given.into_iter().filter(|(_, value)| !value.is_empty()).map(unused).collect()
    }
}

impl Default for ReleaseSettings {
    fn default() -> Self {
        Self { name: "keelwatch".to_owned(), namespace: String::new() }
    }
}

impl Default for LeaderSettings {
    fn default() -> Self {
        Self {
            lease: "keelwatch".to_owned(),
            duration: Duration::from_secs(15),
            renew: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            address: String::new(),
            ca_file: String::new(),
            server_name: String::new(),
        }
    }
}

impl LeaderSettings {
    /// What is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let text = document::duration::text;
        let mut faults = Vec::new();
        if self.duration.subsec_nanos() != 0 {
            faults.push((
                "duration".to_owned(),
                format!("{} is not whole seconds (accepted: such as 15s)", text(self.duration)),
            ));
        }
        if self.renew >= self.duration {
            let accepted = format!("(accepted: less than duration, {})", text(self.duration));
            faults.push(("renew".to_owned(), format!("{} is too long {accepted}", text(self.renew))));
        }
        if self.retry * 2 >= self.renew {
            let accepted = format!("(accepted: less than half of renew, {})", text(self.renew));
            faults.push(("retry".to_owned(), format!("{} is too long {accepted}", text(self.retry))));
        }
        if !self.address.is_empty() && self.address.parse::<SocketAddr>().is_err() {
            let accepted = "(accepted: an IP address and a port, such as 10.0.0.1:18080 or [fd00::1]:18080)";
            faults.push(("address".to_owned(), format!("`{}` is no address of a pod {accepted}", self.address)));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        assert_eq!((ClusterSettings::default().check(), LeaderSettings::default().check()), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_times_of_a_leader_depend_on_each_other() {
        let [duration, renew, retry] = [2_500, 2_500, 1_250].map(Duration::from_millis);
        let settings = LeaderSettings { duration, renew, retry, ..LeaderSettings::default() };
        let expected = [
            ("duration", "2500ms is not whole seconds (accepted: such as 15s)"),
            ("renew", "2500ms is too long (accepted: less than duration, 2500ms)"),
            ("retry", "1250ms is too long (accepted: less than half of renew, 2500ms)"),
        ];
        assert_eq!(settings.check(), expected.map(|(path, message)| (path.to_owned(), message.to_owned())));
    }

    #[test]
    fn a_kubeconfig_without_a_cluster_is_a_contradiction() {
        let settings =
            ClusterSettings { mode: ClusterMode::None, context: "c".to_owned(), ..ClusterSettings::default() };
        let paths: Vec<String> = settings.check().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["context"]);
    }

    #[test]
    fn followers_reach_a_leader_by_the_address_of_its_pod() {
        let faults =
            |address: &str| LeaderSettings { address: address.to_owned(), ..LeaderSettings::default() }.check();
        assert_eq!((faults("10.0.0.1:18080"), faults("[fd00::1]:18080")), (Vec::new(), Vec::new()));
        let expected = "`keelwatch.example:18080` is no address of a pod (accepted: an IP address and a port, such as \
                        10.0.0.1:18080 or [fd00::1]:18080)";
        assert_eq!(faults("keelwatch.example:18080"), [("address".to_owned(), expected.to_owned())]);
    }
}
