//! Which credential passes which route.

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
