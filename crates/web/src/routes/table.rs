//! Routes by path and method, as they are looked up for each request.
//!
//! Owns the look-up and what is known of a route before it is asked: its counts, and the methods of its path.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use futures_core::future::BoxFuture;
use matchit::Router;

use super::route::Endpoint;
use super::{Declared, Routes, Runs, Words};
use crate::access::Needs;
use crate::metrics::{HttpMetrics, RouteCounts};

/// Every route of a listener.
#[derive(Debug)]
pub(crate) struct Table {
    paths: Router<Place>,
    /// Of requests that no route is found for.
    nowhere: Place,
}

/// The routes of one path.
#[derive(Debug)]
pub(crate) struct Place {
    /// The template, for logs and counts.
    pub(crate) route: &'static str,
    /// How faults are told here.
    pub(crate) words: Words,
    /// Where answers are counted.
    pub(crate) counts: Arc<RouteCounts>,
    methods: Vec<(Method, Served)>,
    allow: HeaderValue,
}

/// A route at work.
pub(crate) struct Served {
    /// `None` lets everybody in.
    pub(crate) needs: Option<Needs>,
    pub(crate) uri_bytes: usize,
    pub(crate) body_bytes: u64,
    pub(crate) runs: Runs,
    endpoint: Endpoint,
}

/// What there is at a path.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// The route that was asked for.
    Route(&'a Served, Params),
    /// Routes of other methods, which are named.
    OtherMethods(&'a HeaderValue),
    /// Nothing.
    Nothing,
}

/// Names and values of the parameters in a path, still percent-encoded; an extension of the request if there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

/// The label of requests that no route was found for.
const NO_ROUTE: &str = "none";

impl Table {
    /// The table of `routes`. Panics if two of them have the same path and method, or a path that cannot be.
    pub(crate) fn new(routes: Routes, metrics: &HttpMetrics) -> Self {
        let mut places: BTreeMap<&'static str, Vec<(Method, Words, Served)>> = BTreeMap::new();
        for Declared { route, scope } in routes.0 {
            let (facts, endpoint) = route.into_parts();
            let (path, method) = (facts.path, facts.method);
            let needs = scope.map(|scope| Needs { scope, basic: facts.basic });
            let served =
                Served { needs, uri_bytes: facts.uri_bytes, body_bytes: facts.body_bytes, runs: facts.runs, endpoint };
            let place = places.entry(path).or_default();
            assert!(place.iter().all(|(other, ..)| *other != method), "the route {method} {path} is there twice");
            place.push((method, facts.words, served));
        }
        let mut paths = Router::new();
        for (path, routes) in places {
            let place = Place::new(path, routes, metrics);
            paths.insert(path, place).unwrap_or_else(|error| panic!("`{path}` is no path of a route: {error}"));
        }
        Self { paths, nowhere: Place::new(NO_ROUTE, Vec::new(), metrics) }
    }

    /// What there is at `path` for `method`, and the place that it belongs to.
    pub(crate) fn find(&self, path: &str, method: &Method) -> (Found<'_>, &Place) {
        let Ok(matched) = self.paths.at(path) else { return (Found::Nothing, &self.nowhere) };
        let place = matched.value;
        let found = match place.route(method) {
            Some(served) => Found::Route(served, Params::of(&matched.params)),
            None => Found::OtherMethods(&place.allow),
        };
        (found, place)
    }
}

impl Place {
    fn new(route: &'static str, routes: Vec<(Method, Words, Served)>, metrics: &HttpMetrics) -> Self {
        let former = routes.iter().any(|(_, words, _)| *words == Words::Former);
        let words = if former { Words::Former } else { Words::Problem };
        let methods: Vec<(Method, Served)> = routes.into_iter().map(|(method, _, served)| (method, served)).collect();
        let mut names: Vec<&str> = Vec::new();
        for (method, _) in &methods {
            names.push(method.as_str());
            if *method == Method::GET && words == Words::Problem {
                names.push("HEAD");
            }
        }
        let allow = HeaderValue::try_from(names.join(", ")).expect("names of methods are a header value");
        Self { route, words, counts: metrics.route(route), methods, allow }
    }

    fn route(&self, method: &Method) -> Option<&Served> {
        let by_name = |name: &Method| self.methods.iter().find(|(own, _)| own == name).map(|(_, served)| served);
        match *method {
            Method::HEAD if self.words == Words::Problem => by_name(&Method::HEAD).or_else(|| by_name(&Method::GET)),
            _ => by_name(method),
        }
    }
}

impl Served {
    /// Runs the handler.
    pub(crate) fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        (self.endpoint)(request)
    }
}

impl Params {
    fn of(params: &matchit::Params<'_, '_>) -> Self {
        Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The parameter of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, uri_bytes, body_bytes, runs, endpoint: _ } = self;
        let mut shown = f.debug_struct("Served");
        shown.field("needs", needs).field("uri_bytes", uri_bytes).field("body_bytes", body_bytes).field("runs", runs);
        shown.finish_non_exhaustive()
    }
}
