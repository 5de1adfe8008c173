//! What is served, told to clients.
//!
//! Owns the plain (not aggregated) form of discovery and `/version`.

use std::cmp::Reverse;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base64;
use crate::catalog::Catalog;
use crate::kind::{Kind, Subresource};
use crate::settings::Settings;

/// How settled a version is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

/// `/version`.
pub(super) fn version(settings: &Settings) -> Value {
    let numbers: Vec<&str> = settings.version.trim_start_matches('v').split('.').collect();
    let number = |nth: usize| numbers.get(nth).copied().unwrap_or("0");
    let minor: u32 = number(1).parse().unwrap_or(0);
    json!({
        "major": number(0),
        "minor": number(1),
        "emulationMajor": number(0),
        "emulationMinor": number(1),
        "minCompatibilityMajor": number(0),
        "minCompatibilityMinor": minor.saturating_sub(1).to_string(),
        "gitVersion": settings.version,
        "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
        "gitTreeState": "clean",
        "buildDate": "2026-08-21T00:00:00Z",
        "goVersion": "go1.26.6",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// `/api`.
pub(super) fn core_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`; `extra` are groups beside those of the catalog, with their version.
pub(super) fn groups(catalog: &Catalog, extra: &[(&str, &str)]) -> Value {
    let known = catalog.groups();
    let mut groups: Vec<Value> =
        known.keys().filter(|group| !group.is_empty()).filter_map(|group| group_body(catalog, group)).collect();
    groups.extend(extra.iter().map(|&(name, version)| group_value(name, &[version])));
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/<group>`.
pub(super) fn group(catalog: &Catalog, name: &str) -> Option<Value> {
    let mut group = group_body(catalog, name)?;
    let mut result = json!({"kind": "APIGroup", "apiVersion": "v1"});
    for (key, value) in group.as_object_mut().into_iter().flatten() {
        result[key] = value.take();
    }
    Some(result)
}

fn group_body(catalog: &Catalog, name: &str) -> Option<Value> {
    let groups = catalog.groups();
    // The first version is the preferred one.
    let mut versions: Vec<&str> = groups.get(name)?.iter().copied().collect();
    versions.sort_by_key(|version| Reverse(maturity(version)));
    Some(group_value(name, &versions))
}

/// Stage, major and minor of a version such as `v2` or `v1beta3`; others are less than all of those.
fn maturity(version: &str) -> Option<(Stage, u64, u64)> {
    let numbers = version.strip_prefix('v')?;
    let staged = [("alpha", Stage::Alpha), ("beta", Stage::Beta)];
    let (major, stage, minor) = staged
        .into_iter()
        .find_map(|(word, stage)| numbers.split_once(word).map(|(major, minor)| (major, stage, minor)))
        .unwrap_or((numbers, Stage::Stable, "0"));
    Some((stage, major.parse().ok()?, minor.parse().ok()?))
}

fn group_value(name: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

/// `/api/v1`, `/apis/<group>/<version>`.
pub(super) fn resources(catalog: &Catalog, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = catalog.version(group, version).flat_map(|kind| resource(kind)).collect();
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList"});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    list["groupVersion"] = group_version.into();
    list["resources"] = resources.into();
    list
}

fn resource(kind: &Kind) -> Vec<Value> {
    let mut main = json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.is_namespaced(),
        "kind": kind.kind,
        "verbs": kind.verbs(),
    });
    if !kind.short_names.is_empty() {
        main["shortNames"] = kind.short_names.clone().into();
    }
    if !kind.categories.is_empty() {
        main["categories"] = kind.categories.clone().into();
    }
    if kind.is_stored() {
        main["storageVersionHash"] = storage_hash(kind).into();
    }
    let mut resources = vec![main];
    let part = |name: &str, of: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.is_namespaced(),
            "kind": of, "verbs": verbs,
        })
    };
    if kind.plural == "pods" && kind.group.is_empty() {
        resources.push(part("log", "Pod", &["get"]));
    }
    if kind.scale == Subresource::Present {
        let mut scale = part("scale", "Scale", &["get", "patch", "update"]);
        scale["group"] = "autoscaling".into();
        scale["version"] = "v1".into();
        resources.push(scale);
    }
    if kind.has_status() {
        resources.push(part("status", &kind.kind, &["get", "patch", "update"]));
    }
    resources
}

/// The first eight bytes of the hash of the storage version's name.
fn storage_hash(kind: &Kind) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", kind.group, kind.version, kind.kind));
    base64::encode(&digest[..8])
}
