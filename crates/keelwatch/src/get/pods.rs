//! `keelwatch get pods`.
//!
//! Owns which question is asked for which arguments, and the columns.

use anyhow::{Context, bail};
use api::Time;
use serde::Deserialize;
use serde_json::{Value, json};
use web::Client;

use super::{age, as_document, client, columns, every_page, or_dash};
use crate::cli::{GetPods, Listing};

/// What a row is made of; a controller may tell more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    namespace: String,
    name: String,
    uid: String,
    phase: String,
    node_name: String,
    #[serde(rename = "podIP")]
    pod_ip: String,
    created_at: String,
    #[serde(default)]
    deleted: bool,
    owner: Option<OwnerShown>,
    app: Option<AppShown>,
    #[serde(default)]
    containers: Vec<ContainerShown>,
}

#[derive(Debug, Deserialize)]
struct OwnerShown {
    kind: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct AppShown {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct ContainerShown {
    image: String,
    restarts: u64,
}

/// Asks for the pods and writes them in the form that the arguments name.
pub(super) async fn get(args: &GetPods) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let items = match key(args) {
        Some(key) => vec![look_up(&client, key, args.deleted).await?],
        None => list(&client, args).await?,
    };
    let answer = json!({"items": items, "count": items.len()});
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    let shown: Vec<Shown> = serde_json::from_value(answer["items"].clone()).context("the answer is not understood")?;
    let header: &[&str] = match args.output {
        Listing::Wide => {
            &["NAMESPACE", "NAME", "STATUS", "RESTARTS", "AGE", "NODE", "IP", "APP", "OWNER", "UID", "IMAGES"]
        }
        Listing::Table | Listing::Json | Listing::Yaml => {
            &["NAMESPACE", "NAME", "STATUS", "AGE", "NODE", "APP", "OWNER"]
        }
    };
    let rows = shown.iter().map(|pod| pod.cells(args.output)).collect();
    Ok(columns(header, rows, args.output))
}

/// The one pod that is meant, as a key of a look-up.
fn key(args: &GetPods) -> Option<Value> {
    match (&args.uid, &args.container, &args.namespace, &args.name) {
        (Some(uid), ..) => Some(json!({"uid": uid})),
        (_, Some(container), ..) => Some(json!({"container": container})),
        (_, _, Some(namespace), Some(name)) => Some(json!({"namespace": namespace, "name": name})),
        _ => None,
    }
}

async fn look_up(client: &Client, key: Value, deleted: bool) -> anyhow::Result<Value> {
    let body = json!({"keys": [key], "deleted": deleted});
    let mut answer: Value = client.post("/api/v1/pods/lookup", &[], &body).await?;
    let item = answer["items"][0].take();
    match (&item["pod"], item["error"].as_str()) {
        (Value::Object(_), _) => Ok(item["pod"].clone()),
        (_, Some(error)) => match item["hint"].as_str() {
            // The API names its parameter.
            Some(hint) => bail!("{error}: {}", hint.replace("deleted=true", "--deleted")),
            None => bail!("{error}"),
        },
        _ => bail!("the answer is not understood"),
    }
}

/// Every page.
async fn list(client: &Client, args: &GetPods) -> anyhow::Result<Vec<Value>> {
    let filters = [
        ("namespace", &args.namespace),
        ("node", &args.node),
        ("labelSelector", &args.selector),
        ("owner", &args.owner),
        ("phase", &args.phase),
        ("image", &args.image),
        ("ip", &args.ip),
    ];
    let mut query: Vec<(&str, &str)> =
        filters.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
    if args.deleted {
        query.push(("deleted", "true"));
    }
    match every_page(client, "/api/v1/pods", &query).await?["items"].take() {
        Value::Array(pods) => Ok(pods),
        _ => bail!("the answer has no items"),
    }
}

impl Shown {
    fn cells(&self, output: Listing) -> Vec<String> {
        let Self { namespace, name, uid, phase, node_name, pod_ip, created_at, deleted, owner, app, containers } = self;
        let phase = if *deleted { "Deleted" } else { phase };
        let age = created_at.parse().map_or_else(|_| String::new(), |at| age(Time::of(at)));
        let owner = owner.as_ref().map_or_else(String::new, |owner| format!("{}/{}", owner.kind, owner.name));
        let app = app.as_ref().map_or_else(String::new, |app| format!("{}/{}", app.kind, app.name));
        match output {
            Listing::Wide => {
                let restarts: u64 = containers.iter().map(|container| container.restarts).sum();
                let images: Vec<&str> = containers.iter().map(|container| container.image.as_str()).collect();
                let (restarts, images) = (restarts.to_string(), images.join(","));
                [namespace, name, phase, &restarts, &age, node_name, pod_ip, &app, &owner, uid, &images]
                    .map(or_dash)
                    .into()
            }
            Listing::Table | Listing::Json | Listing::Yaml => {
                [namespace, name, phase, &age, node_name, &app, &owner].map(or_dash).to_vec()
            }
        }
    }
}
