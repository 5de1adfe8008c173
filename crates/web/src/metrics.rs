//! What the listeners and the access count.
//!
//! Owns the names of HTTP metrics. Serving them is `probes`' job.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use runtime::metrics::Registry;

/// From a cached answer to the default limit of a request, in seconds.
const DURATIONS_S: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0];

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// Counts of requests, connections and refusals.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    requests: Family<Labels<3>, Counter>,
    durations: Family<Labels<1>, Histogram, fn() -> Histogram>,
    connections: Family<Labels<1>, Gauge>,
    refused: Family<Labels<1>, Counter>,
    auth_failures: Family<Labels<1>, Counter>,
}

/// Why a request or a connection was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// More connections than allowed.
    Connections,
    /// Headers or URI too large.
    Headers,
    /// A body too large.
    Body,
    /// Headers or a body that did not arrive in time.
    Slow,
    /// Too many failed credentials.
    Rate,
}

/// Why a credential did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthFailure {
    /// There was none.
    Missing,
    /// It is none of ours.
    Unknown,
    /// It is known and may not.
    Scope,
}

/// One open connection, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS_S)),
            connections: Family::default(),
            refused: Family::default(),
            auth_failures: Family::default(),
        }
    }
}

impl HttpMetrics {
    /// Metrics that `registry` serves.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { requests, durations, connections, refused, auth_failures } = metrics.clone();
        registry.register(
            "keelwatch_http_requests_total",
            &["route", "method", "code"],
            "Requests answered; the route is a template, or none",
            requests,
        );
        registry.register(
            "keelwatch_http_request_duration_seconds",
            &["route"],
            "From the end of the headers to the start of the answer",
            durations,
        );
        registry.register("keelwatch_http_connections", &["listener"], "Open connections: api, metrics", connections);
        registry.register(
            "keelwatch_http_refused_total",
            &["reason"],
            "Requests and connections turned away: connections, headers, body, slow, rate",
            refused,
        );
        registry.register(
            "keelwatch_auth_failures_total",
            &["reason"],
            "Credentials that did not do: missing, unknown, scope",
            auth_failures,
        );
        metrics.begin_at_zero();
        metrics
    }

    /// A rate needs a zero to rise from.
    fn begin_at_zero(&self) {
        for reason in Refused::ALL {
            self.refused.get_or_create(&[("reason", reason.as_str().into())]).inc_by(0);
        }
        for reason in AuthFailure::ALL {
            self.auth_failures.get_or_create(&[("reason", reason.as_str().into())]).inc_by(0);
        }
    }

    /// Counts an answer. `route` is the template, never the path as sent.
    pub(crate) fn answered(&self, route: &str, method: &Method, code: StatusCode, took: Duration) {
        let route = Cow::<str>::Owned(route.to_owned());
        let code = Cow::<str>::Owned(code.as_u16().to_string());
        let labels = [("route", route.clone()), ("method", method_label(method).into()), ("code", code)];
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&[("route", route)]).observe(took.as_secs_f64());
    }

    /// Counts a connection to `listener` for as long as the guard lives.
    #[must_use]
    pub(crate) fn connected(&self, listener: &'static str) -> OpenConnection {
        let gauge = self.connections.get_or_create_owned(&[("listener", listener.into())]);
        gauge.inc();
        OpenConnection(gauge)
    }

    pub(crate) fn refused(&self, reason: Refused) {
        self.refused.get_or_create(&[("reason", reason.as_str().into())]).inc();
    }

    pub(crate) fn auth_failed(&self, reason: AuthFailure) {
        self.auth_failures.get_or_create(&[("reason", reason.as_str().into())]).inc();
    }

    #[cfg(test)]
    pub(crate) fn answers(&self, route: &'static str, method: &'static str, code: &'static str) -> u64 {
        let labels = [("route", route.into()), ("method", method.into()), ("code", code.into())];
        self.requests.get_or_create(&labels).get()
    }

    #[cfg(test)]
    pub(crate) fn refusals(&self, reason: Refused) -> u64 {
        self.refused.get_or_create(&[("reason", reason.as_str().into())]).get()
    }

    #[cfg(test)]
    pub(crate) fn open_connections(&self, listener: &'static str) -> i64 {
        self.connections.get_or_create(&[("listener", listener.into())]).get()
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Refused {
    const ALL: [Self; 5] = [Self::Connections, Self::Headers, Self::Body, Self::Slow, Self::Rate];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::Slow => "slow",
            Self::Rate => "rate",
        }
    }
}

impl AuthFailure {
    const ALL: [Self; 3] = [Self::Missing, Self::Unknown, Self::Scope];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Scope => "scope",
        }
    }
}

/// A client may invent methods; the label stays one of a closed set.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(metrics: impl FnOnce(&HttpMetrics)) -> String {
        let mut registry = Registry::default();
        metrics(&HttpMetrics::register(&mut registry));
        registry.encode(runtime::metrics::Format::Prometheus)
    }

    #[test]
    fn an_answer_is_counted_by_template_and_an_invented_method_as_other() {
        let text = served(|metrics| {
            let invented = Method::from_bytes(b"BREW").unwrap();
            metrics.answered("/api/v1/pods/{uid}", &invented, StatusCode::OK, Duration::from_millis(3));
        });
        assert!(
            text.contains(r#"keelwatch_http_requests_total{route="/api/v1/pods/{uid}",method="other",code="200"} 1"#)
        );
        assert!(text.contains(r#"keelwatch_http_request_duration_seconds_count{route="/api/v1/pods/{uid}"} 1"#));
    }

    #[test]
    fn every_reason_is_served_before_it_happens() {
        let text = served(|_| {});
        let reasons = ["connections", "headers", "body", "slow", "rate"];
        assert!(
            reasons
                .iter()
                .all(|reason| text.contains(&format!(r#"keelwatch_http_refused_total{{reason="{reason}"}} 0"#)))
        );
        assert!(text.contains(r#"keelwatch_auth_failures_total{reason="missing"} 0"#));
    }

    #[test]
    fn a_connection_counts_until_it_is_dropped() {
        let text = served(|metrics| {
            let first = metrics.connected("api");
            let _second = metrics.connected("api");
            drop(first);
            assert_eq!(metrics.open_connections("api"), 1);
        });
        assert!(text.contains(r#"keelwatch_http_connections{listener="api"} 0"#));
    }
}
