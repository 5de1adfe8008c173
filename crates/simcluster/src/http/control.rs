//! The control routes: what Rust code can do to a cluster, over HTTP.
//!
//! Owns `/_sim/*`. They are served only where the settings say so, and, where there are tokens, only to who has one.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use hyper::header::{ALLOW, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::call::Call;
use crate::access::AccessRule;
use crate::cluster::{Cluster, LoadError};
use crate::duration;
use crate::fault_text::FaultText;
use crate::requests::Request;
use crate::settings::Offer;
use crate::user::User;

/// A refusal of a control route.
struct Problem(u16, &'static str, String);

/// What each route takes.
const ROUTES: [(&str, &str); 6] = [
    ("step", "POST"),
    ("faults", "GET, PUT"),
    ("answers", "PUT"),
    ("load", "POST"),
    ("requests", "GET, DELETE"),
    ("state", "GET"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    advance: String,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Answers {
    token_reviews: BTreeMap<String, TokenAnswer>,
    access_reviews: Vec<AccessRule>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TokenAnswer {
    user: String,
    groups: Vec<String>,
    /// Whom the token is for; the API server if it is left out.
    audiences: Option<Vec<String>>,
    authenticated: bool,
}

impl Default for TokenAnswer {
    fn default() -> Self {
        Self { user: String::new(), groups: Vec::new(), audiences: None, authenticated: true }
    }
}

pub(super) fn answer(cluster: &Arc<Cluster>, call: &Call, what: &str) -> Answer {
    if cluster.settings.control == Offer::Missing {
        return answer::no_such_page();
    }
    match route(cluster, call, what) {
        Ok(value) => answer::json(200, &value),
        Err(Problem(code, title, detail)) => {
            let problem = json!({"type": "about:blank", "title": title, "status": code, "detail": detail});
            let body = answer::full(problem.to_string().into());
            let mut answer = answer::with_type(code, "application/problem+json", body);
            if let Some((_, methods)) = ROUTES.iter().find(|(route, _)| code == 405 && *route == what) {
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
            }
            answer
        }
    }
}

fn route(cluster: &Arc<Cluster>, call: &Call, what: &str) -> Result<Value, Problem> {
    if cluster.answers.user(call.token.as_deref()).is_none() {
        return Err(Problem(401, "unauthorized", "a token of the cluster is needed".to_owned()));
    }
    match (&call.method, what) {
        (&Method::POST, "step") => step(cluster, call),
        (&Method::GET, "faults") => Ok(faults(cluster)),
        (&Method::PUT, "faults") => set_faults(cluster, call),
        (&Method::PUT, "answers") => set_answers(cluster, call),
        (&Method::POST, "load") => load(cluster, call),
        (&Method::GET, "requests") => Ok(cluster.requests.kept().iter().map(Request::to_value).collect()),
        (&Method::DELETE, "requests") => {
            cluster.requests.clear();
            Ok(json!({}))
        }
        (&Method::GET, "state") => Ok(state(cluster)),
        _ if ROUTES.iter().any(|(route, _)| *route == what) => {
            Err(Problem(405, "method not allowed", format!("{} is not for this route", call.method)))
        }
        _ => Err(Problem(404, "not found", "there is no such control route".to_owned())),
    }
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem(422, "refused", detail.into())
}

/// The body as JSON.
fn body(call: &Call) -> Result<Value, Problem> {
    serde_json::from_slice(&call.body)
        .map_err(|error| Problem(400, "malformed", format!("the body is no JSON: {error}")))
}

/// A mapping as a type; the types alone would take a list for the values of their fields.
fn mapping<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    if !value.is_object() {
        return Err("a mapping is wanted".to_owned());
    }
    T::deserialize(value).map_err(|error| error.to_string())
}

fn step(cluster: &Arc<Cluster>, call: &Call) -> Result<Value, Problem> {
    let Step { advance } = mapping(body(call)?).map_err(refused)?;
    let advance = duration::parse(&advance).ok_or_else(|| refused("advance: a duration such as \"30s\" is wanted"))?;
    Ok(json!({"moved": cluster.step(advance)}))
}

fn faults(cluster: &Cluster) -> Value {
    let counted = cluster.faults.counted();
    let texts = counted.iter().map(|counted| FaultText::of(&counted.fault, Some((counted.fitted, counted.met))));
    json!(texts.collect::<Vec<_>>())
}

fn set_faults(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    let Value::Array(entries) = body(call)? else { return Err(refused("a list of faults is wanted")) };
    let read = |(nth, entry): (usize, Value)| {
        mapping::<FaultText>(entry).and_then(|text| text.fault()).map_err(|why| refused(format!("entry {nth}: {why}")))
    };
    let faults: Result<Vec<_>, _> = entries.into_iter().enumerate().map(read).collect();
    cluster.set_faults(faults?);
    Ok(self::faults(cluster))
}

fn set_answers(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    let Answers { token_reviews, access_reviews } = mapping(body(call)?).map_err(refused)?;
    if let Some(nth) = access_reviews.iter().position(|rule| rule.resource.is_some() && rule.path.is_some()) {
        return Err(refused(format!("access_reviews[{nth}]: either a resource or a path is wanted")));
    }
    let (mut reviewed, mut intended) = (BTreeMap::new(), BTreeMap::new());
    for (token, TokenAnswer { user, groups, audiences, authenticated }) in token_reviews {
        intended.extend(audiences.map(|audiences| (token.clone(), audiences)));
        reviewed.insert(token, authenticated.then_some(User { name: user, groups }));
    }
    cluster.answers.script(reviewed, intended, access_reviews);
    Ok(json!({}))
}

fn load(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    match cluster.load(&call.body) {
        Ok(created) => Ok(json!({"created": created})),
        Err(LoadError::Text(error)) => Err(Problem(400, "malformed", error.to_string())),
        Err(error @ LoadError::Refused(..)) => Err(refused(error.to_string())),
    }
}

fn state(cluster: &Cluster) -> Value {
    let sizes = cluster.census();
    json!({
        "version": sizes.version, "bytes": sizes.bytes, "objects": sizes.objects, "watchers": sizes.watchers,
        "now": cluster.clock.now().to_string(), "faults": cluster.faults.counted().len(),
    })
}
