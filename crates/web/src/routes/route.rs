//! One route: a path, a method, a handler, and what is said about it.

use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use futures_core::future::BoxFuture;

use crate::access::BasicAuth;
use crate::openapi::{Described, Operation};

/// What a body may measure unless its route says otherwise.
const BODY_BYTES: u64 = 1024 * 1024;

/// Of a path with its query, if the route does not say otherwise.
pub(crate) const URI_BYTES: usize = 8 * 1024;

/// A handler with its state.
pub(crate) type Endpoint = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// A route whose handler still needs a state `S`; with none left it can enter `Routes`.
#[must_use]
pub struct Route<S = ()> {
    pub(crate) facts: Facts,
    handler: Box<dyn FnOnce(S) -> Endpoint + Send>,
}

/// Everything about a route but its handler.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) path: &'static str,
    pub(crate) method: Method,
    /// One sentence for the reference.
    pub(crate) about: &'static str,
    pub(crate) describe: fn(&mut Operation),
    pub(crate) uri_bytes: usize,
    pub(crate) body_bytes: u64,
    pub(crate) words: Words,
    /// Users of this route alone.
    pub(crate) basic: Option<BasicAuth>,
    pub(crate) runs: Runs,
    pub(crate) is_deprecated: bool,
}

/// How a route speaks of what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// A problem.
    Problem,
    /// `{"error": …}`, as the former tools did; only the method that the route names, HEAD not either.
    Former,
}

/// Which replica runs the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// The one that is asked.
    Here,
    /// The leader; another one asks it.
    OnLeader,
}

/// A route for GET. `about` is one sentence for the reference, such as `Lists open issues, worst first.`; HEAD is
/// answered too.
pub fn get<H, T, D, S>(path: &'static str, about: &'static str, handler: H) -> Route<S>
where
    H: Handler<T, S, Future = BoxFuture<'static, Response>> + Described<D>,
    S: Clone + Send + Sync + 'static,
{
    Route::new(Method::GET, path, about, handler)
}

/// A route for POST.
pub fn post<H, T, D, S>(path: &'static str, about: &'static str, handler: H) -> Route<S>
where
    H: Handler<T, S, Future = BoxFuture<'static, Response>> + Described<D>,
    S: Clone + Send + Sync + 'static,
{
    Route::new(Method::POST, path, about, handler)
}

/// A route for PUT.
pub fn put<H, T, D, S>(path: &'static str, about: &'static str, handler: H) -> Route<S>
where
    H: Handler<T, S, Future = BoxFuture<'static, Response>> + Described<D>,
    S: Clone + Send + Sync + 'static,
{
    Route::new(Method::PUT, path, about, handler)
}

/// A route for DELETE.
pub fn delete<H, T, D, S>(path: &'static str, about: &'static str, handler: H) -> Route<S>
where
    H: Handler<T, S, Future = BoxFuture<'static, Response>> + Described<D>,
    S: Clone + Send + Sync + 'static,
{
    Route::new(Method::DELETE, path, about, handler)
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    fn new<H, T, D>(method: Method, path: &'static str, about: &'static str, handler: H) -> Self
    where
        H: Handler<T, S, Future = BoxFuture<'static, Response>> + Described<D>,
    {
        let facts = Facts {
            path,
            method,
            about,
            describe: H::describe,
            uri_bytes: URI_BYTES,
            body_bytes: BODY_BYTES,
            words: Words::Problem,
            basic: None,
            runs: Runs::Here,
            is_deprecated: false,
        };
        let handler = |state: S| -> Endpoint { Arc::new(move |request| handler.clone().call(request, state.clone())) };
        Self { facts, handler: Box::new(handler) }
    }

    /// Gives the handler its state.
    pub fn with_state(self, state: S) -> Route {
        let Self { facts, handler } = self;
        Route { facts, handler: Box::new(move |()| handler(state)) }
    }
}

impl<S> Route<S> {
    /// Takes paths with queries up to `bytes`, instead of 8 KiB; 32 KiB is the most. A longer one is answered 414.
    pub fn uri_bytes(mut self, bytes: usize) -> Self {
        self.facts.uri_bytes = bytes;
        self
    }

    /// Takes bodies up to `bytes`, instead of 1 MiB. A larger one is answered 413 before it is read whole.
    pub fn body_bytes(mut self, bytes: u64) -> Self {
        self.facts.body_bytes = bytes;
        self
    }

    /// Says what goes wrong as the former tools did: `{"error": "…"}` as `application/json`, 401 with the `Basic` scheme,
    /// and 405 for every other method, HEAD too.
    pub fn in_former_words(mut self) -> Self {
        self.facts.words = Words::Former;
        self
    }

    /// Lets in the user of `users` too, who is good for this route and no other.
    pub fn basic_auth(mut self, users: &BasicAuth) -> Self {
        self.facts.basic = Some(users.clone());
        self
    }

    /// Runs on the leader: another replica asks it, once, with the credential of the request, and answers what it
    /// answers.
    pub fn on_leader(mut self) -> Self {
        self.facts.runs = Runs::OnLeader;
        self
    }

    /// There is a better route for the same thing.
    pub fn deprecated(mut self) -> Self {
        self.facts.is_deprecated = true;
        self
    }
}

impl Route {
    pub(crate) fn into_parts(self) -> (Facts, Endpoint) {
        (self.facts, (self.handler)(()))
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.facts).finish()
    }
}
