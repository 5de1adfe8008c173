//! The settings of the demo's roles, and starting a role by them.
//!
//! Owns what the demo sets. A settings file is written for each role and read back as any other would be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::service::Addresses;

/// Nothing fetches it here: the gateway is as simulated as the rest.
const PLUGIN: &str = "oci://higress-registry.example/plugins/custom-response:1.0.0";

/// Namespace of the release; the Lease is in it.
pub(super) const NAMESPACE: &str = "keelwatch";

/// What all roles have in common.
#[derive(Debug, Clone)]
pub(super) struct Common {
    token_sha256: String,
    kubeconfig: PathBuf,
    nodes: Addresses,
    folder: PathBuf,
}

/// A file in the folder of the settings: the token that the controller shows to nodes.
const TOKEN: &str = "token";

/// A file in the folder of the settings: the rules of simulated nodes, beyond the built-in ones.
const RULES: &str = "rules.yaml";

/// On simulated nodes a miner may be answered. The node of this machine does not read it, so it only reports.
const RESPOND: &str = "version: 1\noverrides: [{rules: [miner-name], action: respond}]\n";

/// One role of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// `controller`, or the name of the node.
    pub(super) name: String,
    /// Its settings file.
    pub(super) text: String,
}

impl Common {
    /// Of roles whose settings lie in this folder.
    pub(super) fn new(token: &str, kubeconfig: &Path, nodes: Addresses, folder: &Path) -> Self {
        let token_sha256 = api::hex(&Sha256::digest(token));
        Self { token_sha256, kubeconfig: kubeconfig.to_owned(), nodes, folder: folder.to_owned() }
    }

    /// Writes what the settings name.
    pub(super) fn write(&self, token: &str) -> anyhow::Result<()> {
        for (name, text) in [(TOKEN, token), (RULES, RESPOND)] {
            let path = self.folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }

    /// The controller, which listens here.
    pub(super) fn controller(&self, listen: &str) -> Role {
        let (port, token) = (self.nodes.port, self.file(TOKEN));
        // Nobody else stands for election, and people who look at a demo do not wait for 15 s.
        let more = format!(
            "leader: {{duration: 1s, renew: 700ms, retry: 200ms}}\n\
             storage: {{url: 'sqlite::memory:'}}\n\
             violations: {{controller: {{every: 5s, api_port: {port}, token_file: {token}}}}}\n\
             responses:\n  \
               every: 5s\n  \
               confirmations: 2\n  \
               hold: 10s\n  \
               wasm_plugin: {{enabled: true, url: '{PLUGIN}'}}\n  \
               notification: {{enabled: true, language: both}}\n"
        );
        let text = format!("# controller\n{}{more}", self.text(listen));
        Role { name: "controller".to_owned(), text }
    }

    /// A simulated node, by its place among all nodes.
    pub(super) fn simulated(&self, place: usize, name: &str, proc: &Path) -> Role {
        self.node((place, name, proc), &format!("[builtin, {}]", self.file(RULES)))
    }

    /// This machine, the last of all nodes.
    pub(super) fn real(&self, place: usize, name: &str) -> Role {
        self.node((place, name, Path::new("/proc")), "[builtin]")
    }

    /// A node with its process tree, looked at once a second.
    fn node(&self, (place, name, proc): (usize, &str, &Path), rules: &str) -> Role {
        let (name, tree) = (name.to_owned(), quoted(&proc.to_string_lossy()));
        let mut text = format!("# node {name}\n{}", self.text(&self.nodes.of(place).to_string()));
        let _ = write!(text, "node: {}\nprocesses: {{proc: {tree}, every: 1s, rules: {rules}}}\n", quoted(&name));
        Role { name, text }
    }

    fn file(&self, name: &str) -> String {
        quoted(&self.folder.join(name).to_string_lossy())
    }

    fn text(&self, listen: &str) -> String {
        let Self { token_sha256, kubeconfig, nodes: _, folder: _ } = self;
        let kubeconfig = quoted(&kubeconfig.to_string_lossy());
        format!(
            "listen: {{api: {}, metrics: '127.0.0.1:0'}}\n\
             auth: {{tokens: [{{name: demo, sha256: {token_sha256}, scopes: [admin]}}]}}\n\
             log: {{level: 'warn,violations=info,responses=info', format: text}}\n\
             cluster: {{mode: required, kubeconfig: {kubeconfig}, name: demo}}\n\
             release: {{namespace: {NAMESPACE}}}\n",
            quoted(listen)
        )
    }
}

impl Role {
    /// Writes its settings file into `folder`.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("{}.yaml", self.name));
        std::fs::write(&path, &self.text).with_context(|| format!("failed to write {}", path.display()))?;
        Ok(path)
    }
}

/// As JSON, which YAML includes.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
