//! Metrics that are read when they are scraped.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Entry, Kind};

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values of its labels, in the order of the catalog.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// A metric and where to read it.
pub(super) struct Scraped<F> {
    entry: Entry,
    read: F,
}

impl Sample {
    /// A value without labels.
    pub const fn plain(value: f64) -> Self {
        Self { labels: Vec::new(), value }
    }
}

impl<F> Scraped<F> {
    pub(super) const fn new(entry: Entry, read: F) -> Self {
        Self { entry, read }
    }
}

impl<F> fmt::Debug for Scraped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scraped").field(&self.entry).finish()
    }
}

impl<F: Fn() -> Vec<Sample> + Send + Sync + 'static> Collector for Scraped<F> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Entry { name, kind, labels: _, help } = &self.entry;
        let samples = (self.read)();
        if samples.is_empty() {
            return Ok(());
        }
        // The registry ends the help of its own metrics with a full stop.
        let mut metric = encoder.encode_descriptor(kind.family(name), &format!("{help}."), None, kind.as_type())?;
        if let [Sample { labels, value }] = samples.as_slice()
            && labels.is_empty()
        {
            return kind.encode(*value, metric);
        }
        for Sample { labels, value } in samples {
            kind.encode(value, metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Kind {
    fn encode(self, value: f64, encoder: MetricEncoder) -> Result<(), fmt::Error> {
        match self {
            Self::Counter => ConstCounter::new(value).encode(encoder),
            // A histogram is never one value; the registry takes none that is read at scrape time.
            Self::Gauge | Self::Histogram => ConstGauge::new(value).encode(encoder),
        }
    }
}
