//! Writes families of a scrape whose values are read at that moment.
//!
//! Owns the shape of the calls only; which families there are, `metrics` says.

use std::borrow::Cow;
use std::fmt::Error;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Labels of one series, in the order in which they are served.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// A scrape that is being written.
pub(crate) struct Scrape<'e>(pub(crate) DescriptorEncoder<'e>);

/// A value without labels: the only one of its family.
pub(crate) fn alone<N>(value: N) -> [(Labels, N); 1] {
    [(Vec::new(), value)]
}

/// A label from a closed set.
pub(crate) fn word(key: &'static str, value: &'static str) -> (&'static str, Cow<'static, str>) {
    (key, Cow::Borrowed(value))
}

/// A label whose values are known at run time only; whoever calls bounds them.
pub(crate) fn text(key: &'static str, value: &str) -> (&'static str, Cow<'static, str>) {
    (key, Cow::Owned(value.to_owned()))
}

impl Scrape<'_> {
    /// A counter, named without `_total`.
    pub(crate) fn counter<N: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, N)>,
    ) -> Result<(), Error> {
        let family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        write(family, series.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value))))
    }

    /// A gauge.
    pub(crate) fn gauge<N: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, N)>,
    ) -> Result<(), Error> {
        let family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        write(family, series.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value))))
    }
}

fn write<M: EncodeMetric>(
    mut family: MetricEncoder<'_>,
    series: impl Iterator<Item = (Labels, M)>,
) -> Result<(), Error> {
    for (labels, value) in series {
        if labels.is_empty() {
            return value.encode(family);
        }
        value.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
