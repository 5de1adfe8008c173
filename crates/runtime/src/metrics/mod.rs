//! The metrics of a process: registered once, read at scrape time, served in two formats.
//!
//! Owns the registry, its catalog and the formats. Which metrics there are is said by each room in its own `metrics.rs`.

mod build;
mod format;
mod process;
mod scrape;

use std::fmt;

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Metric;

pub use build::{Build, build_info};
pub use format::Format;
pub use process::process_metrics;
pub use scrape::Sample;

/// The metrics of a process.
#[derive(Debug, Default)]
pub struct Registry {
    registry: prometheus_client::registry::Registry,
    catalog: Vec<Entry>,
}

/// One metric as the reference lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as it is served; a counter's ends in `_total`.
    pub name: &'static str,
    /// What kind of metric it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, with its unit.
    pub help: &'static str,
}

/// The kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Registry {
    /// Adds a metric under the name that it is served by, labels in the order of its label set. `help` has no full stop.
    pub fn register(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: impl Metric,
    ) {
        let kind = Kind::of(metric.metric_type());
        self.registry.register(kind.family(name), help, metric);
        self.catalog.push(Entry { name, kind, labels, help });
    }

    /// Adds a metric that is asked for its samples at each scrape. `read` must not wait.
    pub fn read_at_scrape(&mut self, entry: Entry, read: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        self.registry.register_collector(Box::new(scrape::Scraped::new(entry.clone(), read)));
        self.catalog.push(entry);
    }

    /// Adds a gauge without labels that is read at each scrape.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) {
        let entry = Entry { name, kind: Kind::Gauge, labels: &[], help };
        self.read_at_scrape(entry, move || vec![Sample::plain(read())]);
    }

    /// Lets a part that knows nothing of this registry add its metrics, under names of its own; the catalog has none of them.
    pub fn add_by(&mut self, add: impl FnOnce(&mut prometheus_client::registry::Registry)) {
        add(&mut self.registry);
    }

    /// All metrics, by name.
    pub fn catalog(&self) -> Vec<Entry> {
        let mut catalog = self.catalog.clone();
        catalog.sort_by_key(|entry| entry.name);
        catalog
    }

    /// All metrics as text.
    pub fn encode(&self, format: Format) -> String {
        format::encode(&self.registry, format)
    }
}

impl Kind {
    fn of(kind: MetricType) -> Self {
        match kind {
            MetricType::Counter => Self::Counter,
            MetricType::Histogram => Self::Histogram,
            MetricType::Gauge | MetricType::Info | MetricType::Unknown => Self::Gauge,
        }
    }

    const fn as_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }

    /// The name of the family that is served as `name`: the encoder adds a counter's suffix.
    fn family(self, name: &'static str) -> &'static str {
        match self {
            Self::Counter => name.strip_suffix("_total").expect("the name of a counter ends in _total"),
            Self::Gauge | Self::Histogram => name,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_type().as_str())
    }
}

#[cfg(test)]
mod tests;
