//! `keelwatch_build_info`.

use super::{Entry, Kind, Registry, Sample};

/// What runs here.
#[derive(Debug, Clone)]
pub struct Build {
    /// The version, such as `1.2.0`.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub commit: &'static str,
    /// The role: `node` or `controller`.
    pub role: &'static str,
}

/// Adds the metric that says what runs here.
pub fn build_info(registry: &mut Registry, build: Build) {
    let entry = Entry {
        name: "keelwatch_build_info",
        kind: Kind::Gauge,
        labels: &["version", "commit", "role"],
        help: "Always 1; the labels say what runs here",
    };
    registry.read_at_scrape(entry, move || {
        let Build { version, commit, role } = &build;
        let labels = [("version", *version), ("commit", *commit), ("role", *role)];
        vec![Sample { labels: labels.map(|(name, value)| (name, value.to_owned())).into(), value: 1.0 }]
    });
}
