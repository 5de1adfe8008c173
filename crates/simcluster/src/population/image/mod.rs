//! The images that run.
//!
//! Owns names, digests and how often each is taken: by 1/rank, so that few images run in many pods and most in one. What is in
//! an image derives from the seed: it is hashed when the image is first named, and built again when somebody reads it.
//!
//! ```text
//! seed, rank ──► content ──► tar ──► oci ──► digest, or a layout in a folder
//!                  rpm ──┘
//! ```

mod content;
mod oci;
mod packages;
mod rpm;
mod tar;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use self::oci::{Built, Platforms};
use super::random::{Purpose, Random};
use crate::nodes::Runtime;

/// All images of a cluster, by rank.
#[derive(Debug)]
pub(crate) struct Images {
    seed: u64,
    /// Made when they are first asked for: a small cluster with many images runs few of them.
    made: Vec<OnceLock<Image>>,
    /// Ranks by name, short and whole.
    ranks: OnceLock<HashMap<String, u32>>,
}

/// One image: its digests with the name it is pulled by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    rank: u32,
    /// As people write it, without a tag: `nginx`, `ghcr.io/acme/cart`.
    pub(crate) short: String,
    pub(crate) tag: String,
    /// Of the index, or of the only manifest: `sha256:` and 64 digits.
    pub(crate) digest: String,
    /// Of the configuration for amd64.
    config_digest: String,
    digest_of: DigestOf,
    platforms: Platforms,
}

/// There is no such image, or it cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No image of the cluster has this digest.
    #[error("the cluster has no image `{0}`")]
    Unknown(String),
    /// The folder cannot be written.
    #[error("failed to write the layout of image `{0}`")]
    Write(String, #[source] io::Error),
}

/// What a digest is the digest of, which decides how a runtime reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DigestOf {
    /// An index over platforms, or the only manifest: reported with the repository, equal on all nodes.
    Manifest,
    /// The configuration: reported bare, as for images that were loaded and not pulled.
    Config,
}

const KNOWN: &[(&str, &str)] = &[
    ("registry.k8s.io/kube-proxy", "v1.36.2"),
    ("quay.io/cilium/cilium", "v1.19.1"),
    ("nginx", "1.29.3"),
    ("envoyproxy/envoy", "v1.37.0"),
    ("redis", "8.4.0-alpine"),
    ("postgres", "18.1"),
    ("busybox", "1.37"),
    ("quay.io/prometheus/node-exporter", "v1.11.0"),
    ("node", "24-slim"),
    ("python", "3.14-slim"),
    ("fluent/fluent-bit", "4.2.0"),
    ("grafana/grafana", "12.3.0"),
    ("rabbitmq", "4.2-management"),
    ("mongo", "8.2"),
    ("quay.io/prometheus/prometheus", "v3.8.0"),
    ("bitnami/kafka", "4.1.1"),
    ("ghcr.io/acme/devbox-go", "1.25"),
    ("registry.k8s.io/coredns/coredns", "v1.13.1"),
];
const TEAMS: &[&str] = &["acme/shop", "acme/data", "initech/core", "globex/edge", "umbrella/lab", "hooli/web"];
const PARTS: &[&str] = &["api", "worker", "front", "sync", "ledger", "mailer", "search", "gateway", "reports", "auth"];
const REGISTRIES: &[&str] = &["ghcr.io", "quay.io", "registry.example.com", "harbor.corp.example:5000", "docker.io"];

impl Images {
    pub(crate) fn new(seed: u64, count: u32) -> Self {
        Self { seed, made: (0..count).map(|_| OnceLock::new()).collect(), ranks: OnceLock::new() }
    }

    /// The image of a rank, which is taken round when there are fewer.
    pub(crate) fn get(&self, rank: u32) -> &Image {
        let rank = rank % u32::try_from(self.made.len()).expect("there are at most 20,000 images");
        self.made[rank as usize].get_or_init(|| Image::of(self.seed, rank))
    }

