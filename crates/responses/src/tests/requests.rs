//! The routes, asked as clients ask them.

use std::sync::Arc;

use api::finding::App;
use api::violation::SubjectKind;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use findings::Sighting;
use findings::batch::Belongs;
use runtime::metrics::Registry;
use serde_json::{Value, json};
use web::settings::{AuthSettings, ListenSettings, TokenSettings};
use web::{Scope, Server};

use super::world::{World, put_app, sighting_in, sweep, until, world};
use crate::fixture::{settings, sighting};

const PREVIEW: &str = "/api/v1/responses/preview";

/// Asks as somebody with this scope, or as nobody where reads are anonymous.
async fn ask(world: &World, scope: Option<Scope>, method: Method, path: &str, body: String) -> (u16, Value) {
    let token = TokenSettings {
        name: "ci".to_owned(),
        token: "t0ken".to_owned(),
        scopes: scope.into_iter().collect(),
        ..TokenSettings::default()
    };
    let auth = AuthSettings { anonymous_reads: true, tokens: vec![token], ..AuthSettings::default() };
    let clock = Arc::clone(&world.responses.shared().parts.clock);
    let server = Server::new(&ListenSettings::default(), &auth, clock, &mut Registry::default()).unwrap();
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if scope.is_some() {
        request = request.header("authorization", "Bearer t0ken");
    }
    let answering = server.answering(crate::routes(&world.responses));
    let response = answering.answer(request.body(Body::from(body)).unwrap()).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A finding about the app `web` in `ns-b`.
fn web_of_b() -> Sighting {
    let mut sighting = sighting_in(2, "ns-b");
    let app = Some(App { kind: SubjectKind::App, name: "web".to_owned() });
    sighting.told.belongs = Belongs { app, ..Belongs::default() }.into();
    sighting.told.subject.pod = Some("web-0".into());
    sighting.told.subject.pod_uid = Some("uid-web-0".into());
    sighting
}

/// What would be written about a namespace: objects and what changes.
async fn planned(world: &World, namespace: &str) -> Value {
    let path = format!("/api/v1/responses?response=wasm_plugin&namespace={namespace}");
    let (status, body) = ask(world, None, Method::GET, &path, String::new()).await;
    let planned = body["planned"].as_array().unwrap().iter();
    json!({"status": status, "planned": planned.map(|planned| planned["detail"].clone()).collect::<Vec<_>>()})
}

async fn preview(world: &World, body: &str) -> (u16, Value) {
    let (status, body) = ask(world, Some(Scope::Write), Method::POST, PREVIEW, body.to_owned()).await;
    (status, body["type"].clone())
}

#[tokio::test]
async fn a_namespace_is_shown_the_block_that_is_planned_for_it_and_no_other() {
    let world = world().await;
    put_app(&world.sim, "ns-b", "web");
    let shared = world.responses.shared();
    until(|| shared.parts.pods.by_uid("uid-web-0").is_some()).await;
    until(|| shared.routing.neighborhood("ns-b").services.len() == 1).await;
    until(|| shared.routing.neighborhood("ns-b").ingresses.len() == 1).await;
    let mut sweeper = world.sweeper();
    let (mut rehearsal, mut lasting) = (settings(), settings());
    rehearsal.dry_run = true;
    world.apply(&rehearsal);
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    let expected = |planned: &[&str]| json!({"status": 200, "planned": planned});
    assert_eq!(planned(&world, "ns-shop").await, expected(&["add ns-shop/cart"]));
    assert_eq!(planned(&world, "higress-system").await, expected(&["add ns-shop/cart"]));
    assert_eq!(planned(&world, "ns-b").await, expected(&[]));
    // In force, it is not asked for again; another setting is about all that are.
    world.apply(&lasting);
    sweep(&mut sweeper).await;
    (lasting.dry_run, lasting.wasm_plugin.status_code) = (true, 451);
    world.apply(&lasting);
    sweep(&mut sweeper).await;
    assert_eq!(planned(&world, "ns-shop").await, expected(&["as in the settings"]));
    assert_eq!(planned(&world, "ns-b").await, expected(&[]));
    world.confirm(vec![sighting(1), web_of_b()]).await;
    sweep(&mut sweeper).await;
    let [shop, other] = [planned(&world, "ns-shop").await, planned(&world, "ns-b").await];
    assert_eq!((shop, other), (expected(&[]), expected(&["add ns-b/web"])));
}

#[tokio::test]
async fn a_rehearsal_is_for_those_who_may_write() {
    let world = world().await;
    let status = async |scope| ask(&world, scope, Method::POST, PREVIEW, "{}".to_owned()).await.0;
    assert_eq!(
        (status(None).await, status(Some(Scope::Read)).await, status(Some(Scope::Write)).await),
        (401, 403, 200)
    );
}

#[tokio::test]
async fn what_is_no_json_or_too_large_is_not_rehearsed() {
    let world = world().await;
    let megabyte = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    assert_eq!(preview(&world, "{\"settings\":").await.0, 400);
    assert_eq!(preview(&world, &megabyte(1 << 20)).await.0, 200);
    assert_eq!(preview(&world, &megabyte((1 << 20) + 1)).await.0, 413);
}
