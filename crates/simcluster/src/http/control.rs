//! The control routes: what Rust code can do to a cluster, over HTTP.
//!
//! Owns `/_sim/*` and the text of faults. They are served only where the settings say so.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::call::Call;
use crate::access::AccessRule;
use crate::cluster::Cluster;
use crate::settings::Offer;
use crate::user::User;
use crate::{fault_text, yaml};

/// A refusal of a control route.
struct Problem(u16, String);

pub(super) fn answer(cluster: &Arc<Cluster>, call: &Call, what: &str) -> Answer {
    if cluster.settings.control == Offer::Missing {
        return answer::no_such_page();
    }
    let answered = match (&call.method, what) {
        (&Method::POST, "step") => step(cluster, call),
        (&Method::GET, "faults") => Ok(faults(cluster)),
        (&Method::PUT, "faults") => set_faults(cluster, call),
        (&Method::PUT, "answers") => set_answers(cluster, call),
        (&Method::POST, "load") => load(cluster, call),
        (&Method::GET, "requests") => {
            Ok(cluster.requests.kept().iter().map(crate::requests::Request::to_value).collect())
        }
        (&Method::DELETE, "requests") => {
            cluster.requests.clear();
            Ok(json!({}))
        }
        (&Method::GET, "state") => Ok(state(cluster)),
        _ => Err(Problem(404, "there is no such control route".to_owned())),
    };
    match answered {
        Ok(value) => answer::json(200, &value),
        Err(Problem(code, detail)) => {
            let problem = json!({"type": "about:blank", "title": "refused", "status": code, "detail": detail});
            answer::with_type(code, "application/problem+json", answer::full(problem.to_string().into()))
        }
    }
}

fn body(call: &Call) -> Result<Value, Problem> {
    serde_json::from_slice(&call.body).map_err(|error| Problem(400, format!("the body is no JSON: {error}")))
}

fn step(cluster: &Arc<Cluster>, call: &Call) -> Result<Value, Problem> {
    let body = body(call)?;
    let advance = fault_text::duration(&body["advance"]);
    let advance = advance.ok_or_else(|| Problem(422, "advance: a duration such as \"30s\" is wanted".to_owned()))?;
    Ok(json!({"moved": cluster.step(advance)}))
}

fn faults(cluster: &Cluster) -> Value {
    let counted = cluster.faults.counted();
    let entries = counted.iter().map(|counted| {
        let mut entry = fault_text::to_value(&counted.fault);
        entry["fitted"] = counted.fitted.into();
        entry["met"] = counted.met.into();
        entry
    });
    entries.collect()
}

fn set_faults(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    let body = body(call)?;
    let Some(entries) = body.as_array() else { return Err(Problem(422, "a list of faults is wanted".to_owned())) };
    let faults: Result<Vec<_>, _> = entries
        .iter()
        .enumerate()
        .map(|(nth, entry)| fault_text::parse(entry).map_err(|why| Problem(422, format!("entry {nth}: {why}"))))
        .collect();
    cluster.set_faults(faults?);
    Ok(self::faults(cluster))
}

fn set_answers(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    let body = body(call)?;
    let mut tokens = BTreeMap::new();
    for (token, answer) in body["token_reviews"].as_object().into_iter().flatten() {
        let user =
            User { name: answer["user"].as_str().unwrap_or_default().to_owned(), groups: texts(&answer["groups"]) };
        tokens.insert(token.clone(), (answer["authenticated"] != false).then_some(user));
    }
    let rules = body["access_reviews"].as_array().into_iter().flatten().map(access_rule).collect();
    cluster.answers.script(tokens, rules);
    Ok(json!({}))
}

fn access_rule(rule: &Value) -> AccessRule {
    let text = |key: &str| rule[key].as_str().map(str::to_owned);
    AccessRule {
        user: text("user"),
        groups: texts(&rule["groups"]),
        verb: text("verb"),
        resource: text("resource"),
        path: text("path"),
        allowed: rule["allowed"] == true,
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn load(cluster: &Cluster, call: &Call) -> Result<Value, Problem> {
    let documents = yaml::parse_all(&call.body).map_err(|error| Problem(400, error.to_string()))?;
    let mut created = 0_usize;
    for document in documents {
        cluster.put(document).map_err(|status| Problem(422, status.message().to_owned()))?;
        created += 1;
    }
    Ok(json!({"created": created}))
}

fn state(cluster: &Cluster) -> Value {
    let sizes = cluster.census();
    json!({
        "version": sizes.version, "bytes": sizes.bytes, "objects": sizes.objects, "watchers": sizes.watchers,
        "now": cluster.clock.now().to_string(), "faults": cluster.faults.counted().len(),
    })
}
