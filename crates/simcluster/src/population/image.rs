//! The images that run.
//!
//! Owns names, digests and how often each is taken: by 1/rank, so that few images run in many pods and most in one.
//! What is in an image is not told here.

use super::random::{Purpose, Random};

/// One image: a digest with the name it is pulled by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// As people write it, without a tag: `nginx`, `ghcr.io/acme/cart`.
    pub(crate) short: String,
    pub(crate) tag: String,
    /// `sha256:` and 64 digits.
    pub(crate) digest: String,
    pub(crate) digest_of: DigestOf,
}

/// What a digest is the digest of, which decides how a runtime reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestOf {
    /// An index over platforms, or the only manifest: reported with the repository, equal on all nodes.
    Manifest,
    /// The configuration: reported bare, as for images that were loaded and not pulled.
    Config,
}

/// Who runs containers on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Containerd,
    CriO,
    Docker,
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

impl Image {
    /// The image of this rank.
    pub(crate) fn of(seed: u64, rank: u32) -> Self {
        let mut random = Random::of(seed, Purpose::Image, u64::from(rank), 0);
        let digest = format!("sha256:{}", random.hex(64));
        let digest_of = if random.percent(6) { DigestOf::Config } else { DigestOf::Manifest };
        if let Some((short, tag)) = KNOWN.get(rank as usize) {
            return Self { short: (*short).to_owned(), tag: (*tag).to_owned(), digest, digest_of };
        }
        let (registry, team, part) = (random.pick(REGISTRIES), random.pick(TEAMS), random.pick(PARTS));
        let tag = format!("{}.{}.{}", random.below(4), random.below(20), random.below(10));
        // The rank keeps two digests from having one name.
        let prefix = if *registry == "docker.io" { String::new() } else { format!("{registry}/") };
        Self { short: format!("{prefix}{team}-{part}-{rank}"), tag, digest, digest_of }
    }

    /// The name with the registry that a short one stands for: `docker.io/library/nginx`.
    pub(crate) fn repository(&self) -> String {
        let first = self.short.split('/').next().unwrap_or_default();
        match self.short.contains('/') {
            false => format!("docker.io/library/{}", self.short),
            true if first.contains(['.', ':']) => self.short.clone(),
            true => format!("docker.io/{}", self.short),
        }
    }

    /// `imageID` as a runtime states it.
    pub(crate) fn id(&self, runtime: Runtime) -> String {
        match (self.digest_of, runtime) {
            (DigestOf::Config, Runtime::Docker) => format!("docker://{}", self.digest),
            (DigestOf::Config, Runtime::Containerd | Runtime::CriO) => self.digest.clone(),
            (DigestOf::Manifest, Runtime::Docker) => format!("docker-pullable://{}@{}", self.short, self.digest),
            (DigestOf::Manifest, Runtime::Containerd | Runtime::CriO) => {
                format!("{}@{}", self.repository(), self.digest)
            }
        }
    }
}

impl Runtime {
    /// The scheme of container ids.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
        }
    }

    /// As a node reports it.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Containerd => "containerd://2.2.1",
            Self::CriO => "cri-o://1.36.0",
            Self::Docker => "docker://29.1.3",
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
        let digest = format!("sha256:{}", "a".repeat(64));
        Image { short: "nginx".to_owned(), tag: "1".to_owned(), digest, digest_of: DigestOf::Manifest }
    }

    #[test]
    fn every_runtime_reports_an_image_in_its_own_form() {
        let a = "a".repeat(64);
        assert_eq!(nginx().id(Runtime::Containerd), format!("docker.io/library/nginx@sha256:{a}"));
        assert_eq!(nginx().id(Runtime::Docker), format!("docker-pullable://nginx@sha256:{a}"));
        let loaded = Image { digest_of: DigestOf::Config, ..nginx() };
        assert_eq!(loaded.id(Runtime::CriO), format!("sha256:{a}"));
    }

    #[test]
    fn a_short_name_stands_for_docker_hub_and_a_host_for_itself() {
        let of = |short: &str| Image { short: short.to_owned(), ..nginx() }.repository();
        assert_eq!(of("bitnami/kafka"), "docker.io/bitnami/kafka");
        assert_eq!(of("harbor.corp.example:5000/a/b"), "harbor.corp.example:5000/a/b");
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
