//! The API over HTTP: from a request to an answer, with the faults between.
//!
//! Owns the order: who asks, what is asked, what goes wrong, what is answered. Each kind of answer has its own file.

pub(crate) mod answer;
mod call;
mod columns;
mod control;
mod discovery;
mod logs;
mod objects;
mod openapi;
mod render;
mod reviews;
mod route;
mod table;
mod watch;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use hyper::header::DATE;
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use self::answer::Answer;
pub use self::answer::Body;
use self::call::{Call, read_body};
use self::objects::{Ask, Verb};
use self::route::{Route, Target};
use crate::cluster::Cluster;
use crate::fault::{Effect, Meeting};
use crate::requests::{Request as Record, Seen};
use crate::settings::Offer;
use crate::status::Status;
use crate::usage;
use crate::user::{self, User};

/// The API as a service that clients can be built on without a socket.
#[derive(Debug, Clone)]
pub struct SimService {
    pub(crate) cluster: Arc<Cluster>,
}

/// What is known of a request before it is answered.
#[derive(Debug, Clone, Default)]
struct Facts {
    verb: &'static str,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

impl<B> tower::Service<Request<B>> for SimService
where
    B: HttpBody + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let cluster = Arc::clone(&self.cluster);
        Box::pin(async move { Ok(handle(&cluster, request).await) })
    }
}

async fn handle<B>(cluster: &Arc<Cluster>, request: Request<B>) -> Answer
where
    B: HttpBody,
    B::Data: Buf,
{
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut call = Call::of(&parts);
    let route = Route::parse(&call.path, &cluster.state().catalog);
    let mut facts = Facts::default();
    let answer = match read_body(body).await {
        Ok(body) => {
            call.body = body;
            respond(cluster, &call, &route, &mut facts).await
        }
        Err(status) => answer::refusal(&status),
    };
    record(cluster, &call, &facts, answer.status().as_u16(), started.elapsed());
    let is_watch = facts.verb == "watch";
    if call.wants_pretty() && !is_watch { pretty(answer).await } else { answer }
}

async fn respond(cluster: &Arc<Cluster>, call: &Call, route: &Route, facts: &mut Facts) -> Answer {
    if let Route::Control(what) = route {
        return control::answer(cluster, call, what);
    }
    if cluster.is_down() {
        // Without a socket there is no connection to refuse.
        return answer::refusal(&injected(503, None));
    }
    let Some(user) = cluster.answers.user(call.token.as_deref()) else {
        return answer::refusal(&Status::new(401, "Unauthorized", "Unauthorized"));
    };
    let verb = match facts.learn(call, route) {
        Ok(verb) => verb,
        Err(status) => return answer::refusal(&status),
    };
    let effect = cluster.faults.meet(&facts.meeting(call));
    if let Some(effect) = &effect {
        cluster.metrics.fault(effect.name());
        if let Some(answer) = before(cluster, effect).await {
            return answer;
        }
    }
    let now = skewed(cluster.clock.now(), effect.as_ref());
    let answer = match route {
        Route::Objects(target) => {
            cluster.requests.saw(facts.seen(&user));
            let ask = Ask { cluster, call, target, effect: effect.as_ref(), now };
            ask_about_objects(&ask, verb, &user).unwrap_or_else(|status| answer::refusal(&status))
        }
        other => elsewhere(cluster, call, other, now),
    };
    match effect {
        Some(effect) => after(answer, &effect, facts, now).await,
        None => answer,
    }
}

fn ask_about_objects(ask: &Ask<'_>, verb: Option<Verb>, user: &User) -> Result<Answer, Status> {
    let Some(verb) = verb else {
        ask.cluster.metrics.unknown();
        return Err(Status::method_not_allowed());
    };
    let target = ask.target;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let resource = target.resource();
    if ask.cluster.answers.is_denied(verb.access_name(), &resource, namespace) {
        let why = user::refusal(user, verb.access_name(), &target.kind, &resource, namespace);
        return Err(Status::forbidden(&target.kind, target.name.as_deref().unwrap_or_default(), &why));
    }
    ask.answer(verb)
}

