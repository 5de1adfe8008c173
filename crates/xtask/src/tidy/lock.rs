//! Rule: one TLS library, built without C++ or OpenSSL, and everything from crates.io.
//!
//! Owns what Cargo.lock may hold. `deny.toml` says the same to cargo-deny, which is not everywhere.

use toml::{Table, Value};

use super::{Fault, Tree};

const BANNED: [&str; 5] = ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];
const ONCE: [&str; 1] = ["rustls"];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let lock = tree.root_table("Cargo.lock");
    let packages = lock.and_then(|lock| lock.get("package")).and_then(Value::as_array);
    let packages: Vec<&Table> = packages.into_iter().flatten().filter_map(Value::as_table).collect();
    let mut faults: Vec<Fault> = packages.iter().flat_map(|package| check_package(package)).collect();
    for name in ONCE {
        let versions: Vec<&str> = packages
            .iter()
            .filter(|package| text(package, "name") == name)
            .map(|found| text(found, "version"))
            .collect();
        if versions.len() > 1 {
            faults.push(fault(format!("{name} is there more than once: {}", versions.join(", "))));
        }
    }
    faults
}

fn check_package(package: &Table) -> Vec<Fault> {
    let (name, source) = (text(package, "name"), text(package, "source"));
    let mut faults = Vec::new();
    if BANNED.contains(&name) {
        faults.push(fault(format!("{name} is banned: find who brings it with `cargo tree --invert {name}`")));
    }
    // Rooms of this workspace have no source.
    if !source.is_empty() && source != CRATES_IO {
        faults.push(fault(format!("{name} does not come from crates.io")));
    }
    faults
}

fn text<'a>(package: &'a Table, key: &str) -> &'a str {
    package.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn fault(what: String) -> Fault {
    Fault::new("Cargo.lock", what)
}

#[cfg(test)]
mod tests {
    use super::super::assert_faults;
    use super::{CRATES_IO, check};

    #[track_caller]
    fn assert_lock(packages: &[(&str, &str, &str)], expected: &[&str]) {
        let entry = |(name, version, source): &(&str, &str, &str)| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{source}\"\n")
        };
        let lock: String = packages.iter().map(entry).collect();
        assert_faults(check, &[("Cargo.lock", &lock)], expected);
    }

    #[test]
    fn one_rustls_from_the_registry_passes() {
        assert_lock(&[("rustls", "0.23.1", CRATES_IO)], &[]);
    }

    #[test]
    fn a_second_rustls_is_refused() {
        let packages = [("rustls", "0.22.0", CRATES_IO), ("rustls", "0.23.1", CRATES_IO)];
        assert_lock(&packages, &["Cargo.lock: rustls is there more than once: 0.22.0, 0.23.1"]);
    }

    #[test]
    fn banned_libraries_are_refused_however_they_came() {
        let expected = ["Cargo.lock: openssl is banned: find who brings it with `cargo tree --invert openssl`"];
        assert_lock(&[("openssl", "1.0.0", CRATES_IO)], &expected);
    }

    #[test]
    fn other_sources_are_refused() {
        let git = "git+https://example/x?rev=1#1";
        assert_lock(&[("x", "1.0.0", git)], &["Cargo.lock: x does not come from crates.io"]);
    }
}