    /// The image that a container names, whatever tag or digest it adds.
    pub(crate) fn find(&self, reference: &str) -> Option<&Image> {
        let name = reference.split('@').next().unwrap_or_default();
        let name = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            _ => name,
        };
        self.ranks().get(name).map(|rank| self.get(*rank))
    }

    /// Writes the layout of the image that has this digest, bare or at the end of an `imageID`.
    pub(crate) fn write_layout(&self, digest: &str, folder: &Path) -> Result<(), ImageError> {
        let wanted = digest.rfind("sha256:").map_or(digest, |at| &digest[at..]);
        let images = (0..).zip(&self.made).map(|(rank, _)| self.get(rank));
        let found = images.into_iter().find(|image| image.digest == wanted || image.config_digest == wanted);
        let image = found.ok_or_else(|| ImageError::Unknown(digest.to_owned()))?;
        let name = format!("{}:{}", image.repository(), image.tag);
        let built = Built::of(self.seed, image.rank, image.platforms);
        built.write(folder, &name).map_err(|error| ImageError::Write(name, error))
    }

    fn ranks(&self) -> &HashMap<String, u32> {
        self.ranks.get_or_init(|| {
            let names = (0..).zip(&self.made).map(|(rank, _)| (rank, names(self.seed, rank).0));
            names.flat_map(|(rank, short)| [(whole(&short), rank), (short, rank)]).collect()
        })
    }
}

/// Short name and tag of the image of a rank.
fn names(seed: u64, rank: u32) -> (String, String) {
    if let Some((short, tag)) = KNOWN.get(rank as usize) {
        return ((*short).to_owned(), (*tag).to_owned());
    }
    let mut random = Random::of(seed, Purpose::Image, u64::from(rank), 0);
    let (registry, team, part) = (random.pick(REGISTRIES), random.pick(TEAMS), random.pick(PARTS));
    let tag = format!("{}.{}.{}", random.below(4), random.below(20), random.below(10));
    // The rank keeps two images from having one name.
    let prefix = if *registry == "docker.io" { String::new() } else { format!("{registry}/") };
    (format!("{prefix}{team}-{part}-{rank}"), tag)
}

/// Images that every cluster knows, also one without a population.
#[expect(clippy::cast_possible_truncation, reason = "a short list")]
pub(crate) const KNOWN_IMAGES: u32 = KNOWN.len() as u32;

/// A name with the registry that a short one stands for: `docker.io/library/nginx`.
fn whole(short: &str) -> String {
    let first = short.split('/').next().unwrap_or_default();
    match short.contains('/') {
        false => format!("docker.io/library/{short}"),
        true if first.contains(['.', ':']) => short.to_owned(),
        true => format!("docker.io/{short}"),
    }
}

impl Image {
    fn of(seed: u64, rank: u32) -> Self {
        let (short, tag) = names(seed, rank);
        let mut random = Random::of(seed, Purpose::Image, u64::from(rank), 2);
        let digest_of = if random.percent(6) { DigestOf::Config } else { DigestOf::Manifest };
        let platforms = if random.percent(70) { Platforms::Both } else { Platforms::One };
        let built = Built::of(seed, rank, platforms);
        Self { rank, short, tag, digest: built.digest(), config_digest: built.config_digest(), digest_of, platforms }
    }

    /// The name with its registry.
    pub(crate) fn repository(&self) -> String {
        whole(&self.short)
    }

    /// `imageID` as a runtime states it.
    pub(crate) fn id(&self, runtime: Runtime) -> String {
        match (self.digest_of, runtime) {
            (DigestOf::Config, Runtime::Docker) => format!("docker://{}", self.config_digest),
            (DigestOf::Config, Runtime::Containerd | Runtime::CriO) => self.config_digest.clone(),
            (DigestOf::Manifest, Runtime::Docker) => format!("docker-pullable://{}@{}", self.short, self.digest),
            (DigestOf::Manifest, Runtime::Containerd | Runtime::CriO) => {
                format!("{}@{}", self.repository(), self.digest)
            }
        }
    }
}

