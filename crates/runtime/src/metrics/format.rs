//! The two text formats of metrics.

use std::fmt::Write;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    Prometheus,
}

impl Format {
    /// The format that an `Accept` header asks for; without one that is known, that of Prometheus.
    pub fn accepted_by(accept: Option<&str>) -> Self {
        let asked = accept.unwrap_or_default().split(',').filter(|range| !is_refused(range));
        let media_type = |range: &str| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if asked.map(media_type).any(|name| name == "application/openmetrics-text") {
            return Self::OpenMetrics;
        }
        Self::Prometheus
    }

    /// The `Content-Type` of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

pub(super) fn encode(registry: &Registry, format: Format) -> String {
    let mut open = String::new();
    text::encode(&mut open, registry).expect("writing to a string does not fail");
    match format {
        Format::OpenMetrics => open,
        Format::Prometheus => to_prometheus(&open),
    }
}

/// The older format names a counter's samples, not its family, and knows neither units nor an end.
fn to_prometheus(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), _, _) => {}
            (Some("#"), Some("HELP"), Some(_), told) => help = told,
            (Some("#"), Some("TYPE"), Some(family), kind) => {
                let suffix = if kind == Some("counter") { "_total" } else { "" };
                let (help, kind) = (help.take().unwrap_or_default(), kind.unwrap_or("untyped"));
                let _ = writeln!(text, "# HELP {family}{suffix} {help}\n# TYPE {family}{suffix} {kind}");
            }
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

fn is_refused(range: &str) -> bool {
    let quality = range.split(';').skip(1).find_map(|part| part.trim().strip_prefix("q="));
    quality.is_some_and(|quality| quality.trim().parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_served_to_those_who_ask_for_it() {
        let of_prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(Format::accepted_by(Some(of_prometheus)), Format::OpenMetrics);
        for accept in [None, Some("*/*"), Some("text/plain"), Some("application/openmetrics-text;q=0, */*")] {
            assert_eq!(Format::accepted_by(accept), Format::Prometheus, "{accept:?}");
        }
    }
}
