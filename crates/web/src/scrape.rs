//! `/metrics`: `OpenMetrics` for who asks for it, else the Prometheus text form.
//!
//! Owns the choice and the older form. What is counted, the registry knows.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::{Fault, Routes, accept};

const OPENMETRICS: &str = "application/openmetrics-text";
const OPENMETRICS_1_0: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS_0_0_4: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The route of the metrics listener.
pub fn routes(registry: Arc<Registry>) -> Routes {
    Routes::new().open("/metrics", get(scrape).with_state(registry))
}

async fn scrape(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Result<Response, Fault> {
    let mut openmetrics = String::new();
    text::encode(&mut openmetrics, &registry).map_err(|fmt::Error| {
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a metric cannot be written")
    })?;
    let (media_type, text) = if accept::prefers(&headers, OPENMETRICS) {
        (OPENMETRICS_1_0, openmetrics)
    } else {
        (PROMETHEUS_0_0_4, prometheus(&openmetrics))
    };
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// The same samples in the older form, where a counter is named in full, an info is a gauge, and there is neither unit
/// nor end.
fn prometheus(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (name, kind) = former(name, kind);
            if let Some(help) = help.take() {
                text.extend(["# HELP ", &name, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", &name, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text += line;
            text.push('\n');
        }
    }
    text
}

fn former<'a>(name: &'a str, kind: &'a str) -> (Cow<'a, str>, &'a str) {
    match kind {
        "counter" => (format!("{name}_total").into(), kind),
        "info" => (format!("{name}_info").into(), "gauge"),
        "unknown" => (name.into(), "untyped"),
        kind => (name.into(), kind),
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::Unit;

    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry.register("keelwatch_scans", "Scans done", Counter::<u64>::default());
        registry.register_with_unit("keelwatch_age", "Age", Unit::Seconds, Gauge::<i64>::default());
        registry.register("keelwatch_build", "Build", Info::new([("version", "0.1.0")]));
        registry.register("keelwatch_took", "Took", Histogram::new([1.0]));
        registry
    }

    async fn served(accept: &'static str) -> (String, String) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        let response = scrape(State(Arc::new(registry())), headers).await.unwrap();
        let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (media_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn openmetrics_is_served_to_who_asks_for_it() {
        let (media_type, text) = served("application/openmetrics-text; version=1.0.0").await;
        assert_eq!(media_type, OPENMETRICS_1_0);
        assert!(text.starts_with("# HELP keelwatch_scans Scans done.\n# TYPE keelwatch_scans counter\n"));
        assert!(text.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn everybody_else_gets_the_form_that_every_scraper_reads() {
        let (media_type, text) = served("*/*").await;
        assert_eq!(media_type, PROMETHEUS_0_0_4);
        let expected = "# HELP keelwatch_scans_total Scans done.\n# TYPE keelwatch_scans_total counter\n\
                        keelwatch_scans_total 0\n\
                        # HELP keelwatch_age_seconds Age.\n# TYPE keelwatch_age_seconds gauge\nkeelwatch_age_seconds 0\n\
                        # HELP keelwatch_build_info Build.\n# TYPE keelwatch_build_info gauge\n\
                        keelwatch_build_info{version=\"0.1.0\"} 1\n\
                        # HELP keelwatch_took Took.\n# TYPE keelwatch_took histogram\nkeelwatch_took_sum 0.0\n\
                        keelwatch_took_count 0\nkeelwatch_took_bucket{le=\"1.0\"} 0\nkeelwatch_took_bucket{le=\"+Inf\"} 0\n";
        assert_eq!(text, expected);
    }
}
