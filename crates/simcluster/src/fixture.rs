//! A client for tests, and objects to send.
//!
//! Owns sending without a socket. What is expected stands in the tests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{Body, Builder, Pace, SimCluster};

pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// What a request is answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Answered {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

/// A watch that is read line by line.
#[derive(Debug)]
pub(crate) struct Events {
    body: Body,
    read: Vec<u8>,
}

/// A cluster that stands still and is reached without a socket.
pub(crate) async fn cluster() -> SimCluster {
    start(SimCluster::builder()).await
}

pub(crate) async fn start(builder: Builder) -> SimCluster {
    builder.pace(Pace::Manual).without_listener().start().await.unwrap()
}

pub(crate) async fn call(
    sim: &SimCluster,
    method: &str,
    path: &str,
    content_type: Option<&str>,
    body: &str,
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("user-agent", "curl/8.5.0");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    sim.service().oneshot(request).await.unwrap()
}

pub(crate) async fn text(answer: Response<Body>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Sends JSON as the content type that the method has by default.
pub(crate) async fn send(sim: &SimCluster, method: &str, path: &str, body: &Value) -> Answered {
    let content_type = if method == "PATCH" { MERGE } else { "application/json" };
    send_as(sim, method, path, content_type, body).await
}

pub(crate) async fn send_as(sim: &SimCluster, method: &str, path: &str, content_type: &str, body: &Value) -> Answered {
    answered(call(sim, method, path, Some(content_type), &body.to_string()).await).await
}

pub(crate) async fn get(sim: &SimCluster, path: &str) -> Answered {
    answered(call(sim, "GET", path, None, "").await).await
}

pub(crate) async fn delete(sim: &SimCluster, path: &str) -> Answered {
    answered(call(sim, "DELETE", path, None, "").await).await
}

async fn answered(answer: Response<Body>) -> Answered {
    let code = answer.status().as_u16();
    let text = text(answer).await;
    Answered { code, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub(crate) async fn watch(sim: &SimCluster, path: &str) -> Events {
    Events::of(call(sim, "GET", path, None, "").await)
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "1"}})
}

pub(crate) async fn create_maps(sim: &SimCluster, names: &[&str]) {
    for name in names {
        assert_eq!(send(sim, "POST", MAPS, &config_map(name)).await.code, 201);
    }
}

impl Answered {
    /// Reason and message of a Status.
    pub(crate) fn refusal(&self) -> (u16, &str, &str) {
        (self.code, self.body["reason"].as_str().unwrap_or_default(), self.body["message"].as_str().unwrap_or_default())
    }

    /// Names of the items of a list.
    pub(crate) fn names(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().unwrap();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
    }

    /// Where the next page of a list begins; "" at its end.
    pub(crate) fn token(&self) -> &str {
        self.body["metadata"]["continue"].as_str().unwrap_or_default()
    }

    pub(crate) fn version(&self) -> u64 {
        self.body["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
    }
}

impl Events {
    /// Those of a watch that was answered.
    pub(crate) fn of(answer: Response<Body>) -> Self {
        Self { body: answer.into_body(), read: Vec::new() }
    }

    /// The next event; `None` at the end of the watch.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        self.line().await.map(|line| serde_json::from_slice(&line).unwrap())
    }

    /// The next line, whatever it holds; `None` at the end of the watch.
    pub(crate) async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                return Some(self.read.drain(..=end).collect());
            }
            let frame = self.body.frame().await?.ok()?;
            self.read.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// Type and name of the next events, as many as there are until the watch ends.
    pub(crate) async fn rest(mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(brief(&event));
        }
        events
    }
}

/// Type and name, for example `ADDED a`.
pub(crate) fn brief(event: &Value) -> String {
    let name = event["object"]["metadata"]["name"].as_str().or(event["object"]["reason"].as_str());
    format!("{} {}", event["type"].as_str().unwrap(), name.unwrap_or_default()).trim_end().to_owned()
}

/// Steps until `done` is; watches see the time of the cluster only when they run.
pub(crate) async fn step_until<T: Send + 'static>(
    sim: &SimCluster,
    by: Duration,
    done: impl Future<Output = T> + Send + 'static,
) -> T {
    let task = tokio::spawn(done);
    while !task.is_finished() {
        tokio::task::yield_now().await;
        sim.step(by);
    }
    task.await.unwrap()
}
