//! What the cluster counts of itself.
//!
//! Owns the names. Sizes are read from the store at the moment of a scrape.

use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::cluster::Cluster;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: String,
    resource: String,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EffectLabels {
    effect: &'static str,
}

/// The counters of a cluster.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<VerbLabels, Histogram, fn() -> Histogram>,
    unknown: Counter,
    events: Family<TypeLabels, Counter>,
    faults: Family<EffectLabels, Counter>,
}

/// Reads the sizes of the store at a scrape.
#[derive(Debug)]
struct Sizes(Weak<Cluster>);

impl Metrics {
    pub(crate) fn new() -> Self {
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        Self {
            requests: Family::default(),
            durations,
            unknown: Counter::default(),
            events: Family::default(),
            faults: Family::default(),
        }
    }

    pub(crate) fn answered(&self, verb: &str, resource: &str, code: u16, took: Duration) {
        let labels = RequestLabels { verb: verb.to_owned(), resource: resource.to_owned(), code };
        self.requests.get_or_create(&labels).inc();
        if verb != "watch" {
            self.durations.get_or_create(&VerbLabels { verb: verb.to_owned() }).observe(took.as_secs_f64());
        }
    }

    pub(crate) fn unknown(&self) {
        self.unknown.inc();
    }

    /// Requests for what is not modelled.
    pub(crate) fn unknown_count(&self) -> u64 {
        self.unknown.get()
    }

    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub(crate) fn watch_event(&self, kind: &'static str) {
        self.events.get_or_create(&TypeLabels { r#type: kind }).inc();
    }

    pub(crate) fn fault(&self, effect: &'static str) {
        self.faults.get_or_create(&EffectLabels { effect }).inc();
    }

    /// Has `registry` serve the counters, and the sizes of `cluster`.
    pub(crate) fn register(&self, registry: &mut Registry, cluster: &Arc<Cluster>) {
        let registry = registry.sub_registry_with_prefix("keelwatch_simcluster");
        registry.register("requests", "Requests that were answered", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time until an answer began; watches are left out",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("unknown_requests", "Requests for what is not modelled", self.unknown.clone());
        registry.register("watch_events", "Events that were delivered", self.events.clone());
        registry.register("faults", "Faults that were injected", self.faults.clone());
        registry.register_collector(Box::new(Sizes(Arc::downgrade(cluster))));
    }
}

fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 9))
}

impl Collector for Sizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(cluster) = self.0.upgrade() else { return Ok(()) };
        let sizes = cluster.census();
        let gauge = |value: usize| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        let version = gauge(usize::try_from(sizes.version).unwrap_or(usize::MAX));
        for (name, help, value) in [
            ("bytes", "Bytes of the stored encodings", gauge(sizes.bytes)),
            ("version", "Current resourceVersion", version),
        ] {
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        }
        for (name, help, values) in [
            ("objects", "Objects that are stored", sizes.objects),
            ("watchers", "Watches that are open", sizes.watchers),
        ] {
            let family = gauge(0).metric_type();
            let mut descriptor = encoder.encode_descriptor(name, help, None, family)?;
            for (resource, value) in values {
                gauge(value).encode(descriptor.encode_family(&[("resource", resource)])?)?;
            }
        }
        Ok(())
    }
}
