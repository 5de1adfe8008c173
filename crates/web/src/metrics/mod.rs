//! What the listeners and the access count.
//!
//! Owns the names of HTTP metrics. Serving them is `probes`' job.

mod by_route;

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::Registry;

pub(crate) use by_route::RouteCounts;
use by_route::{ByRoute, Durations, Requests};

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counts of requests, connections and refusals.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpMetrics {
    by_route: ByRoute,
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
    /// It was good once.
    Expired,
    /// It is known and may not.
    Scope,
    /// The cluster that knows could not be asked.
    Unavailable,
}

/// One open connection, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl HttpMetrics {
    /// Metrics that `registry` serves.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { by_route, connections, refused, auth_failures } = metrics.clone();
        registry.register(
            "keelwatch_http_requests_total",
            &["route", "method", "code"],
            "Requests answered; the route is a template, or none",
            Requests(by_route.clone()),
        );
        registry.register(
            "keelwatch_http_request_duration_seconds",
            &["route"],
            "From the end of the headers to the start of the answer",
            Durations(by_route),
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
            "Credentials that did not do: missing, unknown, expired, scope, unavailable",
            auth_failures,
        );
        metrics.begin_at_zero();
        metrics
    }

    /// A rate needs a zero to rise from.
    fn begin_at_zero(&self) {
        for reason in Refused::ALL {
            self.refused.get_or_create(&[("reason", reason.as_str())]).inc_by(0);
        }
        for reason in AuthFailure::ALL {
            self.auth_failures.get_or_create(&[("reason", reason.as_str())]).inc_by(0);
        }
    }

    /// The counts of a route, to be held by it; `route` is the template, never a path as sent.
    pub(crate) fn route(&self, route: &'static str) -> Arc<RouteCounts> {
        self.by_route.route(route)
    }

    /// Counts a connection to `listener` for as long as the guard lives.
    #[must_use]
    pub(crate) fn connected(&self, listener: &'static str) -> OpenConnection {
        let gauge = self.connections.get_or_create_owned(&[("listener", listener)]);
        gauge.inc();
        OpenConnection(gauge)
    }

    pub(crate) fn refused(&self, reason: Refused) {
        self.refused.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    pub(crate) fn auth_failed(&self, reason: AuthFailure) {
        self.auth_failures.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    #[cfg(test)]
    pub(crate) fn answers(&self, route: &'static str, method: &str, code: &str) -> u64 {
        self.route(route).of(method, code)
    }

    #[cfg(test)]
    pub(crate) fn refusals(&self, reason: Refused) -> u64 {
        self.refused.get_or_create(&[("reason", reason.as_str())]).get()
    }

    #[cfg(test)]
    pub(crate) fn open_connections(&self, listener: &'static str) -> i64 {
        self.connections.get_or_create(&[("listener", listener)]).get()
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
    const ALL: [Self; 5] = [Self::Missing, Self::Unknown, Self::Expired, Self::Scope, Self::Unavailable];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Scope => "scope",
            Self::Unavailable => "unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{Method, StatusCode};

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
            metrics.route("/api/v1/pods/{uid}").answered(&invented, StatusCode::OK, Duration::from_millis(3));
        });
        assert!(
            text.contains(r#"keelwatch_http_requests_total{route="/api/v1/pods/{uid}",method="other",code="200"} 1"#)
        );
        let durations = [r#"le="0.0025""#, r#"le="0.005""#, r#"le="+Inf""#, "_count{"];
        let values = durations.map(|part| {
            let is_it =
                |line: &&str| line.starts_with("keelwatch_http_request_duration_seconds") && line.contains(part);
            text.lines().find(is_it).and_then(|line| line.rsplit(' ').next()).unwrap()
        });
        assert_eq!(values, ["0", "1", "1", "1"]);
        assert!(text.contains(r#"keelwatch_http_request_duration_seconds_sum{route="/api/v1/pods/{uid}"} 0.003"#));
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