/// A rank below `images`, taken by 1/rank.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 20,001")]
pub(crate) fn popular(random: &mut Random, images: u32) -> u32 {
    let rank = (f64::from(images) + 1.0).powf(random.fraction()) as u32;
    rank.clamp(1, images) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx() -> Image {
        Image {
            rank: 0,
            short: "nginx".to_owned(),
            tag: "1".to_owned(),
            digest: format!("sha256:{}", "a".repeat(64)),
            config_digest: format!("sha256:{}", "b".repeat(64)),
            digest_of: DigestOf::Manifest,
            platforms: Platforms::Both,
        }
    }

    #[test]
    fn every_runtime_reports_an_image_in_its_own_form() {
        let a = "a".repeat(64);
        assert_eq!(nginx().id(Runtime::Containerd), format!("docker.io/library/nginx@sha256:{a}"));
        assert_eq!(nginx().id(Runtime::Docker), format!("docker-pullable://nginx@sha256:{a}"));
        let loaded = Image { digest_of: DigestOf::Config, ..nginx() };
        assert_eq!(loaded.id(Runtime::CriO), format!("sha256:{}", "b".repeat(64)));
    }

    #[test]
    fn a_short_name_stands_for_docker_hub_and_a_host_for_itself() {
        let of = |short: &str| Image { short: short.to_owned(), ..nginx() }.repository();
        assert_eq!(of("bitnami/kafka"), "docker.io/bitnami/kafka");
        assert_eq!(of("harbor.corp.example:5000/a/b"), "harbor.corp.example:5000/a/b");
    }

    #[test]
    fn an_image_is_found_by_any_of_its_names() {
        let images = Images::new(7, 30);
        for reference in ["nginx", "nginx:latest", "docker.io/library/nginx:1@sha256:00"] {
            assert_eq!(images.find(reference), Some(images.get(2)), "{reference}");
        }
        assert_eq!(images.find("harbor.corp.example:5000/nginx"), None);
    }

    #[test]
    fn digests_are_those_of_the_bytes_that_a_layout_holds() {
        use sha2::{Digest, Sha256};

        let images = Images::new(7, 12);
        for image in (0..12).map(|rank| images.get(rank)) {
            let folder = tempfile::tempdir().unwrap();
            images.write_layout(&image.id(Runtime::Docker), folder.path()).unwrap();
            let index: serde_json::Value =
                serde_json::from_slice(&std::fs::read(folder.path().join("index.json")).unwrap()).unwrap();
            assert_eq!(index["manifests"][0]["digest"], *image.digest);
            let mut bytes = 0;
            for blob in std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap() {
                let path = blob.unwrap().path();
                let content = std::fs::read(&path).unwrap();
                assert_eq!(
                    path.file_name().unwrap().to_str(),
                    Some(crate::hex::encode(&Sha256::digest(&content)).as_str())
                );
                bytes += content.len();
            }
            let singles = if image.platforms == Platforms::Both { 2 } else { 1 };
            assert!(bytes < singles * (20 << 10), "{bytes}");
        }
        let missing = images.write_layout("sha256:00", Path::new("/nonexistent"));
        assert!(matches!(missing, Err(ImageError::Unknown(_))));
    }

    #[test]
    fn the_first_tenth_of_the_ranks_is_taken_in_most_draws_and_the_last_is_taken_too() {
        let mut random = Random::of(7, Purpose::Names, 0, 0);
        let drawn: Vec<u32> = (0..20_000).map(|_| popular(&mut random, 1_000)).collect();
        assert!(drawn.iter().filter(|rank| **rank < 100).count() > 12_000);
        assert!(drawn.iter().any(|rank| *rank > 990));
        assert!(drawn.iter().all(|rank| *rank < 1_000));
    }
}
