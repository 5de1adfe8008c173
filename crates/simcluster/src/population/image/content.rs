//! What is in an image: a system with its package database, and packages of a language.
//!
//! Owns the files, by the seed and the image's rank. Archives and manifests are made of them elsewhere.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::super::random::{Purpose, Random};
use super::packages::{self, ALPINE, CRATES, DEBIAN, NPM, PYTHON, Package, ROCKY};
use super::rpm;

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// From the root, without a slash before it.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
}

/// The platforms that images are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Amd64,
    Arm64,
}

impl Platform {
    /// As manifests, and as packages of Debian, name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As packages of Alpine and Rocky name it.
    fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }
}

/// The layers of an image, the system first. The packages are the same on all platforms.
pub(super) fn layers(seed: u64, rank: u32, platform: Platform) -> [Vec<File>; 2] {
    let mut random = Random::of(seed, Purpose::Image, u64::from(rank), 1);
    [system(&mut random, platform), application(&mut random, rank)]
}

fn system(random: &mut Random, platform: Platform) -> Vec<File> {
    let sort = random.below(10);
    match sort {
        0..4 => {
            let packages = packages::of_system(DEBIAN, random);
            vec![debian_release(), text("var/lib/dpkg/status", status(&packages, platform))]
        }
        4..7 => {
            let packages = packages::of_system(ALPINE, random);
            let release = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";
            vec![
                text("etc/os-release", release.to_owned()),
                text("lib/apk/db/installed", installed(&packages, platform)),
            ]
        }
        7..9 => {
            let packages = packages::of_system(ROCKY, random);
            let release = "NAME=\"Rocky Linux\"\nVERSION=\"9.4 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n";
            let database = rpm::database(&packages, platform.machine());
            let path = "var/lib/rpm/rpmdb.sqlite".to_owned();
            vec![text("etc/os-release", release.to_owned()), File { path, content: database }]
        }
        _ => distroless(&packages::of_system(DEBIAN, random), platform),
    }
}

/// Without a database: a file for each package.
fn distroless(packages: &[Package], platform: Platform) -> Vec<File> {
    let small = packages.iter().filter(|package| matches!(package.name, "libc6" | "libssl3" | "tzdata" | "base-files"));
    let files =
        small.map(|package| text(&format!("var/lib/dpkg/status.d/{}", package.name), paragraph(package, platform)));
    [debian_release()].into_iter().chain(files).collect()
}

fn debian_release() -> File {
    let release = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
                   VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
    text("etc/os-release", release.to_owned())
}

fn text(path: &str, content: String) -> File {
    File { path: path.to_owned(), content: content.into_bytes() }
}

fn status(packages: &[Package], platform: Platform) -> String {
    packages.iter().map(|package| paragraph(package, platform)).collect::<Vec<_>>().join("\n")
}

fn paragraph(package: &Package, platform: Platform) -> String {
    let Package { name, source, version } = package;
    let arch = if package.is_portable() { "all" } else { platform.name() };
    let mut text = format!("Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: libs\n");
    // Writing to a String cannot fail.
    let _ =
        write!(text, "Installed-Size: 400\nMaintainer: Maintainers <maintainers@example.org>\nArchitecture: {arch}\n");
    if source != name {
        let _ = writeln!(text, "Source: {source}");
    }
    let _ = write!(text, "Version: {version}\nDescription: {name}\n");
    text
}

fn installed(packages: &[Package], platform: Platform) -> String {
    let machine = platform.machine();
    let paragraph = |Package { name, source, version }: &Package| {
        format!(
            "C:Q1simulatedsimulatedsimulate=\nP:{name}\nV:{version}\nA:{machine}\nS:4096\nI:8192\nT:{name}\nL:MIT\no:{source}\n\n"
        )
    };
    packages.iter().map(paragraph).collect::<Vec<_>>().concat()
}

/// Packages of a language whose files are there: each takes a kilobyte of the archive.
const INSTALLED: usize = 2;

fn application(random: &mut Random, rank: u32) -> Vec<File> {
    let own = text("app/release", format!("image {rank}\n"));
    let mut files = vec![own];
    match random.below(4) {
        0 => files.extend(node(&packages::of_language(NPM, random))),
        1 => files.extend(python(&packages::of_language(PYTHON, random))),
        2 => files.push(cargo_lock(&packages::of_language(CRATES, random))),
        _ => {}
    }
    files
}

fn node(packages: &[(&str, &str)]) -> Vec<File> {
    let mut locked = Map::new();
    locked.insert(String::new(), json!({"name": "app", "version": "1.0.0"}));
    for (name, version) in packages {
        locked.insert(format!("node_modules/{name}"), json!({"version": version}));
    }
    let lock = json!({"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": Value::Object(locked)});
    let modules = packages.iter().take(INSTALLED).map(|(name, version)| {
        let manifest = json!({"name": name, "version": version, "license": "MIT"});
        text(&format!("app/node_modules/{name}/package.json"), manifest.to_string())
    });
    [text("app/package-lock.json", lock.to_string())].into_iter().chain(modules).collect()
}

fn python(packages: &[(&str, &str)]) -> Vec<File> {
    let metadata = |(name, version): &(&str, &str)| {
        let path = format!("usr/local/lib/python3.12/site-packages/{name}-{version}.dist-info/METADATA");
        text(&path, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n"))
    };
    packages.iter().take(INSTALLED).map(metadata).collect()
}

fn cargo_lock(packages: &[(&str, &str)]) -> File {
    let mut lock = "version = 3\n".to_owned();
    for (name, version) in packages {
        let source = "registry+https://github.com/rust-lang/crates.io-index";
        // Writing to a String cannot fail.
        let _ = write!(lock, "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{source}\"\n");
    }
    text("app/Cargo.lock", lock)
}
