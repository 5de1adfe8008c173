//! The cluster that this process belongs to: one client for everything.
//!
//! Owns how requests are sent, limited, counted and understood. Where the cluster is, is found by [`find`].

mod call;
mod connect;
mod find;
mod limit;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use api::Clock;
use http::Request;
use kube::client::Body;
use tower::{BoxError, Service};

pub(crate) use call::{Call, Content, Status, Verb};
pub use call::{CallError, Refusal};
pub use find::{FindError, Surroundings};
use limit::Limit;

use crate::metrics::Metrics;
use crate::random::Random;

/// A cluster. Clones share the client, its limits and its counters. No request is made by having one: a role starts, and serves
/// what it can, when no server answers.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    client: kube::Client,
    place: Place,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// Writes and lists.
    limit: Limit,
    /// Reviews have a limit of their own: a flood of tokens does not hold up writes.
    reviews: Limit,
    random: Mutex<Random>,
}

/// Who this process is in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the cluster is, for people: the address of the API server.
    pub server: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Writes and lists per second, more than 0.
    pub requests_per_second: u32,
    /// Seed of all jitter. Two processes of a release have different ones.
    pub seed: u64,
}

impl Cluster {
    /// A cluster that `service` answers for: a simulated one, for example. It is called within a tokio runtime.
    pub fn over<S, B>(service: S, place: Place, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self
    where
        S: Service<Request<Body>, Response = http::Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: hyper::body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let client = kube::Client::new(service, place.namespace.clone());
        let limit = || Limit::new(place.requests_per_second, Arc::clone(&clock));
        let (limit, reviews, random) = (limit(), limit(), Mutex::new(Random::new(place.seed)));
        let inner = Inner { client, place, clock, metrics: metrics.clone(), limit, reviews, random };
        Self { inner: Arc::new(inner) }
    }

    /// The namespace of the release.
    pub fn namespace(&self) -> &str {
        &self.inner.place.namespace
    }

    /// The name of the release.
    pub fn release(&self) -> &str {
        &self.inner.place.release
    }

    /// The address of the API server, for people.
    pub fn server(&self) -> &str {
        &self.inner.place.server
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// A seed that nobody else of this process has.
    pub(crate) fn seed(&self) -> u64 {
        self.inner.random.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("Cluster").field("place", &self.inner.place).finish_non_exhaustive()
    }
}
