//! Routes, each with the scope it needs: one without a scope cannot be written down.
//!
//! Owns the table and how it becomes a router. What happens to a request on its way there is `front`'s job.

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::MethodRouter;

use crate::Fault;
use crate::access::{Gate, Guard, Scope, guard};
use crate::front::{self, Front};

/// The routes of a listener.
///
/// ```ignore
/// Routes::new()
///     .open("/health", get(health))
///     .read("/api/violations", get(list).with_state(store))
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Routes {
    open: Vec<(&'static str, MethodRouter)>,
    scoped: Vec<(&'static str, Scope, MethodRouter)>,
}

impl Routes {
    /// No route yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A route for everybody: probes, and metrics on their own listener.
    pub fn open(mut self, path: &'static str, methods: MethodRouter) -> Self {
        self.open.push((path, methods));
        self
    }

    /// A route that reads: every GET; look-ups and validations by POST. Open too with `auth.anonymous_reads`.
    pub fn read(self, path: &'static str, methods: MethodRouter) -> Self {
        self.scoped(path, Scope::Read, methods)
    }

    /// A route that executes, changes or sends.
    pub fn write(self, path: &'static str, methods: MethodRouter) -> Self {
        self.scoped(path, Scope::Write, methods)
    }

    /// A route for heartbeats; its path has the parameter `{agent_id}`, which the token must be good for.
    pub fn beat(self, path: &'static str, methods: MethodRouter) -> Self {
        self.scoped(path, Scope::Beat, methods)
    }

    /// A route for operators of Keelwatch itself: pushed configuration, debugging.
    pub fn admin(self, path: &'static str, methods: MethodRouter) -> Self {
        self.scoped(path, Scope::Admin, methods)
    }

    /// These routes and those.
    pub fn merge(mut self, other: Self) -> Self {
        let Self { open, scoped } = other;
        self.open.extend(open);
        self.scoped.extend(scoped);
        self
    }

    /// The router that a listener serves. Panics if two routes have the same path and method.
    pub(crate) fn into_router(self, gate: &Arc<Gate>, front: &Arc<Front>) -> Router {
        let open = self.open.into_iter();
        let scoped = self.scoped.into_iter().map(|(path, scope, methods)| {
            let guarded = Guard { gate: Arc::clone(gate), scope };
            (path, methods.route_layer(from_fn_with_state(guarded, guard)))
        });
        let router = open.chain(scoped).fold(Router::new(), |router, (path, methods)| router.route(path, methods));
        let router = router.fallback(not_found).layer(from_fn_with_state(Arc::clone(front), front::pass));
        // `Allow` is written by the router itself, outside its own layers.
        Router::new().fallback_service(router).layer(from_fn(front::finish))
    }

    fn scoped(mut self, path: &'static str, scope: Scope, methods: MethodRouter) -> Self {
        self.scoped.push((path, scope, methods));
        self
    }
}

async fn not_found(uri: Uri) -> impl IntoResponse {
    Fault::not_found(format!("there is no route `{}`", uri.path()))
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use crate::Scope;
    use crate::fixture::{Setup, client};

    async fn status(setup: Setup, method: Method, path: &str, header: (&str, &str)) -> u16 {
        let server = setup.start().await;
        let request = client().request(method, server.url(path)).header(header.0, header.1);
        request.send().await.unwrap().status().as_u16()
    }

    fn holding(scope: Scope) -> Setup {
        let mut setup = Setup::default();
        setup.auth.tokens[0].scopes = vec![scope];
        setup
    }

    #[tokio::test]
    async fn a_route_passes_the_scopes_that_include_its_own() {
        let (get, post) = (Method::GET, Method::POST);
        let routes = [(get.clone(), "/read"), (post.clone(), "/read"), (post, "/beat/edge-1"), (get, "/admin")];
        let expected = [
            (Scope::Read, [200, 403, 403, 403]),
            (Scope::Write, [200, 200, 403, 403]),
            (Scope::Beat, [403, 403, 200, 403]),
            (Scope::Admin, [200, 200, 200, 200]),
        ];
        for (scope, statuses) in expected {
            for ((method, path), expected) in routes.clone().into_iter().zip(statuses) {
                let got = status(holding(scope), method.clone(), path, ("x-api-key", "t0ken")).await;
                assert_eq!(got, expected, "{scope} {method} {path}");
            }
        }
    }

    #[tokio::test]
    async fn without_a_token_only_open_routes_answer() {
        let nothing = ("x-nothing", "");
        assert_eq!(status(Setup::default(), Method::GET, "/open", nothing).await, 200);
        assert_eq!(status(Setup::default(), Method::GET, "/read", nothing).await, 401);
        assert_eq!(status(Setup::default(), Method::GET, "/read", ("authorization", "Bearer t0kem")).await, 401);
        assert_eq!(status(Setup::default(), Method::GET, "/read", ("authorization", "Bearer t0ken")).await, 200);
    }

    #[tokio::test]
    async fn a_beat_token_speaks_for_the_agent_in_the_path() {
        let mut setup = holding(Scope::Beat);
        setup.auth.tokens[0].agents = vec!["edge-*".to_owned()];
        let token = ("x-api-key", "t0ken");
        assert_eq!(status(setup.clone(), Method::POST, "/beat/edge-1", token).await, 200);
        assert_eq!(status(setup, Method::POST, "/beat/core-1", token).await, 403);
    }

    #[tokio::test]
    async fn a_wrong_token_does_not_close_open_routes() {
        assert_eq!(status(Setup::default(), Method::GET, "/open", ("x-api-key", "wrong")).await, 200);
    }
}
