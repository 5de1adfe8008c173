//! The settings of the demo's roles, and starting a role by them.
//!
//! Owns what the demo sets. A settings file is written for each role and read back as any other would be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Namespace of the release; the Lease is in it.
pub(super) const NAMESPACE: &str = "keelwatch";

/// What all roles have in common.
#[derive(Debug, Clone)]
pub(super) struct Common {
    token_sha256: String,
    kubeconfig: PathBuf,
}

/// One role of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// `controller`, or the name of the node.
    pub(super) name: String,
    /// Its settings file.
    pub(super) text: String,
}

impl Common {
    pub(super) fn new(token: &str, kubeconfig: &Path) -> Self {
        let token_sha256 = api::hex(&Sha256::digest(token));
        Self { token_sha256, kubeconfig: kubeconfig.to_owned() }
    }

    /// The controller, which listens here.
    pub(super) fn controller(&self, listen: &str) -> Role {
        // Nobody else stands for election, and people who look at a demo do not wait for 15 s.
        let leader = "leader: {duration: 1s, renew: 700ms, retry: 200ms}\n";
        let text = format!("# controller\n{}{leader}", self.text(listen));
        Role { name: "controller".to_owned(), text }
    }

    /// A node with its process tree, looked at once a second.
    pub(super) fn node(&self, name: &str, proc: &Path) -> Role {
        let (name, tree) = (name.to_owned(), quoted(&proc.to_string_lossy()));
        let mut text = format!("# node {name}\n{}", self.text("127.0.0.1:0"));
        let _ = write!(text, "node: {}\nprocesses: {{proc: {tree}, every: 1s}}\n", quoted(&name));
        Role { name, text }
    }

    fn text(&self, listen: &str) -> String {
        let Self { token_sha256, kubeconfig } = self;
        let kubeconfig = quoted(&kubeconfig.to_string_lossy());
        format!(
            "listen: {{api: {}, metrics: '127.0.0.1:0'}}\n\
             auth: {{tokens: [{{name: demo, sha256: {token_sha256}, scopes: [admin]}}]}}\n\
             log: {{level: 'warn,violations=info', format: text}}\n\
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
