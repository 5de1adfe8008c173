//! Rule: versions, lints and features are stated once, in the root manifest.
//!
//! Owns what each Cargo.toml must and may not say, besides the dependency table.

use toml::{Table, Value};

use super::tree::{Manifest, dependency_tables};
use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for manifest in tree.manifests() {
        faults.extend(check_room(&manifest));
    }
    if let Some(root) = tree.root_table("Cargo.toml") {
        faults.extend(check_root(root));
    }
    faults.extend(tree.text("Cargo.toml").into_iter().flat_map(check_order));
    faults
}

fn check_room(manifest: &Manifest<'_>) -> Vec<Fault> {
    let fault = |what: String| Fault::new(manifest.path, what);
    let mut faults = Vec::new();
    if !is_from_workspace(manifest.table.get("lints")) {
        faults.push(fault("says no `[lints] workspace = true`".to_owned()));
    }
    if manifest.table.contains_key("features") {
        faults.push(fault("declares features: configure at run time".to_owned()));
    }
    for (table, dependencies) in dependency_tables(manifest.table) {
        for (name, value) in dependencies {
            faults.extend(breach(value).map(|what| fault(format!("[{table}] {name} {what}"))));
        }
    }
    faults
}

fn breach(dependency: &Value) -> Option<&'static str> {
    if !is_from_workspace(Some(dependency)) {
        Some("is not from the workspace table: say `workspace = true`")
    } else if dependency.get("optional").is_some() {
        Some("is optional, which is a feature")
    } else {
        None
    }
}

fn is_from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn check_root(root: &Table) -> Vec<Fault> {
    let table = root.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let breaches = table.into_iter().flatten().filter_map(|(name, value)| {
        let git = value.get("git").is_some();
        let version = value.as_str().or_else(|| value.get("version").and_then(Value::as_str));
        if git && value.get("rev").is_none() {
            Some(format!("{name} comes from git without a `rev`"))
        } else if version.is_some_and(|version| version.contains('*')) {
            Some(format!("{name} takes any version"))
        } else {
            None
        }
    });
    breaches.map(|what| Fault::new("Cargo.toml", what)).collect()
}

/// Blocks of the workspace table are sorted, so that two people add at two places.
fn check_order(text: &str) -> Vec<Fault> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    let mut faults = Vec::new();
    let mut previous = "";
    for (index, line) in lines.take_while(|(_, line)| !line.starts_with('[')) {
        let name = line.split([' ', '=', '.']).next().unwrap_or_default();
        if !name.is_empty() && name < previous {
            faults.push(Fault::new(format!("Cargo.toml:{}", index + 1), format!("{name} sorts before {previous}")));
        }
        previous = name;
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::check;

    #[track_caller]
    fn assert_room(manifest: &str, expected: &[&str]) {
        assert_faults(check, &[("crates/web/Cargo.toml", manifest)], expected);
    }

    #[test]
    fn a_manifest_that_leaves_all_to_the_workspace_passes() {
        let manifest = "[lints]\nworkspace = true\n[dependencies]\napi.workspace = true\ntokio = { workspace = true, features = [\"time\"] }";
        assert_room(manifest, &[]);
    }

    #[test]
    fn a_manifest_without_the_lints_of_the_house_is_refused() {
        assert_room("", &["crates/web/Cargo.toml: says no `[lints] workspace = true`"]);
    }

    #[test]
    fn features_are_refused_in_every_disguise() {
        let manifest = "lints.workspace = true\n[features]\ndemo = []\n[dependencies]\napi = { workspace = true, optional = true }";
        let expected = [
            "crates/web/Cargo.toml: declares features: configure at run time",
            "crates/web/Cargo.toml: [dependencies] api is optional, which is a feature",
        ];
        assert_room(manifest, &expected);
    }

    #[test]
    fn a_version_outside_the_workspace_table_is_refused() {
        let manifest = "lints.workspace = true\n[dev-dependencies]\nrand = \"0.9\"";
        let expected =
            ["crates/web/Cargo.toml: [dev-dependencies] rand is not from the workspace table: say `workspace = true`"];
        assert_room(manifest, &expected);
    }

    #[test]
    fn unpinned_dependencies_of_the_workspace_are_refused() {
        let root = "[workspace.dependencies]\na = { git = \"https://example\" }\nb = \"*\"\nc = \"1\"";
        let expected = ["Cargo.toml: a comes from git without a `rev`", "Cargo.toml: b takes any version"];
        assert_faults(check, &[("Cargo.toml", root)], &expected);
    }

    #[test]
    fn the_workspace_table_is_sorted_within_its_blocks() {
        let root = "[workspace.dependencies]\nweb = \"1\"\n\nbytes = \"1\"\naxum = \"1\"\n\n[profile.dev]\n";
        assert_faults(check, &[("Cargo.toml", root)], &["Cargo.toml:5: axum sorts before bytes"]);
    }
}