/// What is no object.
fn elsewhere(cluster: &Arc<Cluster>, call: &Call, route: &Route, now: Timestamp) -> Answer {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        cluster.metrics.unknown();
        return answer::refusal(&Status::method_not_allowed());
    }
    let state = cluster.state();
    let catalog = &state.catalog;
    let extra: &[(&str, &str)] =
        if cluster.settings.metrics_api == Offer::Offered { &[("metrics.k8s.io", "v1beta1")] } else { &[] };
    let found = match route {
        Route::Version => Some(discovery::version(&cluster.settings)),
        Route::Health => return answer::text(200, "ok"),
        Route::CoreVersions => Some(discovery::core_versions(&cluster.address())),
        Route::Groups => Some(discovery::groups(catalog, extra)),
        Route::Group(name) => discovery::group(catalog, name),
        Route::Resources { group, version } => Some(discovery::resources(catalog, group, version)),
        Route::OpenApiIndex => Some(openapi::index(catalog)),
        Route::OpenApi { group, version } => openapi::document(catalog, group, version),
        Route::Usage(_) | Route::NodeSummary(_) | Route::Objects(_) | Route::Control(_) | Route::Unknown => None,
    };
    let usage = match route {
        Route::Usage(rest) if cluster.settings.metrics_api == Offer::Offered => {
            usage::Ask::of(&state, rest, &call.query)
        }
        Route::NodeSummary(node) => Ok(usage::Ask::summary(&state, node)),
        _ => Ok(None),
    };
    drop(state);
    let usage = match usage {
        Ok(usage) => usage,
        Err(status) => return answer::refusal(&status),
    };
    let found = found.or_else(|| Some(usage?.answer(cluster.settings.seed, now)));
    let Some(found) = found else {
        cluster.metrics.unknown();
        return answer::no_such_page();
    };
    answer::json(200, &found)
}

/// Faults that come before an answer; some come instead of it.
async fn before(cluster: &Cluster, effect: &Effect) -> Option<Answer> {
    match effect {
        Effect::Latency(from, to) => {
            tokio::time::sleep(cluster.faults.between(*from, *to)).await;
            None
        }
        Effect::Status { code, retry_after } => Some(answer::refusal(&injected(*code, *retry_after))),
        Effect::Stall => std::future::pending().await,
        Effect::ResetAfter(_)
        | Effect::DropWatch(_)
        | Effect::StallWatch(_)
        | Effect::ExpireWatch
        | Effect::ExpireContinue
        | Effect::RepeatEvent
        | Effect::UndecodableItem
        | Effect::MalformedJson
        | Effect::NoBookmarks
        | Effect::Skew(_)
        | Effect::Down(_) => None,
    }
}

fn injected(code: u16, retry_after: Option<u64>) -> Status {
    let (reason, message) = match code {
        403 => ("Forbidden", "forbidden: injected"),
        429 => ("TooManyRequests", "The server has received too many requests and has asked us to try again later"),
        500 => ("InternalError", "Internal error occurred: injected"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("Unknown", "injected"),
    };
    let status = Status::new(code, reason, message);
    match retry_after {
        Some(seconds) => {
            let details = serde_json::json!({"retryAfterSeconds": seconds});
            status.with_details(details).with_retry_after(seconds)
        }
        None => status,
    }
}

/// Faults that spoil an answer.
async fn after(answer: Answer, effect: &Effect, facts: &Facts, now: Timestamp) -> Answer {
    // It breaks a line of its own, and has no middle.
    let is_open_watch = facts.verb == "watch" && answer.status().is_success();
    match effect {
        Effect::ResetAfter(bytes) => reset(answer, *bytes),
        Effect::MalformedJson if !is_open_watch => halved(answer).await,
        Effect::Skew(_) => {
            let mut answer = answer;
            let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            if let Ok(date) = date.parse() {
                answer.headers_mut().insert(DATE, date);
            }
            answer
        }
        Effect::Latency(..)
        | Effect::Status { .. }
        | Effect::Stall
        | Effect::DropWatch(_)
        | Effect::StallWatch(_)
        | Effect::ExpireWatch
        | Effect::ExpireContinue
        | Effect::RepeatEvent
        | Effect::UndecodableItem
        | Effect::MalformedJson
        | Effect::NoBookmarks
        | Effect::Down(_) => answer,
    }
}

/// The first half of the answer.
async fn halved(answer: Answer) -> Answer {
    let (parts, body) = answer.into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, answer::full(whole.slice(..whole.len() / 2)))
}

