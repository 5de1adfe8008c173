//! Packages that are in images, by the system or the language they are of.
//!
//! Owns the lists. They are real names and versions; some have known vulnerabilities, which whoever looks may find.

use super::super::random::Random;

/// A package of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: &'static str,
    /// The source package that it is built from.
    pub(super) source: &'static str,
    pub(super) version: &'static str,
}

impl Package {
    /// Whether it is the same on all platforms.
    pub(super) fn is_portable(&self) -> bool {
        matches!(self.name, "tzdata" | "ca-certificates" | "setup" | "basesystem" | "base-files" | "netbase")
    }
}

type Row = (&'static str, &'static str, &'static str);

pub(super) const DEBIAN: &[Row] = &[
    ("base-files", "base-files", "12.4+deb12u7"),
    ("bash", "bash", "5.2.15-2+b7"),
    ("ca-certificates", "ca-certificates", "20230311"),
    ("coreutils", "coreutils", "9.1-1"),
    ("curl", "curl", "7.88.1-10+deb12u5"),
    ("dpkg", "dpkg", "1.21.22"),
    ("git", "git", "1:2.39.2-1.1"),
    ("gnupg", "gnupg2", "2.2.40-1.1"),
    ("libc6", "glibc", "2.36-9+deb12u7"),
    ("libcurl4", "curl", "7.88.1-10+deb12u5"),
    ("libexpat1", "expat", "2.5.0-1"),
    ("libgnutls30", "gnutls28", "3.7.9-2+deb12u2"),
    ("libssl3", "openssl", "3.0.11-1~deb12u2"),
    ("libsystemd0", "systemd", "252.22-1~deb12u1"),
    ("libtiff6", "tiff", "4.5.0-6"),
    ("libxml2", "libxml2", "2.9.14+dfsg-1.3~deb12u1"),
    ("netbase", "netbase", "6.4"),
    ("openssl", "openssl", "3.0.11-1~deb12u2"),
    ("perl-base", "perl", "5.36.0-7+deb12u1"),
    ("python3.11", "python3.11", "3.11.2-6"),
    ("tzdata", "tzdata", "2024a-0+deb12u1"),
    ("zlib1g", "zlib", "1:1.2.13.dfsg-1"),
];

pub(super) const ALPINE: &[Row] = &[
    ("alpine-baselayout", "alpine-baselayout", "3.6.5-r0"),
    ("apk-tools", "apk-tools", "2.14.4-r0"),
    ("bash", "bash", "5.2.26-r0"),
    ("busybox", "busybox", "1.36.1-r28"),
    ("ca-certificates", "ca-certificates", "20240226-r0"),
    ("curl", "curl", "8.7.1-r0"),
    ("git", "git", "2.45.1-r0"),
    ("libcrypto3", "openssl", "3.3.0-r2"),
    ("libcurl", "curl", "8.7.1-r0"),
    ("libexpat", "expat", "2.6.2-r0"),
    ("libssl3", "openssl", "3.3.0-r2"),
    ("musl", "musl", "1.2.5-r0"),
    ("musl-utils", "musl", "1.2.5-r0"),
    ("nghttp2-libs", "nghttp2", "1.61.0-r0"),
    ("openssl", "openssl", "3.3.0-r2"),
    ("pcre2", "pcre2", "10.43-r0"),
    ("scanelf", "pax-utils", "1.3.7-r2"),
    ("tzdata", "tzdata", "2024a-r1"),
    ("zlib", "zlib", "1.3.1-r1"),
];

pub(super) const ROCKY: &[Row] = &[
    ("basesystem", "basesystem", "11-13.el9"),
    ("bash", "bash", "5.1.8-9.el9"),
    ("ca-certificates", "ca-certificates", "2023.2.60_v7.0.306-90.1.el9_2"),
    ("curl-minimal", "curl", "7.76.1-29.el9_4"),
    ("expat", "expat", "2.5.0-2.el9_4"),
    ("glibc", "glibc", "2.34-100.el9_4.2"),
    ("gnutls", "gnutls", "3.8.3-4.el9_4"),
    ("libcurl-minimal", "curl", "7.76.1-29.el9_4"),
    ("libxml2", "libxml2", "2.9.13-6.el9_4"),
    ("openssl-libs", "openssl", "1:3.0.7-27.el9"),
    ("python3", "python3.9", "3.9.18-3.el9_4"),
    ("setup", "setup", "2.13.7-10.el9"),
    ("systemd-libs", "systemd", "252-32.el9_4"),
    ("tzdata", "tzdata", "2024a-1.el9"),
    ("zlib", "zlib", "1.2.11-40.el9"),
];

/// Name and versions.
type Choice = (&'static str, &'static [&'static str]);

pub(super) const NPM: &[Choice] = &[
    ("express", &["4.17.1", "4.19.2", "5.0.0"]),
    ("lodash", &["4.17.15", "4.17.21"]),
    ("minimist", &["1.2.5", "1.2.8"]),
    ("axios", &["0.21.1", "1.6.8"]),
    ("semver", &["7.3.5", "7.6.2"]),
    ("ws", &["7.4.5", "8.17.1"]),
    ("qs", &["6.5.2", "6.12.1"]),
    ("jsonwebtoken", &["8.5.1", "9.0.2"]),
];

pub(super) const PYTHON: &[Choice] = &[
    ("requests", &["2.25.1", "2.32.3"]),
    ("urllib3", &["1.26.4", "2.2.1"]),
    ("Jinja2", &["2.11.2", "3.1.4"]),
    ("PyYAML", &["5.3.1", "6.0.1"]),
    ("Django", &["3.2.12", "5.0.6"]),
    ("cryptography", &["38.0.1", "42.0.8"]),
    ("certifi", &["2022.9.24", "2024.6.2"]),
];

pub(super) const CRATES: &[Choice] = &[
    ("tokio", &["1.18.2", "1.38.0"]),
    ("hyper", &["0.14.18", "1.3.1"]),
    ("time", &["0.1.43", "0.3.36"]),
    ("openssl", &["0.10.48", "0.10.64"]),
    ("rustls", &["0.20.6", "0.23.10"]),
];

/// The packages of a list that an image has: most of them.
pub(super) fn of_system(list: &[Row], random: &mut Random) -> Vec<Package> {
    let chosen = list.iter().filter(|_| random.percent(75));
    chosen.map(|&(name, source, version)| Package { name, source, version }).collect()
}

/// The packages of a language that an image has, each in one version.
pub(super) fn of_language(list: &[Choice], random: &mut Random) -> Vec<(&'static str, &'static str)> {
    let chosen: Vec<&Choice> = list.iter().filter(|_| random.percent(60)).collect();
    chosen.into_iter().map(|(name, versions)| (*name, *random.pick(versions))).collect()
}
