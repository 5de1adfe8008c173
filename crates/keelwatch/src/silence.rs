//! `keelwatch silence`: begins, shows and ends silences of a controller.
//!
//! Owns what is asked for which arguments and how the answer is written. What a silence is, `findings` knows.

use std::io::Write;

use anyhow::{Context, bail};
use api::{Clock, Time};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::SystemClock;
use serde_json::{Map, Value, json};

use crate::cli::{self, SilenceAdd, SilenceList, SilenceRemove};
use crate::exit::{Exit, tolerate_closed};
use crate::get::{as_document, client, columns, every_page, or_dash};

const HEADER: [&str; 7] = ["ID", "OWNER", "UNTIL", "STATE", "MATCHES", "FILTERS", "REASON"];

/// Does what the verb says.
pub(crate) fn run(verb: &cli::Silence) -> anyhow::Result<Exit> {
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let text = worker.context("failed to start the runtime")?.block_on(async {
        match verb {
            cli::Silence::Add(args) => add(args).await,
            cli::Silence::List(args) => list(args).await,
            cli::Silence::Remove(args) => remove(args).await,
        }
    })?;
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

async fn add(args: &SilenceAdd) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let filters = [
        ("source", &args.source),
        ("rule", &args.rule),
        ("namespace", &args.namespace),
        ("owner", &args.workload),
        ("app", &args.app),
        ("node", &args.node),
        ("image", &args.image),
        ("kind", &args.kind),
        ("fingerprint", &args.fingerprint),
    ];
    let filters: Map<String, Value> =
        filters.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value.as_deref()?)))).collect();
    let until = until(&args.until, SystemClock::new().now())?;
    let body = json!({"owner": args.owner, "reason": args.reason, "until": until, "match": filters});
    let query: &[(&str, &str)] = if args.dry_run { &[("dry_run", "true")] } else { &[] };
    let answer: Value = client.post("/api/v1/silences", query, &body).await?;
    match as_document(&answer, args.output)? {
        Some(document) => Ok(document),
        None if args.dry_run => Ok(format!("would silence {} findings\n", matches(&answer["silence"]))),
        None => Ok(format!(
            "silence {} until {until}: {} findings\n",
            answer["id"].as_str().unwrap_or_default(),
            matches(&answer)
        )),
    }
}

async fn list(args: &SilenceList) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let state: Vec<(&str, &str)> = args.state.as_deref().map(|state| ("state", state)).into_iter().collect();
    let answer = every_page(&client, "/api/v1/silences", &state).await?;
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    let items = answer["items"].as_array().context("the answer has no items")?;
    Ok(columns(&HEADER, items.iter().map(cells).collect(), args.output))
}

async fn remove(args: &SilenceRemove) -> anyhow::Result<String> {
    let id = &args.id;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        bail!("`{id}` is no id of a silence (accepted: an id as `keelwatch silence list` shows it)");
    }
    let _: Value = client(&args.connection)?.delete(&format!("/api/v1/silences/{id}")).await?;
    Ok(format!("silence {id} has ended\n"))
}

/// A time, or a time from now.
fn until(text: &str, now: Timestamp) -> anyhow::Result<Time> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Time::of(time));
    }
    let Ok(lasting) = document::duration::parse(text) else {
        bail!("`{text}` is no time (accepted: RFC 3339 as 2026-12-24T18:00:00Z, or from now 30m, 8h, 30d)");
    };
    let lasting = SignedDuration::try_from(lasting).unwrap_or(SignedDuration::MAX);
    Ok(Time::of(now.checked_add(lasting).with_context(|| format!("`{text}` is too far ahead"))?))
}

fn matches(answer: &Value) -> u64 {
    answer["matches"].as_u64().unwrap_or_default()
}

fn cells(item: &Value) -> Vec<String> {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let filters = item["match"].as_object().into_iter().flatten();
    let filters: Vec<String> = filters.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    let (count, filters) = (matches(item).to_string(), filters.join(","));
    [text("id"), text("owner"), text("until"), text("state"), count, filters, text("reason")]
        .iter()
        .map(|cell| or_dash(cell))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_duration_from_now() {
        let now: Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let told = |text| until(text, now).map(|time| time.to_string()).map_err(|error| error.to_string());
        assert_eq!(told("2026-12-24T18:00:00Z"), Ok("2026-12-24T18:00:00Z".to_owned()));
        assert_eq!(told("90m"), Ok("2026-11-21T05:30:00Z".to_owned()));
        assert_eq!(told("30d"), Ok("2026-12-21T04:00:00Z".to_owned()));
        for text in ["", "tomorrow", "1.5h", "-1h"] {
            assert!(told(text).unwrap_err().starts_with(&format!("`{text}` is no time (accepted: RFC 3339")), "{text}");
        }
    }
}