/// The answer up to some bytes: then the connection breaks.
fn reset(answer: Answer, bytes: usize) -> Answer {
    let (parts, mut body) = answer.into_parts();
    let (sender, stream) = answer::stream(4);
    tokio::spawn(async move {
        let mut left = bytes;
        while let Some(Ok(frame)) = body.frame().await {
            let data: Bytes = frame.into_data().unwrap_or_default();
            let sent = data.slice(..data.len().min(left));
            left -= sent.len();
            if sender.send(Ok(sent)).await.is_err() || left == 0 {
                break;
            }
        }
        // Nobody may listen any more.
        let _ = sender.send(Err(io::Error::from(io::ErrorKind::ConnectionReset))).await;
    });
    Response::from_parts(parts, stream)
}

/// The answer with lines and indents.
async fn pretty(answer: Answer) -> Answer {
    let (parts, body) = answer.into_parts();
    let whole = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        // A fault cuts the body off: it stays cut off.
        Err(error) => return Response::from_parts(parts, answer::broken(error)),
    };
    let indented =
        serde_json::from_slice::<Value>(&whole).ok().and_then(|value| serde_json::to_vec_pretty(&value).ok());
    let body = indented.map_or(whole, Bytes::from);
    Response::from_parts(parts, answer::full(body))
}

fn skewed(now: Timestamp, effect: Option<&Effect>) -> Timestamp {
    match effect {
        Some(Effect::Skew(by)) => now.saturating_add(*by).unwrap_or(now),
        Some(_) | None => now,
    }
}

fn record(cluster: &Cluster, call: &Call, facts: &Facts, status: u16, took: Duration) {
    if call.path.starts_with("/_sim/") {
        return;
    }
    cluster.metrics.answered(facts.verb, &facts.resource, status, took);
    cluster.requests.record(Record {
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query_text.clone(),
        user_agent: call.agent.clone(),
        status,
        took,
        verb: facts.verb.to_owned(),
        resource: facts.resource.clone(),
    });
}

impl Facts {
    fn learn(&mut self, call: &Call, route: &Route) -> Result<Option<Verb>, Status> {
        let Route::Objects(target) = route else { return Ok(None) };
        let Target { kind, namespace, name, subresource } = target;
        self.group.clone_from(&kind.group);
        self.resource.clone_from(&kind.plural);
        self.subresource = subresource.clone().unwrap_or_default();
        self.namespace = namespace.clone().unwrap_or_default();
        self.name = name.clone().unwrap_or_default();
        let verb = Verb::of(call, target)?;
        self.verb = verb.map_or("", Verb::name);
        Ok(verb)
    }

    fn meeting<'a>(&'a self, call: &'a Call) -> Meeting<'a> {
        Meeting {
            verb: self.verb,
            resource: &self.resource,
            namespace: &self.namespace,
            name: &self.name,
            user_agent: &call.agent,
            continues: !call.query.get("continue").is_empty(),
        }
    }

    fn seen(&self, user: &User) -> Seen {
        Seen {
            user: user.name.clone(),
            verb: self.verb.to_owned(),
            group: self.group.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            namespace: self.namespace.clone(),
        }
    }
}
