//! Rehearsing responses: the same plan as a sweep makes, by other settings or about some findings, and nothing done.

mod posted;

use std::collections::BTreeSet;
use std::sync::Arc;

use api::{Fingerprint, Time};
use axum::http::StatusCode;
use findings::{Book, Record};
use serde_json::{Map, Value, json};
use web::Fault;

use crate::ledger::Ledger;
use crate::notify;
use crate::plan::{self, Act, Barred, Input, Step, Undo};
use crate::response::Response;
use crate::responses::Shared;
use crate::routing;
use crate::settings::Settings;
use crate::sweep::{self, Sight};
use crate::wire::{Preview, PreviewAsk, PreviewedWrite, Skipped};

/// Namespaces whose ways are asked of the server while nothing is watched: two lists each, at 50 requests a second.
const NAMESPACES: usize = 200;

/// Objects that the API server is asked about, at 50 requests a second: some answers come in two.
const ASKED: usize = 200;

/// Rehearses what is asked for.
pub(crate) async fn preview(shared: &Arc<Shared>, ask: PreviewAsk) -> Result<Preview, Fault> {
    let PreviewAsk { settings, findings, server_dry_run } = ask;
    let running = shared.settings.load_full();
    let settings = match settings {
        Some(posted) => Arc::new(posted::read(posted, &running)?),
        None => running,
    };
    let only = findings.map(|findings| findings.into_iter().collect::<BTreeSet<_>>());
    known(shared, only.as_ref())?;
    let now = Time::of(shared.parts.clock.now());
    let ledger = ledger(shared);
    let mut sight = sweep::see(shared, (&settings, &shared.protected(&settings)), &ledger, only.as_ref(), now);
    ask_for_ways(shared, &mut sight).await?;
    let barred = Barred::default();
    let Sight { selection, causes, ground } = &sight;
    let (undo, settings) = (Undo::All, &*settings);
    let input = Input { settings, selection, causes, ground, ledger: &ledger, barred: &barred, undo, now };
    let plan = plan::plan(input);
    let mut written = Vec::new();
    for (position, step) in plan.steps.iter().enumerate() {
        let refused = match (server_dry_run, position < ASKED) {
            (false, _) => None,
            (true, true) => refused(shared, step, &ledger).await?,
            (true, false) => Some(format!("not asked: only the first {ASKED} objects are")),
        };
        written.push(previewed(step, refused));
    }
    let around = shared.around.load_full();
    let messages = shared.parts.findings.ask(|book| {
        let records = records(book, only.as_ref());
        notify::preview::preview((&settings.notifiers, &around), book, &records, now)
    });
    Ok(Preview { plan: written, skipped: plan.skipped.iter().map(Skipped::from).collect(), messages })
}

/// Refuses findings that are not known.
fn known(shared: &Shared, only: Option<&BTreeSet<Fingerprint>>) -> Result<(), Fault> {
    let unknown = shared.parts.findings.ask(|book| {
        let unknown = only.into_iter().flatten().filter(|fingerprint| book.get(fingerprint).is_none());
        unknown.map(ToString::to_string).collect::<Vec<_>>()
    });
    match unknown.as_slice() {
        [] => Ok(()),
        unknown => Err(Fault::not_found(format!("there is no finding `{}`", unknown.join("`, `")))),
    }
}

/// What is in force, as if it had to be written again: a rehearsal shows whole objects.
fn ledger(shared: &Shared) -> Ledger {
    let mut ledger = shared.view().ledger.clone();
    ledger.objects.values_mut().for_each(|object| object.hash.clear());
    ledger
}

/// While nothing is watched, the ways to pods are asked of the server.
async fn ask_for_ways(shared: &Shared, sight: &mut Sight) -> Result<(), Fault> {
    let Some(cluster) = shared.parts.cluster.as_ref().filter(|_| !shared.routing.missing().is_empty()) else {
        return Ok(());
    };
    for (namespace, neighborhood) in sight.ground.iter_mut().take(NAMESPACES) {
        let asked = routing::ask(cluster, namespace).await.map_err(|error| {
            let detail = format!("the Services and Ingresses of {namespace} cannot be listed: {}", error.chain());
            Fault::unavailable("cluster-unavailable", detail, 5)
        })?;
        (neighborhood.services, neighborhood.ingresses) = (asked.services, asked.ingresses);
    }
    Ok(())
}

/// What the API server says against a step.
async fn refused(shared: &Shared, step: &Step, ledger: &Ledger) -> Result<Option<String>, Fault> {
    let cluster = shared.parts.cluster.as_ref();
    let cluster = cluster.ok_or_else(|| Fault::unavailable("no-cluster", "there is no cluster to ask", 60))?;
    let leading = shared.proof();
    let leading = leading.ok_or_else(|| Fault::unavailable("no-leader", "this process does not lead", 5))?;
    Ok(sweep::rehearse(cluster, &leading, step, ledger).await)
}

fn records<'a>(book: &'a Book, only: Option<&BTreeSet<Fingerprint>>) -> Vec<&'a Record> {
    let is_asked = |record: &&Record| match only {
        Some(only) => only.contains(&record.told.fingerprint),
        None => record.is_open(),
    };
    let mut records: Vec<&Record> = book.records().filter(is_asked).collect();
    records.sort_by(|left, right| left.told.fingerprint.cmp(&right.told.fingerprint));
    records
}

fn previewed(step: &Step, refused: Option<String>) -> PreviewedWrite {
    let fields = match &step.act {
        Act::Apply(manifest) => Some(manifest.clone()),
        Act::Release => Some(json!({})),
        Act::Delete => None,
    };
    PreviewedWrite {
        response: step.response,
        verb: step.verb.into(),
        object: step.object.clone(),
        manifest: fields.map(|fields| whole(step.response, &step.object, fields)).unwrap_or_default(),
        findings: step.findings.iter().cloned().collect(),
        refused,
    }
}

/// A manifest as a file would have it, without secrets.
fn whole(response: Response, object: &str, fields: Value) -> Map<String, Value> {
    let resource = response.resource();
    let mut whole = Map::new();
    whole.insert("apiVersion".to_owned(), resource.api_version().into());
    whole.insert("kind".to_owned(), resource.kind.into());
    let mut metadata = Map::new();
    if let Some(target) = response.target(object) {
        metadata.insert("name".to_owned(), target.name.into());
        if let Some(namespace) = target.namespace {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
    }
    if let Value::Object(fields) = fields {
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("metadata", Value::Object(more)) => metadata.extend(more),
                (_, value) => drop(whole.insert(key, value)),
            }
        }
    }
    if let Some(Value::String(url)) = whole.get_mut("spec").and_then(|spec| spec.get_mut("url")) {
        *url = without_user(url);
    }
    whole.insert("metadata".to_owned(), Value::Object(metadata));
    whole
}

/// An address whose user and password are not told.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => url.to_owned(),
    }
}

/// 422 with every fault of the posted settings.
fn invalid(faults: Vec<String>) -> Fault {
    let detail = match faults.as_slice() {
        [only] => only.clone(),
        [first, ..] => format!("{first} (and {} more)", faults.len() - 1),
        [] => "the settings are refused".to_owned(),
    };
    Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-settings", detail).with_faults(faults)
}

/// Settings, with the faults that they are refused by.
type Read = Result<Settings, Fault>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_user() {
        let shown = ["https://u:p@h/x@y", "oci://registry.example/p:1", "u:p@h"].map(without_user);
        assert_eq!(shown, ["https://***@h/x@y", "oci://registry.example/p:1", "u:p@h"]);
    }
}
