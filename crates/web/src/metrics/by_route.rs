//! Counts of answers by route, cheap enough for every request: no label is made or hashed to count.
//!
//! Owns how they are kept and written. A route asks once for its own and holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// From a cached answer to the default limit of a request, in nanoseconds.
const BOUNDS_NS: [u64; 12] = [
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];

/// The counts of every route. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct ByRoute(Arc<Mutex<BTreeMap<&'static str, Arc<RouteCounts>>>>);

/// How many answers each route gave, by method and code.
#[derive(Debug)]
pub(super) struct Requests(pub(super) ByRoute);

/// How long the answers of each route took.
#[derive(Debug)]
pub(super) struct Durations(pub(super) ByRoute);

/// The counts of one route.
#[derive(Debug, Default)]
pub(crate) struct RouteCounts {
    /// Of the few methods and codes that a route answers, in the order of their first answers; a search through them is
    /// faster than a hash.
    answers: RwLock<Vec<Answers>>,
    /// Answers within each bound and not within the one before; the last is for those beyond every bound.
    within: [AtomicU64; BOUNDS_NS.len() + 1],
    sum_ns: AtomicU64,
}

#[derive(Debug)]
struct Answers {
    method: &'static str,
    code: StatusCode,
    count: AtomicU64,
}

impl ByRoute {
    /// The counts of `route`, a template and never a path as sent.
    pub(super) fn route(&self, route: &'static str) -> Arc<RouteCounts> {
        Arc::clone(self.all().entry(route).or_default())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<RouteCounts>>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouteCounts {
    /// Counts an answer.
    pub(crate) fn answered(&self, method: &Method, code: StatusCode, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bound = BOUNDS_NS.iter().position(|bound| ns <= *bound).unwrap_or(BOUNDS_NS.len());
        self.within[bound].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
        let method = method_label(method);
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers.iter().find(|known| known.is(method, code)) {
            known.count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(answers);
        self.first_answered(method, code);
    }

    /// A route has at most as many entries as there are methods and codes, 8 times 900 if somebody forwards everything.
    fn first_answered(&self, method: &'static str, code: StatusCode) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        match answers.iter().find(|known| known.is(method, code)) {
            Some(known) => {
                known.count.fetch_add(1, Ordering::Relaxed);
            }
            None => answers.push(Answers { method, code, count: AtomicU64::new(1) }),
        }
    }

    /// Answers of this method and code so far.
    #[cfg(test)]
    pub(super) fn of(&self, method: &str, code: &str) -> u64 {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        let counted = answers.iter().find(|known| known.method == method && known.code.as_str() == code);
        counted.map_or(0, |known| known.count.load(Ordering::Relaxed))
    }
}

impl Answers {
    fn is(&self, method: &'static str, code: StatusCode) -> bool {
        self.code == code && self.method == method
    }
}

impl EncodeMetric for Requests {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), fmt::Error> {
        for (route, counts) in self.0.all().iter() {
            let answers = counts.answers.read().unwrap_or_else(PoisonError::into_inner);
            for Answers { method, code, count } in answers.iter() {
                let labels = [("route", *route), ("method", method), ("code", code.as_str())];
                let mut encoder = encoder.encode_family(&labels)?;
                encoder.encode_counter::<NoLabelSet, _, u64>(&count.load(Ordering::Relaxed), None)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), fmt::Error> {
        for (route, counts) in self.0.all().iter() {
            let bounds_s = BOUNDS_NS.map(|ns| Duration::from_nanos(ns).as_secs_f64());
            let bounds = bounds_s.into_iter().chain([f64::INFINITY]);
            let within = counts.within.iter().map(|within| within.load(Ordering::Relaxed));
            let buckets: Vec<(f64, u64)> = bounds.zip(within).collect();
            let count = buckets.iter().map(|(_, within)| within).sum();
            if count > 0 {
                let sum = Duration::from_nanos(counts.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
                let labels = [("route", *route)];
                encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// A client may invent methods; the label stays one of a closed set.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
