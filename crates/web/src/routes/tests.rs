//! Which credential passes which route.

use reqwest::Method;

use super::{Routes, Table};
use crate::Scope;
use crate::fixture::{Setup, client};
use crate::metrics::HttpMetrics;

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

/// Status and body of GET.
async fn get(path: &str) -> (u16, String) {
    let server = Setup::default().start().await;
    let response = client().get(server.url(path)).header("x-api-key", "t0ken").send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_parameter_of_the_path_is_decoded() {
    assert_eq!(get("/items/a%2Fb+%C3%A9").await, (200, r#"{"name":"a/b+é"}"#.to_owned()));
}

#[tokio::test]
async fn a_broken_escape_in_the_path_is_400() {
    let (status, body) = get("/items/%zz").await;
    assert_eq!(status, 400);
    assert!(body.starts_with(r#"{"type":"malformed-path""#), "{body}");
}

#[tokio::test]
async fn a_body_over_the_limit_of_its_route_is_413() {
    let server = Setup::default().start().await;
    let post = async |bytes: usize| {
        let body = format!(r#"{{"name":"{}"}}"#, "a".repeat(bytes - 11));
        let request = client().post(server.url("/echo")).header("x-api-key", "t0ken");
        request.header("content-type", "application/json").body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!((post(64).await, post(65).await), (200, 413));
}

#[test]
#[should_panic(expected = "the route GET /twice is there twice")]
fn a_route_that_is_there_twice_is_a_mistake_of_the_wiring() {
    let route = || crate::routes::get("/twice", "Is there twice.", async || "once");
    let _ = Table::new(Routes::new().open(route()).open(route()), &HttpMetrics::default());
}
