//! Images as registries have them: layers, configuration, manifest, index, and the folder that holds them all.
//!
//! Owns digests, which are those of the bytes, and the layout (OCI image specification 1.1). An image is built again whenever
//! it is read: nothing is kept but its digest.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::content::{self, File, Platform};
use super::tar::{Tar, gzip};
use crate::hex;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Bytes with their type.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Blob {
    media_type: &'static str,
    bytes: Vec<u8>,
}

/// An image for one platform.
#[derive(Debug)]
struct Single {
    platform: Platform,
    layers: Vec<Blob>,
    config: Blob,
    manifest: Blob,
}

/// A built image.
#[derive(Debug)]
pub(super) struct Built {
    singles: Vec<Single>,
    /// Over several platforms.
    index: Option<Blob>,
}

/// Whether an image is for several platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platforms {
    /// Only amd64.
    One,
    /// amd64 and arm64.
    Both,
}

impl Built {
    pub(super) fn of(seed: u64, rank: u32, platforms: Platforms) -> Self {
        let wanted: &[Platform] = match platforms {
            Platforms::One => &[Platform::Amd64],
            Platforms::Both => &[Platform::Amd64, Platform::Arm64],
        };
        let singles: Vec<Single> = wanted.iter().map(|platform| Single::of(seed, rank, *platform)).collect();
        let index = (platforms == Platforms::Both).then(|| {
            let manifests: Vec<Value> = singles.iter().map(Single::descriptor).collect();
            Blob::json(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}))
        });
        Self { singles, index }
    }

    /// Digest of the index, or of the only manifest.
    pub(super) fn digest(&self) -> String {
        self.top().digest()
    }

    /// Digest of the configuration for amd64.
    pub(super) fn config_digest(&self) -> String {
        self.singles[0].config.digest()
    }

    /// Writes a layout in which the image is found under this name.
    pub(super) fn write(&self, folder: &Path, name: &str) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        let singles =
            self.singles.iter().flat_map(|single| single.layers.iter().chain([&single.config, &single.manifest]));
        for blob in singles.chain(&self.index) {
            fs::write(blobs.join(blob.digest().trim_start_matches("sha256:")), &blob.bytes)?;
        }
        fs::write(folder.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
        let mut descriptor = self.top().descriptor();
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]});
        fs::write(folder.join("index.json"), index.to_string())
    }

    fn top(&self) -> &Blob {
        self.index.as_ref().unwrap_or(&self.singles[0].manifest)
    }
}

impl Single {
    fn of(seed: u64, rank: u32, platform: Platform) -> Self {
        let archives = content::layers(seed, rank, platform).map(|files| archive(&files));
        let ids: Vec<String> = archives.iter().map(|archive| digest(archive)).collect();
        let layers: Vec<Blob> =
            archives.iter().map(|archive| Blob { media_type: LAYER, bytes: gzip(archive) }).collect();
        let config = json!({
            "created": "2026-11-01T00:00:00Z", "architecture": platform.name(), "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Entrypoint": ["/app/run"], "WorkingDir": "/app"},
            "rootfs": {"type": "layers", "diff_ids": ids},
            "history": [{"created_by": "base"}, {"created_by": "COPY app /app"}],
        });
        let config = Blob::json(CONFIG, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        Self { platform, layers, config, manifest: Blob::json(MANIFEST, &manifest) }
    }

    fn descriptor(&self) -> Value {
        let mut descriptor = self.manifest.descriptor();
        descriptor["platform"] = json!({"architecture": self.platform.name(), "os": "linux"});
        descriptor
    }
}

impl Blob {
    fn json(media_type: &'static str, value: &Value) -> Self {
        Self { media_type, bytes: value.to_string().into_bytes() }
    }

    fn digest(&self) -> String {
        digest(&self.bytes)
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len()})
    }
}

fn archive(files: &[File]) -> Vec<u8> {
    let mut tar = Tar::default();
    for File { path, content } in files {
        tar.file(path, content);
    }
    tar.finish()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(&Sha256::digest(bytes)))
}
