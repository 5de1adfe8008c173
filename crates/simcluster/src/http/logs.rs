//! What containers wrote.
//!
//! Owns which container is meant, and the parameters that cut its lines. The lines are the hook's.

use bytes::Bytes;
use serde_json::Value;

use super::answer::{self, Answer};
use super::objects::Ask;
use crate::logs::LogAsk;
use crate::status::Status;
use crate::store::{Key, text_at};

pub(super) fn answer(ask: &Ask<'_>) -> Result<Answer, Status> {
    let target = ask.target;
    let key = Key::new(target.namespace.as_deref().unwrap_or_default(), target.name.as_deref().unwrap_or_default());
    let pod = ask.cluster.state().store.get("pods", &key).map(|entry| entry.decode());
    let pod = pod.ok_or_else(|| Status::not_found(&target.kind, &key.name))?;
    let container = container(ask, &pod)?;
    let query = &ask.call.query;
    if text_at(&pod, "status.phase") == "Pending" {
        let message =
            format!("container \"{container}\" in pod \"{}\" is waiting to start: ContainerCreating", key.name);
        return Err(Status::bad_request(message));
    }
    let previous = query.flag("previous")? == Some(true);
    if previous && restarts(&pod, &container) == 0 {
        let message = format!("previous terminated container \"{container}\" in pod \"{}\" not found", key.name);
        return Err(Status::bad_request(message));
    }
    let number = |name: &str| query.get(name).parse::<usize>().ok();
    let text = ask.cluster.logs.text(&LogAsk { pod, container, previous });
    let text = Bytes::from(last_lines(&text, number("tailLines")).to_owned());
    let length = number("limitBytes").map_or(text.len(), |limit| limit.min(text.len()));
    Ok(answer::with_type(200, "text/plain", answer::full(text.slice(..length))))
}

/// The end of a text, from the beginning of a line on.
fn last_lines(text: &str, lines: Option<usize>) -> &str {
    let Some(lines) = lines else { return text };
    let starts = text.split_inclusive('\n').map(str::len).rev().take(lines);
    &text[text.len() - starts.sum::<usize>()..]
}

/// The container that is meant: the one that is named, or the only one.
fn container(ask: &Ask<'_>, pod: &Value) -> Result<String, Status> {
    let name = text_at(pod, "metadata.name");
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let known: Vec<&str> = lists
        .iter()
        .flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten())
        .map(|container| text_at(container, "name"))
        .collect();
    let asked = ask.call.query.get("container");
    if !asked.is_empty() {
        let is_known = known.contains(&asked);
        let refusal = || Status::bad_request(format!("container {asked} is not valid for pod {name}"));
        return if is_known { Ok(asked.to_owned()) } else { Err(refusal()) };
    }
    let regular = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    if regular > 1 {
        let choices = known[..regular].join(" ");
        let message = format!("a container name must be specified for pod {name}, choose one of: [{choices}]");
        return Err(Status::bad_request(message));
    }
    Ok(known.first().copied().unwrap_or_default().to_owned())
}

fn restarts(pod: &Value, container: &str) -> i64 {
    let mut statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let found = statuses.find(|status| status["name"] == container);
    found.and_then(|status| status["restartCount"].as_i64()).unwrap_or(0)
}
