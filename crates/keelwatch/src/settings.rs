//! All settings of the program: the sections of the rooms, put together.
//!
//! Owns the root of the file, what its sections say of each other, and where the file is. Each section belongs to the
//! room that it is named after; loading and reloading is `runtime`'s job.

use std::fmt;
use std::path::{Path, PathBuf};

use document::Fault;
use processes::rules::Source;
use runtime::settings::sections::{ClusterSettings, LeaderSettings, ReleaseSettings};
use runtime::settings::{Environment, Loaded, Root, load};
use runtime::telemetry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::settings::{AuthSettings, ListenSettings};

/// Settings of Keelwatch. One file serves every role; sections of another role are checked and left alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Addresses, limits and TLS of the listeners.
    pub(crate) listen: ListenSettings,
    /// Who may use the API.
    pub(crate) auth: AuthSettings,
    /// What is logged, and how.
    pub(crate) log: telemetry::Settings,
    /// The Kubernetes cluster.
    pub(crate) cluster: ClusterSettings,
    /// The release that this process belongs to.
    pub(crate) release: ReleaseSettings,
    /// Name of this node; empty = the variable NODE_NAME, else the name of the host.
    #[schemars(length(max = 253), extend("x-applies" = "start"))]
    pub(crate) node: String,
    /// Which of several controllers writes to the cluster.
    pub(crate) leader: LeaderSettings,
    /// Which pods are known, and how they are asked for.
    pub(crate) pods: pods::Settings,
    /// How forbidden processes are found.
    pub(crate) processes: processes::Settings,
    /// Where findings, tasks and results are kept.
    pub(crate) storage: storage::Settings,
    /// How violations are kept on nodes and gathered from them.
    pub(crate) violations: violations::Settings,
    /// How long findings and their histories are kept, and what is silenced.
    pub(crate) findings: findings::Settings,
    /// What is done about findings, in the cluster and by messages.
    pub(crate) responses: responses::Settings,
    /// What `keelwatch demo` simulates.
    pub(crate) demo: DemoSettings,
}

/// What the demo simulates. What its command line says goes before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DemoSettings {
    /// The simulated cluster.
    pub(crate) cluster: simcluster::Section,
}

/// Settings that were refused, with every reason.
#[derive(Debug)]
pub(crate) struct Refused(Vec<Fault>);

/// Read if it is there and no other file is named.
const USUAL: &str = "/etc/keelwatch/keelwatch.yaml";

/// Reads the file that is named, else the usual one, else none; everything has a default.
pub(crate) fn read(named: Option<&Path>) -> Result<Loaded<Settings>, Refused> {
    read_in(named, &environment())
}

/// The same, in another environment.
pub(crate) fn read_in(named: Option<&Path>, environment: &Environment) -> Result<Loaded<Settings>, Refused> {
    let usual = Path::new(USUAL);
    let path = named.or_else(|| usual.exists().then_some(usual));
    load(path, environment).map_err(Refused)
}

/// The variables that settings may name.
pub(crate) fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The environment of a controller: what was set for Pod Index goes on to hold, before the file.
pub(crate) fn environment_of_controller() -> Environment {
    let environment = environment();
    let former = [
        ("PORT", "listen.api", ":"),
        ("BASIC_AUTH_USERNAME", "pods.basic_auth.username", ""),
        ("BASIC_AUTH_PASSWORD", "pods.basic_auth.password", ""),
    ];
    former.into_iter().fold(environment.clone(), |taken, (variable, path, before)| {
        match environment.variable(variable) {
            Some(value) => taken.with(path, format!("{before}{value}")),
            None => taken,
        }
    })
}

impl Settings {
    /// Name of this node.
    #[expect(clippy::disallowed_methods, reason = "this is where the program reads its environment")]
    pub(crate) fn node_name(&self) -> String {
        if !self.node.is_empty() {
            return self.node.clone();
        }
        match std::env::var("NODE_NAME") {
            Ok(name) if !name.is_empty() => name,
            _ => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }
}

impl Root for Settings {
    fn check(&self) -> Vec<(String, String)> {
        // A new section fails to build here until it is checked.
        let Self {
            listen,
            auth,
            log,
            cluster,
            release: _,
            node: _,
            leader,
            pods,
            processes,
            storage,
            violations,
            findings,
            responses,
            demo,
        } = self;
        let sections = [
            ("listen", listen.check()),
            ("auth", auth.check(listen)),
            ("log", log.check()),
            ("cluster", cluster.check()),
            ("leader", leader.check()),
            ("pods", pods.check()),
            ("processes", processes.check()),
            ("storage", storage.check()),
            ("violations", violations.check()),
            ("findings", findings.check()),
            ("responses", responses.check()),
            ("demo.cluster", demo.cluster.check()),
        ];
        let of_section = |(section, faults): (&str, Vec<(String, String)>)| {
            faults.into_iter().map(|(key, what)| (format!("{section}.{key}"), what)).collect::<Vec<_>>()
        };
        sections.into_iter().flat_map(of_section).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let certificates = self.listen.tls.files().into_iter();
        let rules = self.processes.rules.iter().filter_map(|source| match source.parse() {
            Ok(Source::File(path)) => Some(path),
            Ok(Source::Builtin | Source::BuiltinPack(_)) | Err(_) => None,
        });
        certificates.chain(rules).collect()
    }
}

impl Refused {
    /// Every reason, in the order of the file.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn a_fault_of_a_section_is_told_with_the_path_from_the_root() {
        let mut settings = Settings::default();
        settings.processes.proc = "host/proc".to_owned();
        settings.listen.api = "nowhere".to_owned();
        let paths: Vec<String> = settings.check().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["listen.api", "processes.proc"]);
    }

    #[test]
    fn files_that_rooms_read_are_followed() {
        let mut settings = Settings::default();
        settings.processes.rules =
            ["builtin", "builtin:miners", "/etc/rules.yaml", "builtin.yaml"].map(str::to_owned).to_vec();
        settings.listen.tls.cert_file = "/tls.crt".to_owned();
        assert_eq!(settings.files(), ["/tls.crt", "/etc/rules.yaml", "builtin.yaml"].map(PathBuf::from));
    }
}
