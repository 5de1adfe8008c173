//! The kubeconfig of a simulated cluster, on disk.
//!
//! Owns the file and its end. What it says is `simcluster`'s.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use simcluster::SimCluster;
use tempfile::TempDir;

/// A kubeconfig on disk.
pub(super) struct Kubeconfig {
    path: PathBuf,
    /// Removed with this, unless the user named the file.
    _folder: Option<TempDir>,
}

impl Kubeconfig {
    /// Writes it where the user asked for it, else into a folder that goes with this. It may hold a token, so nobody
    /// else can read it.
    pub(super) fn write(named: Option<&Path>, cluster: &SimCluster) -> anyhow::Result<Self> {
        let text = cluster.kubeconfig().expect("a demo listens");
        let (path, folder) = if let Some(path) = named {
            (path.to_owned(), None)
        } else {
            let folder = temporary_folder()?;
            (folder.path().join("kubeconfig"), Some(folder))
        };
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("failed to write the kubeconfig `{}`", path.display()))?;
        Ok(Self { path, _folder: folder })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A folder that nobody else can read and that goes when this is dropped.
pub(super) fn temporary_folder() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("keelwatch-demo-").tempdir().context("failed to make a temporary folder")
}
