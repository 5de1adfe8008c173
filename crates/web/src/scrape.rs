//! `/metrics` of the metrics listener.
//!
//! Owns the route. What is counted and how it is written, the registry knows.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use runtime::metrics::{Format, Registry};

use crate::Routes;
use crate::routes::get;

/// The metrics of `registry`, for everybody who reaches the listener.
pub fn routes(registry: Arc<Registry>) -> Routes {
    let about = "Shows all metrics, as OpenMetrics if `Accept` asks for it, else in the Prometheus text form.";
    Routes::new().open(get("/metrics", about, scrape).with_state(registry))
}

/// Shows all metrics in the format that `Accept` asks for. A scraper's parameters mean nothing here.
async fn scrape(
    State(registry): State<Arc<Registry>>,
    headers: HeaderMap,
) -> ([(HeaderName, &'static str); 1], String) {
    let format = Format::accepted_by(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    ([(header::CONTENT_TYPE, format.content_type())], registry.encode(format))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    async fn served(accept: &'static str) -> (String, String) {
        let mut registry = Registry::default();
        registry.register("keelwatch_age_seconds", &[], "Age", Gauge::<i64>::default());
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        let response = scrape(State(Arc::new(registry)), headers).await.into_response();
        let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (media_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn metrics_are_served_in_the_form_that_is_asked_for() {
        let samples =
            "# HELP keelwatch_age_seconds Age.\n# TYPE keelwatch_age_seconds gauge\nkeelwatch_age_seconds 0\n";
        let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned();
        assert_eq!(served("application/openmetrics-text").await, (openmetrics, format!("{samples}# EOF\n")));
        assert_eq!(served("*/*").await, ("text/plain; version=0.0.4; charset=utf-8".to_owned(), samples.to_owned()));
    }
}
