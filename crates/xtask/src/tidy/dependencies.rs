//! Rule: rooms use only what the dependency table allows.
//!
//! Owns the table; ARCHITECTURE.md repeats it for readers, and this rule compares the two.

use super::tree::{Manifest, dependency_tables};
use super::{Fault, Tree};

/// A room and the law about it.
struct Room {
    name: &'static str,
    /// Other rooms that it may use.
    uses: &'static [&'static str],
    /// Rooms that its tests may use besides.
    tests: &'static [&'static str],
    /// Third-party crates that it must do without.
    never: &'static [&'static str],
}

const TABLE: [Room; 14] = [
    Room { name: "api", uses: &[], tests: &[], never: &["axum", "reqwest", "tokio"] },
    Room { name: "document", uses: &[], tests: &[], never: &["axum", "reqwest", "tokio"] },
    Room { name: "runtime", uses: &["api", "document"], tests: &[], never: &["axum", "kube"] },
    Room { name: "web", uses: &["api", "document", "runtime"], tests: &[], never: &["kube"] },
    Room { name: "kubeio", uses: &["api", "document", "runtime"], tests: &["simcluster"], never: &["axum", "reqwest"] },
    Room {
        name: "pods",
        uses: &["api", "document", "runtime", "web", "kubeio"],
        tests: &["simcluster"],
        never: &["kube", "k8s-openapi"],
    },
    Room { name: "storage", uses: &["api", "document", "runtime"], tests: &[], never: &["axum", "kube", "reqwest"] },
    Room {
        name: "findings",
        uses: &["api", "document", "runtime", "web", "storage", "pods"],
        tests: &[],
        never: &["kube", "sqlx"],
    },
    Room {
        name: "responses",
        uses: &["api", "document", "runtime", "web", "kubeio", "storage", "pods", "findings"],
        tests: &["simcluster"],
        never: &["kube", "sqlx"],
    },
    Room { name: "processes", uses: &["api", "document"], tests: &[], never: &["axum", "kube", "reqwest", "tokio"] },
    Room {
        name: "violations",
        uses: &["api", "document", "runtime", "web", "kubeio", "pods", "findings", "processes"],
        tests: &["simcluster", "storage"],
        never: &["kube", "reqwest", "sqlx"],
    },
    Room { name: "simcluster", uses: &[], tests: &[], never: &["kube", "reqwest"] },
    Room {
        name: "keelwatch",
        uses: &[
            "api",
            "document",
            "runtime",
            "web",
            "kubeio",
            "storage",
            "pods",
            "findings",
            "processes",
            "violations",
            "responses",
            "simcluster",
        ],
        tests: &[],
        never: &["k8s-openapi"],
    },
    Room { name: "xtask", uses: &[], tests: &[], never: &["axum", "reqwest", "tokio"] },
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<Fault> = tree.manifests().flat_map(|manifest| check_room(&manifest)).collect();
    faults.extend(tree.text("ARCHITECTURE.md").into_iter().flat_map(check_page));
    faults
}

fn check_room(manifest: &Manifest<'_>) -> Vec<Fault> {
    let Some(room) = TABLE.iter().find(|room| room.name == manifest.room) else {
        return vec![Fault::new(manifest.path, "this room is not in the dependency table")];
    };
    let tables = dependency_tables(manifest.table);
    let names = tables.iter().flat_map(|(kind, table)| table.keys().map(|name| (Use::of(kind), name)));
    names.filter_map(|(used, name)| Some(Fault::new(manifest.path, breach(room, used, name)?))).collect()
}

/// Who in a room uses a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// What is shipped.
    Product,
    /// Its tests.
    Tests,
}

impl Use {
    fn of(table: &str) -> Self {
        if table.ends_with("dev-dependencies") { Self::Tests } else { Self::Product }
    }
}

fn breach(room: &Room, used: Use, dependency: &str) -> Option<String> {
    let is_room = TABLE.iter().any(|room| room.name == dependency);
    let allowed = match is_room {
        true if used == Use::Tests => room.uses.contains(&dependency) || room.tests.contains(&dependency),
        true => room.uses.contains(&dependency),
        false => !room.never.contains(&dependency),
    };
    (!allowed).then(|| format!("{} may not use {dependency}", room.name))
}

/// Every room has its row, "| `name` | may use | …", with the rooms that it may use.
fn check_page(page: &str) -> Vec<Fault> {
    let rows = TABLE.iter().map(|room| match room.uses {
        [] => format!("| `{}` | – |", room.name),
        uses => format!("| `{}` | {} |", room.name, uses.join(", ")),
    });
    let missing = rows.filter(|row| !page.lines().any(|line| line.starts_with(row)));
    missing.map(|row| Fault::new("ARCHITECTURE.md", format!("the dependency table has no row `{row}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::{TABLE, Use, breach, check, check_page};

    #[track_caller]
    fn assert_room(room: &str, manifest: &str, expected: &[&str]) {
        assert_faults(check, &[(&format!("crates/{room}/Cargo.toml"), manifest)], expected);
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert_room(
            "web",
            "[dependencies]\napi.workspace = true\nruntime.workspace = true\naxum.workspace = true",
            &[],
        );
    }

    #[test]
    fn a_room_that_reaches_sideways_is_refused() {
        let expected = ["crates/web/Cargo.toml: web may not use violations"];
        assert_room("web", "[dependencies]\nviolations.workspace = true", &expected);
    }

    #[test]
    fn dev_dependencies_obey_the_same_table() {
        let expected = ["crates/api/Cargo.toml: api may not use runtime"];
        assert_room("api", "[dev-dependencies]\nruntime.workspace = true", &expected);
    }

    #[test]
    fn only_tests_may_simulate_a_cluster() {
        let dependency = "dependencies]\nsimcluster.workspace = true";
        assert_room("kubeio", &format!("[dev-{dependency}"), &[]);
        assert_room("kubeio", &format!("[{dependency}"), &["crates/kubeio/Cargo.toml: kubeio may not use simcluster"]);
    }

    #[test]
    fn processes_stays_free_of_async() {
        let expected = ["crates/processes/Cargo.toml: processes may not use tokio"];
        assert_room("processes", "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true", &expected);
    }

    #[test]
    fn an_unknown_room_must_enter_the_table_first() {
        assert_room("cellar", "", &["crates/cellar/Cargo.toml: this room is not in the dependency table"]);
    }

    #[test]
    fn no_room_uses_itself_or_the_tasks() {
        for room in &TABLE {
            assert!(
                breach(room, Use::Tests, room.name).is_some() && breach(room, Use::Tests, "xtask").is_some(),
                "{}",
                room.name
            );
        }
    }

    #[test]
    fn the_page_that_leaves_out_a_room_is_refused() {
        let rows = "| `api` | – | x |\n| `document` | – | x |\n| `runtime` | api | x |\n";
        let first = check_page(rows)[0].to_string();
        assert_eq!(first, "ARCHITECTURE.md: the dependency table has no row `| `runtime` | api, document |`");
    }
}
